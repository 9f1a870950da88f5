"""How many fields of made forms are right, with and without patterns, and how many photographs are registered.

The forms are `made_forms.py`'s, filled with digits of writers that no network was trained on and photographed from an
angle. Each photograph is also held against the templates of the other forms, none of which it may be registered to.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from made_forms import KINDS, blank, filled
from mnist_cnn.data.pages.sources import load
from mnist_cnn.errors import RegistrationError
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.reading.number import value_of
from mnist_cnn.reading.reader import Reader
from mnist_cnn.reading.reading import Reading
from mnist_cnn.sheets.form import FieldValue, Form, FormReader

RESULT = Path(__file__).parent / "results" / "forms.json"
FORMS = 5  # different ones


class ReadOnce(Reader):
    """A reader that reads an image once, also if it is asked twice in turn: with patterns and without."""

    last: tuple[np.ndarray, Reading] | None = None

    def read(self, image: np.ndarray, *_: object, **__: object) -> Reading:  # type: ignore[override]
        """The reading of an array."""
        if self.last is None or not np.array_equal(self.last[0], image):
            self.last = image, super().read(image)
        return self.last[1]


def is_right(kind: str, text: str, value: FieldValue) -> bool:
    """Whether a field holds what was written; amounts may have a comma for a point."""
    if kind == "amount" and text:
        return value_of(text) == value_of(value.text)
    return value.text == text


def counted(form: Form | None, texts: Sequence[str], kinds: Sequence[str]) -> Counter[str]:
    """Fields by kind, blank ones for themselves, and how many are right; those of a form not registered are wrong."""
    counts: Counter[str] = Counter()
    for index, (text, kind) in enumerate(zip(texts, kinds, strict=True)):
        value = form.values[index] if form else None
        right = value is not None and is_right(kind, text, value)
        name = kind if text else "blank"
        counts[name] += 1
        counts[f"{name} right"] += right
        if value is not None:
            counts["right" if right else "wrong"] += 1
            counts["right and doubtful" if right else "wrong and doubtful"] += value.is_doubtful
    return counts


def read(reader: FormReader, grey: np.ndarray) -> Form | None:
    """The form in a photograph; None if it is not registered."""
    try:
        return reader.read(grey)
    except RegistrationError:
        return None


def measured(name: str, counts: Counter[str]) -> dict[str, object]:
    """The counts with their accuracies, which are also printed."""
    parts = {kind: Accuracy(counts[f"{kind} right"], counts[kind]) for kind in (*KINDS, "blank") if counts[kind]}
    right, fields = sum(counts[f"{kind} right"] for kind in KINDS), sum(counts[kind] for kind in KINDS)
    parts["filled fields"] = Accuracy(right, fields)
    doubtful = f"{counts['wrong and doubtful']} of {counts['wrong']} wrong ones and "
    doubtful += f"{counts['right and doubtful']} of {counts['right']} right ones are doubtful"
    print(f"{name}: " + "; ".join(f"{kind} {one}" for kind, one in parts.items()) + f"; {doubtful}", flush=True)
    return {"counts": dict(counts), **{kind: one.to_dict() for kind, one in parts.items()}}


def main() -> None:
    """Make, read, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", type=Path, help="a file of data.pages.sources.save, of held-out writers")
    parser.add_argument("--forms", type=int, default=100)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    given, reader = load(options.sources), ReadOnce()
    blanks = [blank(np.random.default_rng((1, seed)), given) for seed in range(FORMS)]
    patterned = [FormReader(one.template, reader) for one in blanks]
    plain = [FormReader(one.without_patterns, reader) for one in blanks]
    with_patterns: Counter[str] = Counter()
    without: Counter[str] = Counter()
    registered = mistaken = 0
    begin = time.process_time()
    for seed in range(options.forms):
        own = seed % FORMS
        photograph = filled(np.random.default_rng((2, seed)), given, blanks[own])
        found = read(patterned[own], photograph.grey)
        registered += found is not None
        with_patterns += counted(found, photograph.texts, blanks[own].kinds)
        without += counted(found and read(plain[own], photograph.grey), photograph.texts, blanks[own].kinds)
        other = patterned[(own + 1 + seed // FORMS % (FORMS - 1)) % FORMS]
        mistaken += read(other, photograph.grey) is not None
    seconds = (time.process_time() - begin) / options.forms
    print(f"registered: {registered} of {options.forms}, to another form's template: {mistaken}")
    print(f"a form: {seconds:.1f} s of a processor, with its making and twice its registration")
    results = {
        "registered": Accuracy(registered, options.forms).to_dict(),
        "registered to another form": mistaken,
        "with patterns": measured("with patterns", with_patterns),
        "without patterns": measured("without patterns", without),
    }
    RESULT.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
