"""Make what the documents say about external images from bench/results/read_pictures.json.

`python bench/picture_tables.py` replaces the tables of docs/trust.md and docs/benchmarks.md that stand between two
comments, and draws docs/reliability_images.svg. `python bench/read_pictures.py FOLDER` measures and then does the same.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mnist_cnn.evaluation import charts
from mnist_cnn.evaluation.metrics import CALIBRATION_BINS, MEASURES, Accuracy

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "read_pictures.json"
DIAGRAM = ROOT / "docs" / "reliability_images.svg"
BLOCK = re.compile(r"(<!-- bench/picture_tables\.py: (\w+) -->\n\n).*?(\n\n<!-- end -->)", re.DOTALL)
WHOLE = "{}, whole reader"
PEOPLE = {"pictures": "{} projects", "strangers": "{} other projects"}  # whose images these are, by folder
KINDS = {"photo": "photos", "scan": "scans", "drawing": "drawings"}
LAYOUTS = {
    "line": "lines of digits",
    "rows": "several rows",
    "mixed": "digits among words, in forms and equations",
    "print": "printed digits",
}
NAMES = dict(zip(MEASURES, ("negative log-likelihood", "Brier score", "expected calibration error"), strict=True))
COVERAGES = ("1.0", "0.99", "0.95", "0.9")


def main() -> None:
    """Write the tables into the documents, and the figure beside them."""
    measured = json.loads(RESULTS.read_text(encoding="utf-8"))["measured"]
    for path in (ROOT / "docs" / "trust.md", ROOT / "docs" / "benchmarks.md"):
        path.write_text(filled(path.read_text(encoding="utf-8"), measured), encoding="utf-8")
    DIAGRAM.write_text(diagram(measured), encoding="utf-8")


def filled(document: str, measured: dict[str, Any]) -> str:
    """The document with every table made again from what was measured."""
    tables = {"calibration": calibration, "accuracy": accuracy, "sources": sources}
    return BLOCK.sub(lambda found: found[1] + "\n".join(tables[found[2]](measured)) + found[3], document)


def diagram(measured: dict[str, Any]) -> str:
    """The reliability diagram of MNIST and of all people's images together, as an SVG file."""
    bins = {name: pooled([single]) for name, single in singles(measured) if name.startswith("MNIST")}
    people = [measured[folder] for folder in PEOPLE if folder in measured]
    name = f"{sum(len(one['sources']) for one in people)} projects"
    bins[name] = pooled([one["layouts"]["single"]["single_digits"] for one in people])
    words = f"Reliability diagram of the bundled model, through the reader: {', '.join(bins)}"
    return charts.standalone(charts.to_svg(charts.reliability_of_bins(bins), words))


def pooled(several: list[dict[str, Any]]) -> list[tuple[int, float, float]]:
    """The bins of several sets of images as those of one set: (count, mean confidence, accuracy) of each."""
    members: dict[int, list[dict[str, Any]]] = {}
    for one in (one for single in several for one in single["calibration"]["bins"]):
        index = min(int(one["confidence"] * CALIBRATION_BINS), CALIBRATION_BINS - 1)
        members.setdefault(index, []).append(one)
    return [
        (total, *(sum(one["count"] * one[name] for one in some) / total for name in ("confidence", "accuracy")))
        for total, some in ((sum(one["count"] for one in some), some) for _, some in sorted(members.items()))
    ]


