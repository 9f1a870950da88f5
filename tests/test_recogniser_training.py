"""The lines and batches of a recogniser's training, and what is measured of it, without a whole run."""

from pathlib import Path

import numpy as np
import pytest

from drawn_ink import SEEN, UNSEEN, ink_of
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.data.pages import sources as page_sources
from mnist_cnn.data.pages.line_process import Lines
from mnist_cnn.data.pages.page_lines import COLUMNS, UNKNOWN, WIDTH
from mnist_cnn.data.pages.sources import Sources, sources
from mnist_cnn.errors import RecipeError
from mnist_cnn.evaluation.detection import Counts
from mnist_cnn.evaluation.recogniser_evaluation import (
    RecogniserEvaluation,
    evaluate_recogniser,
    measured,
)
from mnist_cnn.evaluation.recogniser_sheet import BESIDE, sheet
from mnist_cnn.evaluation.recognition import KINDS, Character, characters, compared
from mnist_cnn.evaluation.thresholds import THRESHOLDS
from mnist_cnn.evaluation.tiles import FOUND, GAP, INVENTED, MISSED
from mnist_cnn.reading.recogniser_network import CLASSES, DIGITS, MARK, NOTHING, OTHER, STRIDE, TALL
from mnist_cnn.training.made_epochs import TEST, VALIDATION, updates_per_epoch
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.training.recogniser_fit import validation_loss
from mnist_cnn.training.recogniser_lines import FARTHEST, held_out_lines, line_epochs, moved, steps

TINY = Recipe("recogniser", lines=40, repeats=2, batch_size=16, epochs=3)
ONE, FIVE = DIGITS + 1, DIGITS + 5


@pytest.fixture(scope="module")
def given(digits: Dataset) -> Sources:
    return sources(*digits.train, ink_of(SEEN, UNSEEN).characters)


def same(one: Lines, other: Lines) -> bool:
    return all((a == b).all() for a, b in zip(one, other, strict=True))


def test_the_lines_of_an_epoch_depend_on_its_seed_and_number_only(given: Sources, tmp_path: Path) -> None:
    path = tmp_path / "pages.npz"
    page_sources.save(given, path)
    first = list(line_epochs(path, TINY, 7, 0, processes=1))
    again = list(line_epochs(path, TINY, 7, 1, processes=2))
    assert [(lines.images.shape, lines.labels.shape) for lines in first] == [((40, TALL, WIDTH), (40, COLUMNS))] * 3
    assert all(same(a, b) for a, b in zip(first[1:], again, strict=True))
    assert not same(first[0], first[1])


def test_validation_and_test_lines_are_always_the_same_and_differ_from_each_other(given: Sources) -> None:
    validation, test = (held_out_lines(given, TINY, part) for part in (VALIDATION, TEST))
    assert (len(validation.labels), len(test.labels)) == (4, 20)
    assert same(held_out_lines(given, TINY.replace(batch_size=32), VALIDATION), validation)
    assert not (validation.images == test.images[:4]).all()


def test_each_line_is_used_as_often_as_the_recipe_says_with_its_own_labels() -> None:
    images = np.zeros((40, TALL, WIDTH), np.uint8) + (2 * np.arange(40, dtype=np.uint8)[:, None, None] + 90)
    labels = np.broadcast_to(np.arange(40, dtype=np.int8)[:, None] % CLASSES, (40, COLUMNS))
    made = list(steps(Lines(images, labels), TINY, 3, 1))
    assert updates_per_epoch(TINY) == len(made) == 5
    used = np.concatenate([step.batch[1][:, FARTHEST] for step in made])
    assert np.bincount(used, minlength=CLASSES).tolist() == [4] * 16 + [2] * 8
    for step in made:
        light, classes = step.batch
        assert (light.shape, light.dtype) == ((16, TALL, WIDTH, 1), np.uint8)
        assert (classes.shape, classes.dtype) == ((16, COLUMNS), np.int8)
    again = list(steps(Lines(images, labels), TINY, 3, 1))
    assert all((a == b).all() for x, y in zip(made, again, strict=True) for a, b in zip(x.batch, y.batch, strict=True))


