"""Ink that is drawn by code, and whole runs on it in a process of their own: `python drawn_ink.py TASK FOLDER`.

The check of its labels, which takes a minute, is left out of these runs.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import mnist_cnn
from mnist_cnn.callbacks.callback import Callback, CallbackList
from mnist_cnn.data import strokes, variation
from mnist_cnn.data.glyphs import DIGITS, LETTERS
from mnist_cnn.data.ink.character import InkCharacter
from mnist_cnn.data.ink.collection import Ink, sha256_of
from mnist_cnn.errors import DataError
from mnist_cnn.workflows import ink_cleaning, ink_preparation, report
from mnist_cnn.workflows import train as workflow

SEEN, UNSEEN = "pendigits/tra/1", "pendigits/tes/1"
SHORT: dict[str, Any] = {"epochs": 2, "repeats": 1, "batch_size": 50, "final_plain_epochs": 0, "verbose": 0}


def character(label: str, way: str, writer: str, rng: np.random.Generator) -> InkCharacter:
    glyph = variation.rewritten(variation.unit_box(strokes.parsed(way)), rng)
    return InkCharacter(label, writer, tuple(stroke.astype(np.float32) for stroke in glyph))


def ink_of(*writers: str, each: int = 1, origin: tuple[str, ...] = ("handwriting",)) -> Ink:
    rng = np.random.default_rng(1)
    characters = [
        character(str(digit), ways[0], writer, rng)
        for writer in writers
        for digit, ways in DIGITS.items()
        for _ in range(each)
    ]
    characters += [character(name, LETTERS[name][0], writer, rng) for writer in writers for name in ("A", "E", "a")]
    characters += [character("O", DIGITS[0][0], writer, rng) for writer in writers]
    return Ink(tuple(characters), ("Pen-Digits",), sha256_of(characters), origin)


class Stop(Callback):
    """Ends a run after its first epoch."""

    def on_epoch_end(self, *_: object) -> None:
        raise KeyboardInterrupt


def train(run: Path, **more: Any) -> None:
    """A short run on ink."""
    mnist_cnn.train("robust", "digits", ink="handwriting", output=run, **SHORT, **more)


def detector(run: Path, recipe: str, made: str) -> None:
    """A short training whose pages are written with ink, and its report made again."""
    tiny: dict[str, Any] = {"epochs": 1, made: 16, "repeats": 1, "batch_size": 8, "verbose": 0}
    mnist_cnn.train(recipe, "digits", ink="handwriting", output=run, **tiny)
    first = (run / "report.html").read_bytes()
    report.load_ink = workflow.load_ink
    mnist_cnn.report(run, verbose=0)
    sys.stdout.write(f"{(run / 'report.html').read_bytes() == first}\n")


def resume(run: Path) -> None:
    """A run that is stopped, given other ink, and resumed with its own."""
    try:
        train(run, callbacks=[Stop()])
    except KeyboardInterrupt:
        sys.stdout.write("stopped\n")
    own = workflow.load_ink
    workflow.load_ink = lambda *_, **__: ink_of(SEEN, UNSEEN, each=2)
    try:
        workflow.resume(run, verbose=0)
    except DataError as error:
        sys.stdout.write(f"{error}\n")
    workflow.load_ink = own
    workflow.resume(run, verbose=0)


def check(_run: Path) -> None:
    """The labels of four writers' digits checked, one of them wrong; the probability of that, and the median of all."""
    ink_cleaning.RECIPE = ink_cleaning.RECIPE.replace(epochs=3, repeats=12, batch_size=50)
    digits = list(ink_of(*(f"pendigits/tra/{writer}" for writer in range(4)), each=8).digits)
    index = next(index for index, one in enumerate(digits) if one.label == "4")
    digits[index] = InkCharacter("0", digits[index].writer, digits[index].strokes)
    told = Told()
    likely = ink_cleaning.recognised(digits, 0, CallbackList([told]))
    sys.stdout.write(f"{float(likely[index])} {float(np.median(likely))} {told.epochs}\n")


class Told(Callback):
    """How many epochs a callback was told of."""

    epochs = 0

    def on_epoch_begin(self, *_: object) -> None:
        self.epochs += 1


if __name__ == "__main__":
    if sys.argv[1] != "check":
        ink = ink_of(SEEN, UNSEEN, origin=("/somewhere/handwriting",))
        workflow.load_ink = lambda *_, **__: ink
        ink_preparation.recognised = lambda digits, *_: np.ones(len(digits))
    tasks = {
        "finder": partial(detector, recipe="finder", made="pages"),
        "segmenter": partial(detector, recipe="segmenter", made="crops"),
        "recogniser": partial(detector, recipe="recogniser", made="lines"),
        "resume": resume,
        "check": check,
    }
    tasks[sys.argv[1]](Path(sys.argv[2]))
