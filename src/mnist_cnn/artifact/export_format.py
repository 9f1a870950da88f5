"""The export formats: how each is written and read back. Compares nothing and prints nothing."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.artifact import litert, microcontroller, onnx_file, saved_model
from mnist_cnn.card import READING, Task
from mnist_cnn.errors import ExportFormatError
from mnist_cnn.reading.network import Classifier, onnx_classifier

if TYPE_CHECKING:
    import keras

SUFFIXES = {"onnx": ".onnx", "litert": ".tflite", "saved_model": "_saved_model", "microcontroller": "_microcontroller"}
QUANTIZED = {"onnx": ("int8",), "litert": ("float16", "int8"), "saved_model": (), "microcontroller": ()}
DTYPES = ("uint8", "float32")


@dataclass(frozen=True)
class ExportFormat:
    """What to export `to`, `quantize`d to what (None: float32 as trained), with which `input_dtype`.

    Raises ExportFormatError if there is no such format.
    """

    to: str
    quantize: str | None = None
    input_dtype: str = "uint8"

    def __post_init__(self) -> None:
        """Check the three."""
        if self.to not in SUFFIXES:
            raise ExportFormatError(
                f"There is no export to {self.to!r}: choose one of {', '.join(SUFFIXES)}, or web on the command line."
            )
        if self.quantize is not None and self.quantize not in QUANTIZED[self.to]:
            known = QUANTIZED[self.to]
            advice = f"choose {' or '.join(known)}" if known else "leave --quantize out"
            raise ExportFormatError(f"{self.to} cannot be quantized to {self.quantize!r}: {advice}.")
        if self.input_dtype not in DTYPES:
            raise ExportFormatError(f"There is no input dtype {self.input_dtype!r}: choose {' or '.join(DTYPES)}.")
        if self.to == "microcontroller" and self.input_dtype != "uint8":
            raise ExportFormatError("microcontroller takes integers only: leave --input-dtype out.")

    @property
    def suffix(self) -> str:
        """What a file of this format is called after the name of its model."""
        named = [self.quantize or "", "" if self.input_dtype == "uint8" else self.input_dtype]
        return "".join(f"-{word}" for word in named if word) + SUFFIXES[self.to]

    @property
    def precision(self) -> str | None:
        """What it is quantized to; code for a microcontroller is always int8."""
        return "int8" if self.to == "microcontroller" else self.quantize

    @property
    def calibrated(self) -> bool:
        """Whether writing it needs images to find the range of the activations."""
        return self.precision == "int8"

    def write(
        self, network: "keras.Model", path: Path, images: np.ndarray, task: Task = READING
    ) -> microcontroller.Written | None:
        """Write a saved model as a file, or as a folder for saved_model and microcontroller.

        `images` (n, *image_shape) uint8 calibrate it. Code that cannot be read back is returned as what it computes.
        Raises whatever the converters raise.
        """
        from mnist_cnn.models.float_input import with_input_dtype  # here, because Keras comes with it

        if self.to == "microcontroller":
            return microcontroller.write(network, path, task.batch(images), task)
        network = with_input_dtype(network, self.input_dtype)
        calibration = task.batch(images).astype(self.input_dtype)
        if self.to == "onnx":
            onnx_file.write(network, path)
            if self.calibrated:
                onnx_file.quantize(path, calibration)
            onnx_file.describe(path, task)
        elif self.to == "litert":
            with tempfile.TemporaryDirectory() as scratch:
                saved_model.write(network, Path(scratch) / "saved_model")
                litert.write(Path(scratch) / "saved_model", path, self.quantize, calibration)
        else:
            saved_model.write(network, path)
        return None

    def read(self, path: Path, threads: int = 0, task: Task = READING) -> Classifier:
        """Load what was written as a classifier that computes with `threads` threads, 0 for its own default."""
        if self.to == "onnx":
            return onnx_classifier(path, threads, task)
        if self.to == "litert":
            return litert.litert_classifier(path, threads, task)
        if self.to == "microcontroller":
            return litert.integer_classifier(path / microcontroller.LITERT, task)
        return saved_model.saved_model_classifier(path, task)
