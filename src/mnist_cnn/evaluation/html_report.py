"""Render the HTML report: a model card, test images and probabilities in, one self-contained page out.

The text is in `report.html.j2`.
"""

import base64
import hashlib
import math
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from mnist_cnn.card import REPORT, Card
from mnist_cnn.data.augment import Augmentation
from mnist_cnn.data.dataset import USUAL, Examples
from mnist_cnn.data.source import IN_MEMORY
from mnist_cnn.errors import RecipeError
from mnist_cnn.evaluation import confusion_cells, disputed
from mnist_cnn.evaluation.architecture_drawing import architecture
from mnist_cnn.evaluation.confident_learning import LabelError, LabelErrors, label_errors_of
from mnist_cnn.evaluation.corruptions import CORRUPTIONS, corrupt
from mnist_cnn.evaluation.metric_curves import curves
from mnist_cnn.evaluation.metrics import Evaluation
from mnist_cnn.evaluation.risk_coverage import MAIN_COVERAGE
from mnist_cnn.evaluation.robustness import CLEAN, Robustness
from mnist_cnn.system.files import write_whole
from mnist_cnn.system.visible import visible
from mnist_cnn.training.recipe import RECIPES, Recipe

MAX_MISCLASSIFIED = 120  # images in the gallery
HIGH_CONFIDENCE = 0.99
WITHOUT_CHARTS = (
    'The chart needs matplotlib: pip install "mnist-cnn[train]", then make this page again with `mnist-cnn report`.'
)
AUGMENTATIONS = (*(field.name for field in fields(Augmentation)), "restyle")
SPACE = "\N{NO-BREAK SPACE}"
FIRST = 12  # images of a gallery that are shown at once, and rows of a table
SCRIPT = Markup(Path(__file__).with_name("report_script.js").read_text(encoding="utf-8"))  # noqa: S704
SCRIPT_HASH = "sha256-" + base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()


@dataclass(frozen=True)
class MisclassifiedImage:
    """A misclassified test image; `image` is a data URI, `index` counts from 0 in the test set.

    `rater_label` is the label by human raters: equal to `label` unless they dispute it, negative without a majority.
    """

    index: int
    label: int
    rater_label: int
    predicted: int
    confidence: float
    image: str

    @property
    def disputed(self) -> bool:
        """Whether human raters dispute the label."""
        return self.rater_label != self.label


@dataclass(frozen=True)
class SuspectImage:
    """An image whose label is likely wrong; `image` is a data URI, `rater_label` as in `MisclassifiedImage`."""

    error: LabelError
    rater_label: int
    image: str

    @property
    def disputed(self) -> bool:
        """Whether human raters dispute the label."""
        return self.rater_label != self.error.label


def write(
    folder: Path,
    card: Card,
    test: Examples,
    probabilities: np.ndarray,
    evaluation: Evaluation,
    robustness: Robustness | None = None,
    label_errors: Mapping[str, LabelErrors] | None = None,
    train: Examples | None = None,
    charts: Mapping[str, Markup] | None = None,
) -> Path:
    """Render the report of a model and write it into the model's folder as `report.html`, atomically."""
    path = folder / REPORT
    name = folder.resolve().name.removesuffix(".partial")
    write_whole(path, render(card, name, test, probabilities, evaluation, robustness, label_errors, train, charts))
    return path


