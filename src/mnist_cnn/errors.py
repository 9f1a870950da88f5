"""Every error that is raised on purpose; its message says what happened, what was received and what to do.

MnistCnnError
├── DataError             the dataset could not be obtained, or is not what it should be
├── RecipeError           a recipe or hyperparameter does not exist, or a value is out of range
├── RunError              a run cannot start, resume or be written to its folder
├── ArtifactError         a saved model is damaged, foreign or newer than this program
├── CallbackError         an object is not a callback, or verbose is out of range
├── ImageError            an image cannot be read: it is damaged, too small or missing
│   ├── ImageFormatError      it is not an image, or in an unsupported format
│   ├── ImageTooLargeError    it has more pixels than are decoded
│   └── RegistrationError     it does not show the form of a template
├── EvaluationError       probabilities or labels cannot be evaluated; also a ValueError
├── AdaptationError       there are too few labelled images to learn from, or they did not improve the model
├── ExportError           an export failed, or does not give the original's probabilities
├── ExportFormatError     an export format, quantization or input dtype does not exist
├── ServerError           a server cannot listen on its address
├── TemplateError         a template of a form is damaged or malformed, or cannot be written
├── ReaderError           an argument of a reader is out of range or unsupported
└── MissingExtraError     a package that the command needs is not installed
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
    "RegistrationError",
    "RunError",
    "ServerError",
    "TemplateError",
]


class MnistCnnError(Exception):
    """An expected error: one sentence, no traceback on the command line."""


class DataError(MnistCnnError, ValueError):
    """The dataset could not be obtained, or is not what it should be."""


class RecipeError(MnistCnnError):
    """A recipe or a hyperparameter does not exist, or a value is out of range."""


class RunError(MnistCnnError):
    """A run cannot start, resume or be written to its folder."""


class ArtifactError(MnistCnnError):
    """A saved model is damaged, foreign or newer than this program."""


class CallbackError(MnistCnnError):
    """An object given as a callback is not one, or `verbose` is out of range."""


class ImageError(MnistCnnError):
    """An image cannot be read: it is damaged, too small or missing.

    `page` says which page of its file it is, and `pages` how many there are; both are 1 if it could not be opened. With
    `is_last`, the pages after it cannot be read either.
    """

    page = pages = 1
    is_last = False


class ImageFormatError(ImageError):
    """The input is not an image, or in an unsupported format."""


class ImageTooLargeError(ImageError):
    """An image has more pixels than are decoded."""


class RegistrationError(ImageError):
    """An image does not show the form of a template, or not well enough to say where its fields are."""


class TemplateError(MnistCnnError):
    """A template of a form is damaged or malformed, or cannot be written."""


class ReaderError(MnistCnnError):
    """An argument of a reader is out of range or unsupported."""


class EvaluationError(MnistCnnError, ValueError):
    """Probabilities or labels cannot be evaluated."""


class AdaptationError(MnistCnnError):
    """There are too few labelled images to learn from, or they did not improve the model."""


class ServerError(MnistCnnError):
    """A server cannot listen on its address."""


class MissingExtraError(MnistCnnError):
    """A package that the command needs is not installed."""


class ExportError(MnistCnnError):
    """An export failed, or does not give the original's probabilities."""


class ExportFormatError(MnistCnnError):
    """An export format, quantization or input dtype does not exist."""
