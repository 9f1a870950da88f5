"""Training time per update of `classic` in milliseconds, with one change after another.

    python bench/update_time.py [ROUNDS]          (default 3; needs MNIST_CNN_DATA; about three minutes a round)

Each setup runs in its own process, all setups alternating, ROUNDS times; a process trains on 12,800 images six times
after one uncounted warm-up. The results are the fastest and the median time of an update, the CPU time and the context
switches, over all rounds. Compare only within one run: a machine's speed varies from hour to hour.
"""

import json
import os
import resource
import subprocess
import sys
import time

from results import machine_line, median, write

BATCH, IMAGES, REPEATS = 64, 12_800, 6
PROJECT = {"uint8": True, "together": 16, "operations": (1, 2), "own_pipeline": True}
WAYS: dict[str, dict[str, object]] = {
    "as in a tutorial": {},
    "+ uint8 images, rescaled in the model": {"uint8": True},
    "+ 16 steps per execution": {"uint8": True, "together": 16},
    "+ inter-op parallelism": {"uint8": True, "together": 16, "operations": (1, 2)},
    "+ a pipeline without autotuning (this project)": PROJECT,
    "the same, 64 steps per execution": PROJECT | {"together": 64},
    "the same, on one thread": PROJECT | {"operations": (1, 1)},
    "the same, without dropout": PROJECT | {"dropout": 0.0},
    "the same, bfloat16 by graph rewriting": PROJECT | {"bfloat16": True},
}


def one_way(way: dict[str, object]) -> dict[str, float]:
    """Train and time in this process."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    import tensorflow as tf

    from mnist_cnn.data import source
    from mnist_cnn.models.classic import classic
    from mnist_cnn.training.batches import batches

    if way.get("operations"):
        inside, beside = way["operations"]  # type: ignore[misc]
        tf.config.threading.set_intra_op_parallelism_threads(inside)
        tf.config.threading.set_inter_op_parallelism_threads(beside)
    if way.get("bfloat16"):
        tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": True})
    train = source.load("mnist").train
    images, truth = train.images[:IMAGES, ..., None], keras.utils.to_categorical(train.labels[:IMAGES], 10)
    model = classic(dropout=float(way.get("dropout", 0.2)))  # type: ignore[arg-type]
    if not way.get("uint8"):
        images = images / 255.0
        model = keras.Sequential([keras.Input((28, 28, 1)), *model.layers[1:]])
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"], steps_per_execution=way.get("together", 1))
    seconds, before = [], resource.getrusage(resource.RUSAGE_SELF)
    for repeat in range(REPEATS + 1):
        if repeat == 1:
            before = resource.getrusage(resource.RUSAGE_SELF)
        start = time.perf_counter()
        if way.get("own_pipeline"):
            model.fit(batches(images, truth, BATCH), verbose=0, shuffle=False)
        else:
            model.fit(images, truth, batch_size=BATCH, verbose=0, shuffle=False)
        seconds.append(time.perf_counter() - start)
    after = resource.getrusage(resource.RUSAGE_SELF)
    updates = IMAGES // BATCH
    return {
        "fastest": 1000 * min(seconds[1:]) / updates,
        "median": 1000 * median(seconds[1:]) / updates,
        "processor": 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / updates / REPEATS,
        "switches": (after.ru_nvcsw + after.ru_nivcsw - before.ru_nvcsw - before.ru_nivcsw) / updates / REPEATS,
    }


def main(rounds: int) -> None:
    """Run all setups alternately and print a row for each."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name in WAYS:
            done = subprocess.run([sys.executable, __file__, "--way", name], capture_output=True, text=True, check=True)
            found[name].append(json.loads(done.stdout.splitlines()[-1]))
            print(f"{name}: {found[name][-1]['fastest']:.2f} ms", file=sys.stderr, flush=True)
    print(f"| setup | fastest, ms | median, ms | CPU time, ms | context switches |\n|{'---|' * 5}")
    for name, runs in found.items():
        fastest = min(run["fastest"] for run in runs)
        medians = [median([run[figure] for run in runs]) for figure in ("median", "processor", "switches")]
        print(f"| {name} | {fastest:.2f} | {medians[0]:.2f} | {medians[1]:.2f} | {medians[2]:.0f} |")
    print(machine_line())
    write("update_time", {"ways": found})


if __name__ == "__main__":
    if "--way" in sys.argv:
        print(json.dumps(one_way(WAYS[sys.argv[-1]])))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
