import base64
import hashlib
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import cv2
import numpy as np
import pytest

from mnist_cnn.card import Card
from mnist_cnn.data.dataset import Examples
from mnist_cnn.evaluation import disputed, html_report
from mnist_cnn.evaluation.confident_learning import label_errors_of
from mnist_cnn.evaluation.corruptions import CORRUPTIONS
from mnist_cnn.evaluation.metrics import Accuracy, evaluate
from mnist_cnn.evaluation.robustness import PipelineAccuracies, Robustness

DATA = {
    "name": "mnist",
    "origin": "mnist",
    "sha256": "ab" * 32,
    "training": 54000,
    "validation": 6000,
    "test": 8,
    "warning": None,
}
LABELS = np.array([0, 1, 2, 3, 4, 5, 6, 7], np.uint8)
IMAGES = np.zeros((8, 28, 28), np.uint8)
IMAGES[:, 4:24, 13:15] = 255  # all are written as an upright stroke
TEST = Examples(IMAGES, LABELS)


def predictions(*digits, confidence=0.9):
    """Probabilities that predict these digits, each with the same confidence or with its own."""
    rows = np.zeros((len(digits), 10), np.float32)
    rows += (1 - np.broadcast_to(confidence, len(digits))[:, None]) / 9
    rows[np.arange(len(digits)), digits] = confidence
    return rows


NO_ERRORS = predictions(*LABELS)
# 4 predicted as 9 (60% confidence) and 7 as 2 (98%)
TWO_ERRORS = predictions(0, 1, 2, 3, 9, 5, 6, 2, confidence=[0.9, 0.9, 0.9, 0.9, 0.6, 0.9, 0.9, 0.98])


def a_card(probabilities=TWO_ERRORS, test=TEST, **changes):
    card = Card(
        format=1,
        created="2025-06-01T12:00:00Z",
        recipe={"name": "classic", "epochs": 12, "batch_size": 64, "learning_rate": 0.01, "dropout": 0.2},
        seed=7,
        threads=2,
        deterministic=True,
        data=DATA,
        git_commit=None,
        versions={"python": "3.11.7", "mnist-cnn": "0.1.0"},
        machine={"system": "Linux", "cores": 2},
        seconds={"training": 70.1, "testing": 0.9},
        parameters=33658,
        history=[{"epoch": 1, "loss": 0.5, "accuracy": 0.8, "val_loss": 0.2, "val_accuracy": 0.9, "seconds": 6.1}],
        evaluation=evaluate(probabilities, test.labels).to_dict(),
        notes=["resumed after epoch 5"],
        files={"model.keras": "cd" * 32},
    )
    return replace(card, **changes)


