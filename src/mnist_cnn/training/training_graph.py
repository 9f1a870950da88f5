"""Layers → an ONNX graph that computes what a training step needs: probabilities, and the gradient of the loss.

ONNX has no gradients, and ONNX Runtime's own are in another package, so the backward pass is written down here as
further nodes, layer by layer.

Activations are (channels, rows, columns, images), with the images of the batch last: what a kernel covers is then
gathered as whole rows of images, and a convolution is one product of the kernel with all of it (im2col). The gradient
adds the same rows up again (col2im). Of what a layer gives, only pixels that the next one looks at are computed.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mnist_cnn.card import Task
from mnist_cnn.models.layer_specs import Convolution, Normalization, Placed, Pooling
from mnist_cnn.models.onnx_writer import FLOAT, UINT8, Graph

OPSET = 17  # has sums in ScatterND and LayerNormalization
IMAGES, TRUTH, FACTORS = "images", "truth", "factors"
PROBABILITIES, GRADIENT, MEAN, INVERSE = "probabilities", "gradient", "mean", "inverse_deviation"

NOWHERE = np.zeros(0, np.int64)


class Step(NamedTuple):
    """What a layer gives, (channels, pixels × images), and what its gradient needs of the way there."""

    given: str
    covered: str = ""  # what a kernel covers
    normal: str = ""  # normalized values
    inverse: str = ""  # 1 / their deviation before
    places: np.ndarray = NOWHERE  # of `covered` in what the layer took


def training_graph(places: Sequence[Placed], task: Task, images: int) -> bytes:
    """The graph for batches of so many images, as a file of ONNX.

    It takes `images` (n, side × side × channels) uint8, their true probabilities `truth` (n, classes), `factors` (n, 1)
    of the loss of each, and the weights that learn by the names of `weight_names`, each as `Placed.to_matrix` gives it.
    It gives `probabilities` (n, classes); the `gradient` of the sum of cross-entropies times factors by the weights, in
    one row; and for each normalization, by its number among the layers, `mean_N` and `inverse_deviation_N` of the
    batch, (channels, 1).
    """
    return Builder(places, task, images).file()


def batch_statistics(places: Sequence[Placed]) -> list[tuple[int, str, str]]:
    """The number of each normalization among the layers, and its two outputs of the graph."""
    return [
        (number, f"{MEAN}_{number}", f"{INVERSE}_{number}")
        for number, place in enumerate(places)
        if isinstance(place.layer, Normalization)
    ]


def weight_names(places: Sequence[Placed]) -> list[list[str]]:
    """The names of the weights of each layer as inputs of the graph."""
    return [[f"weight_{number}_{one}" for one in range(len(place.shapes))] for number, place in enumerate(places)]


class Builder:
    """Adds the nodes, forward and then back."""

    def __init__(self, places: Sequence[Placed], task: Task, images: int) -> None:
        self.places = places
        self.task = task
        self.images = images
        self.sides = sides_used(places)
        self.graph = Graph("training_step", OPSET)
        self.weights = weight_names(places)
        self.gradients: list[list[str]] = []

    def file(self) -> bytes:
        """The whole graph."""
        graph, task = self.graph, self.task
        graph.input(IMAGES, UINT8, [self.images, int(np.prod(task.input_shape))])
        graph.input(TRUTH, FLOAT, [self.images, task.classes])
        graph.input(FACTORS, FLOAT, [self.images, 1])
        for place, names in zip(self.places, self.weights, strict=True):
            for name, shape in zip(names, place.shapes, strict=True):
                graph.input(name, FLOAT, place.to_matrix(np.empty(shape, np.float32)).shape)
        pixels = graph.op("Cast", graph.op("Transpose", IMAGES, perm=[1, 0]), to=FLOAT)
        x, steps = graph.op("Mul", pixels, graph.number(1 / 255)), []
        for number, place in enumerate(self.places[:-1]):
            steps.append(self.forward(number, place, x))
            x = steps[-1].given
        gradient = self.dense(x)
        for number in reversed(range(len(steps))):
            gradient = self.backward(number, steps[number], gradient)
        row = graph.whole(-1)
        parts = [graph.op("Reshape", one, row) for layer in reversed(self.gradients) for one in layer]
        graph.op("Concat", *parts, name=GRADIENT, axis=0)
        graph.output(GRADIENT, FLOAT, [sum(int(np.prod(shape)) for place in self.places for shape in place.shapes)])
        return graph.to_bytes()

    def forward(self, number: int, place: Placed, x: str) -> Step:
        """What a layer gives for x (channels × pixels, images or channels, pixels × images)."""
        match place.layer:
            case Convolution() as layer:
                return self.convolution(number, layer, x)
            case Normalization() as layer:
                return self.normalization(number, layer, x)
            case Pooling() as layer:
                return self.pooling(number, layer, x)
        raise TypeError(place.layer)

    def convolution(self, number: int, layer: Convolution, x: str) -> Step:
        """One product of the kernel and what it covers."""
        graph, kernel, channels = self.graph, self.weights[number], self.places[number].channels
        if number == 0:  # images as they are, not cut to what is used of them
            where = covered(self.task.side, channels, self.sides[0], layer.kernel, layer.strides, channels_last=True)
        else:
            where = covered(self.sides[number], channels, self.sides[number], layer.kernel, layer.strides)
        rows = graph.op("Gather", self.as_rows(x), graph.constant(where.ravel()), axis=0)
        rows = graph.op("Reshape", rows, graph.whole(channels * layer.kernel**2, -1))
        product = graph.op("Gemm", kernel[0], rows, *kernel[1:])
        return Step(graph.op("Relu", product) if layer.relu else product, covered=rows, places=where)

    def normalization(self, number: int, layer: Normalization, x: str) -> Step:
        """Each channel is a row, so that normalizing rows is batch normalization."""
        graph, (scale, offset) = self.graph, self.weights[number]
        ones = graph.constant(np.ones(self.sides[number] ** 2 * self.images, np.float32))
        normal, mean, inverse = graph.node("LayerNormalization", x, ones, outputs=3, axis=-1, epsilon=layer.epsilon)
        for name, one in ((f"{MEAN}_{number}", mean), (f"{INVERSE}_{number}", inverse)):
            graph.output(graph.op("Identity", one, name=name), FLOAT, [self.places[number].channels, 1])
        given = graph.op("Relu", graph.op("Add", graph.op("Mul", normal, scale), offset))
        return Step(given, normal=normal, inverse=inverse)

    def pooling(self, number: int, layer: Pooling, x: str) -> Step:
        """The largest of what each square covers."""
        graph, size, channels = self.graph, layer.size, self.places[number].channels
        where = covered(self.sides[number], channels, self.sides[number], size, size)
        rows = graph.op("Gather", self.as_rows(x), graph.constant(where.ravel()), axis=0)
        rows = graph.op("Reshape", rows, graph.whole(size**2, channels, -1))
        return Step(graph.op("ReduceMax", rows, axes=[0], keepdims=0), covered=rows, places=where)

    def as_rows(self, x: str) -> str:
        """A tensor as (channels × pixels, images)."""
        return self.graph.op("Reshape", x, self.graph.whole(-1, self.images))

    def dense(self, x: str) -> str:
        """The last layer and the loss; gives the gradient of what the layer took, (channels × pixels, images)."""
        graph, (kernel, bias) = self.graph, self.weights[-1]
        flat = self.as_rows(x)
        bias = graph.op("Reshape", bias, graph.whole(-1))
        probabilities = graph.op("Softmax", graph.op("Gemm", flat, kernel, bias, transA=1), name=PROBABILITIES, axis=-1)
        graph.output(probabilities, FLOAT, [self.images, self.task.classes])
        error = graph.op("Mul", graph.op("Sub", probabilities, TRUTH), FACTORS)
        of_bias = graph.op("ReduceSum", error, graph.whole(0), keepdims=0)
        self.gradients.append([graph.op("Gemm", flat, error), of_bias])
        return graph.op("Gemm", kernel, error, transB=1)

    def backward(self, number: int, step: Step, gradient: str) -> str:
        """Gradients of a layer's weights, and that of what it took, by the gradient of what it gave."""
        match self.places[number].layer:
            case Convolution() as layer:
                return self.convolution_back(number, layer, step, gradient)
            case Normalization():
                return self.normalization_back(number, step, gradient)
            case _:
                return self.pooling_back(number, step, gradient)

    def convolution_back(self, number: int, layer: Convolution, step: Step, gradient: str) -> str:
        """Products with what the kernel covered, and with the kernel."""
        graph = self.graph
        gradient = graph.op("Reshape", gradient, graph.whole(layer.filters, -1))
        gradient = self.relu_back(step.given, gradient) if layer.relu else gradient
        of_bias = [graph.op("ReduceSum", gradient, graph.whole(1), keepdims=0)] if layer.bias else []
        self.gradients.append([graph.op("Gemm", gradient, step.covered, transB=1), *of_bias])
        if number == 0:
            return ""
        return self.scattered(number, step, graph.op("Gemm", self.weights[number][0], gradient, transA=1))

    def normalization_back(self, number: int, step: Step, gradient: str) -> str:
        """The gradient of normalized rows without its mean and its part along the row; Ioffe, Szegedy (2015)."""
        graph, place = self.graph, self.places[number]
        gradient = graph.op("Reshape", gradient, graph.whole(place.channels, -1))
        gradient = self.relu_back(step.given, gradient)
        one = graph.whole(1)
        of_scale = graph.op("ReduceSum", graph.op("Mul", gradient, step.normal), one, keepdims=1)
        of_offset = graph.op("ReduceSum", gradient, one, keepdims=1)
        self.gradients.append([of_scale, of_offset])
        factor = graph.op("Mul", self.weights[number][0], step.inverse)
        shared = graph.op("Mul", factor, graph.number(1 / (self.sides[number] ** 2 * self.images)))
        along = graph.op("Mul", step.normal, graph.op("Mul", of_scale, shared))
        return graph.op(
            "Sub",
            graph.op("Mul", gradient, factor),
            graph.op("Add", along, graph.op("Mul", of_offset, shared)),
        )

    def pooling_back(self, number: int, step: Step, gradient: str) -> str:
        """The gradient goes where the maximum was; to all of several equal ones, which after ReLU are mostly zeros."""
        graph, place = self.graph, self.places[number]
        self.gradients.append([])
        gradient = graph.op("Reshape", gradient, graph.whole(place.channels, -1))
        largest = graph.op("Cast", graph.op("Equal", step.covered, step.given), to=FLOAT)
        return self.scattered(number, step, graph.op("Mul", largest, gradient))

    def relu_back(self, given: str, gradient: str) -> str:
        """The gradient where ReLU gave something: a product, which takes a third of the time of `Where`."""
        positive = self.graph.op("Greater", given, self.graph.number(0))
        return self.graph.op("Mul", self.graph.op("Cast", positive, to=FLOAT), gradient)

    def scattered(self, number: int, step: Step, gradient: str) -> str:
        """The gradient of what was covered, added up where it came from."""
        graph, place = self.graph, self.places[number]
        pixels = place.channels * self.sides[number] ** 2
        nothing = graph.op("ConstantOfShape", graph.whole(pixels, self.images))  # float32 zeros
        where = graph.constant(step.places.reshape(-1, 1))
        return graph.op("ScatterND", nothing, where, self.as_rows(gradient), reduction="add")


