"""A network that ONNX Runtime trains and runs: its weights, and what Adam remembers of their gradients."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_cnn.card import Task
from mnist_cnn.models.classifier import keras_classifier
from mnist_cnn.models.fast_layers import fast_layers
from mnist_cnn.models.inference_graph import inference_graph
from mnist_cnn.models.layer_specs import Convolution, Dense, Normalization, initial_weights, placed
from mnist_cnn.reading.network import Classifier
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.training.schedule import learning_rate
from mnist_cnn.training.training_graph import weight_names

if TYPE_CHECKING:
    import keras

FIRST_WEIGHTS = 2**32 - 2  # in place of the epoch in the seed of the initial weights
BATCH = 250  # images to classify at once: what a batch needs stays in the processor's cache
BETA_1, EPSILON = 0.9, 1e-7  # of Adam, as Keras has them


class OnnxNetwork:
    """The network of a recipe, with the names by which the rest of the training knows a Keras model.

    `trainable` is one row of all weights that learn, and `inputs` are these as the training graph takes them;
    `statistics` are the means and variances of the normalizations, by their numbers among the layers. `class_weights`
    (classes,) are those in the loss, and logits are divided by the `temperature`. A callback may set `stop_training`.
    """

    def __init__(
        self,
        recipe: Recipe,
        task: Task,
        seed: int,
        updates: int,
        threads: int,
        class_weights: np.ndarray | None = None,
    ) -> None:
        self.recipe = recipe
        self.name = recipe.name
        self.task = task
        self.threads = threads
        self.updates = updates
        self.class_weights = class_weights
        self.temperature = 1.0
        self.places = placed(fast_layers(task), task)
        first = initial_weights(self.places, np.random.default_rng((seed, FIRST_WEIGHTS)))
        self.trainable = np.zeros(sum(one.size for one in first), np.float32)
        self.inputs = self._matrices()
        self.mean_gradient = np.zeros_like(self.trainable)
        self.mean_square = np.zeros_like(self.trainable)
        self.done = np.zeros((), np.int64)  # updates
        self.normalizations = {
            number: place.layer for number, place in enumerate(self.places) if isinstance(place.layer, Normalization)
        }
        self.statistics = {
            number: (np.zeros(channels, np.float32), np.ones(channels, np.float32))
            for number, channels in ((one, self.places[one].channels) for one in self.normalizations)
        }
        self._put(first)
        self.stop_training = False
        self._scratch = np.empty_like(self.trainable)

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """As of a Keras model: (None, side, side, channels)."""
        return (None, *self.task.input_shape)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """As of a Keras model: (None, classes)."""
        return (None, self.task.classes)

    @property
    def variables(self) -> list[np.ndarray]:
        """Every array that training changes, to be read and written in place."""
        statistics = [one for pair in self.statistics.values() for one in pair]
        return [self.trainable, *statistics, self.mean_gradient, self.mean_square, self.done]

    def count_params(self) -> int:
        """The number of its weights, statistics included, as Keras counts them."""
        return sum(one.size for one in self.get_weights())

    def summary(self, print_fn: Callable[[str], object] = print) -> None:
        """Print the layers, as a Keras model does: what each gives, and how many weights it has."""
        print_fn(f'Model: "{self.name}", on ONNX Runtime')
        channels = self.task.channels
        for place in self.places:
            layer = place.layer
            channels = layer.filters if isinstance(layer, Convolution) else channels
            shape = str((layer.units,) if isinstance(layer, Dense) else (place.made, place.made, channels))
            learnt = sum(int(np.prod(one)) for one in place.shapes)
            print_fn(f"  {type(layer).__name__:<14} {shape:<14} {learnt:>7,}")
        print_fn(f"  {self.count_params():,} parameters")

    def get_weights(self) -> list[np.ndarray]:
        """All weights, in the order and shapes of the Keras model of this recipe."""
        found: list[np.ndarray] = []
        for number, (place, names) in enumerate(zip(self.places, weight_names(self.places), strict=True)):
            pairs = zip(names, place.shapes, strict=True)
            found += [place.from_matrix(self.inputs[name], shape).copy() for name, shape in pairs]
            found += [one.copy() for one in self.statistics.get(number, ())]
        return found

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Take weights as `get_weights` gives them; raises ValueError if their shapes are others."""
        if [one.shape for one in weights] != [one.shape for one in self.get_weights()]:
            raise ValueError(f"weights of the shapes {[one.shape for one in weights]}")
        waiting, learnt = iter(weights), []
        for number, place in enumerate(self.places):
            learnt += [next(waiting) for _ in place.shapes]
            for kept in self.statistics.get(number, ()):
                kept[...] = next(waiting)
        self._put(learnt)

    def _put(self, learnt: Sequence[np.ndarray]) -> None:
        """Set the weights that learn."""
        waiting = iter(learnt)
        for place, names in zip(self.places, weight_names(self.places), strict=True):
            for name in names:
                self.inputs[name][...] = place.to_matrix(next(waiting))

    def _matrices(self) -> dict[str, np.ndarray]:
        """Views of the weights that learn, by their names as inputs of the training graph."""
        found, start = {}, 0
        for place, names in zip(self.places, weight_names(self.places), strict=True):
            for name, shape in zip(names, place.shapes, strict=True):
                matrix = place.to_matrix(np.empty(shape, np.float32)).shape
                found[name] = self.trainable[start : start + int(np.prod(shape))].reshape(matrix)
                start += found[name].size
        return found

    def update(self, gradient: np.ndarray) -> None:
        """One step of Adam at the learning rate of the recipe's schedule; `gradient` (weights,) is not kept.

        Kingma, Ba (2014), arXiv:1412.6980, in the form that Keras computes.
        """
        rate = learning_rate(self.recipe, int(self.done), self.updates)
        self.done += 1
        beta_2 = self.recipe.beta_2
        step = rate * np.sqrt(1 - beta_2 ** int(self.done)) / (1 - BETA_1 ** int(self.done))
        change = np.subtract(gradient, self.mean_gradient, out=self._scratch)
        change *= np.float32(1 - BETA_1)
        self.mean_gradient += change
        np.multiply(gradient, gradient, out=change)
        change -= self.mean_square
        change *= np.float32(1 - beta_2)
        self.mean_square += change
        np.sqrt(self.mean_square, out=change)
        change += np.float32(EPSILON)
        np.divide(self.mean_gradient, change, out=change)
        change *= np.float32(step)
        self.trainable -= change

    def observe(self, number: int, mean: np.ndarray, inverse_deviation: np.ndarray, share: float = 1.0) -> None:
        """Let the statistics of a normalization follow those, (channels,) each, of this share of a batch."""
        layer = self.normalizations[number]
        variance = inverse_deviation**-2 - np.float32(layer.epsilon)
        for kept, new in zip(self.statistics[number], (mean, variance), strict=True):
            kept += np.float32(share * (1 - layer.momentum)) * (new - kept)

    def to_onnx(self, metadata: dict[str, str] | None = None) -> bytes:
        """The network as the content of a model.onnx."""
        return inference_graph(self.places, self.get_weights(), self.task, self.temperature, metadata)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Probabilities (n, classes) of images (n, *image_shape) uint8."""
        ready = session(self.to_onnx(), self.threads)
        pixels = self.task.batch(images)
        parts = [ready.run(None, {"images": pixels[at : at + BATCH]})[0] for at in range(0, len(pixels), BATCH)]
        return np.concatenate([np.zeros((0, self.task.classes), np.float32), *parts])


def classifier(network: "OnnxNetwork | keras.Model") -> Classifier:
    """A trained network as a function: (n, *image_shape) uint8 images → (n, classes) float32 probabilities."""
    return network.predict if isinstance(network, OnnxNetwork) else keras_classifier(network)


def session(model: bytes, threads: int) -> Any:
    """A graph of ours, ready to run in so many threads, which sleep when they wait."""
    import onnxruntime  # here, because only what computes needs it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