class Page(HTMLParser):
    """The words of a page, and its tags with their attributes."""

    def __init__(self, html):
        super().__init__()
        self.html, self.text, self.tags, self._quiet = html, "", [], False
        self.feed(html)
        self.text = re.sub(r"\s+", " ", self.text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._quiet = tag == "style"
        self.text += " " if tag == "br" else ""

    def handle_endtag(self, tag):
        self._quiet = False
        self.text += " " if tag in {"dt", "dd", "th", "td"} else ""

    def handle_data(self, data):
        self.text += "" if self._quiet else data

    def every(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


EVALUATION = evaluate(TWO_ERRORS, LABELS)


def page(probabilities=TWO_ERRORS, test=TEST, name="first", **changes):
    card = a_card(probabilities, test, **changes)
    corrected = disputed.corrected(test.labels) if card.data["name"] == "mnist" else None
    evaluation = evaluate(probabilities, test.labels, corrected)
    return Page(html_report.render(card, name, test, probabilities, evaluation))


@cache
def plain_page():
    return page()


def test_the_heading_states_the_test_accuracy_with_its_counts():
    assert "75.0% test accuracy: 6 of 8 images correct, 2 errors" in plain_page().text


def test_the_confidence_interval_follows_the_accuracy():
    # Wilson's interval of 6 of 8, by hand: (0.75 + 0.2401 ± 0.2979) / 1.4802
    assert "2 errors 95% CI 40.9–92.9% (Wilson)" in plain_page().text


def test_without_validation_data_the_page_does_not_mention_validation_curves():
    history = [{"epoch": epoch, "loss": 0.5, "accuracy": 0.8, "seconds": 6.1} for epoch in (1, 2)]
    recipe = {"name": "tiny", "dropout": 0.0, "rotation": 10.0, "final_plain_epochs": 1}
    text = page(history=history, recipe=recipe).text
    assert "trained on all training images, without a validation set" in text
    assert "on augmented images in all but the last epoch. They can therefore be worse than test metrics." in text
    assert "Training and validation should improve together" not in text
    assert "augmented" not in plain_page().text


def test_negatives_are_named_where_the_training_loss_includes_them():
    recipe = {"name": "robust", "dropout": 0.2, "negatives": 0.1}
    assert "The training loss includes negatives (images without a digit)" in page(recipe=recipe).text
    assert "negatives" not in plain_page().text


def test_the_facts_name_recipe_dataset_seed_time_and_size():
    text = plain_page().text
    for fact in ("recipe classic", "dataset MNIST", "seed 7", "training time 1 min 10 s", "parameters 33,658"):
        assert fact in text


def test_the_page_is_self_contained():
    whole = plain_page()
    assert "http:" not in whole.html
    assert "https:" not in whole.html
    assert not re.search(r"@import|url\((?!#)", whole.html)
    assert all("src" not in script for script in whole.every("script"))
    assert all(image["src"].startswith("data:image/png;base64,") for image in whole.every("img"))
    assert [link["href"] for link in whole.every("link")] == ["data:,"]


def test_the_page_has_a_language_headings_in_order_and_each_id_once():
    whole = plain_page()
    assert whole.every("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in whole.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    identifiers = [attributes["id"] for _, attributes in whole.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))


def test_every_image_and_chart_has_a_text_alternative():
    whole = plain_page()
    assert all(image["alt"] for image in whole.every("img"))
    assert len(whole.every("svg")) == 5
    assert all(chart["role"] == "img" and chart["aria-label"] for chart in whole.every("svg"))


def test_standard_charts_have_their_standard_names():
    captions = " ".join(re.findall(r"<(?:figcaption|caption)><b>(.*?)</b>", plain_page().html))
    for name in ("Confusion matrix", "Confidence histogram", "Reliability diagram", "Risk–coverage curve"):
        assert name in captions
    headings = re.findall(r"<h2>(.*?)</h2>", plain_page().html)
    assert headings == [
        *("Learning curves", "Confusion matrix", "Misclassified test images", "Calibration and uncertainty"),
        *("Likely label errors", "Reproduce"),
    ]


def test_misclassified_images_are_listed_most_confident_first():
    whole = plain_page()
    assert "All 2 errors, most confident first." in whole.text
    first, second = "label 7 predicted 2 (98.0%) #7", "label 4 predicted 9 (60.0%) #4"
    assert whole.text.index(first) < whole.text.index(second)
    shown = [image["alt"] for image in whole.every("img") if "handwritten" in image["alt"]]
    assert shown == ["handwritten 7, test image 7", "handwritten 4, test image 4"]


def test_misclassified_images_are_dark_on_white():
    image = html_report.misclassified_image(4, TEST, TWO_ERRORS, LABELS).image
    encoded = base64.b64decode(image.removeprefix("data:image/png;base64,"))
    pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert (pixels == 255 - IMAGES[4]).all()


def thousand_ones(*errors):
    """A test set of 1,000 ones, and probabilities that predict 9 for these and 1 for the rest."""
    digits = np.ones(1000, int)
    digits[list(errors)] = 9
    return predictions(*digits), Examples(np.repeat(IMAGES[:1], 1000, axis=0), np.ones(1000, np.uint8))


def test_mnist_has_a_corrected_accuracy_and_disputed_labels_are_marked():
    text = page(*thousand_ones(946, 947)).text  # the raters saw a 9 in 947
    assert (
        "Corrected accuracy 99.9%: 999 of 1,000 images correct. Human raters dispute 15 of MNIST’s test labels "
        "(Northcutt, Athalye and Mueller 2021); 10 are corrected here and 5 excluded. "
        "Compare published results with the uncorrected accuracy above."
    ) in text
    assert "#947 disputed raters: 9" in text
    assert text.count("disputed raters") == 2  # among the misclassified images and the likely label errors
    assert text.count("A label is disputed if at most two of five human raters saw the digit that it names.") == 2


def test_a_label_without_a_majority_of_raters_is_marked_so():
    ones = Examples(np.repeat(IMAGES[:1], 2131, axis=0), np.ones(2131, np.uint8))
    digits = np.ones(2131, int)
    digits[2130] = 4
    text = page(predictions(*digits), ones).text
    assert "#2130 disputed raters: no majority" in text
    assert "2,127 of 2,130 images correct" in text  # 947, 1621 and 1901 are not ones any more, and 2130 is excluded


def test_undisputed_labels_are_not_marked():
    assert "Human raters dispute 15" in plain_page().text
    assert "disputed raters" not in plain_page().text
    assert "A label is disputed" not in plain_page().text
    other = page(*thousand_ones(946, 947), data=DATA | {"name": "digits"}).text
    assert "dispute" not in other


def test_the_gallery_is_limited_and_says_so():
    many = Examples(np.repeat(IMAGES[:1], 130, axis=0), np.zeros(130, np.uint8))
    whole = page(predictions(*[6] * 130), many)
    assert sum("handwritten" in image["alt"] for image in whole.every("img")) == 120
    assert "The 120 most confident of 130 errors, most confident first." in whole.text


def test_a_model_without_errors_says_so():
    text = page(NO_ERRORS).text
    assert "100.0% test accuracy: 8 of 8 images correct, 0 errors" in text
    assert "No errors: every test image was classified correctly." in text
    assert "None: all 8 test images were classified correctly." in text


def test_a_single_error_is_in_the_singular():
    text = page(predictions(0, 1, 2, 3, 9, 5, 6, 7)).text
    assert "7 of 8 images correct, 1 error 95% CI" in text
    assert "The only error." in text


def test_the_most_common_errors_are_named():
    six = Examples(IMAGES[:6], np.array([4, 4, 4, 9, 1, 1], np.uint8))
    text = page(predictions(9, 9, 9, 4, 1, 1), six).text
    assert "Most common errors: 4 predicted as 9 (3 times), 9 predicted as 4 (once)." in text


def test_a_digit_without_test_images_has_no_recall():
    assert "8 0 – – –" in plain_page().text


@pytest.mark.parametrize(
    ("confidence", "words"), [(0.999, "overconfident"), (0.75, "well calibrated"), (0.5, "underconfident")]
)
def test_mean_confidence_is_compared_with_the_accuracy(confidence, words):
    text = page(predictions(0, 1, 2, 3, 9, 5, 6, 2, confidence=confidence)).text
    assert f"Mean confidence {100 * confidence:.1f}%, accuracy 75.0%: on average the model is {words}." in text


def test_errors_at_high_confidence_are_counted():
    text = page(predictions(0, 1, 2, 3, 9, 5, 6, 2, confidence=0.999)).text
    assert "Of the 8 predictions with at least 99% confidence, 2 are incorrect (25.00%)." in text


def test_calibration_metrics_have_their_names_and_confidence_intervals():
    text = plain_page().text
    for name in (
        *("Negative log-likelihood (NLL)", "Brier score", "Expected calibration error (ECE)"),
        "Area under the risk–coverage curve (AURC)",
    ):
        assert name in text
    intervals = EVALUATION.confidence_intervals
    low, high = intervals["brier_score"]
    assert f"95% CI {low:.4f}–{high:.4f}" in text
    low, high = intervals["expected_calibration_error"]
    assert f"95% CI {100 * low:.2f}–{100 * high:.2f}%" in text


def test_selective_accuracy_is_stated_and_tabulated():
    text = plain_page().text
    # 98% of 8 is 7.84: the most and the least confident prediction are errors, and 84 hundredths of the latter count.
    assert "Rejecting the 2% least confident predictions leaves a selective accuracy of 76.53%." in text
    assert "98% 76.53%" in text


def test_likely_label_errors_are_listed_lowest_probability_first():
    text = plain_page().text
    first, second = "label 7 (0.2%) suggested 2 (98.0%) #7", "label 4 (4.4%) suggested 9 (60.0%) #4"
    assert text.index(first) < text.index(second)
    assert "mnist-cnn label-errors checks them by cross-validation" in text
    assert "Training images" not in text


def test_label_errors_of_training_images_are_shown_if_they_were_looked_for():
    few = label_errors_of(TWO_ERRORS, LABELS)
    html = html_report.render(
        a_card(), "first", TEST, TWO_ERRORS, EVALUATION, None, {"training": few, "test": few}, TEST
    )
    whole = Page(html)
    assert "estimates 1 label error among 8 labels" in whole.text
    assert "according to models that were not trained on them" in whole.text
    assert "label 7, training image 7" in {image["alt"] for image in whole.every("img")}


def test_disputed_labels_are_marked_among_the_likely_label_errors():
    labels = np.full(948, 5, np.uint8)
    labels[947] = 8
    many = Examples(np.zeros((948, 28, 28), np.uint8), labels)
    digits = np.where(labels == 8, 9, 5)
    assert "suggested 9 (90.0%) #947 disputed raters: 9" in page(predictions(*digits), many).text


def corruptions_page():
    def row(correct):
        return PipelineAccuracies(Accuracy(correct, 8), Accuracy(correct, 8), Accuracy(8, 8))

    found = Robustness(5, row(7), {name: row(6) for name in CORRUPTIONS} | {"stripe": row(1)})
    return Page(html_report.render(a_card(), "first", TEST, TWO_ERRORS, EVALUATION, found))


def test_corruptions_have_a_table_if_they_were_measured():
    whole = corruptions_page()
    assert "reimplemented, seed 5" in whole.text
    assert "70.8% with the model alone and 100.0% with the reader" in whole.text  # (14 × 6 + 1) / (15 × 8)
    assert "stripe 12.5% 2.2–47.1%" in whole.text
    examples = [image for image in whole.every("img") if image["alt"].startswith("first test image, ")]
    assert [image["alt"].split(", ")[1].replace(" ", "_") for image in examples] == ["clean", *CORRUPTIONS]
    assert len({image["src"] for image in examples}) == 16
    assert ("a", {"href": "#corruptions"}) in whole.tags
    assert sum(cell.get("class") == "lowest" for cell in whole.every("td")) > 2


def test_corruptions_are_not_mentioned_if_they_were_not_measured():
    assert "corruption" not in plain_page().text.lower()


def test_every_link_of_the_navigation_leads_to_a_section():
    whole = corruptions_page()
    targets = {attributes["href"].removeprefix("#") for attributes in whole.every("a")}
    assert targets == {attributes["id"] for attributes in whole.every("section")}


def test_real_mnist_is_credited_and_not_marked():
    whole = plain_page()
    assert "not MNIST" not in whole.text
    assert "role" not in {key for paragraph in whole.every("p") for key in paragraph}
    assert "Yann LeCun, Corinna Cortes and Christopher J.C. Burges (CC BY-SA 3.0)" in whole.text


LAYERS = [
    {"layer": "Conv2D", "details": "5×5, ReLU", "output_shape": [24, 24, 8], "parameters": 208, "count": 1},
    {"layer": "Dense", "details": "softmax", "output_shape": [10], "parameters": 46_090, "count": 1},
]


def test_the_architecture_is_drawn_and_has_a_row_for_each_layer():
    whole = page(layers=LAYERS, parameters=46_298)
    assert "Architecture 46,298 parameters in 2 layers." in whole.text
    assert "Conv2D 5×5, ReLU 24×24×8 208 " in whole.text
    assert "Dense softmax 10 46,090 " in whole.text
    assert any("input 28×28×1; conv 5×5 24×24×8; dense 10" in svg["aria-label"] for svg in whole.every("svg"))
    assert ("a", {"href": "#architecture"}) in whole.tags
    assert "Architecture" not in plain_page().text  # an older model card has no layers


def test_many_layers_are_folded():
    assert "All layers" in page(layers=LAYERS * 7).text
    assert "All layers" not in page(layers=LAYERS).text


def test_a_training_recorded_by_updates_has_its_curve_by_updates():
    blocks = [{"update": 20 * one, "loss": 1 / one, "accuracy": 0.5} for one in (1, 2, 3)]
    whole = page(history=[{"epoch": 1, "loss": 0.5, "accuracy": 0.8, "seconds": 6.1, "updates": blocks}])
    assert any(svg["aria-label"] == "Loss over 60 updates: training from 1 to 0.3333." for svg in whole.every("svg"))
    assert "Training metrics are averaged over 20 updates each" in whole.text
    assert "averaged over each epoch" in plain_page().text


def test_the_confusion_matrix_is_a_table():
    whole = plain_page()
    cells = [(cell["data-cell"], cell.get("class")) for cell in whole.every("td") if "data-cell" in cell]
    assert cells == [
        *((f"{digit}-{digit}", None) for digit in (0, 1, 2, 3)),
        *[("4-9", "error"), ("5-5", None), ("6-6", None), ("7-2", "error")],
    ]


def test_the_only_script_that_may_run_is_the_pages_own():
    whole = plain_page()
    (policy,) = (one["content"] for one in whole.every("meta") if one.get("http-equiv") == "Content-Security-Policy")
    script = re.search(r'<script type="module">(.*?)</script>', whole.html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def test_many_classes_have_a_drawing_in_place_of_a_table_and_no_script():
    labels = np.arange(40, dtype=np.uint8)
    probabilities = np.full((40, 40), 0.001, np.float32)
    probabilities[labels, (labels + 1) % 40] = 0.961
    names = [f"class {one}" for one in labels]
    evaluation = evaluate(probabilities, labels, class_names=names)
    card = a_card(probabilities, Examples(np.zeros((40, 28, 28), np.uint8), labels), data=DATA | {"class_names": names})
    test = Examples(np.zeros((40, 28, 28), np.uint8), labels)
    whole = Page(html_report.render(card, "many", test, probabilities, evaluation))
    assert not whole.every("script")
    assert "script-src" not in whole.html
    assert any("class 0 predicted as class 1 (1)" in svg["aria-label"] for svg in whole.every("svg"))


def test_other_datasets_are_marked_at_every_result():
    whole = page(data=DATA | {"name": "digits", "origin": "digits", "warning": "MNIST could not be fetched."})
    assert "Not MNIST results. MNIST could not be fetched." in whole.text
    assert "75.0% not MNIST test accuracy" in whole.text
    assert "75.0% on digits (not MNIST) – first" in whole.text  # the title
    captions = re.findall(r"<(?:figcaption|caption)>(.*?)</(?:figcaption|caption)>", whole.html, re.DOTALL)
    of_images = [caption for caption in captions if caption.startswith("label <b>")]
    assert all('class="mark"' in caption for caption in captions if caption not in of_images)
    assert "LeCun" not in whole.text


def test_a_warning_about_mnist_is_shown():
    assert "Only the first 100 images." in page(data=DATA | {"warning": "Only the first 100 images."}).text


def test_results_that_differ_from_the_model_card_are_pointed_out():
    saved = evaluate(NO_ERRORS, LABELS).to_dict()
    text = page(evaluation=saved).text
    assert "Different from the model card. After training, 8 of 8 test images were classified correctly" in text
    assert "Different from the model card" not in plain_page().text


HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=y>"


def test_hostile_text_is_escaped():
    whole = page(
        name=HOSTILE,
        data=DATA | {"name": HOSTILE, "origin": HOSTILE, "warning": HOSTILE},
        notes=[HOSTILE],
        machine={HOSTILE: HOSTILE},
        versions={HOSTILE: HOSTILE},
        git_commit=HOSTILE,
        created=HOSTILE,
        recipe={"name": HOSTILE, "epochs": HOSTILE, "batch_size": HOSTILE},
        files={HOSTILE: HOSTILE},
    )
    assert HOSTILE not in whole.html
    assert [script.get("id") for script in whole.every("script")] == ["cell-images", None]
    assert "<img src=x" not in whole.html
    assert whole.text.count("<script>") >= 14  # as text, once for each place


def test_the_command_reproduces_the_training():
    assert html_report.training_command(a_card()) == (
        "mnist-cnn train --recipe classic --data mnist --seed 7 --threads 2 --deterministic"
    )
    spaced = a_card(data=DATA | {"origin": "my digits.npz"}, deterministic=False)
    assert "--data 'my digits.npz'" in html_report.training_command(spaced)
    assert "--deterministic" not in html_report.training_command(spaced)
    taught = a_card(data=DATA | {"teacher": {"origin": "runs/best", "sha256": "0" * 64}})
    assert "--data mnist --seed 7 --teacher runs/best --threads 2" in html_report.training_command(taught)


def test_the_command_of_a_small_dataset_and_of_arrays_trains_the_same_again():
    few = a_card(data=a_card().data | {"training": 40})
    few.recipe.update(batch_size=8, repeats=1350)
    assert "--batch-size 8" in html_report.training_command(few)
    assert "--repeats" not in html_report.training_command(few)  # it follows from the number of images
    few.data.update(origin="memory", teacher={"origin": "robust", "sha256": "0" * 64})
    assert html_report.training_command(few).startswith(
        "mnist_cnn.train('classic', ((x_train, y_train), (x_test, y_test)), seed=7, batch_size=8, "
    )
    assert html_report.training_command(few).endswith(", teacher='robust')")


def test_notes_versions_and_hashes_are_there():
    text = plain_page().text
    for words in ("resumed after epoch 5", "mnist-cnn 0.1.0", "cd" * 32, "ab" * 32, "learning_rate 0.01", "unknown"):
        assert words in text


def test_writing_puts_the_page_into_the_folder(tmp_path):
    folder = tmp_path / "first.partial"
    folder.mkdir()
    path = html_report.write(folder, a_card(), TEST, TWO_ERRORS, EVALUATION)
    assert path == folder / "report.html"
    assert path.read_text(encoding="utf-8") == html_report.render(a_card(), "first", TEST, TWO_ERRORS, EVALUATION)
    assert [entry.name for entry in folder.iterdir()] == ["report.html"]


def test_the_same_input_gives_the_same_bytes():
    assert page().html == plain_page().html


def test_the_map_has_one_dot_for_each_test_image():
    encoded = base64.b64decode(
        html_report.error_map(np.array([False, True, False, False, False])).removeprefix("data:image/png;base64,")
    )
    dots = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_UNCHANGED)[::3, ::3]
    assert (dots[..., 3] > 0).tolist() == [[True, True, True], [True, True, False]]
    assert dots[0, 1].tolist() == [12, 86, 232, 255]


@pytest.mark.parametrize(
    ("value", "words"), [(0.002, "0.2%"), (0.6, "60.0%"), (0.9984, "99.8%"), (0.99999, "99.9%"), (1.0, "100.0%")]
)
def test_only_a_probability_of_1_is_called_100_percent(value, words):
    assert html_report.probability(value) == words


@pytest.mark.parametrize(("seconds", "words"), [(0.94, "0.9 s"), (70.1, "1 min 10 s"), (3720, "1 h 2 min")])
def test_durations_are_readable(seconds, words):
    assert html_report.duration(seconds).replace(html_report.SPACE, " ") == words


@pytest.mark.parametrize("count", [8, 999, 1000, 10_000, 60_000])
def test_a_single_error_is_never_rounded_away(count):
    assert not html_report.percent((count - 1) / count, html_report.decimals_for(count)).startswith("100")


def test_a_learning_curve_is_described_for_who_cannot_see_it():
    history = [{"epoch": 1, "loss": 0.5, "val_loss": 0.4}, {"epoch": 2, "loss": 0.25}]
    assert html_report.learning_curve_in_words(history, "loss") == (
        "Loss over 2 epochs: training from 0.5 to 0.25, validation from 0.4 to 0.4."
    )
    assert html_report.learning_curve_in_words(history, "accuracy") == "Accuracy over 2 epochs: not recorded."
