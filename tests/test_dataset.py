"""The part of the training examples that Keras would hold back."""

import numpy as np
import pytest

from mnist_cnn.data.dataset import Examples, split
from mnist_cnn.errors import DataError


def numbered(count: int) -> Examples:
    """Examples whose labels count 0, 1, 2, …, and start again after 256."""
    return Examples(np.zeros((count, 28, 28), np.uint8), np.arange(count).astype(np.uint8))


def test_validation_is_the_last_share() -> None:
    training, validation = split(numbered(10), 0.2)
    assert training.labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert validation.labels.tolist() == [8, 9]
    assert (training.images.shape, validation.images.shape) == ((8, 28, 28), (2, 28, 28))


def test_mnist_is_split_into_54000_and_6000() -> None:
    labels = np.zeros(60_000, np.uint8)
    training, validation = split(Examples(labels, labels), 0.1)  # nothing but the length counts
    assert (len(training), len(validation)) == (54_000, 6_000)


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3, 7, 10, 99, 1_297, 60_000])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.2, 0.25, 0.3, 1 / 3, 0.5, 0.7, 0.9, 0.99])
def test_keras_splits_in_the_same_place(count: int, share: float) -> None:
    from keras.src.trainers.data_adapters.array_slicing import train_validation_split

    labels = np.arange(count)
    try:
        (keras_training,), (keras_validation,) = train_validation_split((labels,), share)
    except ValueError:
        with pytest.raises(DataError):
            split(Examples(labels, labels), share)
    else:
        training, validation = split(Examples(labels, labels), share)
        np.testing.assert_array_equal(training.labels, keras_training)
        np.testing.assert_array_equal(validation.labels, keras_validation)


@pytest.mark.parametrize(
    ("count", "share"), [(0, 0.0), (10, 1.0), (10, -0.5), (10, 1.5), (10, float("nan")), (1, 0.5), (0, 0.5)]
)
def test_an_empty_part_is_refused(count: int, share: float) -> None:
    with pytest.raises(DataError, match="leaves one part empty"):
        split(numbered(count), share)


def test_a_share_however_small_holds_back_one_example() -> None:
    assert len(split(numbered(10), 0.01)[1]) == 1


def test_a_share_of_nothing_leaves_all_to_train_on() -> None:
    training, validation = split(numbered(10), 0.0)
    assert (len(training), len(validation)) == (10, 0)
