import cv2
import numpy as np
import pytest

from drawing import grain, inked, mask
from mnist_cnn.reading.sheet import sheet_of

WRITTEN = inked(mask("407/1592", height=60, pen=6), 235, 40)


def photograph(
    degrees: float = 0.0, lean: float = 0.0, desk: int = 50, shift: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """A sheet on a desk, turned and seen at an angle, and the matrix (3, 3) from the sheet to the photograph."""
    height, width = WRITTEN.shape
    turn = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1), [0, 0, 1]])
    seen = np.array([[1, 0, 110 + shift], [0, 1, 120], [0, lean / height, 1]]) @ turn
    size = (width + 260, height + 260)
    there = cv2.warpPerspective(np.full_like(WRITTEN, 255), seen, size)
    image = np.where(there > 127, cv2.warpPerspective(WRITTEN, seen, size), desk)
    return grain(image, 4), seen


@pytest.mark.parametrize(("degrees", "lean"), [(25, 0), (-30, 0), (12, 0.15), (-8, -0.1), (40, 0)])
def test_a_sheet_on_a_desk_is_straightened(degrees: float, lean: float) -> None:
    image, seen = photograph(degrees, lean)
    found = sheet_of(image)
    assert found
    height, width = WRITTEN.shape
    assert found.grey.shape[1] / found.grey.shape[0] == pytest.approx(
        width / height, rel=0.3
    )  # what is seen at an angle looks shorter
    box = np.array([[60, 50, 120, 130]], float)  # of the sheet, around a digit
    scale = found.grey.shape[1] / width, found.grey.shape[0] / height
    back = found.boxes_back(box * [*scale, *scale])[0]
    corners = np.array([[60, 50], [120, 50], [120, 130], [60, 130]], float).reshape(-1, 1, 2)
    true = cv2.perspectiveTransform(corners, seen).reshape(4, 2)
    assert back == pytest.approx([*true.min(axis=0), *true.max(axis=0)], abs=9)
    assert found.boxes_back(np.zeros((0, 4))).shape == (0, 4)


@pytest.mark.parametrize(
    "image",
    [
        photograph()[0],
        WRITTEN,
        photograph(25, desk=220)[0],
        photograph(25, shift=-160)[0],
        grain(np.full((300, 400), 120.0), 20),
        inked(mask("8", height=200, pen=60), 0, 255),
    ],
    ids=["straight", "no desk", "hardly darker", "cut off", "noise", "a large digit"],
)
def test_what_is_no_plain_sheet_askew_is_left_alone(image: np.ndarray) -> None:
    assert sheet_of(image) is None
