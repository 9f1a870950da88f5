"""Export a saved model, and save the export only if it predicts what the original does. Prints nothing."""

import importlib.util
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mnist_cnn import card
from mnist_cnn.artifact import onnx_file, store
from mnist_cnn.artifact.export_format import SUFFIXES, ExportFormat
from mnist_cnn.artifact.microcontroller import Written
from mnist_cnn.artifact.store import Artifact
from mnist_cnn.callbacks.callback import CallbackList
from mnist_cnn.callbacks.progress import callbacks_for
from mnist_cnn.card import DIGITS, Task
from mnist_cnn.data import source
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.data.source import Data
from mnist_cnn.errors import DataError, ExportError, ExportFormatError, MissingExtraError, MnistCnnError
from mnist_cnn.evaluation.agreement import Agreement, agreement_of
from mnist_cnn.models.classifier import keras_classifier
from mnist_cnn.system import environment
from mnist_cnn.system.files import ends_like_a_file, flush_to_disk, locked, scratch_beside, sha256_of
from mnist_cnn.training import backend
from mnist_cnn.workflows.evaluate import data_for as data_as
from mnist_cnn.workflows.evaluate import data_of, keras_model_of

FORMAT = 1
CARD_ENDING = ".card.json"
CALIBRATION_IMAGES = 500
CALIBRATION_SEED = 0
LARGEST_DIFFERENCE = 1e-5  # of a probability, where all numbers are the model's own float32
ACCURACY_LOSS = 2000  # int8 may misclassify one image more, or one in so many: 0.05 percentage points
NEEDED = ("tensorflow", "onnx", "tf2onnx")
RECORDED = ("onnx", "tf2onnx")


@dataclass(frozen=True)
class Export:
    """An export: its file (a folder for saved_model), its format, what was measured, and its model card."""

    path: Path
    format: ExportFormat
    agreement: Agreement
    card: dict[str, Any]


def export(
    model: str | Path,
    to: str,
    *,
    quantize: str | None = None,
    input_dtype: str = "uint8",
    output: str | Path | None = None,
    data: Data | None = None,
    verbose: int = 1,
    callbacks: Iterable[object] = (),
) -> Export:
    """Export a model, by its folder or name, and check it against the original.

    `to` is "onnx", "litert", "saved_model" or "microcontroller" (C and LiteRT, both in int8). `quantize` is "int8" or,
    for LiteRT, "float16"; `input_dtype` is "uint8" or "float32", both from 0 to 255. `output` is by default
    `<name of the model>.<suffix>` in the working directory, `data` what the model was trained on: its test images are
    what the export is checked on. Nothing is overwritten, and nothing is saved if the check fails:
    in floats every prediction must equal the original's, in int8 the accuracy may be 0.05 percentage points lower.
    Raises ExportFormatError, ExportError, ArtifactError, DataError, RunError or MissingExtraError.
    """
    export_format, listed = ExportFormat(to, quantize, input_dtype), callbacks_for(verbose, callbacks)
    require_tensorflow()
    artifact = store.load_classifier(model)
    path = Path(output or f"{Path(artifact.name).resolve().name}{export_format.suffix}")
    require_suffix(path, export_format)
    with written_whole(path) as scratch:
        dataset = data_for(artifact, data, listed)
        if dataset.warning:
            listed.on_warning(dataset.warning)
        backend.start()
        require_tensorflow_backend()
        listed.on_message(f"Exporting to {path}, checked on {len(dataset.test):,} test images of {dataset.name}")
        network = keras_model_of(artifact)
        part = scratch / path.name
        task, original = artifact.card.task, keras_classifier(network)
        code = write(export_format, network, part, calibration_images(dataset), task)
        agreement = agreement_of(export_format.read(part, task=task), original, dataset.test)
        reject_if_worse(export_format, agreement, path)
        about = described(export_format, part, artifact, dataset, agreement)
        if code:
            of_code = agreement_of(code.classifier, original, dataset.test)
            reject_if_worse(export_format, of_code, path)
            about["code"] = code.sizes() | {"agreement": of_code.to_dict()}
        (scratch / card_of(path).name).write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return Export(path, export_format, agreement, about)


def card_of(path: Path) -> Path:
    """The path of the model card of an exported file."""
    return path.with_name(path.name + CARD_ENDING)


def require_tensorflow() -> None:
    """Raise MissingExtraError if a package that exporting needs is not installed."""
    environment.require_training("Exporting a model")
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise MissingExtraError(
            f'Exporting a model needs packages that are missing ({", ".join(missing)}): pip install "mnist-cnn[train]".'
        )
    backend.prefer("tensorflow")


