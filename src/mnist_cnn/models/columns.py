"""Networks side by side in one, each trained by itself, whose probabilities are averaged in the end.

The method is that of Cireşan, Meier, Schmidhuber, "Multi-column deep neural networks for image classification" (2012,
arXiv:1202.2745), here with all columns on the same images.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops


def side_by_side(columns: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
    """The columns' probabilities, each (n, 10), as one (n, columns, 10)."""
    return layers.Concatenate(axis=1, name="columns")([layers.Reshape((1, 10))(column) for column in columns])


def has_columns(network: keras.Model) -> bool:
    """Whether the network gives the probabilities of several columns, as it does while it is trained."""
    return len(network.output_shape) == 3


def joined(network: keras.Model) -> keras.Model:
    """The network as it is judged and kept: (n, 10) probabilities, the mean of its columns' if it has any."""
    if not has_columns(network):
        return network
    mean = layers.GlobalAveragePooling1D(name="probabilities")(network.output)
    return keras.Model(network.inputs, mean, name=network.name)


def mean_of_columns(probabilities: Any) -> Any:
    """(n, columns, 10) probabilities as (n, 10); those that have no columns stay as they are."""
    return ops.mean(probabilities, axis=1) if len(probabilities.shape) == 3 else probabilities


class MeanOfCrossEntropies(keras.losses.Loss):  # type: ignore[misc]  # Keras ships no types
    """Each column's own categorical cross-entropy, averaged: none learns to rely on the others."""

    def __init__(self, label_smoothing: float) -> None:
        super().__init__(name="mean_of_cross_entropies")
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """(n, 10) one-hot labels and (n, columns, 10) probabilities to (n,) losses in nats."""
        every = ops.broadcast_to(ops.expand_dims(y_true, 1), ops.shape(y_pred))
        losses = keras.losses.categorical_crossentropy(every, y_pred, label_smoothing=self.label_smoothing)
        return ops.mean(losses, axis=-1)


class DigitAccuracy(keras.metrics.Mean):  # type: ignore[misc]
    """The share of the digits that the mean of the columns reads rightly; what is no digit is left out."""

    def __init__(self) -> None:
        super().__init__(name="accuracy")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch: (n, 10) true and (n, 10) or (n, columns, 10) read probabilities; weights are not for it."""
        del sample_weight
        super().update_state(
            keras.metrics.categorical_accuracy(y_true, mean_of_columns(y_pred)), sample_weight=are_digits(y_true)
        )


def are_digits(truth: Any) -> Any:
    """Which of true probabilities (n, 10) belong to a digit, as 1.0 and 0.0: it has more than half of them."""
    return ops.cast(ops.max(truth, axis=-1) > 0.5, "float32")
