"""Save a model that was trained on another framework, by a process that runs Keras on TensorFlow.

    python -m mnist_cnn.artifact.tensorflow_process TRAINED.npz FOLDER

TRAINED holds the recipe, the model's weights and temperature, images, and the probabilities that it gave for them. The
process builds the model again, sets the weights, writes its files, and prints a JSON list of what had to be left out;
if that fails, it prints a sentence and exits with 1.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.artifact import checked_files
from mnist_cnn.errors import ExportError, MnistCnnError
from mnist_cnn.training import backend
from mnist_cnn.training.recipe import Recipe

if TYPE_CHECKING:
    import keras


def save(
    network: "keras.Model",
    recipe: Recipe,
    folder: Path,
    images: np.ndarray,
    probabilities: np.ndarray,
    temperature: float,
) -> list[str]:
    """Have that process write the files; returns what `saved_files.save` does. Raises ExportError."""
    weights = {f"weight_{index}": value for index, value in enumerate(network.get_weights())}
    with tempfile.TemporaryDirectory() as scratch:
        trained = Path(scratch) / "trained.npz"
        recipe_text = np.array(json.dumps(recipe.to_dict()))
        arrays = weights | {"temperature": np.array(temperature), "images": images, "probabilities": probabilities}
        np.savez(trained, recipe=recipe_text, **arrays)
        done = subprocess.run(
            [sys.executable, "-m", __name__, trained, folder],
            env=os.environ | {"KERAS_BACKEND": "tensorflow"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        said = done.stdout.strip() or (done.stderr.strip().splitlines() or ["it ended without a message"])[-1]
        raise ExportError(f"The model could not be saved by a process on TensorFlow ({said}): try again.")
    left_out: list[str] = json.loads(done.stdout)
    return left_out


def main(trained: Path, folder: Path) -> None:
    """Build the model, set its weights, save it."""
    with np.load(trained, allow_pickle=False) as arrays:
        recipe = Recipe(**json.loads(str(arrays["recipe"])))
        weights = [arrays[name] for name in arrays.files if name.startswith("weight_")]
        images, probabilities, temperature = arrays["images"], arrays["probabilities"], float(arrays["temperature"])
    try:
        backend.start()
        from mnist_cnn.models.architectures import as_saved, build

        network = as_saved(build(recipe.name, recipe.dropout), recipe.test_time_shift, temperature)
        network.set_weights(weights)
        sys.stdout.write(json.dumps(checked_files.save_both(network, folder, images, probabilities)))
    except MnistCnnError as error:
        sys.stdout.write(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
