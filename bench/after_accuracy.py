"""Time from the printed accuracy to the end of `mnist-cnn train --recipe fast`: saving, the report, leaving.

    python bench/after_accuracy.py [RUNS] [SOURCES]          (default 5)

Complete processes; MNIST is found through MNIST_CNN_DATA. With another checkout's `src` as SOURCES, its runs alternate
with this one's.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mnist_cnn.workers import child_process
from results import machine_line, median, write

HERE = Path(__file__).parents[1] / "src"


def run(sources: Path, output: Path) -> tuple[float, float]:
    """Train once; the seconds to the accuracy, and from there to the end."""
    words = [*child_process.command("mnist_cnn.cli"), "train", "--recipe", "fast", "--output", str(output)]
    environment = os.environ | {"PYTHONPATH": str(sources)}
    started = time.perf_counter()
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as train:
        assert train.stdout is not None
        printed = next(time.perf_counter() for line in train.stdout if line.startswith("Test accuracy"))
        train.stdout.read()
    if train.returncode:
        raise SystemExit(f"the training ended with exit code {train.returncode}")
    return printed - started, time.perf_counter() - printed


def main(runs: int, *others: Path) -> None:
    """Alternate and print both times of each run."""
    measured: dict[str, list[tuple[float, float]]] = {str(sources): [] for sources in (HERE, *others)}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(runs):
            for index, sources in enumerate(measured):
                measured[sources].append(run(Path(sources), Path(folder) / f"{number}-{index}"))
                before, after = measured[sources][-1]
                print(f"{sources}: accuracy after {before:.2f} s, then {after:.2f} s")
    for sources, times in measured.items():
        print(f"{sources}: then {median([after for _, after in times]):.2f} s (median)")
    print(machine_line())
    names = ["this checkout", *(f"another {number}" for number in range(1, len(measured)))]
    rows = [[{"to_accuracy": a, "afterwards": b} for a, b in times] for times in measured.values()]
    write("after_accuracy", dict(zip(names, rows, strict=True)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5, *map(Path, sys.argv[2:]))
