"""A network in ONNX form as a plain function of images: ONNX Runtime only, never TensorFlow."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mnist_cnn.errors import ArtifactError

Classifier = Callable[[np.ndarray], np.ndarray]
"""(n, 28, 28) uint8 images → (n, 10) float32 probabilities, each row summing to 1."""

BATCH = 1000
LARGEST = 2**28  # bytes; the largest network of ours has 4 million
# In ONNX weights may lie in another file, be it /etc/passwd; ours never do. Its name is under the key "location", a
# protobuf string, before which stand its tag and length.
ELSEWHERE = re.compile(rb"(\x0a|\x8a\x80*\x00)(\x08|\x88\x80*\x00)location")
PIXELS = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}
# What an exported file says of its input, since somebody else's floats are as likely to go from 0 to 1.
INK_KEY, INK_RANGE = "mnist_cnn.ink", "0 to 255"


def onnx_classifier(path: Path, threads: int = 0) -> Classifier:
    """Load an ONNX file as a classifier that computes with `threads` threads, 0 for as many as cores.

    A network of floats is taken only if the file says that they go from 0 to 255, as what `export` writes does. Raises
    ArtifactError if the file cannot be read, is not ONNX, has weights in other files, or is not a network of 28×28
    images to ten numbers.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    content = content_of(path)
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a dozen kinds, none of them documented
        raise ArtifactError(
            f"{path} is damaged or not an ONNX network: name a model.onnx that `mnist-cnn train` made."
        ) from error
    image = session.get_inputs()[0]
    probability = session.get_outputs()[0]
    pixels = PIXELS.get(image.type)
    if len(session.get_inputs()) > 1 or pixels is None or image.shape[1:] != [28, 28, 1]:
        raise ArtifactError(f"{path} does not take n×28×28×1 uint8 images: name a model.onnx of mnist-cnn.")
    if pixels is np.float32 and session.get_modelmeta().custom_metadata_map.get(INK_KEY) != INK_RANGE:
        raise ArtifactError(
            f"{path} takes floats and does not say that they are ink from 0 to 255: name a file that `mnist-cnn "
            "export` made."
        )
    if len(session.get_outputs()) > 1 or probability.shape[1:] != [10]:
        raise ArtifactError(f"{path} does not give ten numbers an image: name a model.onnx of mnist-cnn.")

    def classify(images: np.ndarray) -> np.ndarray:
        batches = [checked(images)[start : start + BATCH, ..., np.newaxis] for start in range(0, len(images), BATCH)]
        rows = [session.run([probability.name], {image.name: batch.astype(pixels, copy=False)})[0] for batch in batches]
        return np.concatenate([np.zeros((0, 10), dtype=np.float32), *rows])

    return classify


def content_of(path: Path) -> bytes:
    """The bytes of an ONNX file that stands for itself; raises ArtifactError."""
    try:
        if path.exists() and not path.is_file():
            raise ArtifactError(f"{path} is no file: name a model.onnx that `mnist-cnn train` made.")
        if path.stat().st_size > LARGEST:
            raise ArtifactError(f"{path} is larger than {LARGEST // 2**20} MiB, which no network of ours is.")
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}): check the path and its permissions.") from error
    if ELSEWHERE.search(content):
        raise ArtifactError(f"{path} has weights in other files, and such a network is not read: save it as one file.")
    return content


def checked(images: np.ndarray) -> np.ndarray:
    """Give back the images if they are (n, 28, 28) uint8; raises ValueError otherwise, as scaled floats would be."""
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (28, 28):
        raise ValueError(
            f"a classifier takes (n, 28, 28) uint8 images, ink 255 on paper 0; received {images.shape} {images.dtype}"
        )
    return images
