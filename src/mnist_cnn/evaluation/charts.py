"""Draw the report's charts with matplotlib and turn them into SVG. Knows nothing about files or models.

Colours have roles ("incorrect", "muted"). `to_svg` writes each as a CSS variable, so that the page decides about light
and dark mode.
"""

import io
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, MultipleLocator, NullLocator

from mnist_cnn.evaluation.colours import COLOURS
from mnist_cnn.evaluation.comparison import Summary
from mnist_cnn.evaluation.metric_curves import curves
from mnist_cnn.evaluation.metrics import calibration_bins, wilson_interval
from mnist_cnn.evaluation.risk_coverage import MAIN_COVERAGE, cumulative_errors
from mnist_cnn.system.visible import visible

# 4.2 inches are 302 units of SVG: 10-point text is 11 pixels high on a phone of 360 pixels, 15 on a desktop.
WIDTH = 4.2
STYLE: dict[Any, Any] = {
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so widths are the same on every machine
    "font.size": 10,
    "text.color": COLOURS["text"],
    "axes.labelcolor": COLOURS["muted"],
    "axes.edgecolor": COLOURS["line"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": COLOURS["line"],
    "grid.linewidth": 0.7,
    "xtick.color": COLOURS["line"],
    "ytick.color": COLOURS["line"],
    "xtick.labelcolor": COLOURS["muted"],
    "ytick.labelcolor": COLOURS["muted"],
    "legend.frameon": False,
    "svg.fonttype": "none",  # letters stay letters: small, selectable, in the page's own font
}
MOST_DOTS = 2000  # pairs of many classes
STEPS = np.array([step * 10.0**power for power in range(-7, 7) for step in (1, 2, 5)])


@rc_context(STYLE)
def learning_curve(history: Sequence[Mapping[str, Any]], measure: Literal["loss", "accuracy", "f1"]) -> Figure:
    """Learning curves: training and validation loss, accuracy or F1 by epoch, or by update (see `curves`).

    All scales are logarithmic: that of accuracy, and of F1, in what is missing to 1, so that 98% → 99% is as high a
    step as 96% → 98%. An accuracy of 1 is drawn on the upper edge. Epochs without the measure are left out.
    """
    figure = Figure(figsize=(WIDTH, 2.9))
    axes = figure.subplots()
    drawn = curves(history, measure)
    lines = {
        label: np.array(points, dtype=float).reshape(-1, 2)
        for label, points in (("training", drawn.training), ("validation", drawn.validation))
    }
    heights = {label: line[:, 1] if measure == "loss" else 1 - line[:, 1] for label, line in lines.items()}
    low, high = _enclosing(np.concatenate([*heights.values()]))
    by_block = len(drawn.training) > len(history)
    for label, role, style in (("training", "muted", "-" if by_block else "--"), ("validation", "correct", "-")):
        if not np.isfinite(heights[label]).any():
            continue
        shown = np.maximum(heights[label], low)
        marker = "" if by_block and label == "training" else "o"
        (line,) = axes.plot(lines[label][:, 0], shown, style, color=COLOURS[role], label=label)
        line.set(marker=marker, markersize=3, clip_on=False)
    perfect = any(bool((line == 0).any()) for line in heights.values())
    _scale_learning(axes, measure, low, high, perfect)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axes.set_xlim(0 if by_block else 0.5, max(drawn.length, 1) + (0 if by_block else 0.5))
    axes.set_xlabel(drawn.unit)
    axes.set_ylabel("F1" if measure == "f1" else measure)
    axes.grid(axis="y")
    if axes.lines:
        axes.legend(loc="upper right" if measure == "loss" else "lower right")
    return figure


def _scale_learning(axes: Axes, measure: str, low: float, high: float, perfect: bool) -> None:
    """Ticks at 1-2-5, or only at 1 if these are many; accuracy is the error rate upside down."""
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    steps = STEPS if high / low < 2000 else STEPS[::3]  # there is room for ten labels
    axes.yaxis.set_major_locator(FixedLocator(steps[(low * 0.99 < steps) & (high * 1.01 > steps)].tolist()))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda loss, _: f"{loss:g}"))
    if measure != "loss":
        axes.invert_yaxis()
        axes.yaxis.set_major_formatter(
            FuncFormatter(lambda error, _: f"{100 * (1 - (0 if perfect and error == low else error)):.6g}%")
        )


