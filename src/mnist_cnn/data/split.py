"""Training examples become a training and a validation part. Knows nothing about networks; draws no lots."""

import math

from mnist_cnn.data.source import Examples
from mnist_cnn.errors import DataError


def split(examples: Examples, validation_split: float) -> tuple[Examples, Examples]:
    """Training and validation part, as Keras' `fit(validation_split=…)` takes them: validation is the last share.

    Training is the first floor(n × (1 − validation_split)) examples; nothing is shuffled, and both parts are views.
    With a split of 0 all examples are for training. Raises DataError if `validation_split` is not from 0 up to 1, or
    leaves nothing to train on, or nothing to validate on though it is not 0.
    """
    # In Keras' own order of operations, since n - floor(n * share) rounds differently.
    cut = math.floor(len(examples) * (1.0 - validation_split)) if 0 <= validation_split < 1 else 0
    if not 0 < cut < len(examples) + (validation_split == 0):
        raise DataError(
            f"A validation split of {validation_split} of {len(examples)} examples leaves one part empty: "
            "give more examples, or another share from 0 up to 1."
        )
    return (
        Examples(examples.images[:cut], examples.labels[:cut]),
        Examples(examples.images[cut:], examples.labels[cut:]),
    )
