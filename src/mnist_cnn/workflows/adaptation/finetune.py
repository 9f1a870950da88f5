"""Fine-tune a trained model on a person's digits, with replay against forgetting.

Replayed are images like those that the model was trained on; their target is the mean of the true label and of the
probabilities that the model gave before ("Learning without forgetting", Li and Hoiem 2016, arXiv:1606.09282, here on
the original images themselves). So the model keeps its predictions, its rejections and its confidence.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops

from mnist_cnn.data.augment import Augmentation, augmented
from mnist_cnn.data.dataset import Examples
from mnist_cnn.data.negatives import NOT_A_DIGIT, negatives
from mnist_cnn.data.restyle import restyled
from mnist_cnn.reading.network import Classifier
from mnist_cnn.training import backend
from mnist_cnn.training.compiled_network import WarmUpAndDecay
from mnist_cnn.training.epochs import epochs
from mnist_cnn.training.fit import categorical
from mnist_cnn.training.recipe import Recipe

UPDATES, OWN, REPLAYED = 100, 32, 96  # images of the person and replayed ones, per update
LEARNING_RATE, WARM_UP = 0.001, 0.1
# How far to go from the original weights to those of one training, and to the mean of several.
ALONE, TOGETHER = 0.5, 0.75
IMAGES, RESTYLED, NEGATIVES = 8000, 1600, 3200  # replayed images in all, and how many of them are restyled, negatives
# More than the natural variation of a handwriting, so that three examples stand for many (docs/log.md).
AUGMENTATION = Augmentation(rotation=17, zoom=0.17, shear=0.25, translation=0.85, elastic=1.7)
BATCH = 250


@dataclass(frozen=True)
class Replay:
    """Images (n, 28, 28) uint8 and their target probabilities (n, 10)."""

    images: np.ndarray
    probabilities: np.ndarray


def replay_of(training: Examples, recipe: Recipe, classify: Classifier, rng: np.random.Generator) -> Replay:
    """Some training images as they are, some restyled, and negatives if the model was trained with them.

    The target is half the model's current prediction and half the true label.
    """
    count = NEGATIVES if recipe.negatives else 0
    chosen = rng.choice(len(training), min(IMAGES - count, len(training)), replace=False)
    images, labels = training.images[chosen], training.labels[chosen]
    plain = max(len(images) - RESTYLED, len(images) // 2)
    more = restyled(images[plain:], labels[plain:], 1.0, rng)
    seen = np.concatenate([images[:plain], more, negatives(count, images, labels, rng)])
    truth = categorical(np.concatenate([labels, np.full(count, NOT_A_DIGIT)]))
    return Replay(seen, (classify(seen) + truth) / 2)


class FineTuning:
    """Fine-tunes one model several times, each time from the original weights.

    The result is interpolated with the original weights: that predicts the new digits as well, and forgets less
    (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022, arXiv:2109.01903). The mean of the weights of
    several trainings keeps what they agree on (Wortsman et al., "Model soups", 2022, arXiv:2203.05482).
    """

    def __init__(self, network: keras.Model, replay: Replay, seed: int) -> None:
        self.replay = replay
        # Test-time augmentation is left out of the training: what is trained is the model inside.
        self.network = next((layer for layer in network.layers if isinstance(layer, keras.Model)), network)
        self.original = self.network.get_weights()
        self.trained: list[list[np.ndarray]] = []
        for layer in self.network.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.trainable = False  # thirty images say nothing about the statistics over all people
        self.network.compile(
            keras.optimizers.Adam(WarmUpAndDecay(LEARNING_RATE, UPDATES, WARM_UP, "linear")),
            loss="categorical_crossentropy",
            metrics=["accuracy"],
            steps_per_execution=backend.steps_per_execution(20),
        )
        self.network.optimizer.build(self.network.trainable_variables)
        self.run = epochs(self.network, OWN + REPLAYED, None, seed)

    def train(self, own: Examples, rng: np.random.Generator) -> None:
        """Train from the original weights on these digits and replayed images, and interpolate half-way."""
        self.network.set_weights(self.original)
        for variable in self.network.optimizer.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))
        self.run(0, *mixed(own, self.replay, rng), None)
        self.trained.append(self.network.get_weights())
        self.interpolate(ALONE, self.trained[-1:])

    def forget(self) -> None:
        """Leave the trainings until now out of the mean."""
        self.trained.clear()

    def average(self) -> None:
        """Interpolate three quarters of the way to the mean of the trainings, or half-way if there was only one."""
        self.interpolate(TOGETHER if len(self.trained) > 1 else ALONE, self.trained)

    def interpolate(self, share: float, several: list[list[np.ndarray]]) -> None:
        """Set the weights to a point between the original ones and the mean of `several`."""
        means = [np.mean(arrays, axis=0) for arrays in zip(*several, strict=True)]
        self.network.set_weights([one + share * (mean - one) for one, mean in zip(self.original, means, strict=True)])


def mixed(own: Examples, replay: Replay, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The batches of all updates, one after the other: images (n, 28, 28, 1) uint8 and targets (n, 10) float32."""
    mine, old = order(len(own), UPDATES * OWN, rng), order(len(replay.images), UPDATES * REPLAYED, rng)
    images = [augmented(own.images[mine], AUGMENTATION, rng), replay.images[old]]
    truth = [categorical(own.labels[mine]), replay.probabilities[old]]
    every, true = (
        np.concatenate([part.reshape(UPDATES, -1, *part.shape[1:]) for part in parts], axis=1)
        for parts in (images, truth)
    )
    return every.reshape(-1, 28, 28, 1), true.reshape(-1, 10)


def order(count: int, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """`wanted` indices of 0 … count-1, each as often as any other."""
    return np.concatenate([rng.permutation(count) for _ in range(-(-wanted // count))])[:wanted]


def current_classifier(network: keras.Model) -> Classifier:
    """The model with its weights at each call; Keras' own `predict` would be compiled again each time."""

    def batches(images: np.ndarray) -> Iterator[np.ndarray]:
        for start in range(0, len(images), BATCH):
            yield ops.convert_to_numpy(network(images[start : start + BATCH, ..., np.newaxis], training=False))

    return lambda images: np.concatenate([np.zeros((0, 10), np.float32), *batches(images)])