@rc_context(STYLE)
def confusion_image(matrix: np.ndarray) -> Figure:
    """Confusion matrix of many classes: a dot for each pair that was confused, the larger the more often."""
    figure = Figure(figsize=(WIDTH, WIDTH))
    axes = figure.subplots()
    errors = matrix - np.diag(np.diag(matrix))
    # A thousand classes may have many thousand pairs, and the page carries each dot.
    most = np.sort(errors[errors > 0])[-MOST_DOTS:]
    true, predicted = np.nonzero(errors >= max(1, most[0] if len(most) == MOST_DOTS else 1))
    sizes = 4 + 40 * errors[true, predicted] / max(1, errors.max(initial=0))
    axes.plot([-0.5, len(matrix) - 0.5], [-0.5, len(matrix) - 0.5], color=COLOURS["line"], lw=1)
    axes.scatter(predicted, true, s=sizes, color=COLOURS["incorrect"], alpha=0.5, lw=0)
    axes.set(xlim=(-0.5, len(matrix) - 0.5), ylim=(len(matrix) - 0.5, -0.5))
    axes.set(xlabel="number of the predicted class", ylabel="number of the true class")
    return figure


@rc_context(STYLE)
def confidence_histogram(probabilities: np.ndarray, labels: np.ndarray) -> Figure:
    """Confidence histogram: correct and incorrect predictions by confidence, in 18 bins, on a logarithmic scale."""
    figure = Figure(figsize=(WIDTH, 3.1))
    axes = figure.subplots()
    confidence = probabilities.max(axis=1).clip(0.1, 1)
    correct = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0.1, 1, 19)
    for name, members, offset in (("correct", correct, -0.011), ("incorrect", ~correct, 0.011)):
        counts, _ = np.histogram(confidence[members], edges)
        centres = (edges[:-1] + edges[1:]) / 2 + offset
        # A logarithmic scale has no 0, but what ends below its lower edge is as invisible.
        axes.bar(centres, np.maximum(counts, 0.1), width=0.02, color=COLOURS[name], label=name)
    axes.set_yscale("log")
    axes.set_ylim(0.7, max(10, 2 * len(labels)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlim(0.08, 1.02)
    _percent_ticks(axes, "x")
    axes.set_xlabel("confidence")
    axes.set_ylabel("predictions")
    axes.grid(axis="y")
    axes.legend(loc="upper left")
    return figure


def reliability_diagram(probabilities: np.ndarray, labels: np.ndarray) -> Figure:
    """Reliability diagram: accuracy by confidence in 15 bins, with 95% confidence intervals."""
    return reliability_of_bins({"this model": calibration_bins(probabilities, labels)})


@rc_context(STYLE)
def reliability_of_bins(bins: Mapping[str, Sequence[tuple[int, float, float]]]) -> Figure:
    """Reliability diagram of up to three sets of images by name, each as `metrics.calibration_bins` gives it."""
    figure = Figure(figsize=(WIDTH, 3.1))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=COLOURS["muted"], lw=1, dashes=(4, 3), label="perfect calibration")
    for (name, some), role in zip(bins.items(), ("correct", "incorrect", "text"), strict=False):
        counts, confidence, accuracy = (np.array(column) for column in zip(*some, strict=True))
        correct = np.rint(counts * accuracy).astype(int)
        low, high = np.array([wilson_interval(int(k), int(n)) for k, n in zip(correct, counts, strict=True)]).T
        axes.vlines(confidence, low, high, color=COLOURS[role], lw=1.5, alpha=0.45)
        axes.scatter(confidence, accuracy, s=20, color=COLOURS[role], label=name, zorder=3)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.04)
    _percent_ticks(axes, "x")
    _percent_ticks(axes, "y")
    axes.set_xlabel("confidence")
    axes.set_ylabel("accuracy")
    axes.grid()
    axes.legend(loc="lower right")
    return figure


