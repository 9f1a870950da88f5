"""One update of a network with averaged weights, on TensorFlow or JAX: gradient, optimizer, mean of the weights.

Knows nothing of epochs, nor of what is learnt. Keras' own `fit` cannot be used: batches may have two shapes, and what
is averaged includes the statistics of batch normalization, which Keras' averaging leaves out.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from keras import ops

from mnist_cnn.errors import RunError
from mnist_cnn.training import backend
from mnist_cnn.training.made_epochs import Step

if TYPE_CHECKING:
    import keras

LossOf = Callable[[Any, Sequence[Any], bool], Sequence[Any]]
"""(outputs, batch, mosaic) → the loss and its parts: the outputs of the network for a batch, or for mosaics of it."""
Update = Callable[[Step], Any]
"""Make one update; gives the loss and its parts as a tensor (parts,) that may not be computed yet."""


class Updates:
    """Updates of a compiled network, with the mean of its weights over the last updates in another one, `averaged`.

    At update t the mean keeps the share min(`share`, (1 + t) / (10 + t)) of itself, so that it is soon near the
    weights, as in TensorFlow's ExponentialMovingAverage. The variables have their new values after `finish` only.
    Raises RunError where Keras runs on PyTorch.
    """

    def __init__(self, network: "keras.Model", averaged: "keras.Model", share: float, loss_of: LossOf) -> None:
        makers = {"tensorflow": on_tensorflow, "jax": on_jax}
        if backend.name() not in makers:
            raise RunError(
                f"The recipe {network.name} trains on TensorFlow or JAX, and Keras runs on {backend.name()}: give "
                "--backend tensorflow or --backend jax."
            )
        self.update, self.finish = makers[backend.name()](network, averaged, share, loss_of)


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


def on_tensorflow(
    network: "keras.Model", averaged: "keras.Model", share: float, loss_of: LossOf
) -> tuple[Update, Callable[[], None]]:
    """As a graph, which TensorFlow may rewrite to compute in bfloat16."""
    import tensorflow as tf

    @tf.function  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def update(batch: Any, mosaic: bool) -> Any:
        with tf.GradientTape() as tape:
            outputs = network(four_in_one(batch[0]) if mosaic else batch[0], training=True)
            loss = loss_of(outputs, batch, mosaic)
        gradients = tape.gradient(loss[0], network.trainable_variables)
        network.optimizer.apply(gradients, network.trainable_variables)
        remains = kept(network.optimizer.iterations, share)
        for mean, one in zip(averaged.weights, network.weights, strict=True):
            mean.assign(remains * mean + (1 - remains) * one)
        return tf.stack(loss)

    return lambda step: update(tuple(map(tf.constant, step.batch)), step.mosaic), lambda: None


def on_jax(
    network: "keras.Model", averaged: "keras.Model", share: float, loss_of: LossOf
) -> tuple[Update, Callable[[], None]]:
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

    def of(trainable: Any, others: Any, batch: Any, mosaic: bool) -> Any:
        outputs, others = network.stateless_call(
            trainable, others, four_in_one(batch[0]) if mosaic else batch[0], training=True
        )
        loss = loss_of(outputs, batch, mosaic)
        return loss[0], (others, loss)

    def updated(state: Any, batch: Any, mosaic: bool) -> Any:
        trainable, others, memory, *means = state
        (_, (others, loss)), gradients = jax.value_and_grad(of, has_aux=True)(trainable, others, batch, mosaic)
        trainable, memory = network.optimizer.stateless_apply(memory, gradients, trainable)
        remains = kept(memory[0], share)

        def averaged_with(mean: Any, one: Any) -> Any:
            # Among the others is the state of dropout's random generator, which has no mean.
            return remains * mean + (1 - remains) * one if jnp.issubdtype(mean.dtype, jnp.floating) else mean

        means = [
            [averaged_with(mean, one) for mean, one in zip(some, values, strict=True)]
            for some, values in zip(means, (trainable, others), strict=True)
        ]
        return [trainable, others, memory, *means], jnp.stack(loss)

    compiled = jax.jit(updated, static_argnums=2, donate_argnums=0)

    def update(step: Step) -> Any:
        nonlocal state
        state, loss = compiled(state, tuple(step.batch), step.mosaic)
        return loss

    def finish() -> None:
        for group, values in zip(groups, state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(jnp.array(value))

    return update, finish