def test_a_line_and_its_labels_are_moved_alike_and_what_comes_in_is_not_known() -> None:
    labels = np.tile(np.arange(COLUMNS, dtype=np.int8), (300, 1))
    images = np.repeat(labels.astype(np.uint8), STRIDE, axis=1)[:, None].repeat(TALL, axis=1)
    found = moved(Lines(images, labels), np.random.default_rng(0))
    assert (found.images == found.images[:, :1]).all()
    columns = found.images[:, 0].reshape(300, COLUMNS, STRIDE)
    assert (columns == columns[..., :1]).all()
    known = found.labels != UNKNOWN
    assert (columns[..., 0] == found.labels)[known].all()
    by = np.sum(~known, axis=1)
    assert set(by.tolist()) == set(range(FARTHEST + 1))
    assert (np.sort(columns[..., 0], axis=1) == np.arange(COLUMNS)).all()


def test_hyperparameters_of_the_other_kinds_are_refused() -> None:
    for name, value in (("rotation", 10), ("pages", 5), ("mosaics", 0.5), ("crops", 5)):
        with pytest.raises(
            RecipeError, match=f"{name} is not a hyperparameter of the recipe recogniser: leave --{name}"
        ):
            Recipe("recogniser", **{name: value})
    for name in ("finder", "segmenter", "fast"):
        with pytest.raises(RecipeError, match=f"lines is not a hyperparameter of the recipe {name}"):
            Recipe(name, lines=10)
    with pytest.raises(RecipeError, match="an epoch uses only 8 lines, so lower it"):
        Recipe("recogniser", lines=4, repeats=2).for_images(60_000)
    with pytest.raises(RecipeError, match="lines is 0, so there is nothing to train on: give the number of lines"):
        Recipe("recogniser", lines=0).for_images(60_000)
    assert Recipe(**Recipe("recogniser", dropout=0.5).to_dict()) == Recipe("recogniser", dropout=0.5)


def labels_of(**classes: int) -> np.ndarray:
    """The classes of twenty columns, `at_3=ONE`, and nothing elsewhere."""
    labels = np.full(20, NOTHING, np.int8)
    for place, label in classes.items():
        labels[int(place.removeprefix("at_"))] = label
    return labels


def said_of(*found: tuple[int, int, float]) -> np.ndarray:
    """Probabilities of twenty columns: of these a class, and its probability; elsewhere nothing is certain."""
    said = np.zeros((20, CLASSES), np.float32)
    said[:, NOTHING] = 1
    for column, label, probability in found:
        said[column, label] = probability
        said[column, NOTHING] -= probability
    return said


def test_a_character_has_one_or_two_columns_and_another_of_its_kind_begins_after_these() -> None:
    labels = labels_of(at_3=ONE, at_4=ONE, at_8=FIVE, at_11=MARK, at_14=ONE, at_15=ONE, at_16=ONE)
    assert characters(labels, KINDS["digits"]) == [
        Character(3, 4, ONE),
        Character(8, 8, FIVE),
        Character(14, 15, ONE),
        Character(16, 16, ONE),
    ]
    assert characters(labels, KINDS["marks"]) == [Character(11, 11, MARK)]


def counts_of(labels: np.ndarray, *found: tuple[int, int, float], kind: str = "digits") -> Counts:
    return compared(said_of(*found), labels, KINDS[kind]).counts(0.5)


def test_a_peak_within_a_column_is_right_if_it_is_of_the_same_class() -> None:
    labels = labels_of(at_3=ONE, at_4=ONE)
    assert counts_of(labels, (3, ONE, 0.9)) == Counts(1, 1, 1)
    for column in (2, 5):
        assert counts_of(labels, (column, ONE, 0.9)) == Counts(1, 1, 1)
    assert counts_of(labels, (6, ONE, 0.9)) == Counts(1, 1, 0)
    assert counts_of(labels, (3, FIVE, 0.9)) == Counts(1, 1, 0)
    assert counts_of(labels, (3, ONE, 0.4)) == Counts(1, 0, 0)
    assert counts_of(labels, (3, ONE, 0.9), kind="marks") == Counts(0, 0, 0)
    assert counts_of(labels_of(at_3=MARK), (3, MARK, 0.9), kind="marks") == Counts(1, 1, 1)


def test_a_character_is_found_once_and_neighbouring_columns_are_one_peak() -> None:
    labels = labels_of(at_3=ONE, at_4=ONE)
    assert counts_of(labels, (2, ONE, 0.8), (5, ONE, 0.9)) == Counts(1, 2, 1)
    assert counts_of(labels, (3, ONE, 0.75), (4, ONE, 0.75)) == Counts(1, 1, 1)


