"""The networks by name."""

import keras

from mnist_cnn.models.best import best
from mnist_cnn.models.calibrated import calibrated
from mnist_cnn.models.classic import classic
from mnist_cnn.models.columns import joined
from mnist_cnn.models.fast import fast
from mnist_cnn.models.robust import robust
from mnist_cnn.models.tiny import tiny
from mnist_cnn.models.views import moved_about

NETWORKS = {"classic": classic, "fast": fast, "best": best, "tiny": tiny, "robust": robust}


def build(name: str, dropout: float) -> keras.Model:
    """Build the network of this name as it is trained, unfitted.

    It takes (n, 28, 28, 1) uint8 images and gives (n, 10) float32 probabilities, or (n, columns, 10) if it has columns.
    """
    return NETWORKS[name](dropout)


def as_kept(network: keras.Model, test_time_shift: int, temperature: float = 1.0) -> keras.Model:
    """The network as it is judged and kept, with (n, 10) probabilities: columns joined, views averaged, calibrated."""
    return calibrated(moved_about(joined(network), test_time_shift), temperature)
