"""Draw the figures of docs/cnn.md: layers, filters and activations of this project's own networks.

    python bench/network_pictures.py

The digit is written by code, and the filters and activations are those of the bundled model; only the drawing of the
layers builds networks, untrained, so nothing has to be downloaded or trained.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch, Rectangle
from PIL import Image

from mnist_cnn.data import glyphs, pens, strokes, variation
from mnist_cnn.evaluation.charts import COLOURS, STYLE
from mnist_cnn.reading.model_names import BUNDLED
from mnist_cnn.reading.normalise import to_mnist

DOCS = Path(__file__).parents[1] / "docs"
PALETTE = 128  # colours of a PNG
SHOWN = ("classic", "fast", "tiny", "robust")
FILLS = {"Conv2D": "#2563a8", "MaxPooling2D": "#c2410c", "Dense": "#5b6470"}
MEANINGS = {"Conv2D": "convolution", "MaxPooling2D": "max pooling", "Dense": "dense layer"}


def digit() -> np.ndarray:
    """A 5 as MNIST has one, (28, 28) uint8, drawn from pen strokes."""
    path = pens.on_canvas(variation.unit_box(strokes.parsed(glyphs.DIGITS[5][0])))
    return to_mnist(pens.drawn(path, [np.full(len(stroke), 6.5) for stroke in path]))


@dataclass(frozen=True)
class Inside:
    """What a network makes of one image: the feature maps (channels, h, w) of each layer, its filters, its output."""

    image: np.ndarray
    filters: np.ndarray
    maps: list[np.ndarray]
    probabilities: np.ndarray


def inside(image: np.ndarray) -> Inside:
    """Run the bundled model on an image (28, 28) uint8 with the output of every ReLU as one more output."""
    model = onnx.load(BUNDLED / "model.onnx")
    output = model.graph.output[0].name
    names = [node.output[0] for node in model.graph.node if node.op_type == "Relu"]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    first = next(node for node in model.graph.node if node.op_type == "Conv")
    weights = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    session = onnxruntime.InferenceSession(model.SerializeToString())
    probabilities, *maps = session.run([output, *names], {model.graph.input[0].name: image[None, ..., None]})
    return Inside(image, weights[first.input[1]][:, 0], [one[0] for one in maps], probabilities[0])


@rc_context(STYLE)
def convolution(of: Inside) -> Figure:
    """The filter with the strongest map, at the map's maximum: the pixels under it, its weights, and what they give."""
    figure = Figure(figsize=(7.4, 2.7))
    image, window, kernel, result = figure.subplots(1, 4, gridspec_kw={"width_ratios": [3, 1.6, 1.6, 3]})
    index = int(of.maps[0].sum(axis=(1, 2)).argmax())
    row, column = divmod(int(of.maps[0][index].argmax()), 28)
    for axes, pixels, title in (
        (image, of.image / 255, "image, 28×28"),
        (result, of.maps[0][index], "feature map, 28×28"),
    ):
        axes.imshow(pixels, cmap="gray_r")
        blank(axes, title)
    image.add_patch(Rectangle((column - 1.5, row - 1.5), 3, 3, fill=False, color=COLOURS["incorrect"], lw=1.5))
    result.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, color=COLOURS["incorrect"], lw=1.5))
    under = of.image[row - 1 : row + 2, column - 1 : column + 2] / 255
    numbers(window, under, "gray_r", (0, 1.6), "9 pixels")
    numbers(kernel, of.filters[index], "RdBu_r", (-abs(of.filters).max(), abs(of.filters).max()), "× 9 weights")
    kernel.set_xlabel("sum + bias,\nReLU", size=8)
    line = {"color": COLOURS["incorrect"], "lw": 0.8}
    for side in (-1.5, 1.5):
        figure.add_artist(
            ConnectionPatch(
                (column + 1.5, row + side), (-0.5, 1 + side), "data", "data", axesA=image, axesB=window, **line
            )
        )
    figure.add_artist(
        ConnectionPatch(
            (2.5, 1), (column - 0.5, row), "data", "data", axesA=kernel, axesB=result, arrowstyle="->", **line
        )
    )
    return figure


def numbers(axes: Axes, values: np.ndarray, colours: str, span: tuple[float, float], title: str) -> None:
    """Draw a small array with its numbers."""
    axes.imshow(values, cmap=colours, vmin=span[0], vmax=span[1])
    for (row, column), value in np.ndenumerate(values):
        axes.text(column, row, f"{value:.1f}", ha="center", va="center", size=8, color=COLOURS["text"])
    blank(axes, title)


