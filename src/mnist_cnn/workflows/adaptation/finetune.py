"""A trained network, a person's digits and what it knew before come in; the network goes out, trained a little more.

What it knew is rehearsed: images of the kinds that networks are trained on, and as truth for them the mean of the real
one and of the probabilities that it gave before ("Learning without forgetting", Li and Hoiem 2016, arXiv:1606.09282,
here on the old images themselves). So whatever it read, refused or was unsure of, it still does.
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
from mnist_cnn.training.epochs import epochs
from mnist_cnn.training.fit import TRUTH, WarmUpAndDecay
from mnist_cnn.training.recipe import Recipe

UPDATES, OWN, REHEARSED = 100, 32, 96  # images of the person, and rehearsed ones, an update
LEARNING_RATE, WARM_UP = 0.001, 0.1
# Of the way from the weights of before to those of one training, and to several's mean.
ALONE, TOGETHER = 0.5, 0.75
IMAGES, VARIED, NO_DIGIT = 8000, 1600, 3200  # rehearsed ones that differ, and how many of these are of which kind
# More than a hand's own unsteadiness, so that three of a digit stand for many (docs/log.md).
AS_THE_HAND_VARIES = Augmentation(rotation=17, zoom=0.17, shear=0.25, translation=0.85, elastic=1.7)
BATCH = 250


@dataclass(frozen=True)
class Rehearsal:
    """Images (n, 28, 28) uint8 and the probabilities (n, 10) that the network is to give for them."""

    images: np.ndarray
    probabilities: np.ndarray


def rehearsal_of(training: Examples, recipe: Recipe, classify: Classifier, rng: np.random.Generator) -> Rehearsal:
    """Some of the training images as they are, some restyled, and, if the network was trained to refuse, some no digit.

    What the network is to give for them is half what it gives now and half the truth.
    """
    foreign = NO_DIGIT if recipe.negatives else 0
    chosen = rng.choice(len(training), min(IMAGES - foreign, len(training)), replace=False)
    images, labels = training.images[chosen], training.labels[chosen]
    plain = max(len(images) - VARIED, len(images) // 2)
    more = restyled(images[plain:], labels[plain:], 1.0, rng)
    seen = np.concatenate([images[:plain], more, negatives(foreign, images, labels, rng)])
    truth = TRUTH[np.concatenate([labels, np.full(foreign, NOT_A_DIGIT)])]
    return Rehearsal(seen, (classify(seen) + truth) / 2)


class Tuning:
    """Trains one network again and again, each time from where it began.

    It never goes all of the way. Weights between those of before and those learnt read what is new as well, and forget
    less (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022, arXiv:2109.01903); the mean of the weights of
    several trainings keeps what they agree on (Wortsman et al., "Model soups", 2022, arXiv:2203.05482).
    """

    def __init__(self, network: keras.Model, rehearsal: Rehearsal, seed: int) -> None:
        self.rehearsal = rehearsal
        # Views of an image are averaged only in the end: what is trained is the network that they share.
        self.network = next((layer for layer in network.layers if isinstance(layer, keras.Model)), network)
        self.began = self.network.get_weights()
        self.learnt: list[list[np.ndarray]] = []
        for layer in self.network.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.trainable = False  # thirty pictures say nothing about the mean over all people's
        self.network.compile(
            keras.optimizers.Adam(WarmUpAndDecay(LEARNING_RATE, UPDATES, WARM_UP, down=True)),
            loss="categorical_crossentropy",
            metrics=["accuracy"],
            steps_per_execution=backend.steps_per_execution(20),
        )
        self.network.optimizer.build(self.network.trainable_variables)
        self.run = epochs(self.network, OWN + REHEARSED, None, seed)

    def learn(self, own: Examples, rng: np.random.Generator) -> None:
        """Train from the beginning on these digits and what is rehearsed, and go half of the way there."""
        self.network.set_weights(self.began)
        for variable in self.network.optimizer.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))
        self.run(0, *mixed(own, self.rehearsal, rng), None)
        self.learnt.append(self.network.get_weights())
        self.go(ALONE, self.learnt[-1:])

    def forget(self) -> None:
        """Leave out of the mean what was learnt until now."""
        self.learnt.clear()

    def join(self) -> None:
        """Go most of the way to the mean of what was learnt, or half of it if that was only once."""
        self.go(TOGETHER if len(self.learnt) > 1 else ALONE, self.learnt)

    def go(self, share: float, several: list[list[np.ndarray]]) -> None:
        """Set the weights to a point between those of before and the mean of these."""
        means = [np.mean(arrays, axis=0) for arrays in zip(*several, strict=True)]
        self.network.set_weights([one + share * (mean - one) for one, mean in zip(self.began, means, strict=True)])


def mixed(own: Examples, rehearsal: Rehearsal, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """All that is seen, update after update: images (n, 28, 28, 1) uint8 and truth (n, 10) float32."""
    mine, old = order(len(own), UPDATES * OWN, rng), order(len(rehearsal.images), UPDATES * REHEARSED, rng)
    images = [augmented(own.images[mine], AS_THE_HAND_VARIES, rng), rehearsal.images[old]]
    truth = [TRUTH[own.labels[mine]], rehearsal.probabilities[old]]
    every, true = (
        np.concatenate([part.reshape(UPDATES, -1, *part.shape[1:]) for part in parts], axis=1)
        for parts in (images, truth)
    )
    return every.reshape(-1, 28, 28, 1), true.reshape(-1, 10)


def order(count: int, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """`wanted` indices of 0 … count-1, each as often as any other."""
    return np.concatenate([rng.permutation(count) for _ in range(-(-wanted // count))])[:wanted]


def called(network: keras.Model) -> Classifier:
    """The network as it is at each call; Keras' own `predict` would be compiled, for a few images, each time anew."""

    def batches(images: np.ndarray) -> Iterator[np.ndarray]:
        for start in range(0, len(images), BATCH):
            yield ops.convert_to_numpy(network(images[start : start + BATCH, ..., np.newaxis], training=False))

    return lambda images: np.concatenate([np.zeros((0, 10), np.float32), *batches(images)])
