"""Damage to images: the 15 kinds of MNIST-C, and what is measured with them."""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mnist_cnn.cli import app
from mnist_cnn.data.dataset import Dataset, Examples
from mnist_cnn.evaluation.corruptions import KINDS, corrupted
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.evaluation.robustness import Robustness, Ways, robustness
from mnist_cnn.reading.network import onnx_classifier

FOLDER = Path(__file__).parent / "fixtures" / "format-1"
run = CliRunner().invoke
each_kind = pytest.mark.parametrize("kind", KINDS)
by_chance = pytest.mark.parametrize("kind", sorted(set(KINDS) - {"scale", "brightness", "stripe", "canny_edges"}))


@pytest.fixture(scope="module")
def some(digits: Dataset) -> np.ndarray:
    return digits.test.images[:40]


def bar(left: int, top: int, width: int, height: int, ink: int = 255) -> np.ndarray:
    """An image, alone in its batch, with a rectangle of ink."""
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, top : top + height, left : left + width] = ink
    return image


def centre(image: np.ndarray) -> tuple[float, float]:
    """The centre of mass (row, column)."""
    rows, columns = np.indices(image.shape)
    return (rows * image).sum() / image.sum(), (columns * image).sum() / image.sum()


def harm(images: np.ndarray, kind: str, **dials: float) -> float:
    """How far pixels are from what they were, on average, of 1."""
    rngs = [np.random.default_rng(place) for place in range(len(images))]
    changed = np.clip(KINDS[kind](images / np.float32(255), rngs, **dials), 0, 1)
    return float(np.abs(changed - images / 255).mean())


def test_the_kinds_are_the_fifteen_of_mnist_c() -> None:
    assert list(KINDS) == [
        *("shot_noise", "impulse_noise", "glass_blur", "motion_blur", "shear", "scale", "rotate", "brightness"),
        *("translate", "stripe", "fog", "spatter", "dotted_line", "zigzag", "canny_edges"),
    ]


