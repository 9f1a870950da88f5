"""A network in ONNX form as a plain function of images: ONNX Runtime only, never TensorFlow."""

import contextlib
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mnist_cnn import card
from mnist_cnn.errors import ArtifactError
from mnist_cnn.reading.watchdog import OverrunError, run_limited

Classifier = Callable[[np.ndarray], np.ndarray]
"""(n, 28, 28) uint8 images → (n, 10) float32 probabilities, each row summing to 1."""

OURS = "a model.onnx made by mnist-cnn"
BATCH = 1000
LARGEST = 2**28  # bytes; the largest model of mnist-cnn has 4 million
MEMORY = 2**32  # bytes; `best` needs a quarter of that for a batch of 1000
# A batch of 1000 may take 110 s: `best`, the slowest recipe, takes 6 on one core, and the bundled model 0.3.
SECONDS, SECONDS_PER_IMAGE = 10, 0.1
AS_USUAL = ("arena_extend_strategy", "initial_chunk_size_bytes", "max_dead_bytes_per_chunk")
# ONNX may keep weights in another file, even /etc/passwd; models of mnist-cnn never do. Its name has the key
# "location", a protobuf string with its tag and length before it.
ELSEWHERE = re.compile(rb"(\x0a|\x8a\x80*\x00)(\x08|\x88\x80*\x00)location")
PIXELS = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}
# Metadata of exported files, because the floats of other models are as likely to range from 0 to 1.
INK_KEY, INK_RANGE = "mnist_cnn.ink", "0 to 255"
TOLERANCE = 1e-3
FINDER_CHANNELS = 14  # of the outputs of a finder, which is no classifier
SEGMENTER_SIDE, RECOGNISER_TALL = 64, 40  # pixels of what a segmenter takes, and a recogniser: these are none either
TEN = np.ones(10, np.float32)
least, greatest = np.minimum.reduce, np.maximum.reduce  # a third of the time of `min` and `max` for one image
# What a model is tried on: an empty image alone, then a full one and noise together. The noise is a multiplicative hash
# (Knuth, "The Art of Computer Programming", 6.4): importing NumPy's generators takes 10 ms, and reading needs none.
NOISE = (np.arange(2 * 28 * 28, dtype=np.uint32) * np.uint32(2654435761) >> np.uint32(24)).reshape(2, 28, 28)
PROBES = (
    np.zeros((1, 28, 28), np.uint8),
    np.concatenate([np.full((1, 28, 28), 255, np.uint8), NOISE.astype(np.uint8)]),
)


def onnx_classifier(path: Path, threads: int = 0) -> Classifier:
    """Load an ONNX file as a classifier that uses `threads` threads, 0 for one per core.

    A model with float inputs is accepted only if its metadata say that they range from 0 to 255, as `export` writes
    them. Raises ArtifactError if the file cannot be read, is not ONNX, has weights in other files, or does not map
    28×28 images to ten probabilities, which is tried on a few images; and so does the classifier if on other images it
    gives something else, or takes longer than any model of ours would.
    """
    session, images, outputs, metadata = loaded(path, threads, "a model.onnx made by `mnist-cnn train`")
    declared = metadata.get(INK_KEY)
    if other := other_recipe(images, outputs):
        raise ArtifactError(f"{path} is {card.NO_CLASSIFIERS[other]}, and no digit classifier: name another model.")
    pixels = PIXELS.get(images[0].type) if len(images) == 1 else None
    if pixels is None or images[0].shape[1:] != [28, 28, 1]:
        raise ArtifactError(f"{path} does not take n×28×28×1 uint8 images: use a model.onnx made by mnist-cnn.")
    if pixels is np.float32 and declared != INK_RANGE:
        raise ArtifactError(
            f"{path} takes floats without declaring that they range from 0 to 255: use a file made by "
            "`mnist-cnn export`."
        )
    if len(outputs) != 1 or outputs[0].shape[1:] != [10]:
        raise ArtifactError(f"{path} does not return ten probabilities per image: use a model.onnx made by mnist-cnn.")
    taken, given = images[0].name, [outputs[0].name]

    def classify(images: np.ndarray) -> np.ndarray:
        batches = [checked(images)[start : start + BATCH, ..., np.newaxis] for start in range(0, len(images), BATCH)]
        rows = [classified(batch.astype(pixels, copy=False)) for batch in batches]
        return np.concatenate([np.zeros((0, 10), dtype=np.float32), *rows])

    def classified(batch: np.ndarray) -> np.ndarray:
        limit = SECONDS + SECONDS_PER_IMAGE * len(batch)
        rows = computed(session, given, {taken: batch}, limit, path, f"{len(batch)} images", OURS)[0]
        return as_probabilities(rows, len(batch), path)

    for some in PROBES:
        classify(some)
    return classify