def singles(measured: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What was measured about confidence: the name of the images, and `labelled_images.single_digits`."""
    for name in ("MNIST test", "USPS test"):
        if found := measured.get(WHOLE.format(name)):
            yield name, found["single_digits"]
    for folder, name in PEOPLE.items():
        if found := measured.get(folder):
            yield name.format(len(found["sources"])), found["layouts"]["single"]["single_digits"]


def calibration(measured: dict[str, Any]) -> Iterator[str]:
    """A table of calibration and selective accuracy, with a column for each set of images."""
    columns = dict(singles(measured))
    high = next(iter(columns.values()))["high_confidence"]["min_confidence"]
    rows = {"images of one digit": [f"{one['count']:,}" for one in columns.values()]}
    rows["… in which exactly one is found: the next three"] = [
        f"{one['calibration']['count']:,}" for one in columns.values()
    ]
    rows |= {
        words: [with_interval(one["calibration"], name) for one in columns.values()] for name, words in NAMES.items()
    }
    rows[f"predictions with a confidence of at least {high:.0%}"] = [
        f"{one['high_confidence']['count']:,}" for one in columns.values()
    ]
    rows["… of these incorrect"] = [wrong(one["high_confidence"]) for one in columns.values()]
    rows |= {
        f"selective accuracy at {float(coverage):.0%} coverage": [
            f"{one['risk_coverage']['selective_accuracy'][coverage]:.2%}" for one in columns.values()
        ]
        for coverage in COVERAGES
    }
    yield line(["bundled model, through the reader; 95% CI", *columns])
    yield "|---" * (len(columns) + 1) + "|"
    yield from (line([name, *cells]) for name, cells in rows.items())


def with_interval(measures: dict[str, Any], name: str) -> str:
    """A measure with its confidence interval."""
    low, high = measures["confidence_intervals"][name]
    return f"{measures[name]:.4f} ({low:.4f} to {high:.4f})"


def wrong(high: dict[str, Any]) -> str:
    """The number of errors with their share and its confidence interval."""
    if not high["count"]:
        return "–"
    low, top = high["confidence_interval"]
    return f"{high['errors']:,}: {high['error_rate']:.2%} ({100 * low:.2f} to {100 * top:.2f})"


def accuracy(measured: dict[str, Any]) -> Iterator[str]:
    """A table of accuracies, with a row for each set of images and for each kind in it."""
    yield line(["", "correct", "accuracy, 95% CI"])
    yield "|---|---|---|"
    for name, one in measured.items():
        if name in PEOPLE:
            yield from of_people(name, one)
        elif name != "letters accepted":
            yield correct(name, one.get("images", one))
    if letters := measured.get("letters accepted"):
        yield correct("letters accepted (false accepts) at 1% false rejects on MNIST's test digits", letters)


def of_people(folder: str, measured: dict[str, Any]) -> Iterator[str]:
    """The rows of a folder of people's images."""
    layouts = measured["layouts"]
    single = layouts["single"]
    whose = {name: PEOPLE[folder].format(one["mean_over_sources"]["sources"]) for name, one in layouts.items()}
    yield correct(f"images of one digit, from {whose['single']}", single["images"])
    for kind, name in KINDS.items():
        if kind in single["kinds"]:
            yield correct(f"… {name}", single["kinds"][kind]["images"])
    over = single["mean_over_sources"]
    ends = "" if over["confidence_interval"] is None else range_of(over["confidence_interval"])
    yield line([f"… mean over {over['sources']} sources", "", f"{over['accuracy']:.2%}{ends}"])
    for layout, name in LAYOUTS.items():
        if layout in layouts:
            yield correct(f"{name}, from {whose[layout]}: digits in the correct order", layouts[layout]["digits"])
    if "none" in layouts:
        yield correct(f"images without digits, from {whose['none']}: nothing predicted", layouts["none"]["images"])


def sources(measured: dict[str, Any]) -> Iterator[str]:
    """A sentence about each folder of people's images: which sources have errors."""
    for folder, name in PEOPLE.items():
        if folder not in measured:
            continue
        of = measured[folder]["sources"]
        faulty = [f"{one} ({c['correct']} of {c['count']})" for one, c in of.items() if c["correct"] < c["count"]]
        rest = f"; the others are {', '.join(faulty)}" if faulty else ""
        largest = ", ".join(str(one["count"]) for one in [*of.values()][:3])
        yield (
            f"Of the {name.format(len(of))}, {len(of) - len(faulty)} have no errors{rest}. The three largest have "
            f"{largest} images, which is why the mean over [sources](glossary.md#source) is given as well."
        )


def correct(name: str, counts: dict[str, Any]) -> str:
    """A row of a table of accuracies."""
    one = Accuracy.from_dict(counts)
    return line([name, f"{one.correct:,} of {one.count:,}", f"{one.value:.2%}{range_of(one.confidence_interval)}"])


def range_of(ends: Any) -> str:
    """A confidence interval in per cent, in brackets."""
    low, high = ends
    return f" ({100 * low:.2f} to {100 * high:.2f})"


def line(cells: list[str]) -> str:
    """A line of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