def sides_used(places: Sequence[Placed]) -> list[int]:
    """How many pixels a side of what each layer takes are looked at: strides may leave out the last ones.

    A normalization looks at all of them, so what follows it takes all.
    """
    sides = [place.side for place in places]
    for number in reversed(range(len(places))):
        made = sides[number + 1] if number + 1 < len(places) else 1
        is_normal = number > 0 and isinstance(places[number - 1].layer, Normalization)
        match places[number].layer:
            case Convolution(_, kernel, strides) if not is_normal:
                sides[number] = (made - 1) * strides + kernel
            case Pooling(size) if not is_normal:
                sides[number] = made * size
    return sides


def covered(
    side: int, channels: int, used: int, kernel: int, strides: int, *, channels_last: bool = False
) -> np.ndarray:
    """The places, in one row of an image of channels and pixels, that a kernel covers of its first `used` pixels.

    (rows, columns, channels, pixels given) with the rows and columns of the kernel, as Keras orders its weights.
    """
    places = np.arange(channels * side**2)
    cube = places.reshape(side, side, channels).transpose(2, 0, 1) if channels_last else places.reshape(-1, side, side)
    windows = np.lib.stride_tricks.sliding_window_view(cube[:, :used, :used], (kernel, kernel), axis=(1, 2))
    windows = windows[:, ::strides, ::strides]
    return np.ascontiguousarray(windows.transpose(3, 4, 0, 1, 2).reshape(kernel, kernel, channels, -1))
