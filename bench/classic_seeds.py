"""Test accuracy of `classic`: mean and SD over seeds, on MNIST and on scikit-learn's digits.

    python bench/classic_seeds.py [SEEDS [DATA …]]          (default 5 mnist digits; mnist needs MNIST_CNN_DATA)

Nothing is chosen on the test images: the recipe is fixed and the final weights are evaluated.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import mnist_cnn
from results import machine_line, mean_and_sd, write


def accuracy(data: str, seed: int) -> float:
    """Train with a seed from the command line; returns the test accuracy in percent."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [
            sys.executable,
            "-m",
            "mnist_cnn",
            "train",
            "--data",
            data,
            "--seed",
            str(seed),
            "--output",
            str(run),
        ]
        subprocess.run(command, check=True, capture_output=True)
        return 100 * float(mnist_cnn.load(run).card.evaluation["accuracy"])


def main(seeds: int, sources: list[str]) -> None:
    """Train with every seed on each dataset and print the results."""
    for data in sources:
        values = []
        for seed in range(seeds):
            values.append(accuracy(data, seed))
            print(f"{data} seed {seed}: {values[-1]:.2f}%", flush=True)
        span = f"{min(values):.2f} to {max(values):.2f}"
        print(f"classic on {data}: {mean_and_sd(values)}% (mean ± SD over {seeds} seeds, {span})")
        write(f"classic_seeds_{data}", {"accuracy": values})
    print(machine_line())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5, sys.argv[2:] or ["mnist", "digits"])
