"""Draw docs/error_by_parameters.svg, docs/accuracy_by_seconds.svg and docs/study.svg from the studies in bench/results.

    python bench/plots.py

Filled points are this project's results: means over seeds with their standard deviation, timed on two CPU cores. Hollow
points are published results, as stated by their authors; docs/benchmarks.md has the source and machine of each.
"""

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from mnist_cnn.evaluation import charts
from mnist_cnn.evaluation.charts import COLOURS, STYLE
from mnist_cnn.evaluation.comparison import summarize
from results import FOLDER

SPANS = {"parameters": (700, 3_000_000), "seconds": (0.05, 6_000)}
DOCS = Path(__file__).parents[1] / "docs"


@dataclass(frozen=True)
class Point:
    """A result: test accuracy in percent with its standard deviation, number of parameters, seconds of training.

    Its label is moved down by `lower` points, so that labels do not overlap.
    """

    name: str
    accuracy: float
    sd: float = 0.0
    parameters: float | None = None
    seconds: float | None = None
    lower: float = 0.0


# keras.io and PyTorch examples: measured on this kind of machine. The rest: as stated by their authors.
THEIRS = [
    Point("keras.io example, 8 epochs", 99.0, parameters=34_826, seconds=88),
    Point("keras.io example, 15 epochs", 99.22, parameters=34_826, seconds=164),
    Point("PyTorch example, 2 epochs", 98.6, parameters=1_199_882, seconds=128),
    Point("speedrun, on a GPU", 99.04, seconds=0.76),
    Point("Matuzas77, on a GPU", 99.748, 0.028, parameters=1_190_000, lower=16),
    Point("under 10,000, best epoch", 99.5, parameters=10_000),
]


def ours() -> list[Point]:
    """The results in bench/results: two timings of whole processes, and every study under its file name."""
    timed = read("time_to_99.json")
    points = [
        of_runs("fast", timed["fast"], 39_226),
        of_runs("fast, 7 epochs", timed["fast_longer"], 39_226),
        of_runs("classic", read("classic_time.json")["mnist_cnn"], 33_658),
    ]
    for path in sorted(FOLDER.glob("study_*.json")):
        study = read(path.name)
        accuracy = study["summary"]["accuracy"]
        points.append(
            Point(
                path.stem.removeprefix("study_").replace("_", " "),
                100 * accuracy["mean"],
                100 * accuracy["sd"],
                study["rows"][0]["parameters"],
                study["summary"]["median_seconds"],
            )
        )
    return points


def read(name: str) -> dict[str, Any]:
    """A file of raw results."""
    document: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return document


def of_runs(name: str, runs: list[dict[str, float]], parameters: int) -> Point:
    """Mean, standard deviation and median time of timed runs."""
    accuracies = [run["accuracy"] for run in runs]
    seconds = statistics.median(run["seconds"] for run in runs)
    return Point(name, statistics.mean(accuracies), statistics.stdev(accuracies), parameters, seconds)


@rc_context(STYLE)
def draw(measure: str, label: str, name: str) -> None:
    """Accuracy (as error, inverted) against a measure, both on logarithmic scales."""
    figure = Figure(figsize=(7.2, 4.4))
    axes = figure.subplots()
    for points, mine in ((THEIRS, False), (ours(), True)):
        for point in points:
            place = getattr(point, measure)
            if place is None:
                continue
            error = 100 - point.accuracy
            colour = COLOURS["correct" if mine else "muted"]
            axes.errorbar(place, error, yerr=point.sd or None, color=colour, fmt="o", mfc=colour if mine else "none")
            # The side of the point that the label is on.
            side = 1 if mine or (measure == "seconds" and place > 1) else -1
            axes.annotate(
                point.name,
                (place, error),
                xytext=(8 * side, -point.lower),
                textcoords="offset points",
                ha="left" if side > 0 else "right",
                va="center",
                size=9,
                color=COLOURS["text"] if mine else COLOURS["muted"],
                fontweight="bold" if mine else "normal",
            )
    scale(axes)
    axes.set_xscale("log")
    axes.set_xlim(*SPANS[measure])
    axes.set_xlabel(label)
    axes.set_ylabel("test accuracy")
    axes.grid()
    figure.savefig(DOCS / name, metadata={"Date": None})


def scale(axes: Axes) -> None:
    """Accuracy increases upwards, on the logarithmic scale of the error."""
    axes.set_yscale("log")
    axes.set_ylim(2.5, 0.15)
    axes.yaxis.set_major_locator(FixedLocator([2, 1, 0.5, 0.2]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda error, _: f"{100 - error:.4g}%"))


def draw_study(name: str) -> None:
    """The plot that `mnist-cnn study` saves, of one of these studies."""
    accuracies = {row["seed"]: row["accuracy"] for row in read(f"study_{name}.json")["rows"]}
    figure = charts.accuracy_by_seed(accuracies, summarize([*accuracies.values()]))
    svg = charts.standalone(charts.to_svg(figure, f"test accuracy of {name} by seed"))
    (DOCS / "study.svg").write_text(svg, encoding="utf-8")


def main() -> None:
    """Draw all three figures."""
    draw_study("tiny")
    draw("parameters", "parameters", "error_by_parameters.svg")
    draw("seconds", "seconds", "accuracy_by_seconds.svg")


if __name__ == "__main__":
    main()
