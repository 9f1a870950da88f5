"""Digits and marks that stand together become numbers with a value. Plain data; knows nothing about images."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from math import prod
from typing import Any

from mnist_cnn.reading.digit import REJECTED, Box, Digit
from mnist_cnn.reading.mark import Mark, mark_as_json

Item = Digit | Mark

DECIMAL, INSIDE, SIGNS, PERCENT = ".,", "/:-", "+-", "%"
WHOLE = re.compile(r"[-+]?\d+")
ONE_MARK = re.compile(r"([-+]?\d*)[.,](\d+)")
GROUPED = re.compile(r"([-+]?\d{1,3}(?:([.,])\d{3})+)(?:([.,])(\d+))?")
AMBIGUOUS = re.compile(r"[-+]?[1-9]\d{0,2}[.,]\d{3}")  # 1,234 is a thousand and more, or one and a quarter


@dataclass(frozen=True, repr=False)
class Number:
    """A number: its digits and the marks that belong to it, in order, "12.50" or "-42" or "12/05/2024"."""

    items: tuple[Item, ...]
    no_other_marks: float = 1.0
    """The probability, 0 to 1, that between its digits there are no other marks, such as a faint point."""

    @property
    def digits(self) -> tuple[Digit, ...]:
        """Its digits."""
        return tuple(item for item in self.items if isinstance(item, Digit))

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Its marks."""
        return tuple(item for item in self.items if isinstance(item, Mark))

    @property
    def text(self) -> str:
        """The number as it is written, "?" for rejected digits."""
        return "".join(item.text for item in self.items)

    @property
    def digits_text(self) -> str:
        """The digits alone, "?" for rejected ones."""
        return "".join(digit.text for digit in self.digits)

    @property
    def value(self) -> Decimal | None:
        """The value, of a percentage as a fraction of one; None where a digit is rejected, or the text is no number.

        That is also where it may be two: "1,234" and "1.234" are about one, or more than a thousand, by the country.
        """
        return value_of(self.text)

    @property
    def confidence(self) -> float:
        """The probability, 0 to 1, that all is correct, if its parts are independent: the product of theirs."""
        return prod(item.confidence for item in self.items) * self.no_other_marks

    @property
    def box(self) -> Box:
        """The bounding box of all, in pixels of the upright image."""
        return around(self.items)

    def __repr__(self) -> str:
        return f"Number({self.text!r}, value {self.value}, confidence {self.confidence:.2%})"

    def to_dict(self) -> dict[str, Any]:
        """The number as a JSON document; the value is text, which has all its digits."""
        value = self.value
        return {
            "text": self.text,
            "value": None if value is None else f"{value:f}",
            "confidence": self.confidence,
            "marks": [mark_as_json(mark) for mark in self.marks],
            "box": asdict(self.box),
        }


def value_of(text: str) -> Decimal | None:
    """The value of a number as it is written: None if that is ambiguous, or no number.

    Both "." and "," may stand before the decimals or between thousands.
    """
    if text.endswith(PERCENT):
        value = value_of(text[: -len(PERCENT)])
        return None if value is None else value.scaleb(-2)
    if REJECTED in text or AMBIGUOUS.fullmatch(text):
        return None
    if WHOLE.fullmatch(text):
        return Decimal(text)
    if match := ONE_MARK.fullmatch(text):
        return Decimal(f"{match[1]}.{match[2]}")
    if (match := GROUPED.fullmatch(text)) and match[2] != match[3]:
        whole = match[1].replace(match[2], "")
        if text.count(match[2]) == (len(match[1].lstrip("+-")) - 1) // 4:
            return Decimal(f"{whole}.{match[4]}" if match[4] else whole)
    return None


def in_order(digits: Sequence[Digit], marks: Sequence[Mark]) -> tuple[Item, ...]:
    """The digits of a row with the marks between them."""
    items: list[Item] = []
    for index in range(len(digits) + 1):
        items += [mark for mark in marks if mark.after == index]
        items += digits[index : index + 1]
    return tuple(items)


def around(items: Iterable[Item]) -> Box:
    """The smallest box around all of at least one."""
    boxes = [item.box for item in items]
    left, top = min(box.left for box in boxes), min(box.top for box in boxes)
    right, bottom = max(box.left + box.width for box in boxes), max(box.top + box.height for box in boxes)
    return Box(left, top, right - left, bottom - top)


def numbers_of(group: Sequence[Item]) -> list[Number]:
    """The numbers in items that stand close together, from the left.

    Points, commas, slashes, colons and hyphens between two digits belong to a number, as does a sign before the first
    that follows no digit, and a percent sign after the last. Other marks part numbers: "3+4=7" are three.
    """
    found: list[Number] = []
    current: list[Item] = []

    def close() -> None:
        nonlocal current
        if any(isinstance(item, Digit) for item in current):
            found.append(Number(tuple(current)))
        current = []

    for index, item in enumerate(group):
        follows = index + 1 < len(group) and isinstance(group[index + 1], Digit)
        begun = any(isinstance(one, Digit) for one in current)
        if isinstance(item, Digit):
            current.append(item)
        elif begun and item.text == PERCENT:
            current.append(item)
            close()
        elif follows and begun and isinstance(current[-1], Digit) and item.text in DECIMAL + INSIDE:
            current.append(item)
        else:
            close()
            if follows and item.text in SIGNS + DECIMAL[0] and not begun:
                current.append(item)
    close()
    return found
