"""A recipe: an architecture and every hyperparameter, with defaults and ranges. Plain values: no network, no data."""

import difflib
import numbers
from collections.abc import Iterable
from dataclasses import Field, asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from mnist_cnn.card import FINDER, MADE, NO_CLASSIFIERS, READING, RECOGNISER, SEGMENTER, Task
from mnist_cnn.errors import RecipeError
from mnist_cnn.models.tiny_widths import widths_for

if TYPE_CHECKING:
    from mnist_cnn.data.augment import Augmentation

# An epoch of MNIST is this many training images (60,000 less the validation tenth). Smaller datasets are repeated
# within an epoch, so that an epoch means the same number of updates everywhere.
IMAGES_PER_EPOCH = 54_000
MOST_REPEATS = 10_000
SMALL_BATCH = 16  # images, where there are fewer than a recipe's batch has


def number(default: float, low: float, high: float, meaning: str) -> Any:
    """Declare a numeric hyperparameter: its default, its range (both ends included) and what it means."""
    return field(default=default, metadata={"low": low, "high": high, "meaning": meaning})


def choice(default: str, choices: tuple[str, ...], meaning: str) -> Any:
    """Declare a hyperparameter that is one of several words: its default, the words and what it means."""
    return field(default=default, metadata={"choices": choices, "meaning": meaning})


