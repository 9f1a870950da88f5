"""A card, test images and probabilities become one self-contained page. The words stand in `report.html.j2`."""

import base64
import math
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from mnist_cnn.card import REPORT, Card
from mnist_cnn.data.augment import Distortion
from mnist_cnn.data.dataset import Examples
from mnist_cnn.evaluation import charts, disputed
from mnist_cnn.evaluation.corruptions import KINDS, corrupted
from mnist_cnn.evaluation.coverage import SUREST
from mnist_cnn.evaluation.label_issues import Disputes, LabelIssue, disputes_of
from mnist_cnn.evaluation.metrics import Evaluation, evaluate
from mnist_cnn.evaluation.robustness import CLEAN, Robustness
from mnist_cnn.system.files import write_whole
from mnist_cnn.training.recipe import RECIPES, Recipe

LARGEST_GALLERY = 120
SURE = 0.99
DISTORTIONS = tuple(limit.name for limit in fields(Distortion))
SPACE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Mistake:
    """One wrongly read test image; `picture` is a data URI, `index` counts from 0 in the test set.

    `corrected` is the label as human raters have it: `true` if they do not dispute that, negative if they are divided.
    """

    index: int
    true: int
    corrected: int
    read: int
    confidence: float
    picture: str

    @property
    def disputed(self) -> bool:
        """Whether human raters dispute the label."""
        return self.corrected != self.true


@dataclass(frozen=True)
class Doubt:
    """A label that is disputed, to be shown: `picture` is a data URI, `corrected` as of a `Mistake`."""

    issue: LabelIssue
    corrected: int
    picture: str

    @property
    def agreed(self) -> bool:
        """Whether human raters agree with the label, as far as they were asked."""
        return self.corrected == self.issue.given


def write(
    folder: Path,
    card: Card,
    test: Examples,
    probabilities: np.ndarray,
    robustness: Robustness | None = None,
    disputes: Mapping[str, Disputes] | None = None,
    train: Examples | None = None,
) -> Path:
    """Make the page of a network and put it into its folder as `report.html`, whole or not at all."""
    path = folder / REPORT
    name = folder.resolve().name.removesuffix(".partial")
    write_whole(path, render(card, name, test, probabilities, robustness, disputes, train))
    return path


def render(
    card: Card,
    name: str,
    test: Examples,
    probabilities: np.ndarray,
    robustness: Robustness | None = None,
    disputes: Mapping[str, Disputes] | None = None,
    train: Examples | None = None,
) -> str:
    """The page as text. `probabilities` (n, 10) are those of the n test images; the same input gives the same page.

    All numbers are measured here from `probabilities`; the page says so if the card counted otherwise. What damaged
    images do to it stands on the page where `robustness` was measured. `disputes` of "training" and "test" labels are
    what several networks say of them (`mnist_cnn.workflows.label_errors`), with the training images; without them this
    network alone judges the test labels.
    """
    is_mnist = card.data["name"] == "mnist"
    corrected = disputed.corrected(test.labels) if is_mnist else None
    evaluation = evaluate(probabilities, test.labels, corrected)
    mistakes = mistakes_by_confidence(probabilities, test.labels)[:LARGEST_GALLERY]
    return _page().render(
        card=card,
        name=name,
        evaluation=evaluation,
        is_mnist=is_mnist,
        data_name="MNIST" if is_mnist else card.data["name"],
        decimals=decimals_for(evaluation.count),
        map_of_mistakes=map_of_mistakes(probabilities.argmax(axis=1) != test.labels),
        confusions=confusions(evaluation),
        mistakes=[mistake_at(int(index), test, probabilities, corrected) for index in mistakes],
        relabelled=disputed.RELABELLED,
        undecided=disputed.UNDECIDED,
        confidence=confidence_in_numbers(probabilities, test.labels),
        surest=SUREST,
        doubts=doubts((disputes or {}).get("test") or disputes_of(probabilities, test.labels), test, corrected),
        training_disputes=(disputes or {}).get("training"),
        training_doubts=doubts(disputes["training"], train) if disputes and train else [],
        robustness=robustness,
        damaged=damaged(test, robustness.seed) if robustness else {},
        figures=figures(card, evaluation, probabilities, test.labels),
        command=command_to_repeat(card),
        distorted=any(card.recipe.get(name) for name in (*DISTORTIONS, "restyle")),
    )


