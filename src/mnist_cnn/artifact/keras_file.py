"""A `.keras` file is rejected if it holds anything but a model of the kind that is made here.

Standard library only, and before Keras sees the file. Keras' own `safe_mode` rejects code, and what else it lets in has
changed from version to version: files to be read from elsewhere, zip bombs, functions of Keras that are not layers.
"""

import json
import lzma
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mnist_cnn.errors import ArtifactError
from mnist_cnn.system.files import DAMAGE, is_plain

LARGEST = {"metadata.json": 2**20, "config.json": 2**24, "model.weights.h5": 2**28}  # bytes of each member, unpacked
PARTS = {
    "keras": {"DTypePolicy", "Sequential"},
    "keras.initializers": {"Constant", "GlorotUniform", "HeNormal", "Ones", "Zeros"},
    "keras.layers": {
        *(
            "Activation",
            "Add",
            "AveragePooling2D",
            "BatchNormalization",
            "Concatenate",
            "Conv2D",
            "Cropping2D",
            "Dense",
            "Dropout",
        ),
        *("Flatten", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalMaxPooling2D", "Identity"),
        *("InputLayer", "MaxPooling2D", "ReLU", "Rescaling", "Reshape", "Softmax", "UpSampling2D", "ZeroPadding2D"),
    },
    "keras.optimizers": {"SGD", "Adam"},  # in files of format 1; not loaded
    "keras.src.models.functional": {"Functional"},
    "keras.src.ops.numpy": {
        *(
            "Add",
            "DivideNoNan",
            "GetItem",
            "Log",
            "Max",
            "Maximum",
            "Mean",
            "Multiply",
            "Negative",
            "Power",
            "Reshape",
            "Sqrt",
            "Subtract",
            "Transpose",
            "TrueDivide",
        ),
    },
    None: {"__keras_tensor__", "__slice__"},
}


def require_harmless(path: Path) -> None:
    """Raise ArtifactError unless a file is a `.keras` file of a model as they are made here."""
    try:
        if not is_plain(path):
            raise ArtifactError(f"{path} cannot be loaded (it is a link, a pipe or a device): name the file itself.")
        with zipfile.ZipFile(path) as archive:
            if strange := sorted(named(member) for member in archive.infolist() if not expected(member)):
                raise ArtifactError(
                    f"{path} cannot be loaded (it holds {strange[0]}, which no model of mnist-cnn has): "
                    "train again, or use another model."
                )
            config = json.loads(archive.read("config.json"))
    except (OSError, KeyError, RecursionError, lzma.LZMAError, *DAMAGE) as error:
        raise ArtifactError(f"{path} cannot be loaded (it is damaged or not a .keras file): train again.") from error
    for module, name in parts_of(config):
        if not isinstance(name, str) or name not in PARTS.get(module, ()):
            raise ArtifactError(
                f"{path} cannot be loaded (it has a part {name!r:.40} from {module!r:.40}, which no model of mnist-cnn "
                "has): train again, or export the model to ONNX where it was made."
            )


def expected(member: zipfile.ZipInfo) -> bool:
    """Whether a member of the archive is one that every `.keras` file has, and no larger than in our files."""
    return member.file_size <= LARGEST.get(member.filename, -1) and member.compress_type in (
        zipfile.ZIP_STORED,
        zipfile.ZIP_DEFLATED,
    )


def named(member: zipfile.ZipInfo) -> str:
    """A member's name and size for a sentence."""
    return f"{member.filename!r:.60} of {member.file_size:,} bytes"


def parts_of(config: Any) -> Iterator[tuple[str | None, Any]]:
    """Module and name of every part in a configuration, at any depth."""
    waiting = [config]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if {"class_name", "module", "registered_name"} & one.keys():
                module = one.get("module")
                yield (module if isinstance(module, str) else None), one.get("class_name")
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
