"""Recorded handwriting checked, split by writer, trained on and written into the model card."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import mnist_cnn
from drawn_ink import SEEN, UNSEEN, ink_of
from mnist_cnn.callbacks.callback import Callback, CallbackList
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.data.ink import collection
from mnist_cnn.data.ink.character import InkCharacter
from mnist_cnn.errors import DataError, RecipeError
from mnist_cnn.evaluation import html_report
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.workflows import ink_preparation
from runs import Forks

NOISY = ("unipen/ibm/0", "unipen/ibm/4")  # to train on, held out


class Heard(Callback):
    """What was said."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def on_message(self, text: str) -> None:
        self.texts.append(text)


def test_digits_are_split_by_writer_and_letters_like_digits_are_no_negatives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ink_preparation, "recognised", lambda digits, *_: np.full(len(digits), 0.9))
    heard = Heard()
    made = ink_preparation.prepared(ink_of(SEEN, UNSEEN, each=3), tmp_path, 0, CallbackList([heard]))
    assert {one.writer for one in [*made.training.digits, *made.training.others]} == {SEEN}
    assert {one.writer for one in made.held_out} == {UNSEEN}
    assert [one.label for one in made.training.others] == ["A", "E", "a"]
    assert len(made.training.digits) == len(made.held_out) == 30
    assert made.left_out == 0
    assert len(made.plain_validation) == len(made.varied_validation(np.random.default_rng(0))) == 30
    assert "30 digits to train on, and 30 of 1 other writers to validate on; 0 with labels" in heard.texts[-1]


def test_unlikely_labels_are_left_out_where_labels_are_noisy_and_kept_as_rare_ways_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ink = ink_of(SEEN, UNSEEN, *NOISY)
    unlikely = np.array([0.01 if one.label == "7" else 0.9 for one in ink.digits])
    monkeypatch.setattr(ink_preparation, "recognised", lambda *_: unlikely)
    made = ink_preparation.prepared(ink, tmp_path, 0, CallbackList())
    assert made.left_out == 2
    assert {one.writer for one in [*made.training.digits, *made.held_out] if one.label == "7"} == {SEEN, UNSEEN}
    share = {one.label: share for one, share in zip(made.training.digits, made.training.shares, strict=True)}
    assert made.training.shares.sum() == pytest.approx(1)
    assert share["7"] > share["1"]


def test_the_check_is_kept_with_the_checkpoint_and_made_again_if_it_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ink, calls = ink_of(SEEN, UNSEEN), []

    def check(digits: tuple[InkCharacter, ...], *_: object) -> np.ndarray:
        calls.append(len(digits))
        return np.full(len(digits), 0.25)

    monkeypatch.setattr(ink_preparation, "recognised", check)
    first = ink_preparation.prepared(ink, tmp_path, 0, CallbackList())
    again = ink_preparation.prepared(ink, tmp_path, 0, CallbackList())
    assert calls == [20]
    assert (first.training.shares == again.training.shares).all()
    for damage in ("[0.5]", "not JSON", json.dumps([2.0] * 20), json.dumps(["1"] * 20), "[" * 10_000):
        (tmp_path / ink_preparation.RECOGNISED).write_text(damage)
        ink_preparation.prepared(ink, tmp_path, 0, CallbackList())
    assert len(calls) == 6


@pytest.mark.parametrize("writer", [SEEN, UNSEEN])
def test_writers_are_needed_on_both_sides(writer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ink_preparation, "recognised", lambda digits, *_: np.ones(len(digits)))
    with pytest.raises(DataError, match="needs both: give the whole of UNIPEN, or both files of Pen-Digits"):
        ink_preparation.prepared(ink_of(writer), tmp_path, 0, CallbackList())


def run(task: str, folder: Path, forks: Forks) -> str:
    """What a task of `drawn_ink` says, in a process of its own: TensorFlow's threads can be set once in a process."""
    errors = folder.with_name("errors")
    done = forks.run(None, task, folder, script=str(Path(__file__).with_name("drawn_ink.py")), errors=str(errors))
    assert done.code == 0, errors.read_text()
    return done.said


@pytest.mark.slow
def test_a_wrong_label_is_unlikely_to_a_model_of_other_writers(tmp_path: Path, forks: Forks) -> None:
    wrong, median, told = map(float, run("check", tmp_path / "run", forks).split())
    assert wrong < 0.2
    assert median > 0.8
    assert told == 0, "the callbacks of a run are not told of the models of a check"


@pytest.mark.slow
@pytest.mark.extended
def test_a_stopped_run_is_resumed_with_the_same_ink_or_not_at_all_and_says_so_in_its_card_and_report(
    tmp_path: Path, forks: Forks
) -> None:
    folder = tmp_path / "run"
    said = run("resume", folder, forks)
    assert re.fullmatch(r"stopped\nThe ink at .* is not what .* was trained on: bring the old files back.\n", said)
    card = mnist_cnn.load(folder).card
    assert len(card.history) == 2
    assert card.recipe["ink_digits"] == Recipe("robust").ink_digits
    about = card.data["ink"]
    assert about["training"] == {"digits": 10, "others": 3, "writers": 1}
    assert about["held_out"] == {"digits": 10, "writers": 1}
    assert about["sha256"] == ink_of(SEEN, UNSEEN).sha256
    assert about["accuracy"]["pendigits"]["count"] == 10
    assert card.evaluation["temperature"] > 0
    assert "--ink /somewhere/handwriting" in html_report.training_command(card)
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert "Accuracy on held-out writers" in report
    assert "International Unipen Foundation" in report


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ink that a run is given."""
    monkeypatch.setattr(collection, "load_ink", lambda *_, **__: ink_of(SEEN, UNSEEN))


@pytest.mark.usefixtures("recorded")
def test_a_recipe_without_recorded_handwriting_is_not_given_any(digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="The recipe fast takes nothing from ink"):
        mnist_cnn.train("fast", digits, ink="handwriting", output=tmp_path / "run", verbose=0)
    assert not list(tmp_path.iterdir())


def test_what_robust_lacks_without_handwriting_is_said(digits: Dataset, tmp_path: Path) -> None:
    class Stop(Heard):
        def on_run_begin(self, _folder: Path) -> None:
            raise KeyboardInterrupt  # before anything slow

    heard = Stop()
    with pytest.raises(KeyboardInterrupt):
        mnist_cnn.train("robust", digits, output=tmp_path / "run", verbose=0, callbacks=[heard])
    assert any("Without ink (--ink)" in text for text in heard.texts)
