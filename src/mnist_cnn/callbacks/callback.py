"""What a run tells its callbacks, under Keras' names. Knows nothing about how that is shown."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_cnn.errors import CallbackError

if TYPE_CHECKING:
    import keras

Logs = Mapping[str, float]


class Callback:
    """Told what happens in a run: override what you want to know; any object with some of these methods will do.

    A callback of Keras, such as `keras.callbacks.EarlyStopping`, will do as well. Epochs and batches count from 0.
    `model.stop_training = True` ends the training after the epoch.
    """

    def set_params(self, params: Mapping[str, int]) -> None:
        """Before training: `epochs`, and `initial_epoch`, which is above 0 in a resumed run."""

    def set_model(self, model: "keras.Model") -> None:
        """Before training: the Keras model, compiled, or what ONNX Runtime trains in its place.

        The latter has `stop_training`, `get_weights`, `set_weights`, `count_params`, `summary` and `predict`.
        """

    def on_run_begin(self, folder: Path) -> None:
        """The run has a folder and can be resumed from now on; it has another name until the run is complete."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Training begins; `logs` is empty."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """An epoch begins; `logs` is empty."""

    def on_teacher(self, done: int, images: int) -> None:
        """The teacher of a training has classified so many of `images`, those of an epoch that begins then."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Batch `batch` has ended, and perhaps several before it: `loss`, `accuracy` (means so far), `batches`.

        The recipes that are no classifiers have no `accuracy`.
        """

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """An epoch has ended: `loss`, `accuracy`, `seconds`, and with validation images `val_loss`, `val_accuracy`.

        A finder has no accuracies, but `val_precision`, `val_recall` and `val_f1`; a segmenter has no `accuracy`, but
        `val_accuracy` and `val_roc_auc`; a recogniser likewise, but `val_accuracy` and `val_f1`.
        """

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Training has ended: `loss` and so on of the last epoch."""

    # The types of what follows belong to rooms that know this one.
    def on_accuracy(self, accuracy: Any, corrected: Any, dataset: Any) -> None:
        """The test images of the `Dataset` are classified: `accuracy` has `correct`, `count`, `share` and its interval.

        `corrected` is the same on corrected labels, on MNIST only; else None.
        """

    def on_evaluate_end(self, evaluation: Any, dataset: Any) -> None:
        """Every number is there, an `Evaluation`, a second after `on_accuracy`."""

    def on_detections(self, evaluation: Any) -> None:
        """A finder, a segmenter or a recogniser is evaluated, in place of `on_accuracy` and `on_evaluate_end`.

        It is a `FinderEvaluation`, a `SegmenterEvaluation` or a `RecogniserEvaluation`.
        """

    def on_corruption(self, kind: str, done: int, images: int) -> None:
        """So many of `images` corrupted images are classified, the last ones of this kind."""

    def on_status(self, text: str) -> None:
        """What is being done now, in a few words without a full stop; it ends with the next one or with a result."""

    def on_message(self, text: str) -> None:
        """A sentence worth knowing."""

    def on_warning(self, text: str) -> None:
        """A sentence that must not be overlooked."""

    def on_run_end(self) -> None:
        """The run has ended, completed or not."""


HOOKS = tuple(name for name in vars(Callback) if not name.startswith("_"))


class CallbackList(Callback):
    """Several callbacks as one, each told in turn; what it has no method for it is not told.

    Raises CallbackError for an object with none of the methods.
    """

    def __init__(self, callbacks: Iterable[object] = ()) -> None:
        try:
            self.callbacks = list(callbacks)
        except TypeError:
            raise CallbackError(f"callbacks is {callbacks!r:.80}: give a list of callbacks.") from None
        for one in self.callbacks:
            if isinstance(one, type):
                raise CallbackError(f"The callback {one.__name__} is a class: give an instance, {one.__name__}().")
            if not any(callable(getattr(one, hook, None)) for hook in HOOKS):
                raise CallbackError(
                    f"The callback {one!r:.80} has none of the methods of a callback: give an object with, say, "
                    "on_epoch_end(epoch, logs)."
                )

    def close(self) -> None:
        """Tell that the run has ended, as `contextlib.closing` does."""
        self.on_run_end()


def _told(hook: str) -> Any:
    def tell(self: CallbackList, *values: Any) -> None:
        for one in self.callbacks:
            if method := getattr(one, hook, None):
                method(*values)

    return tell


for _hook in HOOKS:
    setattr(CallbackList, _hook, _told(_hook))
