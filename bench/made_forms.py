"""Forms made by code, filled with handwriting of held-out writers and photographed from an angle, and what is in them.

They are written by the same hands, on the same paper and in the same light as `made_sheets.py`'s tables.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from made_sheets import SIDE, photographed
from mnist_cnn.data.pages import writing
from mnist_cnn.data.pages.page import Box
from mnist_cnn.data.pages.scene import Scene, line, rectangle
from mnist_cnn.data.pages.sources import Sources
from mnist_cnn.sheets.template import FormField, FormTemplate

TILT = 0.06  # of the side, by which a corner is away from where it would be
BLANK = 0.12  # of the fields
LABELS = ("Roll number", "Points", "Total", "Telephone", "Date", "Amount", "Mark", "Hours", "Room", "Group", "Number")
SENTENCES = ("Please write clearly and inside the boxes", "Return this form to the office", "Use a pen not a pencil")
TITLES = ("Enrolment", "Laboratory record", "Expenses", "Attendance", "Examination", "Delivery note")
KINDS = {"roll": r"\d{7}", "points": "0-20", "date": "date", "amount": "decimal(2)", "phone": "phone"}


@dataclass(frozen=True, eq=False)
class BlankForm:
    """A printed form: its template, with and without patterns, and its print as layer `form` of a scene."""

    template: FormTemplate
    without_patterns: FormTemplate
    kinds: tuple[str, ...]
    form: np.ndarray
    height: float


@dataclass(frozen=True, eq=False)
class FilledForm:
    """A photograph (h, w) uint8 of a filled form, and the text of each field; "" is blank, a space an empty box."""

    grey: np.ndarray
    texts: tuple[str, ...]


def blank(rng: np.random.Generator, sources: Sources) -> BlankForm:
    """A form with a title, sentences, and two or three fields of each kind in two columns."""
    scene = Scene(rng, sources, SIDE)
    height = scene.between(20, 30)
    label, title = (writing.some_hand(scene, high, "printed") for high in (scene.between(12, 17), 30.0))
    phrase(scene, title, TITLES[scene.whole(0, len(TITLES) - 1)], 70, 90)
    for index in range(scene.whole(1, 3)):
        phrase(scene, label, SENTENCES[index], 70, 130 + 32 * index)
    kinds = list(KINDS) + [list(KINDS)[scene.whole(0, 4)] for _ in range(5)]
    scene.rng.shuffle(kinds)
    tall = height * scene.between(1.6, 2.1)
    step = min((SIDE - 330) / 5, scene.between(2.4, 3.2) * tall)
    fields = []
    for index, kind in enumerate(kinds):
        left, top = 70 + 460 * (index % 2), 250 + step * (index // 2)
        wide = {"points": 3.0, "amount": 5.5}.get(kind, 8.5) * height * 1.25
        wide = min(wide, 400.0)
        phrase(scene, label, LABELS[scene.whole(0, len(LABELS) - 1)], left, top - 8)
        width = scene.between(1.0, 2.5)
        if kind == "roll":
            for place in range(7):
                rectangle(
                    scene.form, Box(left + place * wide / 7, top, left + (place + 1) * wide / 7, top + tall), width
                )
        elif scene.chance(0.4):
            line(scene.form, [(left, top + tall), (left + wide, top + tall)], width)
        else:
            rectangle(scene.form, Box(left, top, left + wide, top + tall), width)
        box = (round(left), round(top), round(wide), round(tall))
        fields.append(FormField(f"{kind} {index + 1}", box, KINDS[kind], 7 if kind == "roll" else None))
    print_ = cv2.resize(scene.form, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    template = FormTemplate.of((245 - 0.8 * print_).astype(np.uint8), fields)
    without = FormTemplate.of(template.grey, [replace(field, expect=None) for field in fields])
    return BlankForm(template, without, tuple(kinds), scene.form, height)


def phrase(scene: Scene, hand: writing.Hand, text: str, left: float, base: float) -> None:
    """Several words."""
    for word in text.split():
        left = writing.word(scene, hand, word, left, base).right + 0.4 * hand.height


def filled(rng: np.random.Generator, sources: Sources, form: BlankForm, *, angle: float = TILT) -> FilledForm:
    """The form as somebody filled it in, photographed."""
    scene = Scene(rng, sources, SIDE)
    scene.form[:] = form.form
    hand = writing.some_hand(scene, form.height, "mnist" if scene.chance(0.3) else "ink")
    texts = []
    for field, kind in zip(form.template.fields, form.kinds, strict=True):
        text = "" if scene.chance(BLANK) else some_text(scene, kind)
        texts.append(text)
        left, top, wide, tall = field.box
        base = top + (tall + hand.height) / 2
        if kind == "roll" and text:
            side = wide / 7
            own = replace(hand, height=min(hand.height, 0.8 * side))
            for index, digit in enumerate(text):
                writing.number(scene, own, digit, left + (index + 0.5) * side - 0.3 * own.height, base)
        elif text:
            own = replace(hand, gap=min(hand.gap, 0.14))
            own = replace(own, height=min(own.height, 0.9 * wide / (0.75 * len(text) + 0.3)))
            write(scene, own, text, left + 0.3 * own.height, base)
    return FilledForm(photographed(scene, [], form.height, angle).grey, tuple(texts))


def some_text(scene: Scene, kind: str) -> str:
    """What somebody writes into a field of this kind."""
    if kind == "roll":
        return f"{scene.whole(0, 9_999_999):07d}"
    if kind == "points":
        return str(scene.whole(0, 20))
    if kind == "date":
        mark = "./-"[scene.whole(0, 2)]
        return f"{scene.whole(1, 28):02d}{mark}{scene.whole(1, 12):02d}{mark}{scene.whole(1950, 2026)}"
    if kind == "amount":
        return f"{scene.whole(0, 999)}.{scene.whole(0, 99):02d}"
    return f"0{scene.whole(100_000_000, 999_999_999)}"


def write(scene: Scene, hand: writing.Hand, text: str, left: float, base: float) -> None:
    """Digits and the marks between them."""
    part = ""
    for char in [*text, ""]:
        if char.isdigit():
            part += char
            continue
        left = writing.number(scene, hand, part, left, base).right + 0.1 * hand.height
        part = ""
        if char:
            left = writing.beside(scene, hand, char, left, base).right + 0.1 * hand.height
