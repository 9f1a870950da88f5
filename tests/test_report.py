import base64
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
from mnist_cnn.evaluation import report
from mnist_cnn.evaluation.corruptions import KINDS
from mnist_cnn.evaluation.label_issues import disputes_of
from mnist_cnn.evaluation.metrics import Accuracy, evaluate
from mnist_cnn.evaluation.robustness import Robustness, Ways

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


def readings(*read, confidence=0.9):
    """Probabilities that read these digits, each with the same confidence or with its own."""
    rows = np.zeros((len(read), 10), np.float32)
    rows += (1 - np.broadcast_to(confidence, len(read))[:, None]) / 9
    rows[np.arange(len(read)), read] = confidence
    return rows


ALL_RIGHT = readings(*LABELS)
# 4 read as 9 (60 % sure) and 7 read as 2 (98 % sure)
TWO_WRONG = readings(0, 1, 2, 3, 9, 5, 6, 2, confidence=[0.9, 0.9, 0.9, 0.9, 0.6, 0.9, 0.9, 0.98])


def a_card(probabilities=TWO_WRONG, test=TEST, **changes):
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


def page(probabilities=TWO_WRONG, test=TEST, name="first", **changes):
    return Page(report.render(a_card(probabilities, test, **changes), name, test, probabilities))


@cache
def plain_page():
    return page()


def test_the_first_sentence_says_how_good_it_is():
    assert "75.0 % of 8 test digits it had never seen were read correctly: 6 right, 2 wrong." in plain_page().text


def test_without_a_validation_part_none_is_spoken_of():
    history = [{"epoch": epoch, "loss": 0.5, "accuracy": 0.8, "seconds": 6.1} for epoch in (1, 2)]
    recipe = {"name": "tiny", "dropout": 0.0, "rotation": 10.0, "final_plain_epochs": 1}
    text = page(history=history, recipe=recipe).text
    assert "Every training image was learned from and none kept to validate" in text
    assert "on distorted images in all but the last epoch, so it can lie below that on test images" in text
    assert "Look for two lines" not in text
    assert "distorted" not in plain_page().text


def test_the_interval_is_given_in_words():
    # Wilson's interval of 6 of 8, by hand: (0.75 + 0.2401 ± 0.2979) / 1.4802
    assert "between 40.9 % and 92.9 % correctly (95 % interval, Wilson)" in plain_page().text


def test_what_made_it_stands_beside():
    text = plain_page().text
    for fact in ("recipe classic", "data MNIST", "seed 7", "training took 1 min 10 s", "parameters 33,658"):
        assert fact in text


def test_the_page_needs_nothing_but_itself():
    whole = plain_page()
    assert "http:" not in whole.html
    assert "https:" not in whole.html
    assert not re.search(r"@import|url\((?!#)", whole.html)
    assert "script" not in {tag for tag, _ in whole.tags}
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


def test_every_picture_and_chart_has_words():
    whole = plain_page()
    assert all(image["alt"] for image in whole.every("img"))
    assert len(whole.every("svg")) == 6
    assert all(chart["role"] == "img" and chart["aria-label"] for chart in whole.every("svg"))


def test_mistakes_are_shown_surest_first():
    whole = plain_page()
    assert "2 mistakes" in whole.text
    assert whole.text.index("7 read as 2 98 % sure #7") < whole.text.index("4 read as 9 60 % sure #4")
    shown = [image["alt"] for image in whole.every("img") if "handwritten" in image["alt"]]
    assert shown == ["handwritten 7, test image 7", "handwritten 4, test image 4"]


def test_mistakes_are_shown_as_dark_ink_on_white_paper():
    mistake = report.mistake_at(4, TEST, TWO_WRONG)
    encoded = base64.b64decode(mistake.picture.removeprefix("data:image/png;base64,"))
    picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert (picture == 255 - IMAGES[4]).all()


def thousand_ones(*wrong):
    """A test set of 1,000 ones, and probabilities that read these as 9 and the rest rightly."""
    read = np.ones(1000, int)
    read[list(wrong)] = 9
    return readings(*read), Examples(np.repeat(IMAGES[:1], 1000, axis=0), np.ones(1000, np.uint8))


def test_mnists_disputed_labels_are_corrected_in_a_sentence_and_marked_in_the_gallery():
    text = page(*thousand_ones(946, 947)).text  # the raters read a 9 in 947
    assert (
        "Human raters dispute 15 of MNIST’s test labels (Northcutt, Athalye and Mueller 2021). "
        "With 10 of them corrected and 5 left out, 99.9 % are right: 999 of 1,000."
    ) in text.replace(report.SPACE, " ")
    assert "#947 disputed raters: 9" in text
    assert text.count("disputed raters") == 2  # among the mistakes and among the labels
    assert "Where the label is disputed, at most two of five human raters saw the digit that it names." in text


