"""The networks by name."""

import keras

from mnist_cnn.models.best import best
from mnist_cnn.models.classic import classic
from mnist_cnn.models.fast import fast
from mnist_cnn.models.tiny import tiny

NETWORKS = {"classic": classic, "fast": fast, "best": best, "tiny": tiny}


def build(name: str, dropout: float) -> keras.Model:
    """Build the network of this name, unfitted: (n, 28, 28, 1) uint8 images to (n, 10) float32 probabilities."""
    return NETWORKS[name](dropout)
