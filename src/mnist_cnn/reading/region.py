"""The rectangle of an image that is read. Plain numbers; decodes nothing."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass

from mnist_cnn.errors import ImageError, ReaderError

Turn = tuple[bool, int]
"""How to turn an image upright: whether to mirror it, and then the quarter turns to the left."""


@dataclass(frozen=True)
class Region:
    """A rectangle in pixels of the upright image: its top-left corner, width and height."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def of(cls, numbers: "Sequence[int] | Region") -> "Region":
        """The region (x, y, width, height). Raises ReaderError unless these are whole numbers and it is not empty."""
        if isinstance(numbers, Region):
            return numbers
        try:
            left, top, width, height = (operator.index(one) for one in numbers)
        except (TypeError, ValueError) as error:
            raise malformed(numbers) from error
        if min(left, top) < 0 or min(width, height) < 1:
            raise malformed(numbers)
        return cls(left, top, width, height)

    @classmethod
    def parse(cls, text: str) -> "Region":
        """The region in a text such as "10,20,300,200". Raises ReaderError as `of`."""
        words = [word.strip() for word in text.split(",")]
        if not all(word.isascii() and word.isdecimal() and len(word) < 10 for word in words):
            raise malformed(text)
        try:
            return cls.of([int(word) for word in words])
        except ReaderError as error:
            raise malformed(text) from error

    def __str__(self) -> str:
        return f"{self.left},{self.top},{self.width},{self.height}"

    def require_inside(self, width: int, height: int, name: str) -> None:
        """Raise ImageError unless the region is inside an upright image of this size."""
        if self.left + self.width > width or self.top + self.height > height:
            raise ImageError(
                f"The region {self} is not inside {name} ({width:,} × {height:,} pixels): "
                "give x,y,width,height in pixels of the upright image."
            )

    def box_in_file(self, width: int, height: int, turn: Turn) -> tuple[int, int, int, int]:
        """Where the region is in the pixels of a file, which the turn makes upright: (left, top, right, bottom).

        `width` and `height` are those of the upright image.
        """
        left, top, right, bottom = self.left, self.top, self.left + self.width, self.top + self.height
        mirrored, quarters = turn
        for _ in range(quarters):  # each undoes a quarter turn to the left
            left, top, right, bottom = height - bottom, left, height - top, right
            width, height = height, width
        return (width - right, top, width - left, bottom) if mirrored else (left, top, right, bottom)


def malformed(given: object) -> ReaderError:
    """The error for what is no region."""
    return ReaderError(
        f"A region is x,y,width,height: four whole numbers of pixels, the last two at least 1 (got {given!r:.60})."
    )
