"""Training examples become a training and a validation part. Knows nothing about networks; draws no lots."""

import math

from mnist_cnn.data.source import Examples
from mnist_cnn.errors import DataError


def split(examples: Examples, validation_split: float) -> tuple[Examples, Examples]:
    """Training and validation part, as Keras' `fit(validation_split=…)` takes them: validation is the last share.

    Training is the first floor(n × (1 − validation_split)) examples; nothing is shuffled, and both parts are views.
    Raises DataError if `validation_split` is not between 0 and 1 or leaves one part without an example.
    """
    # In Keras' own order of operations, since n - floor(n * share) rounds differently.
    cut = math.floor(len(examples) * (1.0 - validation_split)) if 0 < validation_split < 1 else 0
    if not 0 < cut < len(examples):
        raise DataError(
            f"A validation split of {validation_split} of {len(examples)} examples leaves one part empty: "
            "give more examples, or another share between 0 and 1."
        )
    return (
        Examples(examples.images[:cut], examples.labels[:cut]),
        Examples(examples.images[cut:], examples.labels[cut:]),
    )
