"""The 15 corruptions of MNIST-C, and the robustness that is measured with them."""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mnist_cnn.cli import app
from mnist_cnn.data.dataset import Dataset, Examples
from mnist_cnn.evaluation.corruptions import CORRUPTIONS, corrupt
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.evaluation.robustness import PipelineAccuracies, Robustness, robustness
from mnist_cnn.reading.network import onnx_classifier

FOLDER = Path(__file__).parent / "fixtures" / "format-1"
run = CliRunner().invoke
DETERMINISTIC = {"scale", "brightness", "stripe", "canny_edges"}
each_corruption = pytest.mark.parametrize("corruption", CORRUPTIONS)
by_chance = pytest.mark.parametrize("corruption", sorted({*CORRUPTIONS} - DETERMINISTIC))


@pytest.fixture(scope="module")
def some(digits: Dataset) -> np.ndarray:
    return digits.test.images[:40]


def bar(left: int, top: int, width: int, height: int, value: int = 255) -> np.ndarray:
    """An image, alone in its batch, with a rectangle."""
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, top : top + height, left : left + width] = value
    return image


def centre(image: np.ndarray) -> tuple[float, float]:
    """The centre of mass (row, column)."""
    rows, columns = np.indices(image.shape)
    return (rows * image).sum() / image.sum(), (columns * image).sum() / image.sum()


def change(images: np.ndarray, corruption: str, **parameters: float) -> float:
    """Mean absolute change of the pixels, 0 to 1."""
    rngs = [np.random.default_rng(place) for place in range(len(images))]
    changed = np.clip(CORRUPTIONS[corruption](images / np.float32(255), rngs, **parameters), 0, 1)
    return float(np.abs(changed - images / 255).mean())


def test_the_corruptions_are_the_fifteen_of_mnist_c() -> None:
    assert list(CORRUPTIONS) == [
        *("shot_noise", "impulse_noise", "glass_blur", "motion_blur", "shear", "scale", "rotate", "brightness"),
        *("translate", "stripe", "fog", "spatter", "dotted_line", "zigzag", "canny_edges"),
    ]


def test_the_severities_are_those_of_the_authors() -> None:
    parameters = {name: list(inspect.signature(apply).parameters.values())[2:] for name, apply in CORRUPTIONS.items()}
    assert {name: tuple(one.default for one in own) for name, own in parameters.items()} == {
        "shot_noise": (3,),
        "impulse_noise": (0.17,),
        "glass_blur": (0.7, 2),
        "motion_blur": (10, 3),
        "shear": (0.4,),
        "scale": (0.7,),
        "rotate": (0.4,),
        "brightness": (0.5,),
        "translate": (3,),
        "stripe": (14,),
        "fog": (3, 1.4),
        "spatter": (0.65, 63 / 255),
        "dotted_line": (2,),
        "zigzag": (2,),
        "canny_edges": (0.1, 0.2),
    }


@each_corruption
def test_corrupting_keeps_shape_and_type_and_does_not_modify_the_originals(corruption: str, some: np.ndarray) -> None:
    before = some.copy()
    changed = corrupt(some, corruption)
    assert (changed.shape, changed.dtype) == (some.shape, np.uint8)
    assert (some == before).all()


@each_corruption
def test_every_image_is_changed_and_none_becomes_blank(corruption: str, some: np.ndarray) -> None:
    for image, changed in zip(some, corrupt(some, corruption), strict=True):
        assert (image != changed).any()
        assert changed.std() > 5  # something is still to be seen


@each_corruption
def test_the_same_seed_gives_identical_images_in_batches_of_any_size(corruption: str, some: np.ndarray) -> None:
    whole = corrupt(some, corruption, seed=3)
    parts = [corrupt(some[start : start + 7], corruption, seed=3, first=start) for start in range(0, len(some), 7)]
    assert (np.concatenate(parts) == whole).all()


