"""A scan is laid over the reference of its form, from any angle, and one that does not show the form never is."""

import cv2
import numpy as np
import pytest

from mnist_cnn.errors import RegistrationError
from mnist_cnn.sheets.registration import Reference, correlation, is_plausible
from sheets import FIELDS, FORM, PAPER, blank_form, filled_form, photographed, table, view_matrix

TEXTS = {"roll number": "80 142", "date": "12.05.2024", "points": "17", "telephone": "0891234567", "amount": "120.50"}


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference(blank_form())


def errors(back: np.ndarray, true: np.ndarray) -> np.ndarray:
    """By how many pixels of the scan the corners of the fields are off, (n,)."""
    corners = np.array([[x + u * w, y + v * h] for (x, y, w, h), _ in FIELDS.values() for u in (0, 1) for v in (0, 1)])
    found, wanted = (cv2.perspectiveTransform(corners[None].astype(np.float32), one)[0] for one in (back, true))
    return np.asarray(np.hypot(*(found - wanted).T))


@pytest.mark.parametrize("turn", [0, 12, 90, 180, 271])
def test_a_photograph_from_an_angle_lies_over_the_form_to_the_pixel(reference: Reference, turn: int) -> None:
    found = reference.register(photographed(filled_form(TEXTS), turn=turn, seed=turn))
    assert found.quality > 0.9
    assert errors(found.back, view_matrix(FORM, turn=turn, seed=turn)[0]).max() < 1.5
    assert found.view().shape == blank_form().shape
    assert found.view(1.5).shape == (1800, 1350)


def test_a_small_and_a_blurred_photograph_lie_over_it(reference: Reference) -> None:
    scan = photographed(filled_form(TEXTS), turn=5, seed=3)
    true, _ = view_matrix(FORM, turn=5, seed=3)
    half = cv2.resize(scan, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    assert errors(np.diag([2, 2, 1]) @ reference.register(half).back, true).max() < 3
    assert errors(reference.register(cv2.GaussianBlur(scan, (0, 0), 2.2)).back, true).max() < 3


def another_form() -> np.ndarray:
    image = np.full_like(blank_form(), PAPER)
    for index, y in enumerate(range(100, 1100, 70)):
        text = f"{index + 1}. Another form, from the library"[index:]
        cv2.putText(image, text, (70, y), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 45, 2, cv2.LINE_AA)
        cv2.rectangle(image, (560, y - 30), (800, y + 20), 45, 2)
    return image


def moved_fields() -> np.ndarray:
    """The same labels as on the form, but elsewhere on the page: another edition of it."""
    image = blank_form()
    return np.concatenate([image[600:], image[300:600], image[:300]])


@pytest.mark.parametrize(
    "scan",
    [
        photographed(another_form()),
        photographed(moved_fields()),
        table([["1", "2"], ["3", "4"]]),
        np.full((500, 400), 255, np.uint8),
        np.random.default_rng(0).integers(0, 256, (700, 700)).astype(np.uint8),
        photographed(np.ascontiguousarray(filled_form(TEXTS)[:, ::-1])),
        np.zeros((3, 8), np.uint8),
    ],
    ids=["another form", "another edition", "a table", "white", "noise", "mirrored", "tiny"],
)
def test_what_is_not_the_form_is_never_registered(reference: Reference, scan: np.ndarray) -> None:
    with pytest.raises(RegistrationError):
        reference.register(scan)


def test_paper_without_print_is_no_reference(reference: Reference) -> None:
    assert reference.is_distinct
    assert not Reference(np.full((1000, 700), 230, np.uint8)).is_distinct


def test_a_homography_must_be_of_a_sheet_that_can_be_seen() -> None:
    shape = (1200, 900)
    assert is_plausible(np.eye(3), shape, shape)
    assert not is_plausible(np.diag([-1.0, 1.0, 1.0]), shape, shape)  # mirrored
    assert not is_plausible(np.diag([0.1, 0.1, 1.0]), shape, shape)  # a stamp
    assert not is_plausible(np.array([[1, 0, 0], [0, 1, 0], [-0.01, 0, 1]]), shape, shape)  # behind the camera
    assert not is_plausible(np.full((3, 3), np.nan), shape, shape)


def test_patches_correlate_whatever_the_light() -> None:
    patch = np.random.default_rng(1).normal(size=(20, 20)).astype(np.float32)
    assert correlation(patch, 0.3 * patch + 7) == pytest.approx(1, abs=1e-3)
    assert correlation(patch, -patch) == pytest.approx(-1, abs=1e-3)
    assert correlation(patch, np.ones_like(patch)) == 0
