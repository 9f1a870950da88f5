"""What a digit dataset is made of: four arrays under Keras' names, checked. Knows nothing about files or networks."""

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np

from mnist_cnn.card import READING, Task
from mnist_cnn.errors import DataError

Arrays = Mapping[str, np.ndarray]

NAMES = ("x_train", "y_train", "x_test", "y_test")

# Over MNIST's four arrays as uint8, in the order of NAMES, as `keras.datasets.mnist.load_data()` returns them.
MNIST_SHA256 = "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16"
MNIST_TRAINING_IMAGES = 60_000


def checked(arrays: Arrays, place: str) -> Arrays:
    """The four arrays as uint8: images (n, 28, 28) and labels (n,), 0 to 9; read-only, in C order.

    Images may also be (n, 28, 28, 1), labels of any integer type. `place` is where they came from, for the message of
    the DataError that anything else raises.
    """
    whole: dict[str, np.ndarray] = {}
    for part in ("train", "test"):
        images = checked_images(arrays[f"x_{part}"], f"{place} (x_{part})")
        labels = checked_labels(arrays[f"y_{part}"], f"{place} (y_{part})")
        if len(images) != len(labels):
            raise DataError(
                f"{place} holds {len(images)} images but {len(labels)} labels to {part} with: give one label per image."
            )
        whole |= {f"x_{part}": images, f"y_{part}": labels}
    return whole


def checked_images(images: np.ndarray, place: str, task: Task = READING) -> np.ndarray:
    """Images (n, 28, 28) uint8 from (n, 28, 28) or (n, 28, 28, 1); DataError for anything else or none.

    For another task (n, *image_shape).
    """
    if images.dtype != np.uint8:
        hint = (
            "; for pixels from 0.0 to 1.0: (255 * images).round().astype('uint8')" if images.dtype.kind == "f" else ""
        )
        raise DataError(
            f"{place} holds {images.dtype} images, but uint8 from 0 (background) to 255 (foreground) is expected{hint}."
        )
    if images.shape[1:] not in (task.image_shape, task.input_shape):
        shape = ", ".join(map(str, task.image_shape))
        raise DataError(f"{place} has the shape {images.shape}, but images are expected as (n, {shape}).")
    if not len(images):
        raise DataError(f"{place} holds no images: at least one is expected.")
    return read_only(images.reshape(-1, *task.image_shape))


def checked_labels(labels: np.ndarray, place: str) -> np.ndarray:
    """Labels (n,) uint8 from any integers 0 to 9; DataError for anything else or none."""
    hint = "; for one-hot labels: labels.argmax(axis=1)" if labels.shape[1:] == (10,) else ""
    if labels.dtype.kind not in "iu":
        raise DataError(f"{place} holds {labels.dtype} labels, but integers from 0 to 9 are expected{hint}.")
    if labels.ndim != 1:
        raise DataError(
            f"{place} has the shape {labels.shape}, but labels are expected as (n,), one digit per image{hint}."
        )
    if not len(labels):
        raise DataError(f"{place} holds no labels: at least one is expected.")
    if labels.min() < 0 or labels.max() > 9:
        raise DataError(f"{place} holds labels from {labels.min()} to {labels.max()}, but digits are 0 to 9.")
    return read_only(labels.astype(np.uint8))


def read_only(array: np.ndarray) -> np.ndarray:
    """The same values in C order, read-only: a dataset that was hashed must not change afterwards."""
    protected = np.ascontiguousarray(array).view()
    protected.setflags(write=False)
    return protected


def sha256_of(arrays: Arrays, more: Iterable[np.ndarray] = ()) -> str:
    """Compute the SHA-256 over the bytes of the four arrays, which must be in C order, and of more; in hexadecimal."""
    digest = hashlib.sha256()
    for array in (*(arrays[name] for name in NAMES), *more):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def is_mnist(arrays: Arrays) -> bool:
    """Whether these are MNIST's arrays, all of them in the original order, whatever file they come from."""
    # The count comes first: it costs nothing, and the hash alone does not say where training ends and test begins.
    return len(arrays["x_train"]) == MNIST_TRAINING_IMAGES and sha256_of(arrays) == MNIST_SHA256


def verified_mnist(arrays: Arrays, place: str) -> Arrays:
    """Return the arrays, checked, if they are MNIST's; raise DataError if they are not."""
    arrays = checked(arrays, place)
    if not is_mnist(arrays):
        counts = f"{len(arrays['x_train'])} + {len(arrays['x_test'])} images"
        raise DataError(
            f"{place} is not MNIST: the SHA-256 of its arrays ({counts}) begins {sha256_of(arrays)[:16]}, "
            f"MNIST's (60000 + 10000 images) {MNIST_SHA256[:16]}."
        )
    return arrays
