"""Every dial of a recipe, its default, its range. Plain values: no network, no data."""

import math
from dataclasses import Field, asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from mnist_cnn.errors import RecipeError

if TYPE_CHECKING:
    from mnist_cnn.data.augment import Distortion

# An epoch of MNIST is this many training images (60,000 less the validation tenth). Smaller data sets are gone over
# several times an epoch, so that an epoch means the same number of updates everywhere.
IMAGES_AN_EPOCH = 54_000


def dial(default: float, low: float, high: float, meaning: str) -> Any:
    """Declare a dial: its default, the range that it may take (both ends included) and what it means."""
    return field(default=default, metadata={"low": low, "high": high, "meaning": meaning})


def choice(default: str, choices: tuple[str, ...], meaning: str) -> Any:
    """Declare a dial that is one of several words: its default, the words and what it means."""
    return field(default=default, metadata={"choices": choices, "meaning": meaning})


@dataclass(frozen=True)
class Recipe:
    """What is trained and how. Making one with a dial out of its range raises RecipeError."""

    name: str = "classic"
    epochs: int = dial(12, 1, 10_000, "Times that the training images are gone over.")
    batch_size: int = dial(64, 1, 10_000, "Images an update.")
    optimizer: str = choice("sgd", ("sgd", "adam"), "How gradients become steps.")
    learning_rate: float = dial(0.01, 1e-6, 10.0, "Largest step size.")
    schedule: str = choice("constant", ("constant", "linear"), "How the step size goes down: not at all, or to 0.")
    warm_up: float = dial(0.0, 0.0, 0.9, "Share of all updates in which the step size rises from 0.")
    label_smoothing: float = dial(0.0, 0.0, 0.9, "Share of a label's certainty that is spread over all ten digits.")
    validation_split: float = dial(0.1, 0.0, 0.9, "Share of the training images, from their end, kept to validate.")
    dropout: float = dial(0.2, 0.0, 0.95, "Share of activations dropped in training.")
    rotation: float = dial(0.0, 0.0, 180.0, "Degrees that an image is turned by at most, each time it is seen.")
    scaling: float = dial(0.0, 0.0, 0.5, "Share that its sides grow or shrink by at most.")
    shear: float = dial(0.0, 0.0, 1.0, "Pixels sideways for each pixel upwards that it is slanted by at most.")
    shift: float = dial(0.0, 0.0, 14.0, "Pixels that it is moved by at most.")
    bend: float = dial(0.0, 0.0, 10.0, "Pixels that it is bent by (a standard deviation).")
    variants: float = dial(0.0, 0.0, 1.0, "Share of the images redrawn as other hands, pens and cameras have them.")
    nondigits: float = dial(0.0, 0.0, 1.0, "Images that are no digit, for each digit, to learn to refuse.")
    plain_epochs: int = dial(0, 0, 10_000, "Last epochs, in which the images stay as they are.")
    test_time_shift: int = dial(
        0, 0, 3, "Pixels that an image is moved by, each way, to be read: all views' mean counts."
    )
    precision: str = choice("float32", ("float32", "mixed"), "Mixed: bfloat16 where it is faster, float32 kept.")
    backend: str = choice("auto", ("auto", "tensorflow", "jax", "torch"), "What Keras runs on, if it is installed.")
    passes: int = dial(0, 0, 10_000, "Passes over the images an epoch; 0: as many as give MNIST's number of updates.")
    # Same bits at 1 and 16; 16 spares about a millisecond of Python an update (docs/log.md).
    steps_per_execution: int = dial(16, 1, 10_000, "Updates between two looks at the progress; changes the speed only.")

    def __post_init__(self) -> None:
        for one in self.dials():
            value = getattr(self, one.name)
            if "choices" in one.metadata:
                check_choice(one.name, value, one.metadata["choices"])
                continue
            check(one.name, value, one.metadata["low"], one.metadata["high"], whole=one.type is int)
            if one.type is float:  # Keras refuses a rate of 1 where it takes 1.0
                object.__setattr__(self, one.name, float(value))

    @classmethod
    def dials(cls) -> list[Field[Any]]:
        """What can be changed: each has a name, a type, and metadata: meaning, and low and high, or choices."""
        return [one for one in fields(cls) if one.metadata]

    def with_dials(self, **dials: float | str | None) -> "Recipe":
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

    def images_an_epoch(self, count: int) -> int:
        """How many images an epoch goes over where this many are there to train on."""
        digits = count * self.passes
        return digits + round(digits * self.nondigits)

    @property
    def distortion(self) -> "Distortion":
        """How far images may be changed each time they are seen."""
        from mnist_cnn.data.augment import Distortion  # here, because OpenCV comes with it

        return Distortion(self.rotation, self.scaling, self.shear, self.shift, self.bend)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON has it."""
        return asdict(self)


def values_of(one: Field[Any]) -> str:
    """What a dial may be, in words: its range or its choices."""
    known = one.metadata
    return ", ".join(known["choices"]) if "choices" in known else f"{known['low']:,g} to {known['high']:,g}"


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise RecipeError unless `value` is one of the words."""
    if value not in choices:
        raise RecipeError(f"{name.replace('_', '-')} is {value!r}: it must be one of {', '.join(choices)}.")


