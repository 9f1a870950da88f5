"""An epoch as one compiled program over arrays that JAX holds: Keras' `fit` takes a millisecond of Python per update.

The model, its loss and its optimizer are Keras', used through Keras' stateless interface for JAX.
"""

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from mnist_cnn.models.subnetworks import are_digits, mean_over_subnetworks
from mnist_cnn.training.batches import Arrays, OnBatch, RunEpoch

State = tuple[list[Any], list[Any], list[Any]]
"""Values of the trainable variables, of the others (statistics, random generators), and of the optimizer's."""


def epochs(network: keras.Model, batch_size: int, validation: Arrays | None) -> RunEpoch:
    """A function that trains the compiled model for one epoch over arrays in memory, in their order."""
    network.optimizer.build(network.trainable_variables)
    loss_of = keras.losses.get(network.loss)
    at_once = network.steps_per_execution
    optimizer = network.optimizer

    def forward(trainable: list[Any], others: list[Any], images: Any, truth: Any, training: bool) -> Any:
        """Mean loss, then the other variables as the batch leaves them, and the number of correct predictions."""
        probabilities, others = network.stateless_call(trainable, others, images, training=training)
        probabilities = probabilities.astype("float32")
        correct = ((mean_over_subnetworks(probabilities).argmax(-1) == truth.argmax(-1)) * are_digits(truth)).sum()
        return jnp.mean(loss_of(truth, probabilities)), (others, correct)

    def update(state: State, images: Any, truth: Any) -> tuple[State, Any, Any]:
        trainable, others, memory = state
        (loss, (others, correct)), gradients = jax.value_and_grad(forward, has_aux=True)(
            trainable, others, images, truth, True
        )
        trainable, memory = optimizer.stateless_apply(memory, gradients, trainable)
        return (trainable, others, memory), loss, correct

    @jax.jit
    def updates(state: State, images: Any, truth: Any, first: Any, last: Any) -> Any:
        """Train on the batches from `first` to before `last`; both may be any number without compiling again."""

        def body(index: Any, carried: Any) -> Any:
            state, loss, correct = carried
            state, more_loss, more_correct = update(state, images[index], truth[index])
            return state, loss + more_loss * images.shape[1], correct + more_correct

        return jax.lax.fori_loop(first, last, body, (state, jnp.float32(0), jnp.float32(0)))

    @jax.jit
    def evaluated(trainable: list[Any], others: list[Any], images: Any, truth: Any) -> Any:
        loss, (_, correct) = forward(trainable, others, images, truth, False)
        return loss * len(images), correct

    def validate(state: State) -> dict[str, float]:
        if validation is None:
            return {}
        images, truth = validation
        parts = [slice(start, start + batch_size) for start in range(0, len(images), batch_size)]
        sums = [evaluated(*state[:2], images[part], truth[part]) for part in parts]
        loss, correct = (float(sum(column)) / len(images) for column in zip(*sums, strict=True))
        return {"val_loss": loss, "val_accuracy": correct}

    def run(epoch: int, images: np.ndarray, truth: np.ndarray, on_batch: OnBatch | None) -> dict[str, float]:
        state = values_of(network)
        loss = correct = 0.0
        whole = len(images) // batch_size
        steps = -(-len(images) // batch_size)
        cut = whole * batch_size
        done = 0
        digits = np.cumsum(truth.max(axis=1) > 0.5)  # how many there are up to each image
        for held, until in ((cut_into(images[:cut], truth[:cut], batch_size), whole), *leftover(images, truth, cut)):
            first = 0
            while first < until:
                last = min(first + at_once, until)
                state, more_loss, more_correct = updates(state, *held, np.int32(first), np.int32(last))
                loss, correct = loss + float(more_loss), correct + float(more_correct)
                done, first = done + last - first, last
                seen = min(done * batch_size, len(images))
                if on_batch:
                    on_batch(epoch + 1, done, steps, loss / seen, correct / max(1, digits[seen - 1]))
        put_into(network, state)
        return {"loss": loss / len(images), "accuracy": correct / max(1, digits[-1]), **validate(state)}

    return run


def cut_into(images: np.ndarray, truth: np.ndarray, batch_size: int) -> tuple[Any, Any]:
    """Full batches, held by JAX: (steps, batch, 28, 28, 1) and (steps, batch, 10)."""
    return (
        jnp.asarray(images.reshape(-1, batch_size, *images.shape[1:])),
        jnp.asarray(truth.reshape(-1, batch_size, truth.shape[1])),
    )


def leftover(images: np.ndarray, truth: np.ndarray, cut: int) -> list[tuple[tuple[Any, Any], int]]:
    """The images after the last full batch as one smaller batch, if there are any."""
    rest = len(images) - cut
    return [(cut_into(images[cut:], truth[cut:], rest), 1)] if rest else []


def values_of(network: keras.Model) -> State:
    """The current values of the model and its optimizer."""
    return (
        [variable.value for variable in network.trainable_variables],
        [variable.value for variable in network.non_trainable_variables],
        [variable.value for variable in network.optimizer.variables],
    )


def put_into(network: keras.Model, state: State) -> None:
    """Assign these values to the model and its optimizer."""
    variables = (network.trainable_variables, network.non_trainable_variables, network.optimizer.variables)
    for group, values in zip(variables, state, strict=True):
        for variable, value in zip(group, values, strict=True):
            variable.assign(value)
