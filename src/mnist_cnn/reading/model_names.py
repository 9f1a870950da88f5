"""What a model is called → its folder or file. Looks at names and model cards; loads no model."""

import difflib
import os
from pathlib import Path

from mnist_cnn import card
from mnist_cnn.errors import ArtifactError

BUNDLED = Path(__file__).parent / "weights"
BUNDLED_NAMES = ("robust", "bundled")
RUNS = Path("runs")
TO_ONNX = "export it to ONNX, for uint8 images from 0 (background) to 255"
SAVED_MODEL = (
    "a folder of TensorFlow's SavedModel format, which is not read: convert it by `python -m tf2onnx.convert "
    "--saved-model`, or name the folder of the model that it was exported from"
)
PICKLED = f"a Python pickle, which could run anything when it is loaded: load it where it was made, and {TO_ONNX}"
HDF5 = "an HDF5 file, as older versions of Keras saved models: load it with Keras, and save it as .keras"
TORCH = f"a file of PyTorch, which could run anything when it is loaded: load it with PyTorch, and {TO_ONNX}"
# Files of models that are not read here, by their endings: what they are, and what to do.
KINDS = {
    ".keras": "a Keras file, and reading needs ONNX: `mnist-cnn evaluate` and `predict` take it, or export it with "
    'Keras (model.export("model.onnx", format="onnx")), for uint8 images from 0 (background) to 255',
    ".h5": HDF5,
    ".hdf5": HDF5,
    ".tflite": "a LiteRT file, for other devices: name the folder or the .onnx file of the same model",
    ".pt": TORCH,
    ".pth": TORCH,
    ".pkl": PICKLED,
    ".pickle": PICKLED,
    ".joblib": PICKLED,
    ".safetensors": f"a file of weights without a network: load it where it was made, and {TO_ONNX}",
    ".pb": f"a file of TensorFlow: load the model with TensorFlow, and {TO_ONNX}",
}


def path_of(model: str | Path | None) -> Path:
    """The folder or .onnx file that `model` stands for; None is the bundled model.

    A file, or a folder with a model card, is itself. `robust` and `bundled` are the bundled model; the name of another
    recipe is its newest finished run in `runs/`. Raises ArtifactError for a name that is none of these; a path is given
    back as it is, for whoever opens it to say what is wrong with it.
    """
    if model is None:
        return BUNDLED
    path, name = Path(model), str(model)
    if os.path.isfile(path) or os.path.exists(path / card.CARD):  # noqa: PTH110, PTH113  these never raise
        return path
    if name in BUNDLED_NAMES:
        return BUNDLED
    runs = newest_runs()
    if name in runs:
        return runs[name]
    if os.path.exists(path) or len(path.parts) > 1 or path.suffix:  # noqa: PTH110
        return path
    known = [BUNDLED_NAMES[0], *sorted(runs)]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    advice = f"did you mean {near[0]!r}?" if near else f"name a folder or file, or one of: {', '.join(known)}."
    raise ArtifactError(
        f"There is no model {name!r} (no folder, no .onnx file, and no finished run of such a recipe in {RUNS}/): "
        f"{advice}"
    )


def foreign(path: Path) -> str | None:
    """A sentence for a model of a kind that is not read here, by its ending or its folder; None for any other path."""
    what = SAVED_MODEL if os.path.isfile(path / "saved_model.pb") else KINDS.get(path.suffix.lower())  # noqa: PTH113
    return f"{path} is {what}." if what and os.path.exists(path) else None  # noqa: PTH110


def card_text_of(model: str | Path | None) -> bytes:
    """The model card of a model, by its path or name, as it is; an empty JSON object if it has none."""
    path = path_of(model) / card.CARD
    return path.read_bytes() if path.is_file() else b"{}\n"


def onnx_file_of(model: str | Path | None) -> Path:
    """The .onnx file of a model, by its path or name (`path_of`), whether it exists or not."""
    path = path_of(model)
    return path / card.ONNX_MODEL if path.is_dir() else path


def newest_runs() -> dict[str, Path]:
    """For each recipe, the folder of its newest finished run in `runs/`; adapted models are not counted."""
    newest: dict[str, tuple[str, Path]] = {}
    for file in RUNS.glob(f"*/{card.CARD}"):
        try:
            saved = card.read(file.parent)
        except ArtifactError:
            continue
        if file.parent.suffix != ".partial" and "adaptation" not in saved.evaluation:
            name = str(saved.recipe["name"])
            newest[name] = max(newest.get(name, ("", file.parent)), (saved.created, file.parent))
    return {name: folder for name, (_, folder) in newest.items() if name not in BUNDLED_NAMES}