@dataclass(frozen=True, init=False, repr=False)
class Recipe:
    """An architecture and its hyperparameters: `Recipe("fast", epochs=2)` is the recipe `fast` with two epochs.

    What is not given has the value of the recipe `name`. Raises RecipeError, which names the nearest one, for a recipe
    or a hyperparameter that does not exist, and for a value that is out of range.
    """

    name: str = "classic"
    epochs: int = number(12, 1, 10_000, "Number of epochs; where given, each is one pass over the training images.")
    batch_size: int = number(64, 1, 10_000, "Batch size.")
    optimizer: str = choice(
        "sgd", ("sgd", "momentum", "adam", "adamw", "nadam", "rmsprop", "lion"), "Optimizer; momentum is SGD with 0.9."
    )
    beta_2: float = number(
        0.999, 0.0, 0.99999, "adam, adamw, nadam: share of the mean squared gradient that is kept at each update."
    )
    learning_rate: float = number(0.01, 1e-6, 10.0, "Peak learning rate.")
    schedule: str = choice(
        "constant",
        ("constant", "linear", "cosine", "exponential"),
        "Learning-rate schedule: constant, or linear, cosine or exponential decay.",
    )
    warm_up: float = number(0.0, 0.0, 0.9, "Warm-up fraction: share of all updates in which the learning rate rises.")
    label_smoothing: float = number(0.0, 0.0, 0.9, "Label smoothing.")
    validation_split: float = number(0.1, 0.0, 0.9, "Last fraction of the training images, held out for validation.")
    early_stopping: int = number(
        0, 0, 10_000, "Early stopping: epochs without a lower validation loss, then the best weights; 0: none."
    )
    class_weights: str = choice("none", ("none", "balanced"), "Weights of classes in the loss, by their numbers.")
    dropout: float = number(0.2, 0.0, 0.95, "Dropout rate.")
    parameters: int = number(
        0, 0, 10_000, "Tiny: maximum number of parameters, by fewer filters; 0: the recipe's own 9,426."
    )
    rotation: float = number(0.0, 0.0, 180.0, "Augmentation: maximum random rotation (degrees).")
    zoom: float = number(0.0, 0.0, 0.5, "Augmentation: maximum random zoom, in or out (fraction).")
    shear: float = number(0.0, 0.0, 1.0, "Augmentation: maximum random shear (pixels sideways per pixel upwards).")
    translation: float = number(0.0, 0.0, 14.0, "Augmentation: maximum random translation (pixels).")
    elastic: float = number(0.0, 0.0, 10.0, "Augmentation: elastic deformation (sigma, pixels).")
    restyle: float = number(0.0, 0.0, 1.0, "Augmentation: fraction of images redrawn in other handwriting styles.")
    negatives: float = number(0.0, 0.0, 1.0, "Non-digit (negative) training images per digit.")
    ink_digits: float = number(0.0, 0.0, 10.0, "Digits drawn from ink (--ink) per training image.")
    ink_negatives: float = number(0.0, 0.0, 1.0, "Fraction of the negatives that are letters of that ink.")
    final_plain_epochs: int = number(0, 0, 10_000, "Final epochs without augmentation.")
    test_time_shift: int = number(0, 0, 3, "Test-time augmentation: maximum shift (pixels), predictions averaged.")
    precision: str = choice("float32", ("float32", "mixed"), "Precision: float32, or mixed (bfloat16 compute).")
    backend: str = choice(
        "auto",
        ("auto", "tensorflow", "jax", "torch", "onnxruntime"),
        "Keras backend, where installed; or ONNX Runtime without Keras, for fast only.",
    )
    repeats: int = number(
        0, 0, MOST_REPEATS, "Passes over the training images per epoch; 0: as many steps as on MNIST."
    )
    # Bit-identical results at 1 and 16; 16 saves about a millisecond of Python per update (docs/log.md).
    steps_per_execution: int = number(16, 1, 10_000, "Batches per compiled call; changes the speed only.")
    pages: int = number(0, 0, 60_000, "Finder: pages made per epoch, each used `repeats` times.")
    mosaics: float = number(0.0, 0.0, 1.0, "Finder: fraction of batches with pages joined, four to an image.")
    crops: int = number(0, 0, 150_000, "Segmenter: crops made per epoch, each used `repeats` times.")
    lines: int = number(0, 0, 150_000, "Recogniser: lines made per epoch, each used `repeats` times.")
    weight_decay: float = number(
        0.0, 0.0, 1.0, "adamw, finder, segmenter, recogniser: decoupled weight decay, as a share of the learning rate."
    )
    gradient_clipping: float = number(
        0.0, 0.0, 1e6, "Finder, segmenter, recogniser: maximum norm of the gradient; 0: any."
    )
    weight_averaging: float = number(
        0.0, 0.0, 0.99999, "Finder, segmenter, recogniser: share of the averaged weights kept at each update."
    )
    teacher_share: float = number(
        0.9, 0.0, 1.0, "Distillation: share of the teacher's probabilities (--teacher) in the targets."
    )
    teacher_temperature: float = number(
        2.0, 1.0, 20.0, "Distillation: temperature at which teacher and student are compared."
    )
    teacher_epochs: int = number(
        10, 0, 10_000, "Distillation: epochs of different augmented images, which then come again; 0: always new."
    )

    def __init__(self, name: str = "classic", **hyperparameters: float | str) -> None:
        if name not in VALUES:
            raise RecipeError(f"There is no recipe {name!r}: {nearest(name, VALUES)}.")
        known = {one.name: one for one in self.hyperparameters()}
        if unknown := [word for word in hyperparameters if word not in known]:
            raise RecipeError(f"There is no hyperparameter {unknown[0]!r}: {nearest(unknown[0], known)}.")
        object.__setattr__(self, "name", name)
        hyperparameters = with_one_pass(hyperparameters, int(VALUES[name].get("repeats", 0)))
        for word, one in known.items():
            usual = VALUES[name].get(word, one.default)
            value = checked(one, hyperparameters.get(word, usual))
            if value != usual and word in FOREIGN.get(name, OF_SOME):
                option = word.replace("_", "-")
                raise RecipeError(f"{option} is not a hyperparameter of the recipe {name}: leave --{option} out.")
            object.__setattr__(self, word, value)

    def __repr__(self) -> str:
        own = Recipe(self.name)
        usual = own.to_dict() | with_one_pass({} if self.epochs == own.epochs else {"epochs": own.epochs}, own.repeats)
        changed = {name: value for name, value in self.to_dict().items() if value != usual[name]}
        return f"Recipe({', '.join([repr(self.name), *(f'{name}={value!r}' for name, value in changed.items())])})"

    @classmethod
    def hyperparameters(cls) -> list[Field[Any]]:
        """Each has a name, a type, a default, and metadata: its meaning, and low and high, or choices."""
        return [one for one in fields(cls) if one.metadata]

    def own_hyperparameters(self) -> list[Field[Any]]:
        """Those of `hyperparameters` that mean something for this recipe."""
        return [one for one in self.hyperparameters() if one.name not in FOREIGN.get(self.name, OF_SOME)]

    def replace(self, **hyperparameters: float | str) -> "Recipe":
        """The same recipe with some hyperparameters changed. Raises RecipeError as `Recipe` does."""
        return Recipe(**self.to_dict() | with_one_pass(hyperparameters, self.repeats))

    def for_images(self, count: int, *, ink: bool = False, task: Task = READING) -> "Recipe":
        """The same recipe with the repeats per epoch settled for this many training images, of a task.

        Without `ink` it draws nothing from there, and what it draws of digits it leaves out for another task. If the
        images do not fill a batch of the size that the recipe has by itself, that is lowered. Raises RecipeError if
        they, or what is made for an epoch, do not fill a batch that was asked for, a batch of pages cannot be
        divided into fours for mosaics, a weight decay is given to an optimizer that has none, or no `tiny` has as few
        parameters as it may have.
        """
        if not self.is_classifier:
            return self.for_made()
        widths_for(self.parameters, task)  # raises if there are too few
        if self.weight_decay and self.optimizer != "adamw":
            raise RecipeError(f"weight-decay is that of adamw, and the optimizer is {self.optimizer}: leave one out.")
        if count < self.batch_size == Recipe(self.name).batch_size:
            return replace(self, batch_size=max(1, min(count, SMALL_BATCH))).for_images(count, ink=ink, task=task)
        if count < self.batch_size:
            raise RecipeError(
                f"batch-size is {self.batch_size}: there are only {count} images to train on, so lower it."
            )
        repeats = self.repeats or min(max(1, round(IMAGES_PER_EPOCH / count)), MOST_REPEATS)
        settled = replace(self, repeats=repeats)
        if not task.is_digits:
            settled = replace(settled, restyle=0.0, negatives=0.0, ink_digits=0.0, ink_negatives=0.0)
        return settled if ink else replace(settled, ink_digits=0.0, ink_negatives=0.0)

    def for_made(self) -> "Recipe":
        """The same recipe of no classifier with its repeats per epoch settled; raises as `for_images`."""
        things = MADE[self.name]
        if not self.made:
            raise RecipeError(
                f"{things} is 0, so there is nothing to train on: give the number of {things} of an epoch."
            )
        settled = replace(self, repeats=self.repeats or 1)
        used = settled.images_per_epoch(0)
        if used < self.batch_size:
            raise RecipeError(f"batch-size is {self.batch_size}: an epoch uses only {used} {things}, so lower it.")
        if self.mosaics and self.batch_size % 4:
            raise RecipeError(
                f"batch-size is {self.batch_size}: with mosaics of four pages it must be a multiple of 4."
            )
        return settled

    @property
    def is_classifier(self) -> bool:
        """Whether its model classifies an image of one digit."""
        return self.name not in NO_CLASSIFIERS

    @property
    def made(self) -> int:
        """How many pages, crops or lines are made for an epoch."""
        return int(getattr(self, MADE[self.name]))

    @property
    def takes_ink(self) -> bool:
        """Whether it can be trained on ink."""
        return not self.is_classifier or bool(self.ink_digits or self.ink_negatives)

    @property
    def draws_images(self) -> bool:
        """Whether a classifier's training images are drawn one by one, which may take longer than to train on them."""
        return bool(self.restyle or self.negatives or self.ink_digits)

    def require_classifier(self, what: str) -> None:
        """Raise RecipeError if this recipe trains no classifier, which is what `what` needs."""
        if not self.is_classifier:
            raise RecipeError(
                f"{what} needs a digit classifier, and the recipe {self.name} trains {NO_CLASSIFIERS[self.name]}: "
                "choose another recipe."
            )

    def images_per_epoch(self, count: int) -> int:
        """How many images the network sees per epoch where there are this many to train on.

        The others than classifiers see pages, crops or lines, the number of which depends on the recipe alone.
        """
        if not self.is_classifier:
            return self.made * self.repeats
        digits = count * self.repeats
        return digits + round(digits * self.ink_digits) + round(digits * self.negatives)

    @property
    def augments(self) -> bool:
        """Whether images are changed each time they are seen."""
        return any((self.rotation, self.zoom, self.shear, self.translation, self.elastic))

    @property
    def augmentation(self) -> "Augmentation":
        """How far images may be changed each time they are seen."""
        from mnist_cnn.data.augment import Augmentation  # here, because OpenCV comes with it

        return Augmentation(self.rotation, self.zoom, self.shear, self.translation, self.elastic)

    def to_dict(self) -> dict[str, Any]:
        """The name and every hyperparameter, as JSON has them."""
        return asdict(self)


