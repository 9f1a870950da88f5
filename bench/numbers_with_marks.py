"""How many handwritten numbers with marks are recognised whole: `12.50`, `-4`, `3/8`, from UNIPEN's category 7.

The networks have not seen these words. Each is drawn with a pen on white paper, and what is read is compared with the
label, mark by mark; a comma and a point count as different. Also counted are strings of digits alone.
"""

import argparse
import json
import re
import tarfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from mnist_cnn.data.ink import unipen_text
from mnist_cnn.data.ink.writers import held_out
from mnist_cnn.errors import DataError
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.reading.patterns import digits_of
from mnist_cnn.reading.reader import Reader

RESULT = Path(__file__).parent / "results" / "numbers.json"
NUMBER = re.compile(r"[-+]?[\d.,/:-]*\d[\d.,/:-]*%?")
# Contributors whose words are the strokes that they say; of the others most are not.
CONTRIBUTORS = ("apc", "apd", "ape", "art", "att", "pap", "par")
HEIGHT, MARGIN = 60, 40  # pixels: of a digit, and around all


def numbers_in(archive: Path) -> list[tuple[str, str, list[np.ndarray]]]:
    """Labels, writers and strokes of the words with digits."""
    with tarfile.open(archive) as tar:
        files = {one.name.lower(): tar.extractfile(one).read() for one in tar.getmembers() if one.isfile()}  # type: ignore[union-attr]
    found = []

    def included(name: str) -> str:
        place = f"include/{name}".lower()
        if place not in files:
            raise DataError(f"{name} is missing")
        return files[place].decode("latin-1")

    for name in sorted(name for name in files if name.startswith("data/7/")):
        contributor = name.split("/")[2]
        if contributor not in CONTRIBUTORS:
            continue
        with suppress(DataError):
            statements = unipen_text.statements(files[name].decode("latin-1"))
            others = [one for one in statements if one[0] != "SEGMENT"]
            drawing = unipen_text.drawing(unipen_text.with_included(others, included))
            for value in (value for keyword, value in statements if keyword == "SEGMENT"):
                segment = unipen_text.segment(value)
                if segment is None or not NUMBER.fullmatch(segment.label):
                    continue
                if strokes := unipen_text.cut(drawing.strokes, segment.components):
                    found.append((segment.label, f"unipen/{contributor}/{drawing.writer}", strokes))
    return found


def drawn(strokes: list[np.ndarray], label: str) -> np.ndarray:
    """Strokes as an image, digits about 60 pixels high, by a pen of a tenth of that."""
    points = np.concatenate(strokes)
    low, high = np.percentile(points, 2, axis=0), np.percentile(points, 98, axis=0)
    height = max(high[1] - low[1], (high[0] - low[0]) / (1.6 * len(label)), 1e-6)
    scale = HEIGHT / height
    low = points.min(axis=0)
    width, tall = np.ceil((points.max(axis=0) - low) * scale).astype(int) + 2 * MARGIN
    canvas = np.full((2 * tall, 2 * width), 255, np.uint8)
    for stroke in strokes:
        fixed = np.rint(2 * ((stroke - low) * scale + MARGIN)).astype(np.int32)
        cv2.polylines(canvas, [fixed], False, 0, 2 * max(2, HEIGHT // 12), cv2.LINE_AA)
    return cv2.resize(canvas, (width, tall), interpolation=cv2.INTER_AREA)


def main() -> None:
    """Read all, and count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ink", type=Path, help="UNIPEN's archive")
    parser.add_argument("--show", type=int, default=0, help="how many errors to print")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    reader = Reader()
    groups: dict[str, list[tuple[bool, bool]]] = {}
    wrong: Counter[tuple[str, str]] = Counter()
    for label, writer, strokes in numbers_in(options.ink):
        reading = reader.read(drawn(strokes, label))
        text, digits = reading.text.replace(" ", "").replace("\n", ""), reading.digits_text.replace("\n", "")
        kind = "digits alone" if label.isdigit() else "with marks"
        is_right = text == label, digits == digits_of(label)
        for name in (kind, *([f"{kind}, held-out writers"] if held_out(writer) else [])):
            groups.setdefault(name, []).append(is_right)
        if not is_right[0]:
            wrong[label, text] += 1
    results = {
        name: {"whole": Accuracy(sum(a for a, _ in some), len(some)).to_dict(),
               "digits": Accuracy(sum(b for _, b in some), len(some)).to_dict()}
        for name, some in sorted(groups.items())
    }  # fmt: skip
    for name, one in results.items():
        print(f"{name}: whole {Accuracy.from_dict(one['whole'])}; digits {Accuracy.from_dict(one['digits'])}")
    for (label, text), count in wrong.most_common(options.show):
        print(f"{label} → {text} ({count})")
    RESULT.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