def render(
    card: Card,
    name: str,
    test: Examples,
    probabilities: np.ndarray,
    evaluation: Evaluation,
    robustness: Robustness | None = None,
    label_errors: Mapping[str, LabelErrors] | None = None,
    train: Examples | None = None,
    charts: Mapping[str, Markup] | None = None,
) -> str:
    """The report as HTML: `probabilities` (n, 10) are those of the n test images, `evaluation` their metrics.

    The output is deterministic. The page says so if the metrics of the model card differ. The section on corruptions
    needs `robustness`. `label_errors` of the "training" and "test" labels are those of several models
    (`mnist-cnn label-errors`) and need the training images; without them this model alone ranks the test labels.
    `charts` are those of `drawn_charts`, where they were drawn before.
    """
    is_mnist = card.data["name"] == "mnist"
    is_small = len(evaluation.class_names) <= confusion_cells.MOST_CLASSES
    matrix = confusion_cells.rows_of(evaluation) if is_small else []
    rater_labels = disputed.corrected(test.labels) if is_mnist else test.labels
    misclassified = misclassified_by_confidence(probabilities, test.labels)[:MAX_MISCLASSIFIED]
    of_test = label_errors["test"] if label_errors else label_errors_of(probabilities, test.labels)
    of_training = label_errors["training"] if label_errors else None
    return template("report.html.j2").render(
        card=card,
        name=name,
        evaluation=evaluation,
        is_mnist=is_mnist,
        data_name="MNIST" if is_mnist else card.data["name"],
        class_names=evaluation.class_names,
        is_digits=evaluation.is_of_digits,
        uniform=uniform_guess(len(evaluation.class_names)),
        side=card.task.side,
        decimals=decimals_for(evaluation.count),
        error_map=error_map(probabilities.argmax(axis=1) != test.labels),
        confusions=confusions(evaluation),
        misclassified=[misclassified_image(int(index), test, probabilities, rater_labels) for index in misclassified],
        relabelled=disputed.RELABELLED,
        undecided=disputed.UNDECIDED,
        confidence=confidence_summary(probabilities, test.labels),
        high_confidence=HIGH_CONFIDENCE,
        main_coverage=MAIN_COVERAGE,
        test_suspects=suspects(of_test, test, rater_labels),
        training_errors=of_training,
        training_suspects=suspects(of_training, train, train.labels) if of_training and train else [],
        robustness=robustness,
        corruption_examples=corruption_examples(test, robustness.seed) if robustness else {},
        charts=charts or drawn_charts(card.history, evaluation, probabilities, test.labels),
        block=block_length(card.history),
        architecture=Markup(architecture(card.task.input_shape, card.layers)),  # noqa: S704
        matrix=matrix,
        short_names=[confusion_cells.shortened(name) for name in evaluation.class_names],
        cell_images=cell_images(test, probabilities, evaluation) if matrix else "",
        first=FIRST,
        script=SCRIPT,
        script_hash=SCRIPT_HASH,
        command=training_command(card),
        held_out_writers=held_out_writers(card),
        augmented=any(card.recipe.get(name) for name in AUGMENTATIONS),
    )


def drawn_charts(
    history: list[dict[str, Any]], evaluation: Evaluation, probabilities: np.ndarray, labels: np.ndarray
) -> dict[str, Markup]:
    """Every chart of the report as SVG, with a text for screen readers; without matplotlib the text alone."""
    selective = evaluation.risk_coverage.selective_accuracy if evaluation.risk_coverage else {}
    risks = "; ".join(f"{percent(1 - accuracy)} at {coverage:.0%}" for coverage, accuracy in selective.items())
    words = {
        "loss": learning_curve_in_words(history, "loss"),
        "accuracy": learning_curve_in_words(history, "accuracy"),
        "confidence": f"Confidence histogram of {evaluation.correct} correct and "
        f"{evaluation.count - evaluation.correct} incorrect predictions.",
        "reliability": "Reliability diagram: accuracy by confidence. Expected calibration error: "
        f"{percent(evaluation.expected_calibration_error)}.",
        "risk_coverage": f"Risk–coverage curve. Error rate by coverage: {risks}.",
    }
    if has_many := len(evaluation.class_names) > confusion_cells.MOST_CLASSES:
        words["confusion"] = confusions_in_words(evaluation)
    try:
        from mnist_cnn.evaluation import charts  # here, because matplotlib is not part of the base install
    except ImportError:
        return {key: Markup("<p>{}</p><p>{}</p>").format(text, WITHOUT_CHARTS) for key, text in words.items()}
    drawn = {
        "loss": charts.learning_curve(history, "loss"),
        "accuracy": charts.learning_curve(history, "accuracy"),
        "confidence": charts.confidence_histogram(probabilities, labels),
        "reliability": charts.reliability_diagram(probabilities, labels),
        "risk_coverage": charts.risk_coverage_curve(probabilities, labels),
    }
    if has_many:
        drawn["confusion"] = charts.confusion_image(evaluation.confusion_matrix)
    return {key: Markup(charts.to_svg(figure, words[key])) for key, figure in drawn.items()}  # noqa: S704


def learning_curve_in_words(history: list[dict[str, Any]], measure: str) -> str:
    """Where the curves of training and validation begin and end."""
    drawn = curves(history, measure)
    lines = [
        f"{words} from {points[0][1]:.4g} to {points[-1][1]:.4g}"
        for words, points in (("training", drawn.training), ("validation", drawn.validation))
        if points
    ]
    return f"{measure.capitalize()} over {drawn.length} {drawn.unit}s: {', '.join(lines) or 'not recorded'}."


