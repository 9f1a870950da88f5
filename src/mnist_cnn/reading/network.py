"""A network in ONNX form as a plain function of images: ONNX Runtime only, never TensorFlow."""

import contextlib
import json
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mnist_cnn import card
from mnist_cnn.card import READING, Task
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
CLASSES_KEY = "mnist_cnn.class_names"  # a JSON list, where the classes are not the ten digits
TOLERANCE = 1e-3
FINDER_CHANNELS = 14  # of the outputs of a finder, which is no classifier
SEGMENTER_SIDE, RECOGNISER_TALL = 64, 40  # pixels of what a segmenter takes, and a recogniser: these are none either
least, greatest = np.minimum.reduce, np.maximum.reduce  # a third of the time of `min` and `max` for one image
# Noise to try a model on is a multiplicative hash (Knuth, "The Art of Computer Programming", 6.4): importing NumPy's
# generators takes 10 ms, and reading needs none.
FACTOR, KEPT_BITS = np.uint32(2654435761), np.uint32(24)


def onnx_classifier(path: Path, threads: int = 0, task: Task = READING) -> Classifier:
    """Load an ONNX file as a classifier that uses `threads` threads, 0 for one per core.

    It must be for the `task`, by default that of MNIST.

    A model with float inputs is accepted only if its metadata say that they range from 0 to 255, as `export` writes
    them. Raises ArtifactError if the file cannot be read, is not ONNX, has weights in other files, or does not map
    images of the task to a probability of each class, which is tried on a few images; and so does the classifier if on
    other images it gives something else, or takes longer than any model of ours would.
    """
    session, images, outputs, metadata = loaded(path, threads, "a model.onnx made by `mnist-cnn train`")
    declared = metadata.get(INK_KEY)
    if other := other_recipe(images, outputs):
        raise ArtifactError(f"{path} is {card.NO_CLASSIFIERS[other]}, and no digit classifier: name another model.")
    pixels = PIXELS.get(images[0].type) if len(images) == 1 else None
    if task == READING and (declares := task_of(images, outputs, metadata)) and declares != READING:
        raise ArtifactError(not_for_reading(str(path), declares))
    if pixels is None or images[0].shape[1:] != list(task.input_shape):
        shape = "×".join(map(str, task.input_shape))
        raise ArtifactError(
            f"{path} takes {in_words(images)}, not n×{shape} uint8 images from 0 (background) to 255: export it for "
            "these, or use a model.onnx made by mnist-cnn."
        )
    if pixels is np.float32 and declared != INK_RANGE:
        raise ArtifactError(
            f"{path} takes floats without declaring that they range from 0 to 255: use a file made by "
            "`mnist-cnn export`."
        )
    classes = task.classes
    if len(outputs) != 1 or outputs[0].shape[1:] != [classes]:
        many = "ten" if classes == 10 else classes
        raise ArtifactError(
            f"{path} does not return {many} probabilities per image: use a model.onnx made by mnist-cnn."
        )
    taken, given = images[0].name, [outputs[0].name]
    larger = task.side**2 * task.channels / READING.side**2  # so many times the pixels of a digit
    at_once = max(1, int(BATCH / larger))

    def classify(images: np.ndarray) -> np.ndarray:
        batches = batches_of(images, task, at_once)
        rows = [classified(batch.astype(pixels, copy=False)) for batch in batches]
        return np.concatenate([np.zeros((0, classes), dtype=np.float32), *rows])

    def classified(batch: np.ndarray) -> np.ndarray:
        limit = SECONDS + SECONDS_PER_IMAGE * larger * len(batch)
        rows = computed(session, given, {taken: batch}, limit, path, f"{len(batch)} images", OURS)[0]
        return as_probabilities(rows, len(batch), path, classes)

    for some in probes(task):
        classify(some)
    return classify


def in_words(inputs: list[Any]) -> str:
    """What a network takes, as it declares it."""
    if len(inputs) != 1:
        return f"{len(inputs)} inputs"
    shape = "×".join(str(one) if isinstance(one, int) else "n" for one in inputs[0].shape)
    return f"{shape[:60]} {inputs[0].type.removeprefix('tensor(').removesuffix(')')}"


