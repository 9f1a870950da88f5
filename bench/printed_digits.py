"""Accuracy of the reader on printed digits: each digit in every typeface of the given folders, at three sizes.

    python bench/printed_digits.py FOLDER … [--model MODEL]

A FOLDER is searched for .ttf and .otf files; without one, it is matplotlib's own. A typeface without the ten digits, or
in which two of them look the same (symbols, placeholders), is left out. Each digit is drawn black on white, at 24, 48
and 96 pixels, with a margin, and read as a single digit. None of the typefaces is used for training.
"""

import argparse
from collections import Counter
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.reading.reader import Reader
from results import machine_line, write

SIZES = (24, 48, 96)
DIGITS = "0123456789"
SYMBOLS = ("cmex", "cmsy", "LinBiolinum_K")  # other signs in the places of the digits, or keys of a keyboard
OURS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def drawn(font: ImageFont.FreeTypeFont, digit: str) -> np.ndarray:
    """The digit in the middle of a white image (height, width) uint8."""
    left, top, right, bottom = font.getbbox(digit)
    margin = round(font.size / 4)
    image = Image.new("L", (round(right - left) + 2 * margin, round(bottom - top) + 2 * margin), 255)
    ImageDraw.Draw(image).text((margin - left, margin - top), digit, font=font, fill=0)
    return np.asarray(image)


def typefaces(folders: list[Path]) -> dict[str, Path]:
    """Every typeface with ten different digits, by its name."""
    found: dict[str, Path] = {}
    for path in sorted(
        one for folder in folders for one in folder.rglob("*.[to]tf") if not one.stem.startswith(SYMBOLS)
    ):
        try:
            font = ImageFont.truetype(str(path), 48)
            pictures = {drawn(font, digit).tobytes() for digit in DIGITS}
        except (OSError, ValueError):
            continue
        absent = drawn(font, "\uffff").tobytes()  # what the typeface draws for a character that it lacks
        if len(pictures) == len(DIGITS) and absent not in pictures:
            found.setdefault(" ".join(font.getname()), path)
    return found


def main() -> None:
    """Read every digit of every typeface."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[OURS])
    parser.add_argument("--model")
    parser.add_argument("--save", action="store_true", help="write bench/results/printed_digits.json")
    asked = parser.parse_args()
    reader = Reader(asked.model, min_confidence=0.0)
    confused: Counter[str] = Counter()
    correct, misread = 0, {}
    found = typefaces(asked.folders)
    for name, path in found.items():
        images = [drawn(ImageFont.truetype(str(path), size), digit) for size in SIZES for digit in DIGITS]
        readings = reader.read_many(images, single=True)
        read = [str(reading.digits[0].digit) if reading.digits else "nothing" for reading in readings]
        wrong = [f"{true} as {said}" for true, said in zip(DIGITS * len(SIZES), read, strict=True) if true != said]
        correct += len(images) - len(wrong)
        confused.update(wrong)
        if wrong:
            misread[name] = wrong
            print(f"{name}: {', '.join(wrong)}")
    result = Accuracy(correct, len(found) * len(SIZES) * len(DIGITS))
    print(f"{len(found)} typefaces, {len(found) - len(misread)} without an error: {result}")
    print(f"Confusions: {', '.join(f'{pair} ({count})' for pair, count in confused.most_common(12))}")
    print(machine_line())
    if asked.save:
        about = {"model": asked.model or "bundled", "typefaces": len(found), "misread": misread}
        write("printed_digits", about | {"accuracy": result.to_dict()})


if __name__ == "__main__":
    main()