def test_they_are_as_hard_as_the_authors_make_theirs() -> None:
    dials = {kind: list(inspect.signature(damage).parameters.values())[2:] for kind, damage in KINDS.items()}
    assert {kind: tuple(dial.default for dial in own) for kind, own in dials.items()} == {
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


@each_kind
def test_images_stay_images_and_the_originals_as_they_were(kind: str, some: np.ndarray) -> None:
    before = some.copy()
    changed = corrupted(some, kind)
    assert (changed.shape, changed.dtype) == (some.shape, np.uint8)
    assert (some == before).all()


@each_kind
def test_every_image_is_changed_and_none_is_lost(kind: str, some: np.ndarray) -> None:
    for image, changed in zip(some, corrupted(some, kind), strict=True):
        assert (image != changed).any()
        assert changed.std() > 5  # something is still to be seen


@each_kind
def test_the_same_seed_gives_the_same_bits_in_batches_of_any_size(kind: str, some: np.ndarray) -> None:
    whole = corrupted(some, kind, seed=3)
    parts = [corrupted(some[start : start + 7], kind, seed=3, first=start) for start in range(0, len(some), 7)]
    assert (np.concatenate(parts) == whole).all()


@by_chance
def test_another_seed_or_place_gives_other_damage(kind: str, some: np.ndarray) -> None:
    once = corrupted(some, kind, seed=3)
    assert (once != corrupted(some, kind, seed=4)).any()
    assert (once != corrupted(some, kind, seed=3, first=1)).any()


@each_kind
def test_no_images_and_blank_ones_are_taken(kind: str) -> None:
    assert corrupted(np.zeros((0, 28, 28), np.uint8), kind).shape == (0, 28, 28)
    assert corrupted(np.zeros((2, 28, 28), np.uint8), kind).shape == (2, 28, 28)


def test_a_kind_that_is_not_there_is_refused(some: np.ndarray) -> None:
    with pytest.raises(KeyError, match="snow"):
        corrupted(some, "snow")


@pytest.mark.parametrize(
    ("kind", "dial", "values"),
    [
        ("shot_noise", "photons", (60, 12, 3)),
        ("impulse_noise", "share", (0.03, 0.09, 0.27)),
        ("glass_blur", "sigma", (0.7, 1, 1.5)),
        ("motion_blur", "sigma", (3, 5, 8)),
        ("shear", "angle", (0.2, 0.4, 0.8)),
        ("scale", "share", (0.9, 0.7, 0.5)),
        ("rotate", "angle", (0.2, 0.4, 0.8)),
        ("brightness", "more", (0.1, 0.3, 0.5)),
        ("translate", "pixels", (1, 3, 5)),
        ("fog", "density", (1.5, 2, 3)),
        ("spatter", "level", (0.69, 0.65, 0.6)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_harder_settings_change_more(kind: str, dial: str, values: tuple[float, ...], some: np.ndarray) -> None:
    harms = [harm(some, kind, **{dial: value}) for value in values]
    assert harms == sorted(harms)
    assert harms[0] < harms[-1]


def test_shot_noise_leaves_thirds_of_the_ink_and_no_more_of_it_on_average() -> None:
    changed = corrupted(bar(0, 0, 28, 28, ink=85), "shot_noise")  # a third: one photon on average
    assert set(np.unique(changed)) <= {0, 85, 170, 255}
    assert changed.mean() == pytest.approx(85, abs=10)
    assert not corrupted(bar(0, 0, 28, 14), "shot_noise")[0, 14:].any()


def test_impulse_noise_strikes_a_sixth_of_the_pixels_half_of_them_with_ink() -> None:
    changed = corrupted(np.full((20, 28, 28), 100, np.uint8), "impulse_noise")
    assert (changed == 255).mean() == pytest.approx(0.085, abs=0.01)
    assert (changed == 0).mean() == pytest.approx(0.085, abs=0.01)
    assert (changed == 100).mean() == pytest.approx(0.83, abs=0.02)


def test_glass_blur_loses_no_ink_and_sharpness() -> None:
    image = bar(8, 8, 12, 12)
    changed = corrupted(image, "glass_blur")
    assert int(changed.sum()) == pytest.approx(int(image.sum()), rel=0.01)
    assert np.abs(np.diff(changed[0].astype(int), axis=0)).max() < 200  # up and down; a bar has 255


def test_motion_blur_smears_upright_lines_more_than_level_ones() -> None:
    upright, level = (
        corrupted(np.repeat(image, 20, axis=0), "motion_blur") for image in (bar(13, 4, 2, 20), bar(4, 13, 20, 2))
    )
    assert upright.max(axis=(1, 2)).mean() < level.max(axis=(1, 2)).mean()


def test_a_sheared_upright_line_leans_by_the_sine_of_0_4() -> None:
    changed = corrupted(np.repeat(bar(13, 4, 2, 20), 20, axis=0), "shear").astype(float)
    leans = [centre(image[18:22])[1] - centre(image[6:10])[1] for image in changed]  # rows 8 and 20 in the middle
    assert np.abs(leans) == pytest.approx(12 * np.tan(0.4), abs=0.5)
    assert min(leans) < 0 < max(leans)


def test_scale_shrinks_to_seven_tenths() -> None:
    changed = corrupted(bar(4, 4, 20, 20), "scale")
    assert np.sqrt(changed.sum() / 255) == pytest.approx(14, abs=0.3)
    assert centre(changed[0]) == pytest.approx((13.5, 13.5), abs=0.05)


def test_rotation_turns_by_23_degrees_about_the_middle() -> None:
    changed = corrupted(np.repeat(bar(4, 13, 20, 2), 20, axis=0), "rotate").astype(float)
    turns = []
    for image in changed:
        assert centre(image) == pytest.approx((13.5, 13.5), abs=0.2)
        rises = centre(image[:, 19:23])[0] - centre(image[:, 5:9])[0]  # columns 7 and 21 in the middle
        turns.append(np.rad2deg(np.arctan(rises / 14)))
    assert np.abs(turns) == pytest.approx(22.9, abs=1.5)
    assert min(turns) < 0 < max(turns)


def test_brightness_adds_half_and_stops_at_full() -> None:
    assert np.unique(corrupted(bar(4, 4, 2, 2, ink=60), "brightness")).tolist() == [128, 188]
    assert corrupted(bar(4, 4, 2, 2), "brightness").max() == 255


def test_translation_moves_three_pixels_towards_each_of_the_four_corners() -> None:
    image = bar(10, 8, 6, 8)
    row, column = centre(image[0])
    moved = [centre(one) for one in corrupted(np.repeat(image, 40, axis=0), "translate")]
    moves = {(round(down - row, 3), round(right - column, 3)) for down, right in moved}
    assert moves == {(3, 3), (3, -3), (-3, 3), (-3, -3)}


def test_a_stripe_in_the_middle_stays_and_the_sides_are_inverted(some: np.ndarray) -> None:
    changed = corrupted(some, "stripe")
    assert (changed[:, :, 7:21] == some[:, :, 7:21]).all()
    assert (changed[:, :, :7] == 255 - some[:, :, :7]).all()
    assert (changed[:, :, 21:] == 255 - some[:, :, 21:]).all()


def test_fog_leaves_a_quarter_of_the_contrast_and_is_smooth() -> None:
    images = np.repeat(bar(10, 10, 8, 8), 30, axis=0)
    changed = corrupted(images, "fog").astype(float)
    steps = changed[:, 10:18, 10] - changed[:, 10:18, 9]
    assert steps.mean() == pytest.approx(255 / 4, abs=3)
    assert np.abs(np.diff(changed[:, :9], axis=1)).max() < 20
    assert changed[:, 0, 0].std() > 15  # thicker on some than on others


def test_spatter_covers_ink_and_paper_with_dark_grey() -> None:
    changed = corrupted(np.repeat(bar(0, 0, 14, 28), 20, axis=0), "spatter")
    assert 0.02 < (changed[..., 14:] > 40).mean() < 0.5  # mud on paper
    assert 0.02 < (changed[..., :14] < 120).mean() < 0.5  # mud on ink
    assert changed[..., 14:].max() <= 63


def test_dots_two_pixels_long_go_from_side_to_side() -> None:
    lines = corrupted(np.zeros((20, 28, 28), np.uint8), "dotted_line")
    inked = lines.max(axis=(0, 1)) > 0
    assert inked.tolist() == [False, False, True, True] * 7
    assert (lines.max(axis=1)[:, inked] > 120).all()


def test_a_zigzag_goes_up_and_down_every_eight_pixels() -> None:
    lines = corrupted(np.zeros((30, 28, 28), np.uint8), "zigzag")
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
    changed = corrupted(bar(6, 6, 14, 14), "canny_edges")
    assert set(np.unique(changed)) == {0, 255}
    assert not changed[0, 9:17, 9:17].any()
    assert 40 <= (changed > 0).sum() <= 70  # about once around


def test_only_what_damage_does_is_counted_and_no_digit_is_a_mistake() -> None:
    labels = np.array([3, 3, 7], np.uint8)
    images = np.concatenate([bar(10, 6, 4, 16), bar(8, 4, 4, 20), np.zeros((1, 28, 28), np.uint8)])

    def three(images: np.ndarray) -> np.ndarray:
        return np.tile(np.eye(10, dtype=np.float32)[3], (len(images), 1))

    told: list[tuple[str, int, int]] = []
    found = robustness(three, Examples(images, labels), step=lambda *words: told.append(words))
    assert found.clean == Ways(Accuracy(2, 3), Accuracy(2, 3), Accuracy(2, 3))
    assert list(found.kinds) == list(KINDS)
    assert found.means["network"] == pytest.approx(2 / 3)
    assert [done for _, done, _ in told] == [3 * place for place in range(1, 17)]
    assert told[-1] == ("canny_edges", 48, 48)
    sevens = Examples(images, np.full(3, 3, np.uint8))
    assert robustness(three, sevens).clean.reader == Accuracy(2, 3)  # in the blank one none is found


def test_means_and_lowest_are_over_the_kinds_of_damage_alone() -> None:
    def ways(correct: int) -> Ways:
        return Ways(*[Accuracy(correct, 100)] * 3)

    found = Robustness(1, ways(99), {"fog": ways(80), "stripe": ways(40)})
    assert found.means == pytest.approx({"network": 0.6, "normalised": 0.6, "reader": 0.6})
    assert found.lowest == {"network": 0.4, "normalised": 0.4, "reader": 0.4}


@pytest.fixture(scope="module")
def few(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set with little to judge on."""
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


def test_evaluate_shows_a_table_of_damage(few: Path) -> None:
    done = run(app, ["evaluate", str(FOLDER / "model.onnx"), "--data", str(few), "--corruptions"])
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("Accuracy on damaged images"))
    assert "(not MNIST)" in lines[start]
    names = [line[:14].strip() for line in lines[start + 2 :]]
    assert names == ["clean", *(kind.replace("_", " ") for kind in KINDS), "mean of 15"]
    assert all(line.count("%") in (3, 9) for line in lines[start + 2 :])
    assert "reading damaged images: fog" in done.stderr


def test_programs_get_the_same_figures(few: Path, digits: Dataset) -> None:
    path = FOLDER / "model.onnx"
    done = run(app, ["evaluate", str(path), "--data", str(few), "--corruptions", "--json"])
    document = json.loads(done.stdout)
    test = Examples(digits.test.images[:60], digits.test.labels[:60])
    assert document["corruptions"] == robustness(onnx_classifier(path), test).to_dict()
    assert document["corruptions"]["clean"]["network"] == {
        key: document["evaluation"][key] for key in ("count", "correct", "accuracy", "interval")
    }


def test_without_being_asked_nothing_is_damaged(few: Path) -> None:
    done = run(app, ["evaluate", str(FOLDER / "model.onnx"), "--data", str(few), "--json"])
    assert "corruptions" not in json.loads(done.stdout)
    assert "damaged" not in done.stderr