def block_length(history: list[dict[str, Any]]) -> int:
    """The updates that a point of the training's curve is the mean of; 0 if that is a whole epoch."""
    blocks = history[0].get("updates", []) if history else []
    return int(blocks[0]["update"]) if blocks else 0


def cell_images(test: Examples, probabilities: np.ndarray, evaluation: Evaluation) -> Markup:
    """What the page's script shows of the cells of the confusion matrix, as JSON that may stand in HTML."""
    about, sheet = confusion_cells.cell_images(test, probabilities, evaluation, probability)
    return htmlsafe_json_dumps(about | {"sheet": image_uri(sheet)}, separators=(",", ":"))


def confusions_in_words(evaluation: Evaluation) -> str:
    """The pairs of classes that are confused most often."""
    names = evaluation.class_names
    pairs = ", ".join(
        f"{names[true]} predicted as {names[predicted]} ({count})"
        for true, predicted, count in confusions(evaluation)[:5]
    )
    return f"Confusion matrix. Most common errors: {pairs or 'none'}."


def confusions(evaluation: Evaluation) -> list[tuple[int, int, int]]:
    """(true class, predicted class, count) for every pair that was confused, most common first."""
    matrix = evaluation.confusion_matrix
    pairs = [(int(true), int(guess), int(matrix[true, guess])) for true, guess in np.argwhere(matrix) if true != guess]
    return sorted(pairs, key=lambda pair: -pair[2])


def uniform_guess(classes: int) -> dict[str, float]:
    """The negative log-likelihood and the Brier score of equal probabilities of all classes."""
    return {"nll": math.log(classes), "brier": 1 - 1 / classes}


