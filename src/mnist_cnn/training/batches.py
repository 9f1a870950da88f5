"""What an epoch is given and what it reports: arrays, the batches that Keras makes of them, and the types of both."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mnist_cnn.training import backend

Arrays = tuple[np.ndarray, np.ndarray]
"""Images (n, 28, 28, 1) uint8 and true probabilities (n, 10) float32, one-hot for a digit."""

OnBatch = Callable[[int, int, int, float, float], None]
"""Called with the epoch (from 1), batches done, batches per epoch, and mean loss and accuracy of the epoch so far."""

RunEpoch = Callable[[int, np.ndarray, np.ndarray, OnBatch | None], dict[str, float]]
"""Trains for one epoch (its number from 0, images, truth); returns loss, accuracy, val_loss, val_accuracy."""


def batches(images: np.ndarray, truth: np.ndarray, batch_size: int) -> Any:
    """What Keras trains or evaluates on: images (n, 28, 28, 1) and truth (n, 10), in batches, in order.

    Keras would make such a pipeline of the arrays itself, but one that autotunes. When that ends, TensorFlow 2.21 may
    fail to wake the tuner and waits until it wakes by itself: at 10.2 seconds after its start, say, where the epoch
    had ended after 6 (docs/log.md).
    """
    if backend.name() == "torch":
        return _batches_for_torch(images, truth, batch_size)
    import tensorflow as tf

    # Whole batches are cut in advance, so that no operation of the pipeline waits for a thread of the training's pool.
    whole = len(images) // batch_size * batch_size
    shape = (-1, batch_size)
    pipeline = tf.data.Dataset.from_tensor_slices(
        (images[:whole].reshape(*shape, *images.shape[1:]), truth[:whole].reshape(*shape, *truth.shape[1:]))
    )
    if whole < len(images):
        pipeline = pipeline.concatenate(tf.data.Dataset.from_tensors((images[whole:], truth[whole:])))
    options = tf.data.Options()
    options.autotune.enabled = False
    return pipeline.prefetch(16).with_options(options)


def _batches_for_torch(images: np.ndarray, truth: np.ndarray, batch_size: int) -> Any:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    return DataLoader(TensorDataset(torch.from_numpy(images), torch.from_numpy(truth)), batch_size=batch_size)