def test_a_label_that_raters_are_divided_about_is_marked_so():
    ones = Examples(np.repeat(IMAGES[:1], 2131, axis=0), np.ones(2131, np.uint8))
    read = np.ones(2131, int)
    read[2130] = 4
    text = page(readings(*read), ones).text
    assert "#2130 disputed raters: divided" in text
    assert "are right: 2,127 of 2,130." in text  # 947, 1621 and 1901 are not ones any more, and 2130 is left out


def test_nothing_is_marked_as_disputed_where_nothing_is():
    assert "Human raters dispute 15" in plain_page().text
    assert "disputed raters" not in plain_page().text
    assert "Where the label is disputed" not in plain_page().text
    other = page(*thousand_ones(946, 947), data=DATA | {"name": "digits"}).text
    assert "disputed" not in other


def test_only_so_many_mistakes_are_shown_and_the_page_says_so():
    many = Examples(np.repeat(IMAGES[:1], 130, axis=0), np.zeros(130, np.uint8))
    whole = page(readings(*[6] * 130), many)
    assert sum("handwritten" in image["alt"] for image in whole.every("img")) == 120
    assert "The 120 surest ones, surest first; 10 more are not shown." in whole.text


def test_a_network_without_mistakes_says_so():
    text = page(ALL_RIGHT).text
    assert "100.0 % of 8 test digits" in text
    assert "All 8 test digits were read correctly" in text
    assert "No mistakes" in text


def test_the_most_common_confusion_is_named():
    six = Examples(IMAGES[:6], np.array([4, 4, 4, 9, 1, 1], np.uint8))
    assert "Most common: 4 read as 9: 3 times, then 9 read as 4: once." in page(readings(9, 9, 9, 4, 1, 1), six).text


def test_a_digit_that_was_never_tested_has_no_recall():
    assert "8 0 – – –" in plain_page().text


def test_confidence_is_summed_up_in_a_sentence():
    text = page(readings(0, 1, 2, 3, 9, 5, 6, 2, confidence=0.999)).text
    assert "On average it is 99.9 % sure and 75.0 % right: surer than it should be." in text
    assert "Of the 8 readings it was at least 99 % sure of, 2 are wrong (25.00 %)." in text
    for name in ("negative log-likelihood", "Brier score", "expected calibration error", "area under risk-coverage"):
        assert name in text


def test_it_says_what_refusing_the_least_sure_is_worth():
    text = plain_page().text
    # 98 % of 8 is 7.84; the surest of all and the least sure are wrong, of the latter 84 hundredths are counted.
    assert "If it refused the 2 % that it is least sure of, 76.53 % of the rest would be right." in text
    low, high = evaluate(TWO_WRONG, LABELS).intervals["brier_score"]
    assert f"95 % interval {low:.4f} to {high:.4f}" in text


def test_the_labels_that_it_disputes_most_are_shown_first():
    text = plain_page().text
    assert "labelled 7: 0 % rather 2: 98 % #7" in text
    assert text.index("labelled 7: 0 %") < text.index("labelled 4: 4 % rather 9: 60 % #4")
    assert "mnist-cnn disputes trains several networks" in text
    assert "Among the training digits" not in text


def test_disputed_training_labels_are_shown_where_they_were_looked_for():
    few = disputes_of(TWO_WRONG, LABELS)
    html = report.render(a_card(), "first", TEST, TWO_WRONG, None, {"training": few, "test": few}, TEST)
    whole = Page(html)
    assert "Of 8 labels 1 are called wrong by confident learning" in whole.text.replace("\xa0", " ")
    assert "whose label is least probable to networks that have not seen them" in whole.text
    assert "labelled 7, training image 7" in {image["alt"] for image in whole.every("img")}


def test_a_label_that_raters_dispute_is_marked_among_the_doubtful_ones():
    labels = np.full(948, 5, np.uint8)
    labels[947] = 8
    many = Examples(np.zeros((948, 28, 28), np.uint8), labels)
    read = np.where(labels == 8, 9, 5)
    assert "rather 9: 90 % #947 disputed raters: 9" in page(readings(*read), many).text


def damaged_page():
    def ways(correct):
        return Ways(Accuracy(correct, 8), Accuracy(correct, 8), Accuracy(8, 8))

    found = Robustness(5, ways(7), {kind: ways(6) for kind in KINDS} | {"stripe": ways(1)})
    return Page(report.render(a_card(), "first", TEST, TWO_WRONG, found))


