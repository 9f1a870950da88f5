"""Every dial of a recipe, its default, its range. Plain values: no network, no data."""

import math
from dataclasses import Field, asdict, dataclass, field, fields, replace
from typing import Any

from mnist_cnn.errors import RecipeError

# An epoch of MNIST is this many training images (60,000 less the validation tenth). Smaller data sets are gone over
# several times an epoch, so that an epoch means the same number of updates everywhere.
IMAGES_AN_EPOCH = 54_000


def dial(default: float, low: float, high: float, meaning: str) -> Any:
    """Declare a dial: its default, the range that it may take (both ends included) and what it means."""
    return field(default=default, metadata={"low": low, "high": high, "meaning": meaning})


@dataclass(frozen=True)
class Recipe:
    """What is trained and how. Making one with a dial out of its range raises RecipeError."""

    name: str = "classic"
    epochs: int = dial(12, 1, 10_000, "Times that the training images are gone over.")
    batch_size: int = dial(64, 1, 10_000, "Images an update.")
    learning_rate: float = dial(0.01, 1e-6, 10.0, "Step size of SGD.")
    validation_split: float = dial(0.1, 0.001, 0.9, "Share of the training images, from their end, kept to validate.")
    dropout: float = dial(0.2, 0.0, 0.95, "Share of activations dropped in training.")
    passes: int = dial(0, 0, 10_000, "Passes over the images an epoch; 0: as many as give MNIST's number of updates.")
    # Same bits at 1 and 16; 16 spares about a millisecond of Python an update (docs/log.md).
    steps_per_execution: int = dial(16, 1, 10_000, "Updates between two looks at the progress; changes the speed only.")

    def __post_init__(self) -> None:
        for one in self.dials():
            value = getattr(self, one.name)
            check(one.name, value, one.metadata["low"], one.metadata["high"], whole=one.type is int)
            if one.type is float:  # Keras refuses a rate of 1 where it takes 1.0
                object.__setattr__(self, one.name, float(value))

    @classmethod
    def dials(cls) -> list[Field[Any]]:
        """What can be changed: each has a name, a type, and metadata low, high, meaning."""
        return [one for one in fields(cls) if one.metadata]

    def with_dials(self, **dials: float | None) -> "Recipe":
        """The same recipe with some dials changed; None leaves a dial as it is."""
        changed: dict[str, Any] = {name: value for name, value in dials.items() if value is not None}
        return replace(self, **changed)

    def for_images(self, count: int) -> "Recipe":
        """The same recipe with the passes of an epoch settled for this many training images.

        Raises RecipeError if they do not fill one batch.
        """
        if count < self.batch_size:
            raise RecipeError(
                f"batch-size is {self.batch_size}: there are only {count} images to train on, so lower it."
            )
        return replace(self, passes=self.passes or max(1, round(IMAGES_AN_EPOCH / count)))

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON has it."""
        return asdict(self)


def check(name: str, value: object, low: float, high: float, whole: bool) -> None:
    """Raise RecipeError unless `value` is a finite number from `low` to `high`, a whole one where `whole`."""
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not math.isfinite(value) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise RecipeError(f"{name.replace('_', '-')} is {value!r}: it must be {kind} from {low:,g} to {high:,g}.")


RECIPES = {"classic": Recipe()}
ABOUT = {"classic": "The well-known Keras recipe to the letter: 33,658 parameters, SGD, 12 epochs, about 98 %."}


def recipe_named(name: str) -> Recipe:
    """The recipe of this name with its defaults; raises RecipeError if there is none."""
    try:
        return RECIPES[name]
    except KeyError:
        raise RecipeError(f"There is no recipe {name!r}: choose one of {', '.join(RECIPES)}.") from None