def figures(card: Card, evaluation: Evaluation, probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Markup]:
    """The charts of the page as SVG, each with a sentence for somebody who cannot see it."""
    pairs = "; ".join(f"{true} read as {read}: {count}" for true, read, count in confusions(evaluation)[:5]) or "none"
    drawn = {
        "loss": (charts.learning_curve(card.history, "loss"), course(card.history, "loss")),
        "accuracy": (charts.learning_curve(card.history, "accuracy"), course(card.history, "accuracy")),
        "confusion": (charts.confusion_matrix(evaluation), f"Confusion matrix. Most common confusions: {pairs}."),
        "confidence": (
            charts.confidence_histogram(probabilities, labels),
            f"Histogram of confidence for {evaluation.correct} right and {evaluation.count - evaluation.correct} wrong "
            "readings.",
        ),
        "reliability": (
            charts.reliability_diagram(probabilities, labels),
            "Share of right readings by confidence. Expected calibration error: "
            f"{percent(evaluation.expected_calibration_error)}.",
        ),
        "coverage": (
            charts.risk_coverage(probabilities, labels),
            "Share of mistakes by how many of the surest readings are kept. "
            + "; ".join(f"of {share:.0%}: {percent(1 - right)}" for share, right in covered(evaluation).items())
            + ".",
        ),
    }
    return {key: Markup(charts.to_svg(figure, words)) for key, (figure, words) in drawn.items()}  # noqa: S704


def covered(evaluation: Evaluation) -> Mapping[float, float]:
    """The share right among the surest, by their share of all."""
    return evaluation.coverage.accuracy if evaluation.coverage else {}


def course(history: list[dict[str, float]], measure: str) -> str:
    """A learning curve in words: where training and validation began and ended."""
    lines = []
    for key, words in ((measure, "training"), (f"val_{measure}", "validation")):
        values = [entry[key] for entry in history if key in entry]
        if values:
            lines.append(f"{words} from {values[0]:.4g} to {values[-1]:.4g}")
    return f"{measure.capitalize()} over {len(history)} epochs: {', '.join(lines) or 'not recorded'}."


def confusions(evaluation: Evaluation) -> list[tuple[int, int, int]]:
    """(true digit, read as, how often) for every kind of mistake, most common first."""
    matrix = evaluation.confusion_matrix
    pairs = [(int(true), int(read), int(matrix[true, read])) for true, read in np.argwhere(matrix) if true != read]
    return sorted(pairs, key=lambda pair: -pair[2])


def mistakes_by_confidence(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The indices of the wrongly read images, surest first; equally sure ones in the order of the test set."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")]


def mistake_at(index: int, test: Examples, probabilities: np.ndarray, corrected: np.ndarray | None = None) -> Mistake:
    """What there is to show of one mistake: dark ink on white paper, as a person wrote it."""
    row = probabilities[index]
    return Mistake(
        index=index,
        true=int(test.labels[index]),
        corrected=int((test.labels if corrected is None else corrected)[index]),
        read=int(row.argmax()),
        confidence=float(row.max()),
        picture=png_uri(255 - test.images[index]),
    )


def doubts(disputes: Disputes, examples: Examples, corrected: np.ndarray | None = None) -> list[Doubt]:
    """What there is to show of disputed labels, worst first."""
    given = examples.labels if corrected is None else corrected
    return [
        Doubt(issue, int(given[issue.index]), png_uri(255 - examples.images[issue.index])) for issue in disputes.issues
    ]


