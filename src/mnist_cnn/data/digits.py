"""scikit-learn's 1,797 handwritten digits in MNIST's format: real data without a download."""

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from mnist_cnn.data.contents import Arrays
from mnist_cnn.errors import MissingExtraError
from mnist_cnn.reading.normalise import to_mnist

# One test image is 0.2% of the accuracy. A plain fifth (1,437 / 360) would widen the confidence interval by a sixth.
TEST_IMAGES = 500


def read() -> Arrays:
    """1,297 training and 500 test images under Keras' names: a fixed, stratified split.

    The source is the test part of E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits" (UCI, 1998),
    written by 13 people: 8×8 pixels, 0 to 16. Raises MissingExtraError without scikit-learn.
    """
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError as error:
        raise MissingExtraError('The dataset digits comes with scikit-learn: pip install "mnist-cnn[train]"') from error
    images, labels = load_digits(return_X_y=True)
    ink = np.rint(images.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    with without_ipp():
        enlarged = np.stack([to_mnist(digit) for digit in ink])
    # Shuffled before the split, since the images are sorted by writer.
    x_train, x_test, y_train, y_test = train_test_split(
        enlarged, labels, test_size=TEST_IMAGES, stratify=labels, random_state=0
    )
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


@contextmanager
def without_ipp() -> Iterator[None]:
    """OpenCV without Intel's primitives, which round otherwise on other processors: the dataset has one hash."""
    before = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    try:
        yield
    finally:
        cv2.ipp.setUseIPP(before)
