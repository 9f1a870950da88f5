"""The folder of a saved model → its Keras model as it was trained, to be trained further.

That is without its calibration, and from `model.onnx` where there is no `model.keras`. Export folds a batch
normalization into the convolution before it; what is left of it, an addition, is put into a normalization that does
nothing else, so that no architecture is written down twice.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.artifact import store
from mnist_cnn.artifact.store import Artifact
from mnist_cnn.card import KERAS_MODEL, ONNX_MODEL
from mnist_cnn.errors import ArtifactError
from mnist_cnn.reading.network import content_of, onnx_classifier
from mnist_cnn.reading.temperature import at
from mnist_cnn.training.recipe import Recipe

if TYPE_CHECKING:
    import keras

LARGEST_DIFFERENCE = 1e-5


def trainable(artifact: Artifact, images: np.ndarray) -> "keras.Model":
    """Build the recipe's model with the weights in a folder, not calibrated.

    Calibrated, it must give the same probabilities as model.onnx for these images (n, *image_shape) uint8, to 1e-5;
    raises ArtifactError if it does not, or if the layers in the folder are not the recipe's.
    """
    from mnist_cnn.models.architectures import as_saved, build
    from mnist_cnn.models.classifier import keras_classifier  # here, because Keras comes with the next

    folder, saved = artifact.folder, artifact.card
    task = saved.task
    expected = onnx_classifier(folder / ONNX_MODEL, task=task)(
        images
    )  # first, because it accepts only what ONNX Runtime can read
    recipe = Recipe(**saved.recipe)
    network = as_saved(build(recipe.name, recipe.dropout, task, recipe.parameters), recipe.test_time_shift)
    try:
        if (folder / KERAS_MODEL).exists():
            network.set_weights(store.load_keras(folder / KERAS_MODEL, store.shapes_of(task)).get_weights())
        else:
            put_into(network, weights_of(folder / ONNX_MODEL))
    except (ValueError, StopIteration, LookupError, TypeError) as error:
        raise ArtifactError(
            f"The model in {folder} does not have the layers of its recipe {recipe.name}, so it cannot be trained "
            "further: name another folder."
        ) from error
    inside = float(saved.evaluation.get("temperature", 1.0)) / saved.outside_temperature
    difference = float(np.abs(at(keras_classifier(network)(images), inside) - expected).max())
    if not difference <= LARGEST_DIFFERENCE:
        raise ArtifactError(
            f"The model in {folder} cannot be trained further: rebuilt, its probabilities differ by {difference:.1e}. "
            "Name another folder."
        )
    return network


def weights_of(path: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Kernel, in Keras' layout, and bias of each convolution and dense layer, in the order of computation."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load_from_string(content_of(path)).graph
    values = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    added = {one.input[0]: values.get(one.input[1]) for one in graph.node if one.op_type == "Add"}
    found = []
    for node in graph.node:
        if node.op_type == "Conv" and len(node.input) == 3:
            found.append((values[node.input[1]].transpose(2, 3, 1, 0), values[node.input[2]]))
        elif node.op_type in ("Conv", "MatMul"):
            raw, bias = values[node.input[1]], added.get(node.output[0])
            if bias is None:
                raise ValueError(f"{node.name} has no bias")
            found.append((raw.transpose(2, 3, 1, 0) if node.op_type == "Conv" else raw, bias.reshape(-1)))
    return found


def put_into(network: "keras.Model", weights: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """Set the weights of each layer; raises ValueError if they do not fit it."""
    from keras import layers

    waiting = iter(weights)
    bias = np.zeros(0, np.float32)
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D | layers.Dense):
            kernel, bias = next(waiting)
            layer.set_weights([kernel, bias] if layer.use_bias else [kernel])
        elif isinstance(layer, layers.BatchNormalization):  # of the output of the layer before it
            one, zero = np.ones_like(bias), np.zeros_like(bias)
            layer.set_weights([one, bias, zero, one - layer.epsilon])
    if next(waiting, None) is not None:
        raise ValueError("the file has more layers than the model")