def other_recipe(images: list[Any], outputs: list[Any]) -> str | None:
    """The recipe that a network is of, if it is a finder, a segmenter or a recogniser by its inputs and outputs."""
    taken = images[0].shape[1:] if len(images) == 1 else []
    if len(outputs) == 1 and outputs[0].shape[-1:] == [FINDER_CHANNELS]:
        return card.FINDER
    if taken == [SEGMENTER_SIDE, SEGMENTER_SIDE, 2]:
        return card.SEGMENTER
    return card.RECOGNISER if taken[:1] == [RECOGNISER_TALL] and taken[2:] == [1] else None


class Loaded(NamedTuple):
    """A model in ONNX Runtime, with what it declares of its inputs and outputs, and its own metadata."""

    session: Any
    inputs: list[Any]
    outputs: list[Any]
    metadata: dict[str, str]


def loaded(path: Path, threads: int, instead: str) -> Loaded:
    """Load an ONNX file; raises ArtifactError, which says what to use `instead`."""
    content = content_of(path)
    try:
        session = session_of(content, threads)
        metadata = session.get_modelmeta().custom_metadata_map
        return Loaded(session, session.get_inputs(), session.get_outputs(), metadata)
    except Exception as error:  # ONNX Runtime raises a dozen kinds, none of them documented
        raise ArtifactError(f"{path} is damaged or not an ONNX model: use {instead}.") from error


def computed(
    session: Any, given: list[str], inputs: dict[str, np.ndarray], limit: float, path: Path, what: str, instead: str
) -> list[Any]:
    """The outputs `given` of a model for these inputs, within so many seconds.

    Raises ArtifactError if it takes longer, or cannot compute on `what` it got, with what to use `instead`.
    """
    import onnxruntime

    try:
        outputs: list[Any] = run_limited(session.run, given, inputs, onnxruntime.RunOptions(), limit)
    except OverrunError as error:
        raise ArtifactError(f"{path} was stopped after computing for {limit:.0f} seconds: use {OURS}.") from error
    except Exception as error:  # as above
        raise ArtifactError(f"{path} cannot compute on {what} ({one_line(error)}): use {instead}.") from error
    return outputs


def session_of(content: bytes, threads: int) -> Any:
    """Load a model into ONNX Runtime, limited in memory; raises whatever ONNX Runtime raises.

    Constants are not folded, because that would compute before there is a limit of time; exported models have none.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # what is wrong is raised
    limit_memory()
    options.add_session_config_entry("session.use_env_allocators", "1")
    return onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"], disabled_optimizers=["ConstantFolding"]
    )


@lru_cache(maxsize=1)
def limit_memory() -> None:
    """Limit what all models of this process use together; ONNX Runtime can be told only once."""
    import onnxruntime

    kind, use = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, onnxruntime.OrtMemType.DEFAULT
    limits = {"max_mem": MEMORY} | dict.fromkeys(AS_USUAL, -1)
    with contextlib.suppress(Exception):  # the program that we are part of has told it already
        onnxruntime.create_and_register_allocator(
            onnxruntime.OrtMemoryInfo("Cpu", kind, 0, use), onnxruntime.OrtArenaCfg(limits)
        )


def as_probabilities(rows: Any, count: int, path: Path) -> np.ndarray:
    """The output of a model if it is (count, 10) float32 with rows that sum to 1; raises ArtifactError otherwise."""
    if not (isinstance(rows, np.ndarray) and rows.dtype == np.float32 and rows.shape == (count, 10)):
        received = f"{rows.dtype} {rows.shape}" if isinstance(rows, np.ndarray) else type(rows).__name__
        raise ArtifactError(
            f"{path} does not return ten probabilities per image ({received} for {count} images): "
            "use a model.onnx made by mnist-cnn."
        )
    # Infinities and numbers above 1 give a sum that is not 1, and NaN compares with nothing.
    sums = rows.dot(TEN)
    if least(rows, axis=None) >= 0 and least(sums) > 1 - TOLERANCE and greatest(sums) < 1 + TOLERANCE:
        return rows
    raise ArtifactError(
        f"{path} does not return probabilities (the lowest is {rows.min():.4g}, and their sum for an image "
        f"{sums.min():.4g} to {sums.max():.4g}): use a model.onnx made by mnist-cnn."
    )


def one_line(error: Exception) -> str:
    """The beginning of what ONNX Runtime says, without its error code and the names of its source files."""
    words = (str(error).splitlines() or [type(error).__name__])[0]
    return words.rpartition(" : ")[2].partition(" Name:")[0].strip(" .")[:120]


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