def misclassified_by_confidence(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Indices of the misclassified images, most confident first; ties in the order of the test set."""
    indices = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return indices[np.argsort(-probabilities[indices].max(axis=1), kind="stable")]


def misclassified_image(
    index: int, test: Examples, probabilities: np.ndarray, rater_labels: np.ndarray
) -> MisclassifiedImage:
    """A misclassified test image for the gallery, dark on white as it was written."""
    row = probabilities[index]
    return MisclassifiedImage(
        index=index,
        label=int(test.labels[index]),
        rater_label=int(rater_labels[index]),
        predicted=int(row.argmax()),
        confidence=float(row.max()),
        image=image_uri(test.images[index]),
    )


def suspects(found: LabelErrors, examples: Examples, rater_labels: np.ndarray) -> list[SuspectImage]:
    """Images with likely label errors for the gallery, lowest label probability first."""
    return [
        SuspectImage(error, int(rater_labels[error.index]), image_uri(examples.images[error.index]))
        for error in found.ranked
    ]


def corruption_examples(test: Examples, seed: int) -> dict[str, str]:
    """The first test image, clean and with every corruption, as data URIs: white on black, as the model sees it."""
    first = test.images[:1]
    return {CLEAN: png_uri(first[0])} | {name: png_uri(corrupt(first, name, seed)[0]) for name in CORRUPTIONS}


def error_map(errors: np.ndarray) -> str:
    """Rows of dots as a data URI, one per test image in dataset order; `errors` (n,) bool are coloured."""
    side = math.ceil(math.sqrt(len(errors)))
    rows = math.ceil(len(errors) / side)
    dots = np.zeros((rows * side, 4), np.uint8)
    dots[: len(errors)] = np.where(
        errors[:, None], (12, 86, 232, 255), (150, 140, 135, 90)
    )  # blue, green, red, opacity
    pixels = np.zeros((rows, 3, side, 3, 4), np.uint8)
    pixels[:, :2, :, :2] = dots.reshape(rows, 1, side, 1, 4)
    return png_uri(pixels.reshape(3 * rows, 3 * side, 4))


def confidence_summary(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Mean confidence, the number of predictions of at least 99% confidence, and the number of errors among them."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    high = confidence >= HIGH_CONFIDENCE
    errors = probabilities.argmax(axis=1) != labels
    return {"mean": float(confidence.mean()), "high": int(high.sum()), "errors": int((high & errors).sum())}


def held_out_writers(card: Card) -> list[tuple[str, str]]:
    """The accuracy on the digits of writers who were held out, by dataset, each with its count."""
    measured = card.data.get("ink", {}).get("accuracy", {})
    return [
        (name, f"{percent(one['accuracy'])} ({one['correct']:,} of {one['count']:,})") for name, one in measured.items()
    ]


def training_command(card: Card) -> str:
    """The command line that trains the model again, or the Python call if the data were arrays in memory."""
    changed = changed_hyperparameters(card)
    if card.data["origin"] == IN_MEMORY:
        settings = {"seed": card.seed, **changed, "threads": card.threads}
        settings |= {"deterministic": True} if card.deterministic else {}
        settings |= card.data.get("preparation", {})
        settings |= {"ink": card.data["ink"]["origin"]} if "ink" in card.data else {}
        settings |= {"teacher": card.data["teacher"]["origin"]} if "teacher" in card.data else {}
        given = ", ".join(f"{name}={value!r}" for name, value in settings.items())
        return f"mnist_cnn.train({card.recipe['name']!r}, ((x_train, y_train), (x_test, y_test)), {given})"
    words = ["mnist-cnn", "train", "--recipe", card.recipe["name"], "--data", card.data["origin"], "--seed", card.seed]
    words += preparation_options(card)
    for path in card.data.get("ink", {}).get("origin", []):
        words += ["--ink", path]
    words += ["--teacher", card.data["teacher"]["origin"]] if "teacher" in card.data else []
    for name, value in changed.items():
        words += [f"--{name.replace('_', '-')}", value]
    words += ["--threads", card.threads]
    return shlex.join(str(word) for word in words) + (" --deterministic" if card.deterministic else "")


def preparation_options(card: Card) -> list[Any]:
    """The options that prepared the images and labels."""
    given = card.data.get("preparation", {})
    words: list[Any] = []
    for name in ("image_size", "channels"):
        if given.get(name, getattr(USUAL, name)) != getattr(USUAL, name):
            words += [f"--{name.replace('_', '-')}", given[name]]
    words += ["--invert"] if given.get("invert") else []
    return words + (["--class-names", ",".join(given["class_names"])] if given.get("class_names") else [])


def changed_hyperparameters(card: Card) -> dict[str, Any]:
    """Hyperparameters that differ from the recipe of that name, whose repeats depend on the number of images."""
    recipe = RECIPES.get(card.recipe["name"], Recipe())
    batch_size = card.recipe.get("batch_size", recipe.batch_size)
    try:
        settled = recipe.replace(batch_size=batch_size).for_images(
            card.data["training"], ink="ink" in card.data, task=card.task
        )
    except RecipeError:  # a batch size that this version does not accept; the page shows it as it is
        settled = recipe
    defaults = settled.to_dict() | {"batch_size": recipe.batch_size}
    values = {name: card.recipe.get(name, default) for name, default in defaults.items()}
    return {name: value for name, value in values.items() if value != defaults[name]}


def png_uri(pixels: np.ndarray) -> str:
    """Pixels uint8, grey (h, w), or (h, w, 3) blue, green, red, perhaps with opacity, as a PNG in a data URI."""
    # OpenCV's defaults favour speed: the map of 10,000 dots is 90 KB with them and 5 KB with these.
    settings = [cv2.IMWRITE_PNG_COMPRESSION, 9, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT]
    _, encoded = cv2.imencode(".png", pixels, settings)
    return "data:image/png;base64," + base64.b64encode(encoded.tobytes()).decode()


def image_uri(image: np.ndarray) -> str:
    """An image of a dataset: a grey one (h, w) dark on white as it was written, an RGB one (h, w, 3) as it is."""
    return png_uri(255 - image if image.ndim == 2 else image[..., ::-1])


def percent(fraction: float, decimals: int = 2) -> str:
    """0.9796 → 97.96%."""
    return f"{100 * fraction:.{decimals}f}%"


def percent_range(ends: tuple[float, float], decimals: int = 2) -> str:
    """(0.9874, 0.9914) → 98.74–99.14%."""
    low, high = (f"{100 * end:.{decimals}f}" for end in ends)
    return f"{low}–{high}%"


def decimals_for(count: int) -> int:
    """Decimals that a percentage of `count` needs to show a single error, at least 1."""
    return max(1, len(str(count - 1)) - 2)


def probability(value: float) -> str:
    """0.984 → 98.4%; rounded down to 99.9%, so that only 1 becomes 100.0%."""
    return percent(value if value == 1 else min(value, 0.999), 1)


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


def shown(value: Any) -> Any:
    """A text of which every character can be seen; markup and numbers as they are."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def template(name: str) -> Template:
    """A template of this folder with the filters of all reports; everything that it shows is escaped."""
    page = Environment(
        loader=PackageLoader("mnist_cnn.evaluation", "."),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "percent": percent,
        "percent_range": percent_range,
        "probability": probability,
        "duration": duration,
        "times": times,
        "thousands": "{:,}".format,
    }
    page.filters.update(filters)
    return page.get_template(name)
