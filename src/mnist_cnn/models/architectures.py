"""The architectures by name."""

from collections.abc import Callable

import keras

from mnist_cnn.card import READING, Task
from mnist_cnn.models.best import best
from mnist_cnn.models.calibrated import calibrated
from mnist_cnn.models.classic import classic
from mnist_cnn.models.fast import fast
from mnist_cnn.models.finder import finder
from mnist_cnn.models.recogniser import recogniser
from mnist_cnn.models.robust import robust
from mnist_cnn.models.segmenter import segmenter
from mnist_cnn.models.subnetworks import averaged
from mnist_cnn.models.test_time_augmentation import with_test_time_augmentation
from mnist_cnn.models.tiny import tiny

ARCHITECTURES: dict[str, Callable[[float, Task], keras.Model]] = {
    "classic": classic,
    "fast": fast,
    "best": best,
    "tiny": tiny,
    "robust": robust,
}


def build(name: str, dropout: float, task: Task = READING, parameters: int = 0) -> keras.Model:
    """Build the untrained model of this architecture for a task, as it is trained.

    It maps (n, side, side, channels) uint8 images, (n, 28, 28, 1) for digits, to (n, classes) float32 probabilities, or
    to (n, sub-networks, classes) if it has several. `parameters` are the most that `tiny` may have, 0 for its own.
    """
    if parameters:
        return tiny(dropout, task, parameters)
    return ARCHITECTURES[name](dropout, task)


def build_detector(name: str, dropout: float) -> keras.Model:
    """Build the untrained `finder`, which has no dropout, `segmenter` or `recogniser`."""
    if name == "finder":
        return finder()
    return segmenter(dropout=dropout) if name == "segmenter" else recogniser(dropout=dropout)


def as_saved(network: keras.Model, test_time_shift: int, temperature: float = 1.0) -> keras.Model:
    """The model as it is evaluated and saved: averaged over sub-networks and test-time augmentation, calibrated."""
    return calibrated(with_test_time_augmentation(averaged(network), test_time_shift), temperature)
