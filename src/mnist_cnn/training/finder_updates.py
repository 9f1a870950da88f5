"""One update of a finder, on TensorFlow or JAX: gradient, optimizer, averaged weights. Knows nothing of epochs.

Keras' own `fit` cannot be used: batches have two shapes, and what is averaged includes the statistics of batch
normalization, which Keras' averaging leaves out.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from keras import ops

from mnist_cnn.errors import RunError
from mnist_cnn.training import backend
from mnist_cnn.training.finder_loss import Loss, finder_loss
from mnist_cnn.training.finder_pages import Step
from mnist_cnn.training.finder_targets import Targets, targets

if TYPE_CHECKING:
    import keras

Update = Callable[[Step], Any]
"""Make one update; gives the loss and its parts, heat and boxes, as a tensor (3,) that may not be computed yet."""


class Updates:
    """Updates of a compiled network, with the mean of its weights over the last updates in another one, `averaged`.

    At update t the mean keeps the share min(`share`, (1 + t) / (10 + t)) of itself, so that it is soon near the
    weights, as in TensorFlow's ExponentialMovingAverage. The variables have their new values after `finish` only.
    Raises RunError where Keras runs on PyTorch.
    """

    def __init__(self, network: "keras.Model", averaged: "keras.Model", share: float) -> None:
        makers = {"tensorflow": on_tensorflow, "jax": on_jax}
        if backend.name() not in makers:
            raise RunError(
                f"The recipe finder trains on TensorFlow or JAX, and Keras runs on {backend.name()}: give --backend "
                "tensorflow or --backend jax."
            )
        self.update, self.finish = makers[backend.name()](network, averaged, share)


def loss_of(places: Any, boxes: Any, labels: Any, side: int, mosaic: bool) -> Loss:
    """The loss of the outputs for pages (n, side, side), or for a quarter as many mosaics of them."""
    wanted = targets(boxes, labels, side, side)
    return finder_loss(places, Targets(*map(four_in_one, wanted)) if mosaic else wanted)


def four_in_one(maps: Any) -> Any:
    """Arrays (4n, h, w, …) as (n, 2h, 2w, …): each four in one, the first two above the others."""
    count, height, width, *rest = maps.shape
    apart = ops.reshape(maps, (count // 4, 2, 2, height, width, *rest))
    joined = ops.transpose(apart, (0, 1, 3, 2, 4, *range(5, 5 + len(rest))))
    return ops.reshape(joined, (count // 4, 2 * height, 2 * width, *rest))


def kept(update: Any, share: float) -> Any:
    """The share that the mean of the weights keeps of itself at an update, counted from 1."""
    done = ops.cast(update, "float32")
    return ops.minimum(share, (1.0 + done) / (10.0 + done))


def on_tensorflow(network: "keras.Model", averaged: "keras.Model", share: float) -> tuple[Update, Callable[[], None]]:
    """As a graph, which TensorFlow may rewrite to compute in bfloat16."""
    import tensorflow as tf

    @tf.function  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def update(images: Any, boxes: Any, labels: Any, mosaic: bool) -> Any:
        with tf.GradientTape() as tape:
            places = network(four_in_one(images) if mosaic else images, training=True)
            loss = loss_of(places, boxes, labels, images.shape[1], mosaic)
        gradients = tape.gradient(loss.total, network.trainable_variables)
        network.optimizer.apply(gradients, network.trainable_variables)
        remains = kept(network.optimizer.iterations, share)
        for mean, one in zip(averaged.weights, network.weights, strict=True):
            mean.assign(remains * mean + (1 - remains) * one)
        return tf.stack(loss)

    return lambda step: update(*map(tf.constant, step.batch), step.mosaic), lambda: None


def on_jax(network: "keras.Model", averaged: "keras.Model", share: float) -> tuple[Update, Callable[[], None]]:
    """As a compiled function of all values, by Keras' stateless interface."""
    import jax
    import jax.numpy as jnp

    groups = (
        network.trainable_variables,
        network.non_trainable_variables,
        network.optimizer.variables,
        averaged.trainable_variables,
        averaged.non_trainable_variables,
    )
    # Copies, because the buffers are given to each update.
    state = [[jnp.array(variable.value) for variable in group] for group in groups]

    def of(trainable: Any, others: Any, images: Any, boxes: Any, labels: Any, mosaic: bool) -> Any:
        places, others = network.stateless_call(
            trainable, others, four_in_one(images) if mosaic else images, training=True
        )
        loss = loss_of(places, boxes, labels, images.shape[1], mosaic)
        return loss.total, (others, loss)

    def updated(state: Any, images: Any, boxes: Any, labels: Any, mosaic: bool) -> Any:
        trainable, others, memory, *means = state
        (_, (others, loss)), gradients = jax.value_and_grad(of, has_aux=True)(
            trainable, others, images, boxes, labels, mosaic
        )
        trainable, memory = network.optimizer.stateless_apply(memory, gradients, trainable)
        remains = kept(memory[0], share)
        means = [
            [remains * mean + (1 - remains) * one for mean, one in zip(some, values, strict=True)]
            for some, values in zip(means, (trainable, others), strict=True)
        ]
        return [trainable, others, memory, *means], jnp.stack(loss)

    compiled = jax.jit(updated, static_argnums=4, donate_argnums=0)

    def update(step: Step) -> Any:
        nonlocal state
        state, loss = compiled(state, *step.batch, step.mosaic)
        return loss

    def finish() -> None:
        for group, values in zip(groups, state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(jnp.array(value))

    return update, finish