def test_where_the_class_is_not_known_a_peak_does_not_count() -> None:
    labels = labels_of(at_3=ONE, at_10=UNKNOWN)
    assert counts_of(labels, (10, FIVE, 0.9)) == Counts(1, 0, 0)
    assert counts_of(labels_of(at_3=ONE, at_4=UNKNOWN), (4, FIVE, 0.9)) == Counts(1, 1, 0), "the one is taken for it"


def some_lines() -> tuple[np.ndarray, Lines]:
    """Three lines and what is said of them: 1 and 5, of which a 7 is made, and a mark; a mark is missed; a letter."""
    labels = np.stack([labels_of(at_3=ONE, at_8=FIVE, at_12=MARK), labels_of(at_5=MARK + 1), labels_of(at_6=OTHER)])
    said = np.stack(
        [said_of((3, ONE, 0.9), (8, DIGITS + 7, 0.8), (12, MARK, 0.6)), said_of((5, MARK + 1, 0.3)), said_of()]
    )
    return said, Lines(np.full((3, TALL, 20 * STRIDE), 90, np.uint8), labels)


def test_an_evaluation_counts_classes_in_the_middle_and_what_is_found_by_threshold() -> None:
    said, lines = some_lines()
    found = evaluate_recogniser(said, lines)
    assert found.count == 3
    assert found.usual == {"digits": Counts(2, 2, 1), "marks": Counts(2, 1, 1)}
    assert [one.threshold for one in found.digits_by_threshold] == list(THRESHOLDS)
    digits, marks = found.accuracies.values()
    assert digits is not None
    assert marks is not None
    assert (digits.correct, digits.count, marks.correct, marks.count) == (1, 2, 1, 2)
    assert found.confused(FIVE) == [("7", 1)]
    assert found.confused(OTHER) == [("nothing", 1)]
    assert found.confused(ONE) == []
    assert sum(map(sum, found.confusion_matrix)) == 60
    none = next(one for one in found.digits_by_threshold if one.threshold == 0.5).blank
    assert none is not None
    assert (none.correct, none.count) == (2, 2)
    assert RecogniserEvaluation.from_dict(found.to_dict()) == found
    assert measured(said, lines) == {"val_accuracy": 0.5, "val_f1": round(2 * 2 / (4 + 3), 6)}
    assert found.lines[0].startswith("3 lines of made pages of held-out writers: digits F1 50.00% (precision 50.00%")
    assert len(found.lines) == 3


def test_without_digits_and_marks_nothing_is_said_of_their_accuracy() -> None:
    said, lines = some_lines()
    found = evaluate_recogniser(said[2:], Lines(lines.images[2:], lines.labels[2:]))
    assert found.accuracies == {"digits": None, "marks": None}
    assert RecogniserEvaluation.from_dict(found.to_dict()) == found
    assert measured(said[2:], Lines(lines.images[2:], lines.labels[2:])) == {"val_f1": 1.0}
    assert len(found.lines) == 1


def test_the_validation_loss_is_that_of_the_probabilities() -> None:
    said, lines = some_lines()
    certain = said_of((3, ONE, 1.0))[None]
    assert validation_loss(certain, Lines(lines.images[:1], labels_of(at_3=ONE)[None]), TINY) < 1
    exact = TINY.replace(label_smoothing=0.0)
    assert validation_loss(said[1:2], Lines(lines.images[1:2], lines.labels[1:2]), exact) == pytest.approx(
        1.6 * -np.log(0.3) / (1.6 + 19 * 0.6), rel=1e-2
    )


def test_the_sheet_shows_what_is_found_above_each_line_and_what_is_missed_below() -> None:
    said, lines = some_lines()
    drawn = sheet(np.tile(said, (2, 1, 1)), Lines(*(np.concatenate([one] * 2) for one in lines)))
    height, width = 2 * BESIDE + 2 * TALL, 2 * 20 * STRIDE
    assert drawn.shape == (2 * height + GAP, 3 * width + 2 * GAP, 3)
    assert (drawn[BESIDE + 10, 10] == 90).all()

    def colours(line: int, column: float) -> list[tuple[int, ...]]:
        x = line * (width + GAP) + round(2 * STRIDE * (column + 0.5))
        return [tuple(drawn[y, x].tolist()) for y in (BESIDE - 2, height - BESIDE + 1)]

    blank = (255, 255, 255)
    assert [colours(0, column) for column in (3, 12)] == [[FOUND, blank]] * 2
    assert colours(0, 8) == [INVENTED, MISSED]
    assert colours(1, 5) == [blank, MISSED]
    assert colours(2, 6) == [blank, blank]