@rc_context(STYLE)
def risk_coverage_curve(probabilities: np.ndarray, labels: np.ndarray) -> Figure:
    """Risk–coverage curve: error rate among the most confident predictions by their fraction of all predictions.

    The curve begins at its first error, or at a coverage of 90% at the latest.
    """
    figure = Figure(figsize=(WIDTH, 3.1))
    axes = figure.subplots()
    count = len(labels)
    errors = cumulative_errors(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels)
    sizes = np.arange(1, count + 1)
    coverage, risk = sizes / count, errors[1:] / sizes
    axes.axhline(risk[-1], color=COLOURS["muted"], lw=1, dashes=(4, 3), label="random rejection")
    axes.plot(coverage, risk, color=COLOURS["correct"], lw=1.5, label="rejecting the least confident")
    at = max(0, round(MAIN_COVERAGE * count) - 1)
    axes.scatter(coverage[at], risk[at], s=20, color=COLOURS["correct"], zorder=3, clip_on=False)
    first = min([0.9, *coverage[risk > 0][:1]])
    axes.set_xlim(np.floor(10 * first) / 10, 1)
    axes.set_ylim(0, 1.45 * max(float(risk[coverage >= first].max()), 1 / count))
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda rate, _: f"{100 * rate:.4g}%"))
    axes.set_xlabel("coverage")
    axes.set_ylabel("risk (error rate)")
    axes.grid()
    axes.legend(loc="upper left")
    return figure


@rc_context(STYLE)
def accuracy_by_seed(accuracies: Mapping[int, float], summary: Summary) -> Figure:
    """Accuracy of each seed, their mean as a line, and its 95% confidence interval as a band."""
    figure = Figure(figsize=(WIDTH, 2.7))
    axes = figure.subplots()
    if summary.confidence_interval:
        low, high = summary.confidence_interval
        axes.axhspan(low, high, color=COLOURS["correct"], alpha=0.15, lw=0, label="95% CI of the mean")
    axes.axhline(summary.mean, color=COLOURS["correct"], lw=1.5, label="mean")
    axes.scatter([*accuracies], [*accuracies.values()], s=20, color=COLOURS["text"], label="seed", zorder=3)
    axes.margins(y=0.15)
    axes.set_xlim(min(accuracies) - 0.5, max(accuracies) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda accuracy, _: f"{100 * accuracy:.6g}%"))
    axes.set_xlabel("seed")
    axes.set_ylabel("test accuracy")
    axes.grid(axis="y")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, columnspacing=1, borderpad=0)
    return figure


def to_svg(figure: Figure, description: str) -> str:
    """The figure as an inline `<svg>` element: transparent, as wide as its container, without external addresses.

    `description` is the text for screen readers. The output is deterministic.
    """
    stream = io.StringIO()
    # The salt makes identifiers deterministic, and different from those of the other figures on the page.
    with rc_context(STYLE | {"svg.hashsalt": description}):
        # Without these four, matplotlib writes a date and the addresses of vocabularies into the file.
        metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(stream, format="svg", transparent=True, metadata=metadata)
    svg = stream.getvalue()
    view_box = re.search(r'viewBox="[^"]*"', svg)[0]  # type: ignore[index]  # matplotlib always writes one
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)  # every figure counts from 1, and a page has each id once
    body = re.sub(r" font-family: [^;\"]*;", "", body)
    body = re.sub(r"\s*\n\s*", " ", body)
    for role, colour in COLOURS.items():
        body = body.replace(colour, f"var(--{role}, {colour})")
    return f'<svg role="img" aria-label="{escape(visible(description))}" {view_box}>{body}'


def standalone(svg: str) -> str:
    """The result of `to_svg` as a file of its own, with XML namespaces and a white background."""
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return svg.replace("<svg ", f'<svg {names} font-family="sans-serif" style="background: white" ', 1) + "\n"


def _enclosing(values: np.ndarray) -> tuple[float, float]:
    """The steps of 1-2-5 around all finite positive values, and one more below if there are zeros on the edge."""
    usable = values[np.isfinite(values) & (values > 0)]
    if not len(usable):
        return 0.01, 1.0
    first = int(np.searchsorted(STEPS, usable.min() * 1.001)) - 1 - bool((values == 0).any())
    last = int(np.searchsorted(STEPS, usable.max() * 0.999))
    first = min(max(first, 0), len(STEPS) - 2)
    return float(STEPS[first]), float(STEPS[min(max(last, first + 1), len(STEPS) - 1)])


def _percent_ticks(axes: Axes, which: Literal["x", "y"]) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(MultipleLocator(0.2))
    axis.set_major_formatter(FuncFormatter(lambda fraction, _: f"{100 * fraction:.0f}%"))
