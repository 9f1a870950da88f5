import re
from xml.dom import minidom

import numpy as np
import pytest

from mnist_cnn.evaluation import charts
from mnist_cnn.evaluation.comparison import summarize
from mnist_cnn.evaluation.metric_curves import curves

LABELS = np.array([3, 3, 7, 9])
PREDICTED = np.array([3, 3, 7, 4])


def probabilities(confidence=0.91):
    """Each digit of PREDICTED with the given confidence, the rest shared by the other nine."""
    rows = np.full((len(PREDICTED), 10), (1 - confidence) / 9, np.float32)
    rows[np.arange(len(PREDICTED)), PREDICTED] = confidence
    return rows


def epochs(**columns):
    rows = zip(*columns.values(), strict=True)
    return [{"epoch": number, **dict(zip(columns, row, strict=True))} for number, row in enumerate(rows, 1)]


def words(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def drawn(figure):
    return charts.to_svg(figure, "a chart")


def test_learning_curves_show_training_and_validation_by_epoch():
    history = epochs(loss=[1.5, 0.3], val_loss=[0.8, 0.2])
    figure = charts.learning_curve(history, "loss")
    training, validation = figure.axes[0].lines
    assert training.get_label() == "training"
    assert training.get_xydata().tolist() == [[1, 1.5], [2, 0.3]]
    assert validation.get_xydata().tolist() == [[1, 0.8], [2, 0.2]]


def test_without_validation_there_is_a_single_line():
    figure = charts.learning_curve(epochs(loss=[1.5, 0.3]), "loss")
    assert len(figure.axes[0].lines) == 1
    assert "validation" not in words(drawn(figure))


def test_the_axis_of_the_error_rate_has_accuracies_as_labels():
    history = epochs(accuracy=[0.6, 0.95], val_accuracy=[0.8, 0.98])
    assert {"50%", "80%", "90%", "95%", "98%"} <= set(words(drawn(charts.learning_curve(history, "accuracy"))))


def test_an_accuracy_of_1_is_drawn_on_the_upper_edge_as_100_percent():
    figure = charts.learning_curve(epochs(accuracy=[0.9, 1.0], val_accuracy=[0.8, 0.95]), "accuracy")
    axes = figure.axes[0]
    assert axes.lines[0].get_ydata()[1] == min(axes.get_ylim())
    assert "100%" in words(drawn(figure))


@pytest.mark.parametrize("measure", ["loss", "accuracy"])
@pytest.mark.parametrize(
    "history",
    [
        [],
        epochs(loss=[0.5], accuracy=[0.9]),
        epochs(loss=[float("nan")], accuracy=[0.1], val_loss=[float("inf")], val_accuracy=[0.1]),
        epochs(loss=[0.0], accuracy=[1.0], val_loss=[0.0], val_accuracy=[1.0]),
    ],
    ids=["no epoch", "no validation", "diverged", "perfect"],
)
def test_unusual_histories_are_drawn(measure, history):
    assert "epoch" in words(drawn(charts.learning_curve(history, measure)))


def test_a_training_of_one_epoch_is_drawn_by_updates():
    blocks = [{"update": 20, "loss": 1.5, "accuracy": 0.6}, {"update": 30, "loss": 0.5, "accuracy": 0.9}]
    history = [{"epoch": 1, "loss": 1.1, "accuracy": 0.7, "val_loss": 0.4, "seconds": 1.0, "updates": blocks}]
    axes = charts.learning_curve(history, "loss").axes[0]
    training, validation = axes.lines
    assert training.get_xydata().tolist() == [[20, 1.5], [30, 0.5]]
    assert validation.get_xydata().tolist() == [[30, 0.4]]
    assert axes.get_xlabel() == "update"
    assert curves(history, "accuracy").training == [(20, 0.6), (30, 0.9)]


def test_blocks_of_several_epochs_lie_between_the_epochs():
    rows = [(1, [10, 20], 0.5), (2, [30, 40], 0.3)]
    history = [
        {
            "epoch": epoch,
            "loss": 0.0,
            "val_loss": held_out,
            "updates": [{"update": one, "loss": one / 10} for one in ends],
        }
        for epoch, ends, held_out in rows
    ]
    found = curves(history, "loss")
    assert found.training == [(0.5, 1.0), (1.0, 2.0), (1.5, 3.0), (2.0, 4.0)]
    assert found.validation == [(1, 0.5), (2, 0.3)]
    assert (found.unit, found.length) == ("epoch", 2)
    del history[0]["updates"]  # as of a run that an older version began
    assert curves(history, "loss").training == [(1, 0.0), (2, 0.0)]


def test_of_many_classes_the_confusion_matrix_is_a_dot_for_each_pair_that_was_confused():
    matrix = np.diag(np.full(40, 9))
    matrix[4, 9], matrix[9, 4] = 18, 2
    (dots,) = charts.confusion_image(matrix).axes[0].collections
    assert dots.get_offsets().tolist() == [[9, 4], [4, 9]]
    assert dots.get_sizes()[0] > dots.get_sizes()[1]


def test_the_histogram_counts_correct_and_incorrect_predictions_separately():
    figure = charts.confidence_histogram(probabilities(0.91), LABELS)
    correct, incorrect = figure.axes[0].containers
    assert max(bar.get_height() for bar in correct) == 3
    assert max(bar.get_height() for bar in incorrect) == 1


def test_the_reliability_diagram_has_accuracy_by_confidence():
    figure = charts.reliability_diagram(probabilities(0.91), LABELS)
    ((confidence, accuracy),) = figure.axes[0].collections[-1].get_offsets().tolist()
    assert confidence == pytest.approx(0.91)
    assert accuracy == 0.75


def test_a_reliability_diagram_of_several_sets_has_each_in_its_own_colour():
    axes = charts.reliability_of_bins({"MNIST": [(3, 0.91, 1.0)], "images": [(2, 0.5, 0.5), (4, 0.95, 0.75)]}).axes[0]
    first, second = (axes.collections[index] for index in (1, 3))
    assert first.get_offsets().tolist() == [[0.91, 1.0]]
    assert second.get_offsets().tolist() == [[0.5, 0.5], [0.95, 0.75]]
    assert first.get_facecolor().tolist() != second.get_facecolor().tolist()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["perfect calibration", "MNIST", "images"]


def test_the_risk_coverage_curve_ends_where_nothing_is_rejected():
    rows = probabilities(0.91)
    rows[3] = np.full(10, 0.05)
    rows[3, 4] = 0.55  # the error has the lowest confidence
    random, selective = charts.risk_coverage_curve(rows, LABELS).axes[0].lines
    assert selective.get_xydata().tolist() == [[0.25, 0], [0.5, 0], [0.75, 0], [1, 0.25]]
    assert set(random.get_ydata()) == {0.25}


def test_the_risk_coverage_curve_begins_at_the_first_error():
    rows = np.tile(probabilities(0.91), (25, 1))
    axes = charts.risk_coverage_curve(rows, np.tile(PREDICTED, 25)).axes[0]
    assert axes.get_xlim() == pytest.approx((0.9, 1))
    labels = np.tile(PREDICTED, 25)
    labels[50] = 0
    rows[:50, :] *= 1.05  # so the error is the 51st
    assert charts.risk_coverage_curve(rows, labels).axes[0].get_xlim()[0] == pytest.approx(0.5)


def test_probabilities_of_1_are_drawn_without_warnings():
    for chart in (charts.confidence_histogram, charts.reliability_diagram, charts.risk_coverage_curve):
        assert "100%" in words(drawn(chart(probabilities(1.0), LABELS)))


def test_seeds_are_dots_around_their_mean_and_its_confidence_interval():
    accuracies = {0: 0.981, 2: 0.979, 5: 0.983}
    summary = summarize([*accuracies.values()])
    axes = charts.accuracy_by_seed(accuracies, summary).axes[0]
    assert axes.collections[-1].get_offsets().tolist() == [[0, 0.981], [2, 0.979], [5, 0.983]]
    assert axes.lines[0].get_ydata()[0] == pytest.approx(0.981)
    (band,) = axes.patches
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx(summary.confidence_interval)


@pytest.mark.parametrize("accuracies", [{0: 0.98}, {0: 1.0, 1: 1.0}], ids=["one", "no spread"])
def test_seeds_without_a_confidence_interval_are_drawn(accuracies):
    assert "seed" in words(drawn(charts.accuracy_by_seed(accuracies, summarize([*accuracies.values()]))))


def test_a_chart_can_be_a_file_of_its_own():
    svg = charts.standalone(drawn(charts.accuracy_by_seed({0: 0.98}, summarize([0.98]))))
    assert minidom.parseString(svg).documentElement.getAttribute("viewBox")  # noqa: S318  our own


def test_an_svg_has_no_external_address_and_a_text_alternative():
    svg = charts.to_svg(charts.confidence_histogram(probabilities(), LABELS), 'the "first" <chart>')
    assert "http" not in svg
    assert svg.startswith('<svg role="img" aria-label="the &quot;first&quot; &lt;chart&gt;" viewBox="0 0 ')
    assert svg.rstrip().endswith("</svg>")


def test_colours_are_left_to_the_page():
    svg = drawn(charts.confidence_histogram(probabilities(), LABELS))
    assert set(re.findall(r"var\(--(\w+), ", svg)) >= {"text", "muted", "line", "incorrect"}
    assert not re.findall(r"(?<!, )#[0-9a-f]{6}", svg)


@pytest.mark.parametrize(
    ("chart", "expected"),
    [
        (charts.confidence_histogram, {"confidence", "predictions", "correct", "incorrect"}),
        (charts.reliability_diagram, {"confidence", "accuracy", "perfect calibration", "this model"}),
        (charts.risk_coverage_curve, {"coverage", "risk (error rate)", "random rejection"}),
    ],
)
def test_axes_and_legends_have_their_standard_names(chart, expected):
    assert expected <= set(words(drawn(chart(probabilities(), LABELS))))


def test_drawing_is_deterministic():
    def chart():
        return drawn(charts.learning_curve(epochs(loss=[1.0, 0.5], val_loss=[0.9, 0.4]), "loss"))

    assert chart() == chart()


def test_two_charts_of_a_page_share_no_id():
    first, second = (
        set(re.findall(r'id="([^"]+)"', charts.to_svg(charts.learning_curve([], measure), measure)))
        for measure in ("loss", "accuracy")
    )
    assert not first & second