def blank(axes: Axes, title: str = "") -> None:
    """No ticks and no frame; a small title."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_title(title, size=8, color=COLOURS["muted"])


@rc_context(STYLE)
def filters(of: Inside) -> Figure:
    """All filters of the first layer, each above the map that it makes of the digit."""
    count = len(of.filters)
    figure = Figure(figsize=(8.4, 2.6))
    grid = figure.subplots(4, count // 2, gridspec_kw={"height_ratios": [1, 1.6] * 2})
    largest = abs(of.filters).max()
    for index in range(count):
        above, below = grid[2 * (index // (count // 2)) :, index % (count // 2)][:2]
        above.imshow(of.filters[index], cmap="RdBu_r", vmin=-largest, vmax=largest)
        below.imshow(of.maps[0][index], cmap="gray_r")
        blank(above)
        blank(below)
    return figure


@rc_context(STYLE)
def activations(of: Inside, across: int = 10) -> Figure:
    """The strongest feature maps of each layer, and the ten probabilities."""
    figure = Figure(figsize=(8.4, 7.4))
    *rows, last = figure.subfigures(len(of.maps) + 1, 1, height_ratios=[1] * len(of.maps) + [1.5])
    for number, (part, maps) in enumerate(zip(rows, of.maps, strict=True), 1):
        grid = part.subplots(1, across + 1)
        strongest = np.argsort(-maps.sum(axis=(1, 2)), kind="stable")[:across]
        grid[0].axis("off")
        channels, height, width = maps.shape
        words = f"convolution {number}\n{channels} maps, {height}×{width}"
        grid[0].text(1, 0.5, words, ha="right", va="center", size=8, transform=grid[0].transAxes)
        for axes, one in zip(grid[1:], strongest, strict=True):
            axes.imshow(maps[one], cmap="gray_r")
            blank(axes)
    axes = last.subplots()
    best = int(of.probabilities.argmax())
    axes.bar(range(10), of.probabilities, color=[COLOURS["correct" if one == best else "line"] for one in range(10)])
    axes.set(xticks=range(10), yticks=[0, 0.5, 1], ylim=(0, 1), ylabel="probability")
    return figure


@dataclass(frozen=True)
class Block:
    """A layer as it is drawn: its type, the side of its feature maps (1 for a vector) and their number."""

    kind: str
    side: int
    channels: int


def blocks(name: str) -> tuple[list[Block], int]:
    """The layers of an architecture that change the shape or have weights, and its number of parameters."""
    from mnist_cnn.models.architectures import build  # here, because TensorFlow comes with it

    network = build(name, 0.0)
    found = []
    for layer in network.layers:
        kind = type(layer).__name__
        shape = layer.output.shape[1:]
        strides = getattr(layer, "strides", (1, 1))
        if kind in FILLS and not (kind == "MaxPooling2D" and tuple(strides) == (1, 1)):
            found.append(Block(kind, shape[0] if len(shape) == 3 else 1, shape[-1]))
    return found, network.count_params()


@rc_context(STYLE)
def architectures() -> Figure:
    """Each architecture as a row of blocks: as high as a feature map, and wider with more of them."""
    figure = Figure(figsize=(8.4, 8.2))
    for axes, name in zip(figure.subplots(len(SHOWN), 1), SHOWN, strict=True):
        found, parameters = blocks(name)
        right = 0.0
        for block in [Block("image", 28, 1), *found]:
            right = draw_block(axes, block, right)
        axes.text(-3, 14, f"{name}\n{parameters:,}\nparameters", ha="right", va="center", size=9)
        axes.set(xlim=(-22, 116), ylim=(-9, 30), aspect="equal")
        axes.axis("off")
    handles = [Rectangle((0, 0), 1, 1, color=FILLS[kind], label=meaning) for kind, meaning in MEANINGS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def draw_block(axes: Axes, block: Block, left: float) -> float:
    """Draw a block with its shape under it; gives where the next one begins."""
    width = 1.5 + 1.5 * np.log2(max(block.channels, 1))
    height = block.side if block.kind != "Dense" else 2 + 3 * np.log2(block.channels)
    colour = FILLS.get(block.kind, COLOURS["line"])
    axes.add_patch(Rectangle((left, 14 - height / 2), width, height, color=colour))
    shape = str(block.channels) if block.kind == "Dense" else f"{block.side}×{block.side}\n×{block.channels}"
    axes.text(left + width / 2, 14 - height / 2 - 1, shape, ha="center", va="top", size=7, color=COLOURS["muted"])
    return float(left + max(width, 9) + 3)


def save(figure: Figure, name: str) -> None:
    """Write a figure into docs/, a PNG with few colours and the same bytes for the same pixels."""
    if name.endswith(".svg"):
        with rc_context({"svg.hashsalt": name}):  # the same bytes each time
            figure.savefig(DOCS / name, metadata={"Date": None})
        return
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / name
        figure.savefig(drawn, dpi=120, facecolor="white")
        Image.open(drawn).convert("RGB").quantize(PALETTE, dither=Image.Dither.NONE).save(DOCS / name, optimize=True)


def main() -> None:
    """Draw all four figures."""
    of = inside(digit())
    save(convolution(of), "cnn_convolution.png")
    save(filters(of), "cnn_filters.png")
    save(activations(of), "cnn_activations.png")
    save(architectures(), "cnn_layers.svg")
    print(f"the bundled model: {of.probabilities.argmax()}, {of.probabilities.max():.2%}")


if __name__ == "__main__":
    main()
