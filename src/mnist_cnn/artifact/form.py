"""What a network can be exported as: how each form is written and read back. Compares nothing and prints nothing."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.artifact import litert, onnx_file, saved_model
from mnist_cnn.errors import ExportFormatError
from mnist_cnn.reading.network import Classifier, onnx_classifier

if TYPE_CHECKING:
    import keras

ENDINGS = {"onnx": ".onnx", "litert": ".tflite", "saved_model": "_saved_model"}
QUANTISED = {"onnx": ("int8",), "litert": ("float16", "int8"), "saved_model": ()}
PIXELS = ("uint8", "float32")


@dataclass(frozen=True)
class Form:
    """One way to export: what `to`, quantised as what (None: float32 as trained), taking which `pixels`.

    Raises ExportFormatError if there is no such form.
    """

    to: str
    quantise: str | None = None
    pixels: str = "uint8"

    def __post_init__(self) -> None:
        """Refuse what there is not."""
        if self.to not in ENDINGS:
            raise ExportFormatError(
                f"There is no export to {self.to!r}: choose one of {', '.join(ENDINGS)}, or web on the command line."
            )
        if self.quantise is not None and self.quantise not in QUANTISED[self.to]:
            known = " or ".join(QUANTISED[self.to]) or "nothing, that is: leave it out"
            raise ExportFormatError(f"{self.to} is not quantised to {self.quantise!r}: choose {known}.")
        if self.pixels not in PIXELS:
            raise ExportFormatError(f"There is no input of {self.pixels!r}: choose {' or '.join(PIXELS)}.")

    @property
    def ending(self) -> str:
        """What a file of this form is called after its network's name."""
        named = [self.quantise or "", "" if self.pixels == "uint8" else self.pixels]
        return "".join(f"-{word}" for word in named if word) + ENDINGS[self.to]

    @property
    def calibrated(self) -> bool:
        """Whether writing it needs images to find the range of each number."""
        return self.quantise == "int8"

    def write(self, network: "keras.Model", path: Path, images: np.ndarray) -> None:
        """Write a kept network as a file, or a folder for saved_model; `images` (n, 28, 28) uint8 calibrate it.

        Raises whatever the converters raise.
        """
        from mnist_cnn.models.float_input import taking  # here, because Keras comes with it

        network = taking(network, self.pixels)
        calibration = images[..., np.newaxis].astype(self.pixels)
        if self.to == "onnx":
            onnx_file.write(network, path)
            if self.calibrated:
                onnx_file.quantise(path, calibration)
            onnx_file.describe(path)
        elif self.to == "litert":
            with tempfile.TemporaryDirectory() as scratch:
                saved_model.write(network, Path(scratch) / "saved_model")
                litert.write(Path(scratch) / "saved_model", path, self.quantise, calibration)
        else:
            saved_model.write(network, path)

    def read(self, path: Path, threads: int = 0) -> Classifier:
        """What has been written, as a classifier that computes with `threads` threads, 0 for as many as it likes."""
        if self.to == "onnx":
            return onnx_classifier(path, threads)
        if self.to == "litert":
            return litert.litert_classifier(path, threads)
        return saved_model.saved_model_classifier(path)
