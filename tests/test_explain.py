"""Why a digit was read as it was: what is said is checked against the network itself."""

import base64
import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import Cli
from drawing import inked, mask
from mnist_cnn.reading.counterfactual import ENOUGH, MOST, counterfactual
from mnist_cnn.reading.explain import Reasons, occlusion, reasons
from mnist_cnn.reading.illustrate import HEIGHT, illustrate
from mnist_cnn.reading.model_names import BUNDLED
from mnist_cnn.reading.nearest import index, nearest
from mnist_cnn.reading.network import Classifier, onnx_classifier
from mnist_cnn.reading.normalise import to_mnist
from mnist_cnn.reading.place import place, places
from mnist_cnn.reading.reader import Reader
from mnist_cnn.reading.weights import calibrated_classifier
from test_architecture import light_install, loaded_by

DIGITS = "0123456789"


@pytest.fixture(scope="module")
def classify() -> Classifier:
    return calibrated_classifier()


@pytest.fixture(scope="module")
def explained(classify: Classifier) -> dict[str, Reasons]:
    return {text: reasons(classify, to_mnist(mask(text))) for text in DIGITS}


def ink_in_the_corner(images: np.ndarray) -> np.ndarray:
    """Reads 1 where there is ink in a square in the upper right, 0 where there is none."""
    seen = images[:, 4:7, 20:23].mean(axis=(1, 2), dtype=np.float32) / 255
    return np.stack([1 - seen, seen] + [np.zeros_like(seen)] * 8, axis=1)


def never(images: np.ndarray) -> np.ndarray:
    """Reads 3 whatever it sees, and 5 next."""
    return np.tile(np.float32([0, 0, 0, 0.9, 0, 0.1, 0, 0, 0, 0]), (len(images), 1))


def test_it_points_at_a_square_that_a_classifier_looks_at() -> None:
    importance = occlusion(ink_in_the_corner, np.full((28, 28), 255, np.uint8), 1, patch=3)
    assert importance.shape == (28, 28)
    assert importance.dtype == np.float32
    assert importance[5, 21] == pytest.approx(1)
    assert importance[5, 22] == pytest.approx(2 / 3)
    assert importance.sum() == pytest.approx(importance[3:8, 19:24].sum())
    assert (occlusion(ink_in_the_corner, np.full((28, 28), 255, np.uint8), 0, patch=3) == -importance).all()


def test_where_there_is_no_ink_there_is_nothing_to_hide(classify: Classifier) -> None:
    image = to_mnist(mask("7"))
    importance = occlusion(classify, image, 7)
    assert not importance[:2].any()
    assert not occlusion(classify, np.zeros((28, 28), np.uint8), 7).any()


