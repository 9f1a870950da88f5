"""Draw docs/reading.png: the intermediate result of every step of reading, on synthetic images."""

import sys
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from drawing import grain, inked, lit, mask, ruled, shadow, strokes  # noqa: E402
from mnist_cnn import Reader  # noqa: E402
from mnist_cnn.evaluation.misclassified import put  # noqa: E402
from mnist_cnn.reading import detector  # noqa: E402
from mnist_cnn.reading.annotate import annotate  # noqa: E402
from mnist_cnn.reading.crops import crops  # noqa: E402
from mnist_cnn.reading.octaves import Octaves  # noqa: E402
from mnist_cnn.reading.picture import load  # noqa: E402
from mnist_cnn.reading.weights import bundled_detection  # noqa: E402

SIDE, GAP, TEXT = 190, 4, 22  # pixels: width of a cell, padding, height of its caption


def examples() -> dict[str, np.ndarray]:
    """Images that show the purpose of each step."""
    plain = mask("407", height=90, pen=7)
    falling = np.zeros((260, 330), np.uint8)
    for index, digit in enumerate("2845"):
        strokes(falling, digit, 25 + 75 * index, 20 + 42 * index, 80, 7)
    return {
        "a shadow": grain(lit(inked(plain, (235, 230, 220), (60, 60, 70)), shadow(plain.shape)), 4),
        "red on green": inked(plain, (70, 140, 70), (190, 70, 60)),
        "ruled paper": inked(plain, ruled(plain.shape, 45), 50),
        "chalk": grain(inked(plain, (45, 60, 50), (225, 225, 215)), 6),
        "a slanted row": inked(falling, 245, 20),
        "touching digits": inked(mask("358", height=90, pen=7, gap=-0.12), 250, 20),
        "a thin pen": inked(mask("926", height=90, pen=1), 255, 0),
    }


def steps(picture: np.ndarray, reader: Reader) -> dict[str, np.ndarray]:
    """The result of each step for an image."""
    grey = load(picture).grey
    octaves, detection = Octaves(grey), bundled_detection()
    found = detector.candidates(octaves, detection.find)
    reading = reader.read(picture)
    places = [(one.box.left, one.box.top, one.box.width, one.box.height) for one in reading.digits]
    boxes = np.array([(left, top, left + width, top + height) for left, top, width, height in places], float)
    seen = crops(octaves, boxes.reshape(-1, 4))
    inks = detection.segment(seen).inks
    blank = [np.zeros((28, 28), np.uint8)]
    return {
        "image": picture,
        "candidates": with_candidates(grey, found),
        "crops": np.concatenate(list(seen[..., 0]) or blank, axis=1),
        "their ink": np.concatenate(list((255 * inks).astype(np.uint8)) or blank, axis=1),
        "model input": np.concatenate([one.image for one in reading.digits] or blank, axis=1),
        "result": annotate(picture, reading.digits),
    }


def with_candidates(grey: np.ndarray, found: detector.Candidates) -> np.ndarray:
    """An image with the boxes of the finder's candidates, the surer the darker."""
    image = cv2.cvtColor(cv2.addWeighted(grey, 0.5, np.full_like(grey, 255), 0.5, 0), cv2.COLOR_GRAY2RGB)
    for box, scores in zip(found.boxes[::-1], found.scores[::-1], strict=True):
        left, top, right, bottom = (round(float(edge)) for edge in box)
        pale = round(220 * (1 - float(scores.max())))
        cv2.rectangle(image, (left, top), (right, bottom), (pale, pale, 255), 2)
    return image


def cell(pixels: np.ndarray, height: int) -> np.ndarray:
    """An image fitted into a cell."""
    canvas = np.full((height, SIDE, 3), 255, np.uint8)
    put(canvas[:-GAP, :-GAP], pixels)
    return canvas


def main() -> None:
    """Draw every example as one row of steps."""
    reader = Reader(min_confidence=0.0)
    bands = []
    for name, picture in examples().items():
        made = steps(picture, reader)
        row = np.concatenate([cell(pixels, 110) for pixels in made.values()], axis=1)
        head = np.full((TEXT, row.shape[1], 3), 255, np.uint8)
        for index, step in enumerate(made):
            words = name if index == 0 else step
            cv2.putText(head, words, (index * SIDE + 2, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
        bands += [head, row]
    cv2.imwrite(str(ROOT / "docs" / "reading.png"), cv2.cvtColor(np.concatenate(bands), cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
