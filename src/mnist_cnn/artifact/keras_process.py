"""Save a model that was trained without Keras, or on another framework than TensorFlow, by a process of Keras.

It is given two paths, TRAINED and FOLDER. TRAINED holds the recipe, the task, the model's weights and temperature,
images, and the probabilities that it gave for them. The process builds the model again, sets the weights, writes its
files, or `model.keras` alone, and prints a JSON list of what had to be left out; if that fails, it prints a sentence
and exits with 1. Like every worker it ends with its parent process, whose lock on the folder ends then as well.

ONNX is written by way of TensorFlow; `model.keras` alone on what Keras starts soonest on (`backend.for_saving`).
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.artifact import checked_files
from mnist_cnn.card import KERAS_MODEL, READING, Task
from mnist_cnn.errors import ExportError, MnistCnnError
from mnist_cnn.system import environment
from mnist_cnn.training import backend
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.workers import child_process

if TYPE_CHECKING:
    import keras

    from mnist_cnn.training.onnx_network import OnnxNetwork

CHECKED = 1000  # images that model.keras is checked on, where model.onnx with the same weights is checked on all
COMMAND = child_process.command("mnist_cnn.artifact.keras_process")


def save(
    network: "OnnxNetwork | keras.Model",
    recipe: Recipe,
    folder: Path,
    images: np.ndarray,
    probabilities: np.ndarray,
    temperature: float,
    task: Task = READING,
    *,
    keras_only: bool = False,
) -> list[str]:
    """Have that process write the files; returns what `saved_files.save` does. Raises ExportError."""
    weights = {f"weight_{index}": value for index, value in enumerate(network.get_weights())}
    with tempfile.TemporaryDirectory() as scratch:
        trained = Path(scratch) / "trained.npz"
        recipe_text, task_text = np.array(json.dumps(recipe.to_dict())), np.array(json.dumps(task))
        arrays = weights | {"temperature": np.array(temperature), "images": images, "probabilities": probabilities}
        np.savez(trained, recipe=recipe_text, task=task_text, keras_only=np.array(keras_only), **arrays)
        framework = backend.for_saving(keras_only=keras_only)
        chosen = {"KERAS_BACKEND": framework} if framework else {}
        done = child_process.run([*COMMAND, str(trained), str(folder)], env=os.environ | chosen)
    if done.returncode:
        said = done.stdout.strip() or (done.stderr.strip().splitlines() or ["it ended without a message"])[-1]
        raise ExportError(f"The model could not be saved by a process of Keras ({said}): try again.")
    left_out: list[str] = json.loads(done.stdout)
    return left_out


def main() -> None:
    """Build the model, set its weights, save it."""
    child_process.end_with_parent()
    environment.own_process = True
    trained, folder = map(Path, sys.argv[1:])
    with np.load(trained, allow_pickle=False) as arrays:
        recipe = Recipe(**json.loads(str(arrays["recipe"])))
        side, channels, class_names = json.loads(str(arrays["task"]))
        task = Task(side, channels, tuple(class_names))
        weights = [arrays[name] for name in arrays.files if name.startswith("weight_")]
        images, probabilities, temperature = arrays["images"], arrays["probabilities"], float(arrays["temperature"])
        keras_only = bool(arrays["keras_only"])
    try:
        if os.environ.get("KERAS_BACKEND") == backend.LIGHTEST:
            backend.leave_out_tensorflow()
        backend.start()
        from mnist_cnn.models.architectures import as_saved, build, build_detector
        from mnist_cnn.models.layers import plain

        kind = checked_files.kind_of(recipe.name, task)
        if recipe.is_classifier:
            network = as_saved(
                build(recipe.name, recipe.dropout, task, recipe.parameters), recipe.test_time_shift, temperature
            )
        else:
            network = build_detector(recipe.name, recipe.dropout)
        network.set_weights(weights)
        if keras_only:
            some = slice(CHECKED)
            said = checked_files.save_keras(
                plain(network), folder / KERAS_MODEL, images[some], probabilities[some], kind
            )
        else:
            said = checked_files.save_both(network, folder, images, probabilities, kind, task)
        sys.stdout.write(json.dumps(said))
    except MnistCnnError as error:
        sys.stdout.write(str(error))
        sys.exit(1)
