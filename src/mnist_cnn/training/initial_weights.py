"""The weights of a saved model as the beginning of a training, and which of a model's layers stay as they are."""

from typing import TYPE_CHECKING

import numpy as np

from mnist_cnn.errors import RunError

if TYPE_CHECKING:
    import keras


def start_from(network: "keras.Model", saved: "keras.Model", what: str) -> int:
    """Give a network the weights of a saved model of the same recipe; gives how many arrays of them it took.

    Where the last layer has another shape, because there are other classes, it keeps its own. Raises RunError if
    anything else differs.
    """
    own, other = network.get_weights(), saved.get_weights()
    if len(own) != len(other):
        raise RunError(f"{what} has {len(other)} arrays of weights and this recipe's model {len(own)}: name another.")
    heads = {id(variable) for layer in heads_of(network) for variable in layer.weights}
    taken = []
    for variable, mine, theirs in zip(network.weights, own, other, strict=True):
        if mine.shape != theirs.shape and id(variable) not in heads:
            raise RunError(
                f"{what} has weights of the shape {theirs.shape}, and this recipe's model {mine.shape}: "
                "it is of other images or of another recipe."
            )
        taken.append(theirs if mine.shape == theirs.shape else mine)
    network.set_weights(taken)
    return sum(bool(np.array_equal(new, theirs)) for new, theirs in zip(taken, other, strict=True))


def freeze(network: "keras.Model") -> None:
    """Let only the last layer of a network learn, or of each of its sub-networks; raises RunError if there is none."""
    heads = heads_of(network)
    if not heads:
        raise RunError("The last layer of this network is no dense layer with softmax: leave --freeze out.")
    for layer in every_layer(network):
        layer.trainable = layer in heads


def unfreeze(network: "keras.Model") -> None:
    """Let all layers learn again, so that the model is saved as others are."""
    for layer in every_layer(network):
        layer.trainable = True


def heads_of(network: "keras.Model") -> list["keras.Layer"]:
    """The layers that give the probabilities."""
    from keras import activations, layers

    return [
        layer
        for layer in every_layer(network)
        if isinstance(layer, layers.Dense) and layer.activation is activations.softmax
    ]


def every_layer(network: "keras.Model") -> list["keras.Layer"]:
    """All layers of a network, also those of models in it, without the models themselves."""
    import keras

    found: list[keras.Layer] = []
    for layer in network.layers:
        found += every_layer(layer) if isinstance(layer, keras.Model) else [layer]
    return found