def other_recipe(images: list[Any], outputs: list[Any]) -> str | None:
    """The recipe that a network is of, if it is a finder, a segmenter or a recogniser by its inputs and outputs."""
    taken = images[0].shape[1:] if len(images) == 1 else []
    given = outputs[0].shape if len(outputs) == 1 else []
    if len(given) == 4 and given[-1] == FINDER_CHANNELS:
        return card.FINDER
    if taken == [SEGMENTER_SIDE, SEGMENTER_SIDE, 2]:
        return card.SEGMENTER
    return card.RECOGNISER if taken[:1] == [RECOGNISER_TALL] and len(given) == 3 else None


def probes(task: Task) -> list[np.ndarray]:
    """What a model is tried on: an empty image alone, then a full one and noise together."""
    shape = task.image_shape
    noise = np.arange(2 * int(np.prod(shape)), dtype=np.uint32) * FACTOR >> KEPT_BITS
    full = np.full((1, *shape), 255, np.uint8)
    return [np.zeros((1, *shape), np.uint8), np.concatenate([full, noise.astype(np.uint8).reshape(2, *shape)])]


def batches_of(images: np.ndarray, task: Task, at_once: int = BATCH) -> list[np.ndarray]:
    """Images (n, *image_shape) uint8 in batches as a network takes them. Raises ValueError as `checked`."""
    checked(images, task)
    return [task.batch(images[start : start + at_once]) for start in range(0, len(images), at_once)]


def onnx_task(path: Path) -> Task:
    """The task of a bare .onnx file: what it declares of its images, and its classes. Raises ArtifactError."""
    _, images, outputs, metadata = loaded(path, 1, "a model.onnx made by `mnist-cnn train`")
    return task_of(images, outputs, metadata) or READING


def task_of(images: list[Any], outputs: list[Any], metadata: dict[str, str]) -> Task | None:
    """The task of a network with these inputs, outputs and metadata; None if it is no classifier of square images."""
    taken, given = (images[0].shape[1:], outputs[0].shape[1:]) if len(images) == len(outputs) == 1 else ([], [])
    if len(taken) != 3 or len(given) != 1:
        return None
    side, channels, classes = taken[0], taken[2], given[0]
    if taken[1] != side or not card.can_be_task(side, channels, classes):
        return None
    return Task(side, channels, declared_names(metadata, classes))


def declared_names(metadata: dict[str, str], classes: int) -> tuple[str, ...]:
    """The names of the classes in the metadata of a file; numbers from 0 if there are none."""
    with contextlib.suppress(ValueError, RecursionError):
        names = json.loads(metadata.get(CLASSES_KEY, "null"))
        if card.CLASS_NAMES.fault(names, "") is None and len(names) == classes:
            return tuple(names)
    return tuple(map(str, range(classes)))


def not_for_reading(model: str, task: Task) -> str:
    """A sentence for a model that classifies something else than digits of 28×28 pixels."""
    shown = ", ".join(task.class_names[:5]) + (", …" if task.classes > 5 else "")
    size = f"{task.side}×{task.side} {'grey' if task.channels == 1 else 'colour'} images"
    return (
        f"{model} puts {size} into {task.classes} classes ({shown}), and only a model of the ten digits on 28×28 grey "
        "pixels can read: classify whole images with `mnist-cnn predict`."
    )


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


def as_probabilities(rows: Any, count: int, path: Path, classes: int = 10) -> np.ndarray:
    """The output of a model if it is (count, classes) float32 with rows that sum to 1; else ArtifactError."""
    if not (isinstance(rows, np.ndarray) and rows.dtype == np.float32 and rows.shape == (count, classes)):
        received = f"{rows.dtype} {rows.shape}" if isinstance(rows, np.ndarray) else type(rows).__name__
        raise ArtifactError(
            f"{path} does not return {'ten' if classes == 10 else classes} probabilities per image ({received} for "
            f"{count} images): use a model.onnx made by mnist-cnn."
        )
    # Infinities and numbers above 1 give a sum that is not 1, and NaN compares with nothing.
    sums = rows.dot(np.ones(classes, np.float32))
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


def checked(images: np.ndarray, task: Task = READING) -> np.ndarray:
    """Return the images if they are (n, 28, 28) uint8; raises ValueError otherwise, for example for scaled floats.

    Of another task they must be (n, *image_shape).
    """
    if images.dtype != np.uint8 or images.shape[1:] != task.image_shape:
        shape = ", ".join(map(str, task.image_shape))
        raise ValueError(
            f"A classifier takes (n, {shape}) uint8 images, white digit (255) on black (0) "
            f"(got {images.dtype} {images.shape})."
        )
    return images