def require_tensorflow_backend() -> None:
    """Raise ExportError if Keras runs on another framework than TensorFlow, which makes all formats."""
    if backend.name() != "tensorflow":
        raise ExportError(
            f"Exports are made on TensorFlow, and Keras is set to run on {backend.name()}: "
            "export with KERAS_BACKEND=tensorflow."
        )


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A scratch folder beside `path`; at the end the files in it named like `path` and its card are moved into place.

    That happens only if nothing was raised. Raises ExportError if a file already exists or another process is exporting
    to it, and RunError if the folder cannot be written.
    """
    check_free(path)
    with store.writing(path.parent, "nothing was saved"), locked(path.with_name(f".{path.name}.lock")) as alone:
        if not alone:
            raise ExportError(
                f"Another process is exporting to {path}: wait until it ends, or choose another --output."
            )
        with scratch_beside(path) as scratch:
            yield scratch
            check_free(path)
            for name in (card_of(path).name, path.name):
                for one in (*(scratch / name).rglob("*"), scratch / name):
                    flush_to_disk(one)
                (scratch / name).rename(path.with_name(name))
            flush_to_disk(path.parent)


def check_free(path: Path) -> None:
    """Raise ExportError if a file or its card already exists, or there is no folder for them."""
    for name in (path, path.parent / (path.name + CARD_ENDING)):
        if name.exists() or name.is_symlink():
            raise ExportError(f"{name} already exists and nothing is overwritten: choose another --output.")
    if not path.parent.is_dir():
        raise ExportError(f"{path.parent} is not a folder: create it, or choose another --output.")


def require_suffix(path: Path, export_format: ExportFormat) -> None:
    """Raise ExportFormatError if the path ends like a file of another format."""
    own = SUFFIXES[export_format.to]
    if ends_like_a_file(path) and path.suffix.lower() != own:
        raise ExportFormatError(
            f"{path} ends with {path.suffix}, and {export_format.to} is written as "
            f"{own if own.startswith('.') else 'a folder'}: choose another --output, or another format."
        )


def data_for(artifact: Artifact, data: Data | None, callbacks: CallbackList) -> Dataset:
    """What to check on: the data asked for, else what the model was trained on, else scikit-learn's digits."""
    if data is not None:
        return data_as(artifact.card.task, [artifact], data, callbacks)
    try:
        return data_of(artifact, callbacks)
    except DataError as error:
        if not artifact.card.task.is_digits:
            raise
        callbacks.on_warning(f"{error} The export is checked on scikit-learn's digits instead.")
        return source.load("digits")


def calibration_images(dataset: Dataset) -> np.ndarray:
    """Images (n, *image_shape) uint8 drawn from the training part, never from the test part."""
    images = dataset.train.images
    rng = np.random.default_rng(CALIBRATION_SEED)
    return images[np.sort(rng.choice(len(images), min(CALIBRATION_IMAGES, len(images)), replace=False))]


def write(export_format: ExportFormat, network: Any, part: Path, images: np.ndarray, task: Task) -> Written | None:
    """Write the export; raises ExportError, one sentence, if its converter cannot."""
    try:
        return export_format.write(network, part, images, task)
    except (OSError, MnistCnnError):
        raise
    except Exception as error:  # the converters raise whatever their layers raise
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ExportError(
            f"The model cannot be converted to {export_format.to} ({first.strip()[:200]}): choose another format."
        ) from error


def reject_if_worse(export_format: ExportFormat, agreement: Agreement, path: Path) -> None:
    """Raise ExportError, with the figures, if the export is not as good as it must be."""
    lost = agreement.original_correct - agreement.correct
    if export_format.calibrated:
        if lost > 1 and lost * ACCURACY_LOSS > agreement.images:
            raise ExportError(
                f"{path} is not saved: its accuracy is {agreement.accuracy:.2%} on {agreement.images:,} test images, "
                f"the original's {agreement.original_accuracy:.2%}, and int8 may lose at most 0.05 percentage points."
            )
    elif agreement.disagreements:
        raise ExportError(
            f"{path} is not saved: {agreement.disagreements:,} of {agreement.images:,} predictions differ from the "
            f"original's (agreement {agreement.agreement_rate:.2%}), and in floats none may."
        )
    elif export_format.quantize is None and not agreement.max_difference <= LARGEST_DIFFERENCE:
        raise ExportError(
            f"{path} is not saved: its probabilities differ from the original's by up to "
            f"{agreement.max_difference:.1e}, and no more than {LARGEST_DIFFERENCE:.0e} is allowed."
        )


def described(
    export_format: ExportFormat, part: Path, artifact: Artifact, dataset: Dataset, agreement: Agreement
) -> dict[str, Any]:
    """The model card of an export: `docs/export.md` lists its keys."""
    task = artifact.card.task
    files = [part] if part.is_file() else sorted(one for one in part.rglob("*") if one.is_file())
    network = next(name for name in card.NETWORKS if name in artifact.card.files)
    about: dict[str, Any] = {
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "to": export_format.to,
        "opset": onnx_file.opset_of(part) if export_format.to == "onnx" else None,
        "input": f"n×{'×'.join(map(str, task.input_shape))} {export_format.input_dtype}, foreground 255, background 0",
        "output": f"n×{task.classes} float32, probabilities",
        **({} if task.class_names == DIGITS else {"class_names": list(task.class_names)}),
        "temperature": artifact.card.evaluation.get("temperature"),  # already applied inside
        "quantized": export_format.precision,
        "calibration": None,
        "files": {one.name if part.is_file() else str(one.relative_to(part)): sha256_of(one) for one in files},
        "bytes": sum(one.stat().st_size for one in files),
        "original": {
            "recipe": artifact.card.recipe["name"],
            network: artifact.card.files[network],
            "card": artifact.card.digest,
        },
        "checked_on": about_data(dataset) | {"part": "test", "images": len(dataset.test)},
        "agreement": agreement.to_dict(),
        "versions": environment.versions(RECORDED),
        "machine": environment.machine(),
    }
    if export_format.calibrated:
        images = min(CALIBRATION_IMAGES, len(dataset.train))
        about["calibration"] = about_data(dataset) | {"part": "training", "images": images, "seed": CALIBRATION_SEED}
    return about


def about_data(dataset: Dataset) -> dict[str, Any]:
    """The name and hash of a dataset."""
    return {"data": dataset.name, "sha256": dataset.sha256}
