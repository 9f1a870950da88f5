"""What a model is called → its folder or file. Looks at names and model cards; loads no model."""

import difflib
import os
from pathlib import Path

from mnist_cnn import card
from mnist_cnn.errors import ArtifactError

BUNDLED = Path(__file__).parent / "weights"
BUNDLED_NAMES = ("robust", "bundled")
RUNS = Path("runs")


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
    """A sentence for a model's file of a kind that is not read here, by its ending; None for any other path."""
    kinds = {
        ".keras": "a Keras file, and reading needs ONNX: `mnist-cnn evaluate` takes it, or export it with Keras "
        '(model.export("model.onnx", format="onnx")), for uint8 images',
        ".h5": "an HDF5 file, as older Keras saved models: load it with Keras, and save it as .keras or ONNX",
        ".tflite": "a LiteRT file: name the folder or the .onnx file of the same model",
        ".pt": "a file of PyTorch, which could run anything when loaded: export it to ONNX, for uint8 images",
        ".pb": "a file of TensorFlow: load the model with Keras, and export it to ONNX, for uint8 images",
    }
    kinds |= {".hdf5": kinds[".h5"], ".pth": kinds[".pt"]}
    what = kinds.get(path.suffix.lower())
    return f"{path} is {what}." if what and os.path.isfile(path) else None  # noqa: PTH113  as above


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
