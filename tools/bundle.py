"""Make a run the bundled model: `python tools/bundle.py runs/NAME` copies its model.onnx and its model card.

In the copied model card the places of the ink are names without folders: where it lies on one machine says nothing
elsewhere. Everything else stays as training wrote it, and the run is verified first.
"""

import sys
from dataclasses import replace
from pathlib import Path

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.reading.model_names import BUNDLED
from mnist_cnn.system.files import write_whole


def without_folders(data: dict[str, object]) -> dict[str, object]:
    """What a model card says of the data, with the places of ink as bare names."""
    ink = data.get("ink")
    if not isinstance(ink, dict):
        return data
    return data | {"ink": ink | {"origin": [Path(one).name for one in ink["origin"]]}}


def bundle(run: Path, weights: Path) -> None:
    """Copy the ONNX model and the sealed model card of a verified run into the folder of the bundled model."""
    saved = store.load(run).card
    sealed = replace(saved, data=without_folders(saved.data)).sealed()
    write_whole(weights / card.ONNX_MODEL, (run / card.ONNX_MODEL).read_bytes())
    card.write(weights, sealed)


if __name__ == "__main__":
    bundle(Path(sys.argv[1]), BUNDLED)
