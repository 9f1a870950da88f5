"""A network in ONNX form as a plain function of images: ONNX Runtime only, never TensorFlow."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mnist_cnn.errors import ArtifactError

Classifier = Callable[[np.ndarray], np.ndarray]
"""(n, 28, 28) uint8 images → (n, 10) float32 probabilities, each row summing to 1."""

BATCH = 1000
LARGEST = 2**28  # bytes; the largest model of mnist-cnn has 4 million
# ONNX may keep weights in another file, even /etc/passwd; models of mnist-cnn never do. Its name has the key
# "location", a protobuf string with its tag and length before it.
ELSEWHERE = re.compile(rb"(\x0a|\x8a\x80*\x00)(\x08|\x88\x80*\x00)location")
PIXELS = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}
# Metadata of exported files, because the floats of other models are as likely to range from 0 to 1.
INK_KEY, INK_RANGE = "mnist_cnn.ink", "0 to 255"


def onnx_classifier(path: Path, threads: int = 0) -> Classifier:
    """Load an ONNX file as a classifier that uses `threads` threads, 0 for one per core.

    A model with float inputs is accepted only if its metadata say that they range from 0 to 255, as `export` writes
    them. Raises ArtifactError if the file cannot be read, is not ONNX, has weights in other files, or does not map
    28×28 images to ten probabilities.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    content = content_of(path)
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a dozen kinds, none of them documented
        raise ArtifactError(
            f"{path} is damaged or not an ONNX model: use a model.onnx made by `mnist-cnn train`."
        ) from error
    image = session.get_inputs()[0]
    probability = session.get_outputs()[0]
    pixels = PIXELS.get(image.type)
    if len(session.get_inputs()) > 1 or pixels is None or image.shape[1:] != [28, 28, 1]:
        raise ArtifactError(f"{path} does not take n×28×28×1 uint8 images: use a model.onnx made by mnist-cnn.")
    if pixels is np.float32 and session.get_modelmeta().custom_metadata_map.get(INK_KEY) != INK_RANGE:
        raise ArtifactError(
            f"{path} takes floats without declaring that they range from 0 to 255: use a file made by "
            "`mnist-cnn export`."
        )
    if len(session.get_outputs()) > 1 or probability.shape[1:] != [10]:
        raise ArtifactError(f"{path} does not return ten probabilities per image: use a model.onnx made by mnist-cnn.")

    def classify(images: np.ndarray) -> np.ndarray:
        batches = [checked(images)[start : start + BATCH, ..., np.newaxis] for start in range(0, len(images), BATCH)]
        rows = [session.run([probability.name], {image.name: batch.astype(pixels, copy=False)})[0] for batch in batches]
        return np.concatenate([np.zeros((0, 10), dtype=np.float32), *rows])

    return classify


def content_of(path: Path) -> bytes:
    """The bytes of a self-contained ONNX file; raises ArtifactError."""
    try:
        if path.exists() and not path.is_file():
            raise ArtifactError(f"{path} is not a regular file: use a model.onnx made by `mnist-cnn train`.")
        if path.stat().st_size > LARGEST:
            raise ArtifactError(
                f"{path} is larger than {LARGEST // 2**20} MiB: use a model.onnx made by `mnist-cnn train`."
            )
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}): check the path and its permissions.") from error
    if ELSEWHERE.search(content):
        raise ArtifactError(f"{path} has weights in other files, which is not supported: save it as one file.")
    return content


def checked(images: np.ndarray) -> np.ndarray:
    """Return the images if they are (n, 28, 28) uint8; raises ValueError otherwise, for example for scaled floats."""
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (28, 28):
        raise ValueError(
            "A classifier takes (n, 28, 28) uint8 images, white digit (255) on black (0) "
            f"(got {images.dtype} {images.shape})."
        )
    return images
