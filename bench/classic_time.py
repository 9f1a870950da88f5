"""Seconds from process start to the printed confusion matrix: `mnist-cnn train` against the same recipe in plain Keras.

    python bench/classic_time.py [PAIRS]          (default 5; needs MNIST_CNN_DATA)

The plain Keras script is examples/classic.py. The two run alternately, so that changes in the machine's speed affect
both. Each is started from the command line with its stdout piped; the clock stops when the last row of the confusion
matrix has been printed. Everything after it (saving the model, the report) is timed separately.
"""

import os
import re
import sys
import tempfile
import time
from pathlib import Path

from results import ACCURACY, machine_line, mean_and_sd, median, started, write

LAST_ROW = re.compile(r"^ {3}9 |\]\]\s*$")


def timed(command: list[str]) -> dict[str, float]:
    """Run a command; returns seconds to the last row of the matrix, seconds to its end, and accuracy in percent."""
    start = time.perf_counter()
    with started(command) as process:
        assert process.stdout
        accuracy = seconds = 0.0
        for line in process.stdout:
            if found := ACCURACY.search(line):
                accuracy = float(found[1])
            if accuracy and LAST_ROW.search(line):
                seconds = time.perf_counter() - start
    if process.returncode or not seconds:
        raise SystemExit(f"{command} failed with exit code {process.returncode}")
    return {"seconds": seconds, "to_end": time.perf_counter() - start, "accuracy": accuracy}


def main(pairs: int) -> None:
    """Time both alternately and print medians and ratios."""
    data = os.environ.get("MNIST_CNN_DATA") or sys.exit("set MNIST_CNN_DATA to the path of mnist.npz")
    here = Path(__file__).parent
    ours: list[dict[str, float]] = []
    plain: list[dict[str, float]] = []
    for pair in range(pairs):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "mnist_cnn", "train", "--data", "mnist", "--seed", str(pair)]
            ours.append(timed([*command, "--output", f"{folder}/run"]))
        plain.append(timed([sys.executable, str(here / "classic_script.py"), data, str(pair)]))
        print(
            f"pair {pair + 1}: mnist-cnn {ours[-1]['seconds']:.1f} s, plain Keras {plain[-1]['seconds']:.1f} s",
            flush=True,
        )
    ratios = [one["seconds"] / other["seconds"] for one, other in zip(ours, plain, strict=True)]
    print(machine_line())
    print(f"mnist-cnn train: median {median([run['seconds'] for run in ours]):.1f} s to the confusion matrix, ", end="")
    print(f"then {median([run['to_end'] - run['seconds'] for run in ours]):.1f} s to save and report")
    print(f"plain Keras:     median {median([run['seconds'] for run in plain]):.1f} s")
    print(f"ratio per pair:  median {median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f})")
    print(f"accuracy:        {mean_and_sd([run['accuracy'] for run in ours])}% and ", end="")
    print(f"{mean_and_sd([run['accuracy'] for run in plain])}% for plain Keras")
    write("classic_time", {"mnist_cnn": ours, "plain_keras": plain, "ratios": ratios})


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
