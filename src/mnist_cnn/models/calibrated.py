"""Temperature scaling inside the model, so that its probabilities are calibrated in every file format."""

import keras
import numpy as np
from keras import layers, ops


def calibrated(network: keras.Model, temperature: float) -> keras.Model:
    """The model with its logits divided by a temperature, in layers after its probabilities (n, 10).

    The result is that of `reading.temperature.at`. The layers come after the probabilities, instead of a change of the
    last layer's weights, because what is calibrated may be a mean over sub-networks and shifted images.
    """
    if temperature == 1:
        return network
    logits = ops.log(ops.maximum(network.outputs[0], float(np.finfo(np.float32).tiny)))
    tempered = layers.Rescaling(1 / temperature, name="tempered")(logits)
    return keras.Model(network.inputs, layers.Softmax(name="calibrated")(tempered), name=network.name)
