"""Adapting a network to one person's digits: what is learnt from, what is refused, and what is kept."""

import csv
import json
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import mnist_cnn
from conftest import Cli
from drawing import inked, mask
from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.artifact.store import Artifact
from mnist_cnn.artifact.trainable import trainable
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.errors import AdaptationError, ArtifactError, DataError, RecipeError, RunError
from mnist_cnn.reading.model_names import BUNDLED
from mnist_cnn.reading.reader import Reader
from mnist_cnn.training import backend
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.workflows.adaptation.adapt import labelled, require_improvement, temporary_partial
from mnist_cnn.workflows.adaptation.folds import FOLDS, HeldOut, folds_of
from mnist_cnn.workflows.adaptation.handwriting import handwriting_of

Trained = tuple[Path, object]


def picture(text: str, **how: float) -> np.ndarray:
    return inked(mask(text, **how), 240, 30)


def saved(folder: Path, pictures: Sequence[tuple[str, np.ndarray]]) -> Path:
    """A folder with a table of labelled pictures, as `score` reads it."""
    folder.mkdir(exist_ok=True)
    with (folder / "labels.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["path", "label"])
        for number, (label, pixels) in enumerate(pictures):
            Image.fromarray(pixels).save(folder / f"{number:02}.png")
            table.writerow([f"{number:02}.png", label])
    return folder / "labels.csv"


def certain(digits: Sequence[int], confidence: float = 0.997) -> np.ndarray:
    """Probabilities (n, 10) of a network that reads these digits."""
    rows = np.full((len(digits), 10), (1 - confidence) / 9, np.float32)
    rows[np.arange(len(digits)), digits] = confidence
    return rows


# What is learnt from


def test_each_digit_of_a_row_gets_its_label() -> None:
    hand = handwriting_of([picture("42"), picture("24"), picture("4"), picture("2")], ["42", "2 4", "4", "2"], Reader())
    assert hand.labels.tolist() == [4, 2, 2, 4, 4, 2]
    assert hand.sources.tolist() == [0, 0, 1, 1, 2, 3]
    assert hand.images.shape == (6, 28, 28)
    assert hand.each == [0, 0, 3, 0, 3, 0, 0, 0, 0, 0]
    assert hand.skipped == []


def test_a_picture_with_another_number_of_digits_is_left_out_and_named() -> None:
    hand = handwriting_of([picture("5")] * 3 + [picture("42")], ["5", "5", "5", "427"], Reader())
    assert hand.labels.tolist() == [5, 5, 5]
    assert hand.skipped == ["Image 4 is skipped: 2 digits were found in it, and its label is '427'."]


def test_a_digit_with_fewer_than_three_pictures_is_not_learnt_and_said_so() -> None:
    hand = handwriting_of([picture("5")] * 3 + [picture("7")] * 2, ["5", "5", "5", "7", "7"], Reader())
    assert hand.each[7] == 0
    assert hand.skipped == ["The digit 7 is skipped: it has 2 examples, and 3 are needed."]


def test_a_picture_that_cannot_be_opened_is_named_and_does_not_stop_the_rest(tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"nonsense")
    hand = handwriting_of([picture("5")] * 3 + [tmp_path / "no.png"], ["5"] * 4, Reader())
    assert len(hand) == 3
    assert "no.png is not a supported image file" in hand.skipped[0]


def test_too_few_pictures_are_an_error_that_says_how_many_are_needed() -> None:
    with pytest.raises(AdaptationError, match=r"None of the 2 images can be trained on.*at least 3 readable"):
        handwriting_of([picture("5")] * 2, ["5", "5"], Reader())


@pytest.mark.parametrize(("labels", "said"), [(["5"], "2 images and 1 labels"), (["5", "x"], "A label is 'x'")])
def test_labels_that_do_not_fit_are_an_error(labels: list[str], said: str) -> None:
    with pytest.raises(DataError, match=said):
        handwriting_of([picture("5")] * 2, labels, Reader())


# What is held out


def test_each_part_has_a_third_of_each_digit_and_whole_pictures() -> None:
    labels = np.repeat(np.arange(10), 3)
    parts = folds_of(np.arange(30), labels, np.random.default_rng(0))
    assert all(sorted(parts[labels == digit]) == [0, 1, 2] for digit in range(10))
    rows = np.repeat(np.arange(6), 5)
    parts = folds_of(rows, np.tile(np.arange(5), 6), np.random.default_rng(0))
    assert all(len(set(parts[rows == row])) == 1 for row in range(6))
    assert set(parts) == set(range(FOLDS))


def test_more_right_is_better_and_fewer_is_not_however_sure() -> None:
    labels = np.array([1, 7])
    assert HeldOut(labels, certain([1, 1], 0.9), certain([1, 7], 0.5)).improved
    assert not HeldOut(labels, certain([1, 7], 0.5), certain([1, 1], 0.9)).improved


@pytest.mark.parametrize(("confidence", "better"), [(0.9, False), (0.905, False), (0.92, True)])
def test_of_as_many_right_the_clearly_surer_one_is_better(confidence: float, better: bool) -> None:
    held_out = HeldOut(np.array([1, 7]), certain([1, 7], 0.9), certain([1, 7], confidence))
    assert held_out.improved is better
    if not better:
        with pytest.raises(
            AdaptationError, match=r"2/2 held-out digits correct before, 2/2 after, with about the same loss\."
        ):
            require_improvement(held_out)


def test_a_label_is_doubtful_only_where_the_network_stays_sure_of_another_digit() -> None:
    labels = np.array([1, 1, 1, 7])
    before = certain([7, 7, 7, 7])
    after = np.concatenate([certain([7, 1]), certain([7, 7], 0.6)])
    assert HeldOut(labels, before, after).possible_label_errors.tolist() == [True, False, False, False]


# What is refused before anything is trained


@pytest.fixture
def fives(tmp_path: Path) -> Path:
    return saved(tmp_path / "fives", [("5", picture("5"))] * 3)


def test_nothing_that_is_there_is_overwritten(cli: Cli, fives: Path, tmp_path: Path) -> None:
    done = cli("adapt", fives, "--output", tmp_path)
    assert done.returncode == 1
    assert "already exists and nothing is overwritten" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nowhere.csv"], 1, "nowhere.csv cannot be read"),
        (["labels.csv", "--model", "nowhere"], 1, "There is no model 'nowhere'"),
        (["labels.csv", "--threads", "0"], 2, "threads is 0"),
        (["labels.csv", "--seed", "-1"], 2, "seed is -1"),
        (["labels.csv"], 1, "None of the 1 images can be trained on."),
    ],
    ids=["no table", "no network", "no threads", "no seed", "too few"],
)
def test_what_cannot_be_done_is_one_sentence_and_leaves_nothing(
    cli: Cli, tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    saved(tmp_path / "work", [("5", picture("5"))])
    done = cli("adapt", *words, "--output", "out", cwd=tmp_path / "work")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.splitlines()[-1].startswith(f"mnist-cnn: {said}")
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["00.png", "labels.csv"]


def test_errors_of_python_are_those_of_the_tree(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"seed is 1\.5"):
        mnist_cnn.adapt([], [], seed=1.5)  # type: ignore[arg-type]
    with pytest.raises(ArtifactError, match="not a folder"):
        mnist_cnn.adapt([], [], model=tmp_path / "model.onnx")
    with pytest.raises(RunError, match="nothing is overwritten"):
        mnist_cnn.adapt([], [], output=tmp_path)
    with pytest.raises(AdaptationError, match="None of the 0 images"):
        mnist_cnn.adapt([], [], output=tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_an_edited_network_is_refused(trained: Trained, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    for file in trained[0].glob("[mc]*.*"):
        (folder / file.name).write_bytes(file.read_bytes())
    with (folder / "model.keras").open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(ArtifactError, match=r"model\.keras is damaged"):
        mnist_cnn.adapt([picture("5")] * 3, ["5"] * 3, model=folder, output=tmp_path / "out")


# What is kept


FAR = np.array([[3.0, 3.3, -5.0], [0.0, 3.0, 0.0]])


def slanted(digits: Dataset, each: int) -> list[tuple[str, np.ndarray]]:
    """Somebody's digits as a network of a few seconds does not know them: far slanted, dark on light, large."""
    chosen = np.concatenate([np.flatnonzero(digits.test.labels == digit)[:each] for digit in (2, 3, 4, 7)])
    return [
        (str(digits.test.labels[i]), cv2.warpAffine(255 - digits.test.images[i], FAR, (168, 84), borderValue=255))
        for i in chosen
    ]


@pytest.fixture(scope="module")
def adapted(
    warm_cli: Cli, trained: Trained, digits: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, object]]:
    """A network of a few seconds, adapted through the real command line: its folder, and what the command said."""
    folder = tmp_path_factory.mktemp("adapted")
    labels = saved(folder / "hand", slanted(digits, 6))
    done = warm_cli("adapt", labels, "--model", trained[0], "--output", folder / "mine", "--threads", 2, "--json")
    assert done.returncode == 0, done.stderr
    return folder / "mine", json.loads(done.stdout)


@pytest.mark.slow
def test_held_out_digits_are_read_better_and_the_test_images_nearly_as_well(
    adapted: tuple[Path, dict[str, dict[str, dict[str, float]]]],
) -> None:
    _, said = adapted
    assert said["held_out"]["before"]["accuracy"] + 0.1 < said["held_out"]["after"]["accuracy"]
    assert said["test"]["after"]["accuracy"] > said["test"]["before"]["accuracy"] - 0.06


@pytest.mark.slow
def test_what_is_kept_is_whole_and_has_both_cards(adapted: tuple[Path, dict[str, object]], trained: Trained) -> None:
    folder, said = adapted
    kept = store.load(folder)
    about = kept.card.evaluation["adaptation"]
    assert about["before"] == json.loads((trained[0] / card.CARD).read_text())
    assert {name: value for name, value in about.items() if name != "before"} | {"model": str(folder)} == said
    assert 12 <= about["digits"] <= 24  # some are hardly digits to what finds them
    assert kept.card.evaluation["correct"] == about["test"]["after"]["correct"]
    assert (folder / card.REPORT).exists()
    assert not folder.with_name("mine.partial").exists()


def work_in_vain(folder: Path) -> None:
    labels = np.array([1, 7, 7])
    with temporary_partial(folder) as partial:
        (partial / "model.keras").write_bytes(b"half of it")
        require_improvement(HeldOut(labels, certain([1, 1, 7]), certain([7, 1, 7])))


@pytest.mark.slow
def test_what_is_kept_reads_more_of_what_it_has_never_seen(
    adapted: tuple[Path, dict[str, object]], trained: Trained, digits: Dataset
) -> None:
    others = [hand for start in range(0, 48, 12) for hand in slanted(digits, 12)[start + 6 : start + 12]]

    def right(folder: Path) -> int:
        reader = Reader(folder, min_confidence=0)
        return sum(reader.read(pixels, single=True).text == label for label, pixels in others)

    assert right(adapted[0]) > right(trained[0])


def test_where_nothing_got_better_it_says_so_and_keeps_nothing(tmp_path: Path) -> None:
    with pytest.raises(AdaptationError, match=r"No improvement: 2/3 held-out digits correct before, 1/3 after\."):
        work_in_vain(tmp_path / "mine")
    assert not list(tmp_path.iterdir())


def test_a_folder_in_which_another_process_is_at_work_is_left_alone(tmp_path: Path) -> None:
    partial = store.make_partial(tmp_path / "mine")
    with store.lock_run(partial), pytest.raises(RunError, match="is in use by another process"):
        work_in_vain(tmp_path / "mine")
    assert partial.is_dir()


@pytest.mark.slow
def test_what_is_kept_lies_between_the_network_before_and_the_mean_of_what_was_learnt() -> None:
    backend.start()
    from mnist_cnn.models.architectures import build
    from mnist_cnn.workflows.adaptation.finetune import FineTuning, Replay

    network = build("tiny", 0.0)
    tuning = FineTuning(network, Replay(np.zeros((1, 28, 28), np.uint8), np.full((1, 10), 0.1)), 0)
    began = network.get_weights()

    tuning.trained = [[one + 1 for one in began], [one + 3 for one in began]]
    tuning.average()
    assert all(np.allclose(now - one, 1.5, atol=1e-5) for now, one in zip(network.get_weights(), began, strict=True))
    tuning.forget()
    tuning.trained.append([one + 8 for one in began])
    tuning.average()
    assert all(np.allclose(now - one, 4.0, atol=1e-5) for now, one in zip(network.get_weights(), began, strict=True))


@pytest.mark.slow
def test_the_network_that_ships_comes_back_from_its_onnx_file(digits: Dataset) -> None:
    backend.start()
    kept = card.read(BUNDLED)
    network = trainable(Artifact(BUNDLED, kept), digits.test.images)  # which checks it to 1e-5
    assert network.count_params() == kept.parameters


@pytest.mark.slow
def test_a_network_that_is_not_its_recipe_s_is_refused(digits: Dataset) -> None:
    backend.start()
    other = replace(card.read(BUNDLED), recipe=Recipe().to_dict())
    with pytest.raises(ArtifactError, match="does not have the layers of its recipe classic"):
        trainable(Artifact(BUNDLED, other), digits.test.images[:10])


# What it takes


FORMS = ("table", "folder", "zip")


def in_form(folder: Path, form: str) -> Path:
    """Three fives and three fours by one person, as a table, in folders of digits, or as a ZIP of these."""
    pictures = [(digit, picture(digit, angle=number)) for digit in "54" for number in range(3)]
    if form == "table":
        return saved(folder, pictures)
    for number, (digit, pixels) in enumerate(pictures):
        (folder / digit).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / digit / f"{number}.png")
    if form == "folder":
        return folder
    return Path(shutil.make_archive(str(folder), "zip", folder))


@pytest.mark.parametrize("form", FORMS)
def test_digits_are_learnt_from_a_table_a_folder_and_a_zip(tmp_path: Path, form: str) -> None:
    place = in_form(tmp_path / "mine", form)
    images, labels = labelled(place, None)
    hand = handwriting_of(images, labels, Reader())
    assert sorted(hand.labels.tolist()) == [4, 4, 4, 5, 5, 5]
    assert hand.skipped == []
    assert all(name.startswith(str(tmp_path)) for name in hand.names)


def test_labels_without_a_list_of_images_are_an_error(tmp_path: Path) -> None:
    for images, labels in ((str(tmp_path), ["5"]), ([picture("5")], None)):
        with pytest.raises(DataError, match="Labels belong to a list of images"):
            labelled(images, labels)


def test_an_image_in_a_zip_that_is_damaged_is_named(tmp_path: Path) -> None:
    place = in_form(tmp_path / "mine", "zip")
    with zipfile.ZipFile(place, "a") as archive:
        archive.writestr("7/x.png", b"nonsense")
    hand = handwriting_of(*labelled(place, None), Reader())
    assert len(hand) == 6
    assert hand.skipped[0].startswith(f"{place}/7/x.png: ")


@pytest.mark.slow
@pytest.mark.extended  # tests above have the command on a table, and what is in a ZIP file
def test_the_command_adapts_to_a_zip_of_folders(
    warm_cli: Cli, trained: Trained, digits: Dataset, tmp_path: Path
) -> None:
    for number, (label, pixels) in enumerate(slanted(digits, 6)):
        (tmp_path / "hand" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "hand" / label / f"{number}.png")
    place = shutil.make_archive(str(tmp_path / "hand"), "zip", tmp_path / "hand")
    done = warm_cli(
        "adapt", place, "--model", trained[0], "--output", tmp_path / "mine", "--threads", 2, "--seed", 1, "--json"
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["digits"] >= 20
    assert said["digits"] + said["unused"] == 24
    assert mnist_cnn.load(tmp_path / "mine").card.evaluation["adaptation"]["digits"] == said["digits"]