def with_one_pass(given: dict[str, float | str], repeats: int) -> dict[str, float | str]:
    """What was given of a recipe: with a number of epochs, and no repeats by itself, an epoch is one pass."""
    return given if "epochs" not in given or "repeats" in given or repeats else given | {"repeats": 1}


def checked(one: "Field[Any]", value: object) -> float | str:
    """The value of a hyperparameter in its own type; raises RecipeError if it is out of range."""
    if "choices" in one.metadata:
        check_choice(one.name, value, one.metadata["choices"])
        return str(value)
    check(one.name, value, one.metadata["low"], one.metadata["high"], whole=one.type is int)
    return one.type(value)  # type: ignore[no-any-return,operator]  # Keras refuses a rate of 1 where it takes 1.0


def nearest(word: str, known: Iterable[str]) -> str:
    """Which of the known words may have been meant, for the end of a sentence."""
    known = list(known)
    if found := difflib.get_close_matches(str(word), known, n=1):
        return f"did you mean {found[0]!r}? Choose one of {', '.join(known)}"
    return f"choose one of {', '.join(known)}"


def values_of(one: Field[Any]) -> str:
    """What a hyperparameter may be, in words: its range or its choices."""
    known = one.metadata
    return ", ".join(known["choices"]) if "choices" in known else f"{known['low']:,g} to {known['high']:,g}"


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise RecipeError unless `value` is one of the words."""
    if value not in choices:
        raise RecipeError(f"{name.replace('_', '-')} is {value!r}: it must be one of {', '.join(choices)}.")


def check(name: str, value: Any, low: float, high: float, whole: bool) -> None:
    """Raise RecipeError unless `value` is a finite number from `low` to `high`, a whole one where `whole`."""
    kind: Any = numbers.Integral if whole else numbers.Real  # NumPy's numbers are either
    if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:  # nor NaN
        wanted = "a whole number" if whole else "a number"
        raise RecipeError(f"{name.replace('_', '-')} is {value!r}: it must be {wanted} from {low:,g} to {high:,g}.")


# What each recipe changes of the defaults above, which are those of `classic`.
VALUES: dict[str, dict[str, float | str]] = {
    "classic": {},
    "fast": {
        "epochs": 1,
        "batch_size": 100,
        "optimizer": "adam",
        "beta_2": 0.99,
        "learning_rate": 0.02,
        "schedule": "linear",
        "warm_up": 0.25,
        "label_smoothing": 0.1,
        "validation_split": 0.0,
        "dropout": 0.0,
        "backend": "onnxruntime",
        "steps_per_execution": 20,
    },
    "best": {
        "epochs": 28,
        "batch_size": 128,
        "optimizer": "adam",
        "learning_rate": 0.004,
        "schedule": "linear",
        "warm_up": 0.1,
        "validation_split": 0.0,
        "dropout": 0.3,
        "rotation": 10.0,
        "zoom": 0.1,
        "shear": 0.1,
        "translation": 1.5,
        "elastic": 2.0,
        "final_plain_epochs": 1,
        "test_time_shift": 1,
        "precision": "mixed",
    },
    "tiny": {
        "epochs": 40,
        "batch_size": 128,
        "optimizer": "adam",
        "learning_rate": 0.01,
        "schedule": "linear",
        "warm_up": 0.1,
        "validation_split": 0.0,
        "dropout": 0.0,
        "rotation": 10.0,
        "zoom": 0.1,
        "shear": 0.1,
        "translation": 1.0,
        "elastic": 1.0,
        "final_plain_epochs": 1,
    },
    "robust": {
        "epochs": 40,
        "batch_size": 128,
        "optimizer": "adam",
        "learning_rate": 0.004,
        "schedule": "linear",
        "warm_up": 0.1,
        "validation_split": 0.05,
        "dropout": 0.2,
        "rotation": 15.0,
        "zoom": 0.1,
        "shear": 0.2,
        "elastic": 1.5,
        "final_plain_epochs": 3,
        "restyle": 0.5,
        "negatives": 0.7,
        "ink_digits": 0.8,
        "ink_negatives": 0.35,
        "precision": "mixed",
    },
    FINDER: {
        "epochs": 100,
        "batch_size": 64,
        "optimizer": "adam",
        "learning_rate": 0.0015,
        "schedule": "cosine",
        "warm_up": 0.03,
        "validation_split": 0.05,
        "dropout": 0.0,
        "precision": "mixed",
        "repeats": 3,
        "pages": 8_000,
        "mosaics": 0.35,
        "weight_decay": 0.02,
        "gradient_clipping": 3.0,
        "weight_averaging": 0.9995,
    },
    SEGMENTER: {
        "epochs": 10,
        "batch_size": 128,
        "optimizer": "adam",
        "learning_rate": 0.004,
        "schedule": "cosine",
        "warm_up": 0.04,
        "label_smoothing": 0.02,
        "validation_split": 0.05,
        "repeats": 5,
        "crops": 12_000,
        "weight_decay": 0.01,
        "weight_averaging": 0.998,
    },
    RECOGNISER: {
        "epochs": 12,
        "batch_size": 64,
        "optimizer": "adam",
        "learning_rate": 0.002,
        "schedule": "cosine",
        "warm_up": 0.03,
        "label_smoothing": 0.03,
        "validation_split": 0.05,
        "dropout": 0.1,
        "repeats": 4,
        "lines": 20_000,
        "weight_decay": 0.0001,
        "gradient_clipping": 1.0,
        "weight_averaging": 0.9985,
    },
}
# What means something for the networks that detect digits only, and what means nothing for each of them.
OF_DETECTORS = frozenset({"mosaics", "gradient_clipping", "weight_averaging", *MADE.values()})
OF_TEACHER = frozenset({"teacher_share", "teacher_temperature", "teacher_epochs"})
OF_SOME = OF_DETECTORS | {"parameters"}  # which classifiers do not have by themselves
OF_CLASSIFIERS = frozenset(
    {
        "parameters",
        "optimizer",
        "validation_split",
        "early_stopping",
        "class_weights",
        "final_plain_epochs",
        "test_time_shift",
        "steps_per_execution",
    }
    | OF_TEACHER
    | {"rotation", "zoom", "shear", "translation", "elastic", "restyle", "negatives", "ink_digits", "ink_negatives"}
)
OF_DIGITS = ("restyle", "negatives", "ink_digits", "ink_negatives")  # which draw digits, or what is none
FOREIGN = {
    "tiny": OF_DETECTORS,
    FINDER: OF_CLASSIFIERS | {"label_smoothing", "dropout", "crops", "lines"},
    SEGMENTER: OF_CLASSIFIERS | {"pages", "mosaics", "lines"},
    RECOGNISER: OF_CLASSIFIERS | {"pages", "mosaics", "crops"},
}
RECIPES = {name: Recipe(name) for name in VALUES}
ABOUT = {
    "classic": "The well-known Keras tutorial recipe, exactly.",
    "fast": "The fastest to 99%: one epoch.",
    "best": "The most accurate single model in half an hour.",
    "robust": "Reads anyone's handwriting, rejects what is not a digit.",
    "tiny": "At most 10,000 parameters.",
    FINDER: "Detects digits in whole images; no classifier.",
    SEGMENTER: "Looks closely at what a finder has found; no classifier.",
    RECOGNISER: "Reads digits and marks in lines of text; no classifier.",
}


class Measured(NamedTuple):
    """A recipe's parameters; its accuracy on MNIST's test images in percent, and its seconds on two cores, if known."""

    parameters: int
    accuracy: float | None = None
    seconds: float | None = None


# docs/benchmarks.md: means of the accuracy over seeds (of robust that of the bundled model), medians of the time.
# Of classic and fast that is the time of the whole process, of the others that of the training.
MEASURED = {
    "classic": Measured(33_658, 98.08, 84.6),
    "fast": Measured(39_226, 99.05, 4.4),
    "best": Measured(554_370, 99.75, 1807),
    "robust": Measured(445_915, 99.60, 4080),
    "tiny": Measured(9_426, 99.56, 511),
    FINDER: Measured(483_534),
    SEGMENTER: Measured(522_779),
    RECOGNISER: Measured(257_560),
}
