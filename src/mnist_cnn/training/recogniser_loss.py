"""The recogniser's loss: how far what it says of each column is from what is there."""

from typing import Any

import numpy as np
from keras import ops

from mnist_cnn.models.recogniser import CLASSES
from mnist_cnn.reading.recogniser_network import MARK, NOTHING, OTHER

WEIGHTS = np.ones(CLASSES, np.float32)  # of each class
WEIGHTS[NOTHING], WEIGHTS[OTHER] = 0.6, 0.5  # most columns
WEIGHTS[MARK:] = 1.6  # small, and rarer than digits


def recogniser_loss(logits: Any, labels: Any, smoothing: float) -> Any:
    """The weighted mean cross-entropy of logits (n, k, 24), where labels (n, k) are not negative; 0 without any.

    `smoothing` is that of the labels.
    """
    labels = ops.cast(labels, "int32")
    wanted = ops.one_hot(ops.maximum(labels, 0), CLASSES, dtype="float32")
    weights = ops.sum(wanted * WEIGHTS, axis=-1) * ops.cast(labels >= 0, "float32")
    smoothed = wanted * (1 - smoothing) + smoothing / CLASSES
    each = -ops.sum(smoothed * ops.log_softmax(ops.cast(logits, "float32"), axis=-1), axis=-1)
    return ops.sum(weights * each) / ops.maximum(ops.sum(weights), 1e-6)
