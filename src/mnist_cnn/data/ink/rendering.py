"""Ink becomes images in MNIST's format: plainly, to judge it, or in endless variety, to train."""

from collections.abc import Iterable, Sequence

import numpy as np

from mnist_cnn.data import pens, variation
from mnist_cnn.data.dataset import NO_EXAMPLES, Examples
from mnist_cnn.data.ink.character import InkCharacter
from mnist_cnn.data.restyle import seen
from mnist_cnn.reading.normalise import to_mnist


def plain(characters: Iterable[InkCharacter]) -> np.ndarray:
    """Each character as it was written, with a round pen of MNIST's usual width: (n, 28, 28) uint8."""
    images = [to_mnist(pens.in_plain_pen(resampled(one))) for one in characters]
    return np.stack(images) if images else NO_EXAMPLES.images


def varied(characters: Sequence[InkCharacter], rng: np.random.Generator) -> np.ndarray:
    """Each character as another hand writes it with another pen, seen by a poor camera: (n, 28, 28) uint8."""
    images = [
        seen(pens.written_with(variation.rewritten(variation.unit_box(one.strokes), rng), rng), rng)
        for one in characters
    ]
    return np.stack(images) if images else NO_EXAMPLES.images


def resampled(character: InkCharacter) -> list[np.ndarray]:
    """Its strokes in a box, with points at equal distances."""
    return [variation.resampled(stroke) for stroke in variation.unit_box(character.strokes)]


def as_examples(images: np.ndarray, digits: Sequence[InkCharacter]) -> Examples:
    """Images of these digits with their labels."""
    return Examples(images, np.array([int(one.label) for one in digits], np.uint8))
