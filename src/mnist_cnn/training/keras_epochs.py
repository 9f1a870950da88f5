"""An epoch by Keras' own `fit`: for TensorFlow and PyTorch."""

from typing import Any

import keras
import numpy as np

from mnist_cnn.training.backend import seed_epoch
from mnist_cnn.training.batches import Arrays, OnBatch, RunEpoch, batches
from mnist_cnn.training.devices import count_of, even


def epochs(network: keras.Model, batch_size: int, validation: Arrays | None, seed: int) -> RunEpoch:
    """A function that trains the compiled model for one epoch over arrays in memory, in their order."""
    # Not before `fit`: in a new process, `fit` draws random numbers before its first epoch.
    always = [keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: seed_epoch(seed, epoch))]
    devices = count_of(network)
    held_out = batches(*even(devices, *validation), batch_size) if validation else None

    def run(epoch: int, images: np.ndarray, truth: np.ndarray, on_batch: OnBatch | None) -> dict[str, float]:
        fitted = network.fit(
            batches(*even(devices, images, truth), batch_size),
            initial_epoch=epoch,
            epochs=epoch + 1,
            shuffle=False,
            validation_data=held_out,
            verbose=0,
            callbacks=[*always, BatchProgress(on_batch, epoch + 1)] if on_batch else always,
        )
        return {name: float(values[-1]) for name, values in fitted.history.items()}

    return run


class BatchProgress(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Reports the progress of an epoch."""

    def __init__(self, on_batch: OnBatch, epoch: int) -> None:
        super().__init__()
        self.on_batch = on_batch
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Keras calls this with the index of the last batch done."""
        logs, steps = logs or {}, self.params["steps"]  # the last execution may be cut short
        self.on_batch(self.epoch, min(batch + 1, steps), steps, float(logs["loss"]), float(logs["accuracy"]))
