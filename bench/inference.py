"""Inference throughput of one model in each runtime, by batch size and number of threads.

    python bench/inference.py FOLDER [ROUNDS]          (a folder that `train` made; default 7 rounds; three minutes)

Runtimes: Keras' own `predict`, the Keras model as a compiled function, and its exports to ONNX Runtime and LiteRT, in
float32 and int8. Each number of threads has its own process, in which all runtimes alternate on batches of 1 and 1,000
images, ROUNDS times; the table shows the median of the rounds. The images are random noise, which takes as long as
digits, so MNIST is not needed. Compare results only within one run.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mnist_cnn.artifact import store
from mnist_cnn.artifact.export_format import ExportFormat
from results import machine_line, median, write

FORMATS = {
    "ONNX Runtime": ExportFormat("onnx"),
    "ONNX Runtime, int8": ExportFormat("onnx", "int8"),
    "LiteRT": ExportFormat("litert"),
    "LiteRT, int8": ExportFormat("litert", "int8"),
}
THREADS = (1, 2)
AT_ONCE = {1: 0.1, 1000: 0.5}  # batch size: seconds per round (at least one call)
Way = Callable[[np.ndarray], object]


def export(folder: Path, scratch: Path) -> None:
    """Write every export format; `mnist-cnn export` is what checks their predictions."""
    from mnist_cnn.workflows.evaluate import keras_model_of

    network = keras_model_of(store.load(folder))
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    for export_format in FORMATS.values():
        export_format.write(network, scratch / export_format.suffix, images)


def ways(folder: Path, scratch: Path, threads: int) -> dict[str, Way]:
    """Every runtime as a function of (n, 28, 28) uint8 images."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    from mnist_cnn.workflows.evaluate import keras_model_of

    network = keras_model_of(store.load(folder))
    shape = tf.TensorSpec((None, 28, 28, 1), tf.uint8)
    compiled = tf.function(lambda images: network(images, training=False), [shape])
    return {
        "Keras, model.predict": lambda images: network.predict(images[..., None], batch_size=1000, verbose=0),
        "Keras, compiled function": lambda images: compiled(tf.constant(images[..., None])).numpy(),
    } | {name: export_format.read(scratch / export_format.suffix, threads) for name, export_format in FORMATS.items()}


def rate(way: Way, images: np.ndarray, seconds: float) -> float:
    """Images per second over as many calls as fit into `seconds`."""
    calls, started = 0, time.perf_counter()
    while not calls or time.perf_counter() - started < seconds:
        way(images)
        calls += 1
    return calls * len(images) / (time.perf_counter() - started)


def measure(folder: Path, scratch: Path, threads: int, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Images per second of all runtimes, alternating, in this process."""
    images = np.random.default_rng(1).integers(0, 256, (1000, 28, 28), dtype=np.uint8)
    found: dict[str, dict[str, list[float]]] = {}
    every = ways(folder, scratch, threads)
    for size, seconds in AT_ONCE.items():
        for way in every.values():
            way(images[:size])
        for _ in range(rounds):
            for name, way in every.items():
                figures = found.setdefault(name, {}).setdefault(str(size), [])
                figures.append(round(rate(way, images[:size], seconds), 1))
    return found


def main(folder: Path, rounds: int) -> None:
    """Measure in one process per number of threads, print the table and save the results."""
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        export(folder, Path(scratch))
        for threads in THREADS:
            command = [sys.executable, __file__, str(folder), str(rounds), scratch, str(threads)]
            environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
            done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, text=True, check=True)
            found[str(threads)] = json.loads(done.stdout.splitlines()[-1])
    columns = [(threads, str(size)) for size in AT_ONCE for threads in map(str, THREADS)]
    heads = " | ".join(f"batch {int(size):,}, {threads} thread{'s' * (threads > '1')}" for threads, size in columns)
    print(f"| runtime | {heads} |\n|{'---|' * (1 + len(columns))}")
    for name in found[str(THREADS[0])]:
        print(f"| {name} | {' | '.join(f'{median(found[t][name][size]):,.0f}' for t, size in columns)} |")
    print(machine_line())
    recipe = store.load(folder).card.recipe["name"]
    write(
        "inference" if recipe == "robust" else f"inference_{recipe}",
        {"recipe": recipe, "rounds": rounds, "images_per_second": found},
    )


if __name__ == "__main__":
    if len(sys.argv) > 3:
        print(json.dumps(measure(Path(sys.argv[1]), Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[2]))))
    else:
        main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 7)
