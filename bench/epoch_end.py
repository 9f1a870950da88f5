"""Time from the last update to the end of an epoch: Keras' own pipeline over arrays against the project's.

    python bench/epoch_end.py [EPOCHS]          (default 20 of each; about three minutes)

Epochs of 400 updates of `classic` on random images, with the two pipelines alternating, without validation.
TensorFlow's autotuner wakes 0.01, 0.03, 0.07 … 2.55, 5.11, 10.23 s after a pipeline starts; if its cancellation is
missed, the end of the epoch waits for the next wake-up.
"""

import sys
import time

import numpy as np

from mnist_cnn.training import backend
from mnist_cnn.training.batches import batches
from mnist_cnn.training.recipe import Recipe
from results import machine_line, median, write

UPDATES, BATCH = 400, 64


def main(epochs: int) -> None:
    """Train the epochs alternately and print the seconds after the last update."""
    backend.start()
    import keras

    from mnist_cnn.training.compiled_network import compiled

    backend.configure(2, deterministic=False)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (UPDATES * BATCH, 28, 28, 1), dtype=np.uint8)
    truth = keras.utils.to_categorical(rng.integers(0, 10, len(images)), 10)
    model = compiled(Recipe(), seed=0)
    last = [0.0]
    clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda *_, **__: last.__setitem__(0, time.perf_counter()))

    def keras_arrays() -> None:
        model.fit(images, truth, batch_size=BATCH, shuffle=False, verbose=0, callbacks=[clock])

    def own_pipeline() -> None:
        model.fit(batches(images, truth, BATCH), shuffle=False, verbose=0, callbacks=[clock])

    ways = {"Keras over arrays": keras_arrays, "the project's": own_pipeline}
    after: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(epochs):
        for name, train in ways.items():
            train()
            after[name].append(time.perf_counter() - last[0])
    for name, seconds in after.items():
        late = f"{sum(value > 0.2 for value in seconds)} of {epochs}"
        print(f"{name:<20} median {median(seconds):.3f} s, longest {max(seconds):.2f} s, over 0.2 s: {late}")
    print(machine_line())
    write("epoch_end", {"seconds_after_the_last_update": after})


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