def hidden(image: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """The image with some of its pixels made paper."""
    changed = image.copy()
    changed.flat[pixels] = 0
    return changed


def test_hiding_a_fifth_around_where_it_points_costs_more_than_around_any_place(
    classify: Classifier, explained: dict[str, Reasons]
) -> None:
    """A map that points anywhere would gain nothing on average, however smooth it is."""

    def costs(why: Reasons) -> np.ndarray:
        ink = np.flatnonzero(why.image)
        rows, columns = np.divmod(ink, 28)
        pointed = int(why.importance.flat[ink].argmax())
        centres = [pointed, *rng.choice(len(ink), 20)]
        orders = [np.hypot(rows - rows[one], columns - columns[one]) for one in centres]
        images = [hidden(why.image, ink[np.argsort(order)[: len(ink) // 5]]) for order in orders]
        return np.asarray(why.probabilities[why.digit] - classify(np.stack(images))[:, why.digit])

    rng = np.random.default_rng(0)
    lost = np.stack([costs(why) for why in explained.values()])
    assert lost[:, 0].mean() > 1.5 * lost[:, 1:].mean()


def test_hiding_the_fifth_that_matters_most_costs_far_more_than_any_fifth(
    classify: Classifier, explained: dict[str, Reasons]
) -> None:
    """All of the map must be right, not only its peak."""

    def costs(why: Reasons) -> np.ndarray:
        ink = np.flatnonzero(why.image)
        orders = [np.argsort(-why.importance.flat[ink]), *(rng.permutation(len(ink)) for _ in range(20))]
        images = [hidden(why.image, ink[order[: len(ink) // 5]]) for order in orders]
        return np.asarray(why.probabilities[why.digit] - classify(np.stack(images))[:, why.digit])

    rng = np.random.default_rng(0)
    lost = np.stack([costs(why) for why in explained.values()])
    assert lost[:, 0].mean() > 10 * lost[:, 1:].mean()


def shuffled(path: Path) -> Classifier:
    """The network that ships with each of its arrays' weights in another order."""
    onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
    network = onnx.load(BUNDLED / "model.onnx")
    rng = np.random.default_rng(0)
    count = 0
    for weights in network.graph.initializer:
        values = onnx.numpy_helper.to_array(weights)
        if values.dtype == np.float32 and values.size > 1:
            mixed = rng.permutation(values.ravel()).reshape(values.shape)
            weights.CopyFrom(onnx.numpy_helper.from_array(mixed, weights.name))
            count += values.size
    assert count > 5_000
    onnx.save(network, path)
    return onnx_classifier(path, 1)


def test_a_network_of_shuffled_weights_looks_elsewhere(tmp_path: Path, explained: dict[str, Reasons]) -> None:
    """Adebayo et al., "Sanity checks for saliency maps", 2018, arXiv:1810.03292: else it would only show the digit."""
    other = shuffled(tmp_path / "shuffled.onnx")

    def ranks(values: np.ndarray) -> np.ndarray:
        return np.argsort(np.argsort(values, kind="stable"), kind="stable")

    correlations = []
    for why in explained.values():
        ink = why.importance != 0
        there = occlusion(other, why.image, why.digit)
        correlations.append(np.corrcoef(ranks(why.importance[ink]), ranks(there[ink]))[0, 1])
    assert abs(np.mean(correlations)) < 0.4


def test_what_would_change_it_does_change_it(classify: Classifier, explained: dict[str, Reasons]) -> None:
    found = [why for why in explained.values() if why.counterfactual]
    assert len(found) >= 5
    for why in found:
        change = why.counterfactual
        assert classify(change.image[np.newaxis])[0, why.runner_up] >= ENOUGH
        assert change.probabilities == pytest.approx(classify(change.image[np.newaxis])[0].tolist(), abs=1e-5)
        assert (why.image.astype(int) - change.removed + change.added == change.image).all()
        assert change.removed.any() or change.added.any()


@pytest.mark.parametrize(("paper", "digit", "gained"), [(0, 1, "added"), (255, 0, "removed")])
def test_the_change_is_where_a_classifier_looks_and_nothing_is_changed_besides(
    paper: int, digit: int, gained: str
) -> None:
    image = np.full((28, 28), paper, np.uint8)
    change = counterfactual(ink_in_the_corner, image, digit)
    assert change is not None
    ink = getattr(change, gained)
    assert ink[4:7, 20:23].mean() >= ENOUGH * 255
    assert np.count_nonzero(ink) <= MOST * 49
    assert not ink[:, :14].any()


def test_where_no_small_change_is_found_it_says_so() -> None:
    image = to_mnist(mask("3"))
    why = reasons(never, image)
    assert (why.digit, why.runner_up, why.counterfactual) == (3, 5, None)
    assert "no single part is decisive; no small change makes it 5" in why.sentence
    assert why.to_dict()["counterfactual"] is None


def test_a_digit_that_is_not_sure_has_both_candidates_named() -> None:
    def unsure(images: np.ndarray) -> np.ndarray:
        return np.tile(np.float32([0, 0, 0, 0.45, 0, 0.4, 0.15, 0, 0, 0]), (len(images), 1))

    assert reasons(unsure, to_mnist(mask("3"))).sentence.startswith("uncertain between 3 (45.00%) and 5 (40.00%): ")


def test_a_classifier_is_asked_no_more_often_than_is_said() -> None:
    asked = []

    def counting(images: np.ndarray) -> np.ndarray:
        asked.append(len(images))
        return never(images)

    reasons(counting, np.full((28, 28), 255, np.uint8))
    assert sum(asked) <= 1_779
    assert max(asked) <= 1_000


def test_training_digits_are_found_again_and_what_is_like_a_digit_bears_its_label() -> None:
    images, _ = index()
    assert len(images) == 1_000
    for at in range(0, 1_000, 37):
        one = nearest(images[at])[0]
        assert (one.digit, one.similarity) == (at // 100, pytest.approx(1))
    first = [nearest(to_mnist(mask(text)))[0].digit for text in DIGITS]
    assert sum(digit == int(text) for digit, text in zip(first, DIGITS, strict=True)) >= 8
    assert nearest(np.zeros((28, 28), np.uint8)) == ()


def test_likeness_is_from_most_to_least_and_forgives_a_pixel() -> None:
    image = to_mnist(mask("5"))
    neighbours = nearest(image, count=1_000)
    similarities = [one.similarity for one in neighbours]
    assert similarities == sorted(similarities, reverse=True)
    assert -1e-6 < similarities[-1] < 0.7 * similarities[0] < 0.7
    assert nearest(np.roll(image, 1, axis=1))[0].digit == 5


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [(0, 0, "in the upper left"), (13, 14, "in the middle"), (27, 14, "at the bottom"), (14, 22, "on the right")],
)
def test_places_have_words(row: int, column: int, words: str) -> None:
    assert place(row, column) == words
    ink = np.zeros((28, 28), np.uint8)
    ink[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2] = 255
    assert places(ink) == [words]


def test_a_picture_is_explained_digit_by_digit(classify: Classifier) -> None:
    explanation = Reader().explain(inked(mask("42/7"), 235, 40))
    assert explanation.reading.text == "42\n7"
    assert [why.digit for why in explanation.reasons] == [4, 2, 7]
    for digit, why in zip(explanation.reading.digits, explanation.reasons, strict=True):
        assert (why.image == digit.image).all()
        assert why.probabilities == pytest.approx(classify(digit.image[np.newaxis])[0].tolist(), abs=1e-5)
    with pytest.raises(FrozenInstanceError):
        explanation.reasons = ()  # type: ignore[misc]
    picture = illustrate(explanation)
    assert picture.dtype == np.uint8
    assert 3 * HEIGHT <= picture.shape[0] < 4 * HEIGHT
    assert picture.shape[2] == 3


def test_where_there_is_no_digit_there_is_nothing_to_explain() -> None:
    explanation = Reader().explain(np.full((60, 60), 255, np.uint8))
    assert explanation.reasons == ()
    assert illustrate(explanation).min() < 100  # it says so
    assert explanation.to_dict()["rows"] == []


@pytest.fixture
def picture(tmp_path: Path) -> Callable[[str], Path]:
    def save(text: str) -> Path:
        path = tmp_path / f"{text}.png"
        Image.fromarray(inked(mask(text), 240, 30)).save(path)
        return path

    return save


def test_the_command_says_a_sentence_a_digit(cli: Cli, picture: Callable[[str], Path]) -> None:
    done = cli("explain", picture("42"))
    assert (done.returncode, done.stderr) == (0, "")
    four, two = done.stdout.splitlines()
    assert four.startswith("4 (")
    assert two.startswith("2 (")
    assert "the most important part is" in done.stdout
    several = cli("explain", picture("42"), picture("7"), "--single").stdout.splitlines()
    assert [line.startswith("  ") for line in several] == [False, True, False, True]


def test_the_command_draws_a_picture_and_never_over_another(
    cli: Cli, picture: Callable[[str], Path], tmp_path: Path
) -> None:
    seven, out = picture("7"), tmp_path / "drawn" / "why.png"
    assert cli("explain", seven, "--output", out).returncode == 0
    with Image.open(out) as drawn:
        assert drawn.mode == "RGB"
    again = cli("explain", seven, "--output", out)
    assert (again.returncode, again.stdout) == (1, "")
    assert "already exists and nothing is overwritten" in again.stderr
    several = cli("explain", seven, picture("4"), "--output", tmp_path / "both.png")
    assert (several.returncode, several.stdout) == (2, "")
    assert "name a folder" in several.stderr
    for _ in range(2):
        assert cli("explain", seven, picture("4"), "--output", tmp_path / "drawn").returncode == 0
    names = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert names == ["4-1.png", "4.png", "7-1.png", "7.png", "why.png"]


def test_the_command_gives_one_json_document_with_what_went_wrong(
    cli: Cli, picture: Callable[[str], Path], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"nonsense")
    done = cli("explain", picture("7"), bad, "--json")
    assert done.returncode == 1
    first, second = json.loads(done.stdout)["images"]
    assert "bad.png is not a supported image file" in second["error"]
    digit = first["rows"][0][0]
    assert digit["reasons"]["digit"] == digit["most_probable"] == 7
    assert len(base64.b64decode(digit["image"])) == 784
    assert np.array(digit["reasons"]["importance"]).shape == (28, 28)
    assert len(digit["reasons"]["neighbours"]) == 3


def test_explaining_needs_no_more_than_the_light_install(picture: Callable[[str], Path], tmp_path: Path) -> None:
    done = light_install(["explain", str(picture("7")), "--output", str(tmp_path / "why.png")], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "why.png").exists()


def test_reading_does_not_load_what_explains() -> None:
    loaded_by("import sys, mnist_cnn.terminal.readings\nassert 'mnist_cnn.reading.explain' not in sys.modules")
