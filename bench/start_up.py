"""Start-up time: `import mnist_cnn` and `mnist-cnn --help` as processes, compared with Python alone."""

import subprocess
import sys
import time

from results import machine_line, median, write

RUNS = 21
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "python -c 'import mnist_cnn'": ["-c", "import mnist_cnn"],
    "mnist-cnn --help": ["-m", "mnist_cnn", "--help"],
}


def seconds(words: list[str]) -> float:
    """Seconds that a Python process with these arguments takes."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Time the commands alternately and print the medians."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS):
        for name, words in COMMANDS.items():
            taken[name].append(seconds(words))
    for name, values in taken.items():
        print(f"{name:<30} median {median(values):.3f} s (from {min(values):.3f} to {max(values):.3f}; {RUNS} runs)")
    base, package = median(taken["python -c pass"]), median(taken["python -c 'import mnist_cnn'"])
    print(f"{'import mnist_cnn alone':<30} {package - base:.3f} s")
    print(machine_line())
    write("start_up", {"seconds": taken})


if __name__ == "__main__":
    main()
