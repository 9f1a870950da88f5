"""The finder's loss: how far its answers are from the targets."""

from typing import Any, NamedTuple

from keras import ops

from mnist_cnn.models.finder import CLASSES
from mnist_cnn.training.finder_targets import Targets

BOX_WEIGHT = 0.5  # of the boxes' error beside that of the heat
EASY = 2.0  # the exponent by which what is almost right counts less
CLOSE = 4.0  # the exponent by which an answer close to a peak counts less


class Loss(NamedTuple):
    """The sum to minimise, and its parts: of the heat per digit, and of the boxes per place that counts."""

    total: Any
    heat: Any
    boxes: Any


def finder_loss(places: Any, wanted: Targets) -> Loss:
    """The loss of the finder's outputs (n, h/4, w/4, 14): focal loss of the heat, absolute errors of the boxes.

    They are those of CenterNet (Zhou, Wang, Krähenbühl, arXiv:1904.07850): the former is divided by the number of
    digits; the latter are logarithms of sizes and shares of a place, so both have about the same scale.
    """
    places = ops.cast(places, "float32")
    logits, boxes = places[..., :CLASSES], places[..., CLASSES:]
    peak = ops.cast(wanted.heat >= 1.0, "float32")
    probability = ops.sigmoid(logits)
    # The logarithms of the probability and of one minus it, exact for any logit.
    missed = peak * (1 - probability) ** EASY * ops.softplus(-logits)
    invented = (1 - peak) * (1 - wanted.heat) ** CLOSE * probability**EASY * ops.softplus(logits)
    digits = ops.maximum(ops.sum(peak), 1.0)
    heat = ops.sum((missed + invented) * wanted.counted[..., None]) / digits
    errors = ops.sum(ops.abs(boxes - wanted.boxes), axis=-1) * wanted.near
    box = ops.sum(errors) / ops.maximum(ops.sum(wanted.near), 1.0)
    return Loss(heat + BOX_WEIGHT * box, heat, box)