def check(name: str, value: object, low: float, high: float, whole: bool) -> None:
    """Raise RecipeError unless `value` is a finite number from `low` to `high`, a whole one where `whole`."""
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not math.isfinite(value) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise RecipeError(f"{name.replace('_', '-')} is {value!r}: it must be {kind} from {low:,g} to {high:,g}.")


RECIPES = {
    "classic": Recipe(),
    "fast": Recipe(
        name="fast",
        epochs=1,
        batch_size=100,
        optimizer="adam",
        learning_rate=0.02,
        schedule="linear",
        warm_up=0.25,
        label_smoothing=0.1,
        validation_split=0.0,
        dropout=0.0,
        backend="jax",
        steps_per_execution=50,
    ),
    "best": Recipe(
        name="best",
        epochs=28,
        batch_size=128,
        optimizer="adam",
        learning_rate=0.004,
        schedule="linear",
        warm_up=0.1,
        validation_split=0.0,
        dropout=0.3,
        rotation=10.0,
        scaling=0.1,
        shear=0.1,
        shift=1.5,
        bend=2.0,
        plain_epochs=1,
        test_time_shift=1,
        precision="mixed",
    ),
    "tiny": Recipe(
        name="tiny",
        epochs=40,
        batch_size=128,
        optimizer="adam",
        learning_rate=0.01,
        schedule="linear",
        warm_up=0.1,
        validation_split=0.0,
        dropout=0.0,
        rotation=10.0,
        scaling=0.1,
        shear=0.1,
        shift=1.0,
        bend=1.0,
        plain_epochs=1,
    ),
    "robust": Recipe(
        name="robust",
        epochs=60,
        batch_size=128,
        optimizer="adam",
        learning_rate=0.004,
        schedule="linear",
        warm_up=0.1,
        validation_split=0.05,
        dropout=0.3,
        rotation=15.0,
        scaling=0.1,
        shear=0.2,
        bend=1.5,
        plain_epochs=4,
        variants=0.5,
        nondigits=0.25,
        precision="mixed",
    ),
}
ABOUT = {
    "classic": "The well-known Keras recipe to the letter: 33,658 parameters, SGD, 12 epochs, about 98 %.",
    "fast": "The least time to a network that is right on 99 %: one epoch, a few seconds, fastest on JAX.",
    "best": "The most accurate single network that two cores train in well under an hour.",
    "robust": "Made to read other people's pictures, and to refuse what is no digit.",
    "tiny": "At most 10,000 parameters: for a microcontroller or a web page.",
}


def recipe_named(name: str) -> Recipe:
    """The recipe of this name with its defaults; raises RecipeError if there is none."""
    try:
        return RECIPES[name]
    except KeyError:
        raise RecipeError(f"There is no recipe {name!r}: choose one of {', '.join(RECIPES)}.") from None
