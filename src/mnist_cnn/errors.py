"""Everything that is raised on purpose; each message says what happened, what was received and what to do.

MnistCnnError
├── DataError             the data set cannot be had, or is not what it should be
├── RecipeError           a recipe or hyperparameter does not exist, or a value is out of range
├── RunError              a run cannot start, go on or be written where it was asked to
├── ArtifactError         a kept network is damaged, foreign or newer than this program
├── CallbackError         a callback is none, or verbose is out of range
├── ImageError            a picture cannot be read: it is damaged, too small, or not there
│   ├── ImageFormatError      it is no picture, or of a kind that is not read
│   └── ImageTooLargeError    it has more pixels than are decoded
├── EvaluationError       probabilities or labels cannot be evaluated; also a ValueError
├── AdaptationError       labelled pictures are too few to learn from, or nothing got better by them
├── ExportError           an export could not be made, or does not give the original's probabilities
├── ExportFormatError     an export is asked for in a form that there is not
├── ServerError           a server cannot listen where it was asked to
├── ReaderError           a reader is asked for what it cannot do
└── MissingExtraError     a part of the installation that the command needs is not there
"""

__all__ = [
    "AdaptationError",
    "ArtifactError",
    "CallbackError",
    "DataError",
    "EvaluationError",
    "ExportError",
    "ExportFormatError",
    "ImageError",
    "ImageFormatError",
    "ImageTooLargeError",
    "MissingExtraError",
    "MnistCnnError",
    "ReaderError",
    "RecipeError",
    "RunError",
    "ServerError",
]


class MnistCnnError(Exception):
    """An expected error: one sentence for the person, no traceback."""


class DataError(MnistCnnError):
    """The data set cannot be had, or is not what it should be."""


class RecipeError(MnistCnnError):
    """A recipe or a hyperparameter does not exist, or a value is out of range."""


class RunError(MnistCnnError):
    """A run cannot start, go on or be written where it was asked to."""


class ArtifactError(MnistCnnError):
    """A kept network is damaged, foreign or newer than this program."""


class CallbackError(MnistCnnError):
    """An object given as a callback is none, or `verbose` is out of range."""


class ImageError(MnistCnnError):
    """A picture cannot be read: it is damaged, too small, or not there."""


class ImageFormatError(ImageError):
    """What came is no picture, or of a kind that is not read."""


class ImageTooLargeError(ImageError):
    """A picture has more pixels than are decoded."""


class ReaderError(MnistCnnError):
    """A reader is asked for what it cannot do."""


class EvaluationError(MnistCnnError, ValueError):
    """Probabilities or labels cannot be evaluated."""


class AdaptationError(MnistCnnError):
    """Labelled pictures are too few to learn from, or nothing got better by them."""


class ServerError(MnistCnnError):
    """A server cannot listen where it was asked to."""


class MissingExtraError(MnistCnnError):
    """A part of the installation that the command needs is not there."""


class ExportError(MnistCnnError):
    """The exported network could not be made, or does not give the original's probabilities."""


class ExportFormatError(MnistCnnError):
    """An export is asked for in a form that there is not."""
