"""Draw the figures of docs/trust.md: reliability diagram, risk-coverage curve and disputed test labels of a model.

    python bench/trust_pictures.py MODEL.onnx

MNIST is found through MNIST_CNN_DATA. Also prints the measures quoted with the figures.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from mnist_cnn.data import source
from mnist_cnn.data.dataset import Examples
from mnist_cnn.evaluation import charts
from mnist_cnn.evaluation.charts import COLOURS, STYLE
from mnist_cnn.evaluation.confident_learning import LabelError, rank
from mnist_cnn.evaluation.disputed import DISPUTED
from mnist_cnn.evaluation.metrics import evaluate
from mnist_cnn.reading.network import onnx_classifier
from mnist_cnn.terminal.screen import show_calibration

DOCS = Path(__file__).parents[1] / "docs"
ACROSS = 10


@rc_context(STYLE)
def sheet(errors: list[LabelError], test: Examples) -> Figure:
    """Each image with its label, the suggested label, and in colour the raters' majority if they dispute the label."""
    figure = Figure(figsize=(8.4, 4.2))
    for axes, error in zip(figure.subplots(-(-len(errors) // ACROSS), ACROSS).flat, errors, strict=True):
        axes.imshow(255 - test.images[error.index], cmap="gray", vmin=0, vmax=255)
        disputed = error.index in DISPUTED
        axes.set_title(f"label {error.label}\nsuggested {error.suggested}", size=8, color=COLOURS["text"])
        raters = DISPUTED.get(error.index)
        words = f"raters: {'no majority' if raters is None else raters}" if disputed else f"#{error.index}"
        axes.set_xlabel(words, size=8, color=COLOURS["incorrect" if disputed else "muted"])
        axes.set(xticks=[], yticks=[])
    return figure


def main(model: Path) -> None:
    """Draw all three figures."""
    test = source.load("mnist").test
    probabilities = onnx_classifier(model)(test.images)
    evaluation = evaluate(probabilities, test.labels)
    for name, chart in (("reliability", charts.reliability_diagram), ("risk_coverage", charts.risk_coverage_curve)):
        svg = charts.to_svg(chart(probabilities, test.labels), f"{name.replace('_', ' and ')} of {model}")
        (DOCS / f"{name}.svg").write_text(charts.standalone(svg), encoding="utf-8")
    errors = rank(probabilities, test.labels)
    sheet(errors, test).savefig(DOCS / "disputed_labels.png", dpi=110)
    show_calibration(evaluation)
    found = sum(error.index in DISPUTED for error in errors)
    print(f"{found} of the {len(DISPUTED)} disputed labels are among the {len(errors)} least probable labels")
    print(f"confidence {np.mean(probabilities.max(axis=1)):.4f}, accuracy {evaluation.accuracy:.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
