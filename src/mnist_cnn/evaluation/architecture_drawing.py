"""Draw a network as its feature maps, from left to right in lines of six, as SVG; from the layers of a model card."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from mnist_cnn.evaluation.colours import COLOURS
from mnist_cnn.system.visible import visible

IN_A_LINE = 6
WIDTH, HEIGHT = 50, 100  # of what is drawn for a stage; six are as wide as the charts of a report
LARGEST = 28  # sides of a feature map as wide as the input; of others, less by the square root, or none could be seen
MOST_SHEETS = 6  # a feature map of 64 channels or more
LONGEST, MOST_LINES = 9, 3  # characters of a line under a stage
WORDS = {
    "Conv2D": "conv",
    "DepthwiseConv2D": "depthwise",
    "SeparableConv2D": "separable",
    "MaxPooling2D": "max pool",
    "AveragePooling2D": "mean pool",
    "GlobalMaxPooling2D": "pool",
    "GlobalAveragePooling2D": "pool",
    "Concatenate": "concat",
    "Identity": "",
}
WITH_WEIGHTS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Dense")


class Stage(NamedTuple):
    """A feature map (height, width, channels) or a vector (length,), what made it, and how many there are."""

    shape: tuple[int, ...]
    words: str
    copies: int = 1


def stages(input_shape: Sequence[int], layers: Sequence[Mapping[str, Any]]) -> list[Stage]:
    """What is drawn: the input, and the output of every layer that has weights or changes the shape."""
    found = [Stage(tuple(input_shape), "input")]
    for row in layers:
        shape = tuple(row["output_shape"])
        if len(shape) not in (1, 3) or not all(shape):
            continue
        if shape != found[-1].shape or row["layer"] in WITH_WEIGHTS:
            found.append(Stage(shape, words(row), row["count"]))
    return found


def words(row: Mapping[str, Any]) -> str:
    """A layer in a few short words: what it is, the size of its kernel, its stride."""
    parts = [part for part in row["details"].split(", ") if "×" in part or part.startswith("stride ")]
    return " ".join([WORDS.get(row["layer"], row["layer"].lower()), *parts]).strip()


def architecture(input_shape: Sequence[int], layers: Sequence[Mapping[str, Any]]) -> str:
    """The network as an inline `<svg>` element, with a text for screen readers; empty without layers to draw."""
    drawn = stages(input_shape, layers)
    if len(drawn) == 1:
        return ""
    columns, lines = min(IN_A_LINE, len(drawn)), math.ceil(len(drawn) / IN_A_LINE)
    parts = []
    for number, stage in enumerate(drawn):
        line, column = divmod(number, IN_A_LINE)
        inside = "".join([arrow() if number else "", picture(stage, input_shape[0]), label(stage)])
        parts.append(f'<g transform="translate({column * WIDTH} {line * HEIGHT})">{inside}</g>')
    told = visible(f"Architecture: {'; '.join(map(in_words, drawn))}.")
    size = f'viewBox="0 0 {columns * WIDTH} {lines * HEIGHT}"'
    return (
        f'<svg role="img" aria-label="{escape(told)}" {size} font-size="9" text-anchor="middle">{"".join(parts)}</svg>'
    )


def in_words(stage: Stage) -> str:
    """A stage for screen readers."""
    times = f"{stage.copies} times " if stage.copies > 1 else ""
    return f"{times}{stage.words} {shape_of(stage)}"


def shape_of(stage: Stage) -> str:
    """12×12×8, or 864."""
    return "×".join(map(str, stage.shape))


def picture(stage: Stage, side: int) -> str:
    """Sheets one behind the other for a feature map, a bar for a vector; both end at the same height."""
    paint = f'fill="{colour("raised")}" stroke="{colour("correct")}"'
    middle, bottom = WIDTH / 2, 50
    if len(stage.shape) == 1:
        height = 8 + 12 * math.log10(stage.shape[0])
        return f'<rect x="{middle - 3}" y="{bottom - height:.1f}" width="6" height="{height:.1f}" {paint}/>'
    height, width = (LARGEST * math.sqrt(size / side) for size in stage.shape[:2])
    sheets = min(MOST_SHEETS, round(math.log2(stage.shape[2])))
    left = middle - width / 2 - sheets
    return "".join(
        f'<rect x="{left + 2 * one:.1f}" y="{bottom - height - 2 * one:.1f}" '
        f'width="{width:.1f}" height="{height:.1f}" {paint}/>'
        for one in range(sheets, -1, -1)
    )


def arrow() -> str:
    """From the stage before."""
    return f'<path d="M-4 37H4M1 34.5L4 37L1 39.5" fill="none" stroke="{colour("muted")}"/>'


def label(stage: Stage) -> str:
    """The shape of a stage, and what made it."""
    told = textwrap.wrap(stage.words + (f" ×{stage.copies}" if stage.copies > 1 else ""), LONGEST)[:MOST_LINES]
    lines = [f'<text x="{WIDTH / 2}" y="61" fill="{colour("text")}">{shape_of(stage)}</text>']
    lines += [
        f'<text x="{WIDTH / 2}" y="{72 + 10 * number}" fill="{colour("muted")}">{escape(visible(one))}</text>'
        for number, one in enumerate(told)
    ]
    return "".join(lines)


def colour(role: str) -> str:
    """The page's own colour, as for the charts."""
    return f"var(--{role}, {COLOURS.get(role, '#f3f1ea')})"