@by_chance
def test_another_seed_or_index_gives_another_result(corruption: str, some: np.ndarray) -> None:
    once = corrupt(some, corruption, seed=3)
    assert (once != corrupt(some, corruption, seed=4)).any()
    assert (once != corrupt(some, corruption, seed=3, first=1)).any()


@each_corruption
def test_empty_batches_and_blank_images_are_accepted(corruption: str) -> None:
    assert corrupt(np.zeros((0, 28, 28), np.uint8), corruption).shape == (0, 28, 28)
    assert corrupt(np.zeros((2, 28, 28), np.uint8), corruption).shape == (2, 28, 28)


def test_an_unknown_corruption_is_rejected(some: np.ndarray) -> None:
    with pytest.raises(KeyError, match="snow"):
        corrupt(some, "snow")


@pytest.mark.parametrize(
    ("corruption", "parameter", "values"),
    [
        ("shot_noise", "photons", (60, 12, 3)),
        ("impulse_noise", "fraction", (0.03, 0.09, 0.27)),
        ("glass_blur", "sigma", (0.7, 1, 1.5)),
        ("motion_blur", "sigma", (3, 5, 8)),
        ("shear", "angle", (0.2, 0.4, 0.8)),
        ("scale", "factor", (0.9, 0.7, 0.5)),
        ("rotate", "angle", (0.2, 0.4, 0.8)),
        ("brightness", "offset", (0.1, 0.3, 0.5)),
        ("translate", "pixels", (1, 3, 5)),
        ("fog", "density", (1.5, 2, 3)),
        ("spatter", "level", (0.69, 0.65, 0.6)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_higher_severities_change_more(
    corruption: str, parameter: str, values: tuple[float, ...], some: np.ndarray
) -> None:
    changes = [change(some, corruption, **{parameter: value}) for value in values]
    assert changes == sorted(changes)
    assert changes[0] < changes[-1]


def test_shot_noise_gives_multiples_of_a_third_and_keeps_the_mean() -> None:
    changed = corrupt(bar(0, 0, 28, 28, value=85), "shot_noise")  # a third: one photon on average
    assert set(np.unique(changed)) <= {0, 85, 170, 255}
    assert changed.mean() == pytest.approx(85, abs=10)
    assert not corrupt(bar(0, 0, 28, 14), "shot_noise")[0, 14:].any()


def test_impulse_noise_changes_a_sixth_of_the_pixels_half_of_them_to_foreground() -> None:
    changed = corrupt(np.full((20, 28, 28), 100, np.uint8), "impulse_noise")
    assert (changed == 255).mean() == pytest.approx(0.085, abs=0.01)
    assert (changed == 0).mean() == pytest.approx(0.085, abs=0.01)
    assert (changed == 100).mean() == pytest.approx(0.83, abs=0.02)


def test_glass_blur_keeps_the_sum_and_loses_sharpness() -> None:
    image = bar(8, 8, 12, 12)
    changed = corrupt(image, "glass_blur")
    assert int(changed.sum()) == pytest.approx(int(image.sum()), rel=0.01)
    assert np.abs(np.diff(changed[0].astype(int), axis=0)).max() < 200  # up and down; a bar has 255


def test_motion_blur_smears_upright_lines_more_than_level_ones() -> None:
    upright, level = (
        corrupt(np.repeat(image, 20, axis=0), "motion_blur") for image in (bar(13, 4, 2, 20), bar(4, 13, 20, 2))
    )
    assert upright.max(axis=(1, 2)).mean() < level.max(axis=(1, 2)).mean()


def test_a_sheared_upright_line_leans_by_the_sine_of_0_4() -> None:
    changed = corrupt(np.repeat(bar(13, 4, 2, 20), 20, axis=0), "shear").astype(float)
    leans = [centre(image[18:22])[1] - centre(image[6:10])[1] for image in changed]  # rows 8 and 20 in the middle
    assert np.abs(leans) == pytest.approx(12 * np.tan(0.4), abs=0.5)
    assert min(leans) < 0 < max(leans)


def test_scale_shrinks_to_seven_tenths() -> None:
    changed = corrupt(bar(4, 4, 20, 20), "scale")
    assert np.sqrt(changed.sum() / 255) == pytest.approx(14, abs=0.3)
    assert centre(changed[0]) == pytest.approx((13.5, 13.5), abs=0.05)


def test_rotation_turns_by_23_degrees_about_the_middle() -> None:
    changed = corrupt(np.repeat(bar(4, 13, 20, 2), 20, axis=0), "rotate").astype(float)
    turns = []
    for image in changed:
        assert centre(image) == pytest.approx((13.5, 13.5), abs=0.2)
        rises = centre(image[:, 19:23])[0] - centre(image[:, 5:9])[0]  # columns 7 and 21 in the middle
        turns.append(np.rad2deg(np.arctan(rises / 14)))
    assert np.abs(turns) == pytest.approx(22.9, abs=1.5)
    assert min(turns) < 0 < max(turns)


def test_brightness_adds_half_and_stops_at_full() -> None:
    assert np.unique(corrupt(bar(4, 4, 2, 2, value=60), "brightness")).tolist() == [128, 188]
    assert corrupt(bar(4, 4, 2, 2), "brightness").max() == 255


def test_translation_moves_three_pixels_towards_each_of_the_four_corners() -> None:
    image = bar(10, 8, 6, 8)
    row, column = centre(image[0])
    moved = [centre(one) for one in corrupt(np.repeat(image, 40, axis=0), "translate")]
    moves = {(round(down - row, 3), round(right - column, 3)) for down, right in moved}
    assert moves == {(3, 3), (3, -3), (-3, 3), (-3, -3)}


def test_a_stripe_in_the_middle_stays_and_the_sides_are_inverted(some: np.ndarray) -> None:
    changed = corrupt(some, "stripe")
    assert (changed[:, :, 7:21] == some[:, :, 7:21]).all()
    assert (changed[:, :, :7] == 255 - some[:, :, :7]).all()
    assert (changed[:, :, 21:] == 255 - some[:, :, 21:]).all()


def test_fog_keeps_a_quarter_of_the_contrast_and_is_smooth() -> None:
    images = np.repeat(bar(10, 10, 8, 8), 30, axis=0)
    changed = corrupt(images, "fog").astype(float)
    steps = changed[:, 10:18, 10] - changed[:, 10:18, 9]
    assert steps.mean() == pytest.approx(255 / 4, abs=3)
    assert np.abs(np.diff(changed[:, :9], axis=1)).max() < 20
    assert changed[:, 0, 0].std() > 15  # thicker on some than on others


def test_spatter_covers_foreground_and_background_with_dark_grey() -> None:
    changed = corrupt(np.repeat(bar(0, 0, 14, 28), 20, axis=0), "spatter")
    assert 0.02 < (changed[..., 14:] > 40).mean() < 0.5  # mud on the background
    assert 0.02 < (changed[..., :14] < 120).mean() < 0.5  # mud on the foreground
    assert changed[..., 14:].max() <= 63


def test_dots_two_pixels_long_go_from_side_to_side() -> None:
    lines = corrupt(np.zeros((20, 28, 28), np.uint8), "dotted_line")
    drawn = lines.max(axis=(0, 1)) > 0
    assert drawn.tolist() == [False, False, True, True] * 7
    assert (lines.max(axis=1)[:, drawn] > 120).all()


def test_a_zigzag_goes_up_and_down_every_eight_pixels() -> None:
    lines = corrupt(np.zeros((30, 28, 28), np.uint8), "zigzag")
    inside = [line for line in lines if not line[[0, 1, 26, 27]].any()]  # nothing of it is cut off
    assert inside
    for line in inside:
        rows = line.argmax(axis=0)
        assert not line[:, :2].any()
        assert not line[:, 26:].any()
        assert (line[:, 2:26].max(axis=0) > 100).all()
        assert rows[4] > rows[8]  # a hill in between
        assert rows[12] > rows[8]


def test_canny_leaves_thin_outlines() -> None:
    changed = corrupt(bar(6, 6, 14, 14), "canny_edges")
    assert set(np.unique(changed)) == {0, 255}
    assert not changed[0, 9:17, 9:17].any()
    assert 40 <= (changed > 0).sum() <= 70  # about once around


def test_a_missing_digit_counts_as_an_error_and_progress_is_reported() -> None:
    labels = np.array([3, 3, 7], np.uint8)
    images = np.concatenate([bar(10, 6, 4, 16), bar(8, 4, 4, 20), np.zeros((1, 28, 28), np.uint8)])

    def three(images: np.ndarray) -> np.ndarray:
        return np.tile(np.eye(10, dtype=np.float32)[3], (len(images), 1))

    told: list[tuple[str, int, int]] = []
    found = robustness(three, Examples(images, labels), step=lambda *words: told.append(words))
    assert found.clean == PipelineAccuracies(Accuracy(2, 3), Accuracy(2, 3), Accuracy(2, 3))
    assert list(found.corruptions) == list(CORRUPTIONS)
    assert found.mean["model"] == pytest.approx(2 / 3)
    assert [done for _, done, _ in told] == [3 * place for place in range(1, 17)]
    assert told[-1] == ("canny_edges", 48, 48)
    sevens = Examples(images, np.full(3, 3, np.uint8))
    assert robustness(three, sevens).clean.reader == Accuracy(2, 3)  # in the blank one none is found


def test_mean_and_worst_are_over_the_corruptions_without_clean_images() -> None:
    def row(correct: int) -> PipelineAccuracies:
        return PipelineAccuracies(*[Accuracy(correct, 100)] * 3)

    found = Robustness(1, row(99), {"fog": row(80), "stripe": row(40)})
    assert found.mean == pytest.approx({"model": 0.6, "normalized": 0.6, "reader": 0.6})
    assert found.worst == {"model": 0.4, "normalized": 0.4, "reader": 0.4}


@pytest.fixture(scope="module")
def few(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset."""
    path = tmp_path_factory.mktemp("data") / "few.npz"
    train, test = digits.train, digits.test
    np.savez(
        path,
        x_train=train.images[:100],
        y_train=train.labels[:100],
        x_test=test.images[:60],
        y_test=test.labels[:60],
    )
    return path


def test_evaluate_shows_a_table_of_corruptions(few: Path) -> None:
    done = run(app, ["evaluate", str(FOLDER / "model.onnx"), "--data", str(few), "--corruptions"])
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("Accuracy on corrupted images"))
    assert "(not MNIST)" in lines[start]
    names = [line[:14].strip() for line in lines[start + 2 :]]
    assert names == ["clean", *(corruption.replace("_", " ") for corruption in CORRUPTIONS), "mean of 15"]
    assert all(line.count("%") in (3, 9) for line in lines[start + 2 :])
    assert "Evaluating on corrupted images: fog" in done.stderr


def test_the_json_has_the_same_values(few: Path, digits: Dataset) -> None:
    path = FOLDER / "model.onnx"
    done = run(app, ["evaluate", str(path), "--data", str(few), "--corruptions", "--json"])
    document = json.loads(done.stdout)
    test = Examples(digits.test.images[:60], digits.test.labels[:60])
    assert document["corruptions"] == robustness(onnx_classifier(path), test).to_dict()
    assert document["corruptions"]["clean"]["model"] == {
        key: document["evaluation"][key] for key in ("count", "correct", "accuracy", "confidence_interval")
    }


def test_corruptions_are_not_measured_unless_asked_for(few: Path) -> None:
    done = run(app, ["evaluate", str(FOLDER / "model.onnx"), "--data", str(few), "--json"])
    assert "corruptions" not in json.loads(done.stdout)
    assert "corrupted" not in done.stderr