def damaged(test: Examples, seed: int) -> dict[str, str]:
    """The first test image clean and in every kind of damage, as data URIs: white on black, as a network sees it."""
    first = test.images[:1]
    return {CLEAN: png_uri(first[0])} | {kind: png_uri(corrupted(first, kind, seed)[0]) for kind in KINDS}


def map_of_mistakes(wrong: np.ndarray) -> str:
    """Rows of dots as a data URI: one for each test image, in order, the `wrong` (n,) bool ones coloured."""
    side = math.ceil(math.sqrt(len(wrong)))
    rows = math.ceil(len(wrong) / side)
    dots = np.zeros((rows * side, 4), np.uint8)
    dots[: len(wrong)] = np.where(wrong[:, None], (12, 86, 232, 255), (150, 140, 135, 90))  # blue, green, red, opacity
    pixels = np.zeros((rows, 3, side, 3, 4), np.uint8)
    pixels[:, :2, :, :2] = dots.reshape(rows, 1, side, 1, 4)
    return png_uri(pixels.reshape(3 * rows, 3 * side, 4))


def confidence_in_numbers(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Mean confidence; how many readings were at least 99 % sure, and how many of these are wrong."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    sure = confidence >= SURE
    wrong = probabilities.argmax(axis=1) != labels
    return {"mean": float(confidence.mean()), "sure": int(sure.sum()), "sure_and_wrong": int((sure & wrong).sum())}


def command_to_repeat(card: Card) -> str:
    """The command line that trains this network again."""
    words = ["mnist-cnn", "train", "--recipe", card.recipe["name"], "--data", card.data["origin"], "--seed", card.seed]
    usual = RECIPES.get(card.recipe["name"], Recipe()).for_images(card.data["training"])
    for name, default in usual.to_dict().items():
        if card.recipe.get(name, default) != default:
            words += [f"--{name.replace('_', '-')}", card.recipe[name]]
    words += ["--threads", card.threads]
    return shlex.join(str(word) for word in words) + (" --deterministic" if card.deterministic else "")


def png_uri(pixels: np.ndarray) -> str:
    """Pixels (height, width) grey or (height, width, 4) blue-green-red-opacity, uint8, as a PNG in a data URI."""
    # OpenCV's own settings are for speed: the map of 10,000 dots is 90 KB with them and 5 KB with these.
    settings = [cv2.IMWRITE_PNG_COMPRESSION, 9, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT]
    _, encoded = cv2.imencode(".png", pixels, settings)
    return "data:image/png;base64," + base64.b64encode(encoded.tobytes()).decode()


def percent(share: float, decimals: int = 2) -> str:
    """0.9796 → 97.96 %."""
    return f"{100 * share:.{decimals}f}{SPACE}%"


def decimals_for(count: int) -> int:
    """How many decimals a share of `count` needs in percent to show a single mistake, and at least 1."""
    return max(1, len(str(count - 1)) - 2)


def how_sure(confidence: float) -> str:
    """0.98 → 98 %; from 98.5 % on with a decimal and rounded down, so that only 1 is called 100 %."""
    if 0.985 <= confidence < 1:
        return f"{math.floor(1000 * confidence) / 10:.1f}{SPACE}%"
    return percent(confidence, 0)


def duration(seconds: float) -> str:
    """70.1 → 1 min 10 s."""
    if seconds < 60:
        return f"{seconds:.1f}{SPACE}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{SPACE}min {rest}{SPACE}s"
    return f"{minutes // 60}{SPACE}h {minutes % 60}{SPACE}min"


def times(count: int) -> str:
    """1 → once, 18 → 18 times."""
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def _page() -> Template:
    page = Environment(
        loader=PackageLoader("mnist_cnn.evaluation", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "percent": percent,
        "how_sure": how_sure,
        "duration": duration,
        "times": times,
        "thousands": "{:,}".format,
    }
    page.filters.update(filters)
    return page.get_template("report.html.j2")
