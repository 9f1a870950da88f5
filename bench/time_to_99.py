"""Seconds from process start to a printed test accuracy of 99%: the recipe `fast` against the keras.io example.

    python bench/time_to_99.py [SEEDS [EXAMPLES [LONGER [JAX]]]]       (default 30, 9, 10, 9; needs MNIST_CNN_DATA)

`fast` runs with seeds 0, 1, 2, …, each in its own process, started from the command line; the clock stops when the line
with its test accuracy arrives through the pipe. The runs of the example (bench/keras_example.py), and of `fast` by
Keras on JAX, are spread evenly between them, so that changes in the machine's speed affect all; the example's clock
stops at the first epoch that reaches 99.0%. Last comes `fast` with epochs of augmented images, whose goal is a mean of
99.5%.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from results import ACCURACY, machine_line, mean_and_sd, median, started, write

# Chosen on the last tenth of the training images, after training on the rest.
LONGER = [
    "--epochs=7",
    "--final-plain-epochs=1",
    "--rotation=8",
    "--zoom=0.08",
    "--shear=0.08",
    "--translation=1",
    "--elastic=1",
]


def timed(command: list[str]) -> dict[str, float]:
    """Run a command until it prints its accuracy; returns the seconds and the accuracy in percent."""
    start = time.perf_counter()
    with started(command) as process:
        assert process.stdout
        for line in process.stdout:
            if found := ACCURACY.search(line):
                seconds = time.perf_counter() - start
                process.terminate()
                return {"seconds": seconds, "accuracy": float(found[1])}
    raise SystemExit(f"{command} failed with exit code {process.returncode}")


def fast(seed: int, *words: str) -> dict[str, float]:
    """Train the recipe `fast` with a seed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "mnist_cnn", "train", "--recipe", "fast", "--data", "mnist", *words]
        return timed([*command, "--seed", str(seed), "--output", f"{folder}/run"])


def example(data: str, seed: int) -> dict[str, float]:
    """Train the keras.io example on Keras' default backend."""
    return timed([sys.executable, str(Path(__file__).parent / "keras_example.py"), data, str(seed)])


def main(seeds: int, examples: int, longer: int, jax: int) -> None:
    """Time both and print the medians and their ratio."""
    data = os.environ.get("MNIST_CNN_DATA") or sys.exit("set MNIST_CNN_DATA to the path of mnist.npz")
    ours: list[dict[str, float]] = []
    theirs: list[dict[str, float]] = []
    by_jax: list[dict[str, float]] = []
    for seed in range(seeds):
        if seed * examples // seeds == len(theirs) < examples:
            theirs.append(example(data, len(theirs)))
            print(f"keras.io example: {theirs[-1]['seconds']:.1f} s, {theirs[-1]['accuracy']:.2f}%", flush=True)
        if seed * jax // seeds == len(by_jax) < jax:
            by_jax.append(fast(len(by_jax), "--backend", "jax"))
            print(f"fast on JAX: {by_jax[-1]['seconds']:.2f} s, {by_jax[-1]['accuracy']:.2f}%", flush=True)
        ours.append(fast(seed))
        print(f"fast, seed {seed}: {ours[-1]['seconds']:.2f} s, {ours[-1]['accuracy']:.2f}%", flush=True)
    long = []
    for seed in range(longer):
        long.append(fast(seed, *LONGER))
        print(f"fast, longer, seed {seed}: {long[-1]['seconds']:.2f} s, {long[-1]['accuracy']:.2f}%", flush=True)
    print(machine_line())
    named = {
        "fast": ours,
        "fast --backend jax": by_jax,
        f"fast {' '.join(LONGER)}": long,
        "keras.io example, until 99.0%": theirs,
    }
    for name, runs in ((name, runs) for name, runs in named.items() if runs):
        seconds, accuracies = ([run[key] for run in runs] for key in ("seconds", "accuracy"))
        span = f"{min(seconds):.2f} to {max(seconds):.2f}"
        print(f"{name}: median {median(seconds):.2f} s ({span}), {mean_and_sd(accuracies)}%, {len(runs)} seeds")
    for name, runs in (("the example", theirs), ("fast on JAX", by_jax)):
        if runs:
            ratio = median([run["seconds"] for run in runs]) / median([run["seconds"] for run in ours])
            print(f"{name} takes {ratio:.1f} times as long")
    kept = {"fast": ours, "fast_on_jax": by_jax, "fast_longer": long, "longer": LONGER, "keras_example": theirs}
    write("time_to_99", kept)


if __name__ == "__main__":
    main(*[int(word) for word in [*sys.argv[1:], *["30", "9", "10", "9"][len(sys.argv) - 1 :]]])
