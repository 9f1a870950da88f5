"""The segmenter's loss: how far its answers are from the labels and the ink."""

from typing import Any, NamedTuple

from keras import ops

from mnist_cnn.models.segmenter import CLASSES, NO_DIGIT

INK_WEIGHT = 2.0  # of the ink's cross-entropy beside that of the classes
LEAST = 1e-5  # probability


class Loss(NamedTuple):
    """The sum to minimise, and its parts: per crop, and per pixel of the crops with a digit."""

    total: Any
    classes: Any
    ink: Any


def segmenter_loss(logits: Any, inks: Any, wanted_inks: Any, labels: Any, smoothing: float) -> Loss:
    """The loss of logits (n, 23) and probabilities of ink (n, 48, 48, 1): two cross-entropies.

    `wanted_inks` (n, 48, 48) are 0 to 255, `labels` (n,) 0 to 9, or from 10 on for no digit or a mark, of which the ink
    does not count: it is not looked at, and a page has other ink there. `smoothing` is that of the labels.
    """
    labels = ops.cast(labels, "int32")
    wanted = ops.one_hot(labels, CLASSES, dtype="float32") * (1 - smoothing) + smoothing / CLASSES
    classes = -ops.mean(ops.sum(wanted * ops.log_softmax(ops.cast(logits, "float32"), axis=-1), axis=-1))
    marked = ops.clip(ops.cast(inks, "float32")[..., 0], LEAST, 1 - LEAST)
    true = ops.cast(wanted_inks, "float32") / 255
    each = -ops.mean(true * ops.log(marked) + (1 - true) * ops.log(1 - marked), axis=(1, 2))
    digits = ops.cast(labels < NO_DIGIT, "float32")
    ink = ops.sum(each * digits) / ops.maximum(ops.sum(digits), 1.0)
    return Loss(classes + INK_WEIGHT * ink, classes, ink)
