"""Several sub-networks in one model: each is trained on its own loss, and their probabilities are averaged.

The method is that of Cireşan, Meier, Schmidhuber, "Multi-column deep neural networks for image classification" (2012,
arXiv:1202.2745), here with all sub-networks on the same images.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops


def stacked(outputs: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
    """The probabilities of the sub-networks, each (n, 10), as one tensor (n, sub-networks, 10)."""
    return layers.Concatenate(axis=1, name="columns")([layers.Reshape((1, one.shape[1]))(one) for one in outputs])


def has_subnetworks(network: keras.Model) -> bool:
    """Whether the model returns the probabilities of several sub-networks, as it does in training."""
    return len(network.output_shape) == 3


def averaged(network: keras.Model) -> keras.Model:
    """The model as it is evaluated and saved: (n, 10) probabilities, the mean over its sub-networks if it has any."""
    if not has_subnetworks(network):
        return network
    mean = layers.GlobalAveragePooling1D(name="probabilities")(network.output)
    return keras.Model(network.inputs, mean, name=network.name)


def mean_over_subnetworks(probabilities: Any) -> Any:
    """(n, sub-networks, 10) probabilities as (n, 10); probabilities (n, 10) are returned unchanged."""
    return ops.mean(probabilities, axis=1) if len(probabilities.shape) == 3 else probabilities


class MeanOfCrossEntropies(keras.losses.Loss):  # type: ignore[misc]  # Keras ships no types
    """The mean of the categorical cross-entropies of the sub-networks: none learns to rely on the others."""

    def __init__(self, label_smoothing: float, weights: np.ndarray | None = None) -> None:
        super().__init__(name="mean_of_cross_entropies")
        self.label_smoothing = label_smoothing
        self.weights = weights

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """(n, 10) one-hot labels and (n, sub-networks, 10) probabilities to (n,) losses in nats."""
        every = ops.broadcast_to(ops.expand_dims(y_true, 1), ops.shape(y_pred))
        losses = keras.losses.categorical_crossentropy(every, y_pred, label_smoothing=self.label_smoothing)
        return weighted(ops.mean(losses, axis=-1), y_true, self.weights)


class WeightedCrossEntropy(keras.losses.Loss):  # type: ignore[misc]
    """The categorical cross-entropy with a weight for each class."""

    def __init__(self, label_smoothing: float, weights: np.ndarray) -> None:
        super().__init__(name="weighted_cross_entropy")
        self.label_smoothing = label_smoothing
        self.weights = weights

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """(n, classes) labels and probabilities to (n,) losses in nats, each times the weight of its class."""
        losses = keras.losses.categorical_crossentropy(y_true, y_pred, label_smoothing=self.label_smoothing)
        return weighted(losses, y_true, self.weights)


def weighted(losses: Any, truth: Any, weights: np.ndarray | None) -> Any:
    """Losses (n,) times the weights (classes,) of their true classes (n, classes); as they are without weights."""
    return losses if weights is None else losses * ops.sum(ops.cast(truth, "float32") * weights, axis=-1)


class DigitAccuracy(keras.metrics.Mean):  # type: ignore[misc]
    """The accuracy on digits of the mean over the sub-networks; negatives are left out."""

    def __init__(self) -> None:
        super().__init__(name="accuracy")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch: (n, 10) true and (n, 10) or (n, sub-networks, 10) predicted; weights are ignored."""
        del sample_weight
        super().update_state(
            keras.metrics.categorical_accuracy(y_true, mean_over_subnetworks(y_pred)), sample_weight=are_digits(y_true)
        )


def are_digits(truth: Any) -> Any:
    """Which true probabilities (n, 10) are those of a digit, as 1.0 and 0.0: one class has more than half."""
    return ops.cast(ops.max(truth, axis=-1) > 0.5, "float32")
