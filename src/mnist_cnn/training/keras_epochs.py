"""An epoch by Keras' own `fit`: for TensorFlow and PyTorch."""

from typing import Any

import keras
import numpy as np

from mnist_cnn.training.backend import seed_epoch
from mnist_cnn.training.batches import Arrays, OnStep, RunEpoch, batches
from mnist_cnn.training.devices import count_of, even


def epochs(network: keras.Model, batch_size: int, validation: Arrays | None, seed: int) -> RunEpoch:
    """A function that trains the compiled network for one epoch over arrays in memory, in their order."""
    # Not before `fit`: in a new process that draws random numbers before its first epoch.
    always = [keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: seed_epoch(seed, epoch))]
    devices = count_of(network)
    judged = batches(*even(devices, *validation), batch_size) if validation else None

    def run(epoch: int, images: np.ndarray, truth: np.ndarray, on_step: OnStep | None) -> dict[str, float]:
        fitted = network.fit(
            batches(*even(devices, images, truth), batch_size),
            initial_epoch=epoch,
            epochs=epoch + 1,
            shuffle=False,
            validation_data=judged,
            verbose=0,
            callbacks=[*always, Steps(on_step, epoch + 1)] if on_step else always,
        )
        return {name: float(values[-1]) for name, values in fitted.history.items()}

    return run


class Steps(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Tells how far an epoch is."""

    def __init__(self, on_step: OnStep, epoch: int) -> None:
        super().__init__()
        self.on_step = on_step
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Keras calls this with the index of the last step done."""
        logs, steps = logs or {}, self.params["steps"]  # the last execution may be cut short
        self.on_step(self.epoch, min(batch + 1, steps), steps, float(logs["loss"]), float(logs["accuracy"]))