def test_damage_has_a_table_where_it_was_measured():
    whole = damaged_page()
    assert "made by this program with seed 5" in whole.text
    assert "On average over the kinds 70.8 % are still read correctly by the network alone" in whole.text  # 14 × 6 + 1
    assert "and 100.0 % through the reader" in whole.text
    assert "stripe 12.5 %" in whole.text
    pictures = [image for image in whole.every("img") if image["alt"].startswith("the first test digit, ")]
    assert [image["alt"].split(", ")[1].replace(" ", "_") for image in pictures] == ["clean", *KINDS]
    assert len({image["src"] for image in pictures}) == 16
    assert ("a", {"href": "#damage"}) in whole.tags
    assert sum(cell.get("class") == "lowest" for cell in whole.every("td")) > 2


def test_damage_is_not_spoken_of_where_it_was_not_measured():
    assert "damage" not in plain_page().text.lower()


def test_real_mnist_is_credited_and_not_marked():
    whole = plain_page()
    assert "not MNIST" not in whole.text
    assert "role" not in {key for paragraph in whole.every("p") for key in paragraph}
    assert "Yann LeCun, Corinna Cortes and Christopher J.C. Burges (CC BY-SA 3.0)" in whole.text


def test_anything_else_is_marked_wherever_a_number_stands():
    whole = page(data=DATA | {"name": "digits", "origin": "digits", "warning": "MNIST could not be fetched."})
    assert "These are not MNIST’s numbers. MNIST could not be fetched." in whole.text
    assert "75.0 % not MNIST of 8 test digits" in whole.text
    assert "75.0 % on digits (not MNIST) – first" in whole.text  # the title
    captions = re.findall(r"<(?:figcaption|caption)>(.*?)</(?:figcaption|caption)>", whole.html, re.DOTALL)
    of_pictures = [caption for caption in captions if "read as <b>" in caption or "labelled <b>" in caption]
    assert all('class="mark"' in caption for caption in captions if caption not in of_pictures)
    assert "LeCun" not in whole.text


def test_a_warning_about_mnist_is_shown_too():
    assert "Only the first 100 images." in page(data=DATA | {"warning": "Only the first 100 images."}).text


def test_numbers_that_differ_from_the_card_are_admitted():
    kept = evaluate(ALL_RIGHT, LABELS).to_dict()
    assert "Not what the card says. When the network was trained, 8 of 8" in page(evaluation=kept).text
    assert "Not what the card says" not in plain_page().text


HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=y>"


def test_hostile_words_stay_words():
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
    assert "<script" not in whole.html
    assert "<img src=x" not in whole.html
    assert whole.text.count("<script>") >= 14  # read as words, once for each place


def test_the_command_repeats_the_training():
    assert report.command_to_repeat(a_card()) == (
        "mnist-cnn train --recipe classic --data mnist --seed 7 --threads 2 --deterministic"
    )
    spaced = a_card(data=DATA | {"origin": "my digits.npz"}, deterministic=False)
    assert "--data 'my digits.npz'" in report.command_to_repeat(spaced)
    assert "--deterministic" not in report.command_to_repeat(spaced)


def test_notes_versions_and_hashes_are_there():
    text = plain_page().text
    for words in ("resumed after epoch 5", "mnist-cnn 0.1.0", "cd" * 32, "ab" * 32, "learning_rate 0.01", "not known"):
        assert words in text


def test_writing_puts_the_page_into_the_folder(tmp_path):
    folder = tmp_path / "first.partial"
    folder.mkdir()
    path = report.write(folder, a_card(), TEST, TWO_WRONG)
    assert path == folder / "report.html"
    assert path.read_text(encoding="utf-8") == report.render(a_card(), "first", TEST, TWO_WRONG)
    assert [entry.name for entry in folder.iterdir()] == ["report.html"]


def test_the_same_input_gives_the_same_bytes():
    assert page().html == plain_page().html


def test_the_map_has_one_dot_for_each_test_image():
    encoded = base64.b64decode(
        report.map_of_mistakes(np.array([False, True, False, False, False])).removeprefix("data:image/png;base64,")
    )
    dots = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_UNCHANGED)[::3, ::3]
    assert (dots[..., 3] > 0).tolist() == [[True, True, True], [True, True, False]]
    assert dots[0, 1].tolist() == [12, 86, 232, 255]


@pytest.mark.parametrize(("confidence", "words"), [(0.6, "60"), (0.984, "98"), (0.9999, "99.9"), (1.0, "100")])
def test_only_certainty_is_called_100_percent(confidence, words):
    assert report.how_sure(confidence) == f"{words}{report.SPACE}%"


@pytest.mark.parametrize(("seconds", "words"), [(0.94, "0.9 s"), (70.1, "1 min 10 s"), (3720, "1 h 2 min")])
def test_durations_are_readable(seconds, words):
    assert report.duration(seconds).replace(report.SPACE, " ") == words


@pytest.mark.parametrize("count", [8, 999, 1000, 10_000, 60_000])
def test_one_mistake_is_never_rounded_away(count):
    assert not report.percent((count - 1) / count, report.decimals_for(count)).startswith("100")
