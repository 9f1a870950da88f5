"""Run examples/classic.py on a given .npz file, with a random seed and optionally fewer epochs.

    python bench/classic_script.py mnist.npz SEED [EPOCHS]

The example itself has no options: it downloads MNIST and trains for 12 epochs. The .npz file has the same four arrays
as `tf.keras.datasets.mnist.load_data()` returns.
"""

import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

CLASSIC = Path(__file__).parents[1] / "examples" / "classic.py"


def run(path: str, seed: int, epochs: int | None = None) -> dict[str, Any]:
    """Run the example; returns its variables."""
    with np.load(path) as arrays:
        data = [(arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test")]
    tf.keras.datasets.mnist.load_data = lambda: data
    if epochs is not None:
        fit = tf.keras.Sequential.fit
        tf.keras.Sequential.fit = lambda *args, **settings: fit(*args, **settings | {"epochs": epochs})
    tf.keras.utils.set_random_seed(seed)
    return runpy.run_path(str(CLASSIC), run_name="__main__")


if __name__ == "__main__":
    run(sys.argv[1], *map(int, sys.argv[2:]))
