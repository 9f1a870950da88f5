"""What a run tells whoever watches it. Knows nothing about how that is shown."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_cnn.data.source import Dataset
    from mnist_cnn.evaluation.metrics import Accuracy, Evaluation
    from mnist_cnn.training.history import Epoch


class Watch:
    """Told what happens as a run goes on; override what you want to know. By default nobody watches."""

    def note(self, text: str) -> None:
        """Something worth knowing."""

    def warn(self, text: str) -> None:
        """Something that must not be overlooked."""

    def begin(self, partial: Path) -> None:
        """The run has a folder, `partial`, and can be resumed from now on."""

    def network(self, network: Any, epochs: int, done: int) -> None:
        """A Keras network is about to be trained, `done` of its `epochs` done already."""

    def step(self, epoch: int, step: int, steps: int, loss: float, accuracy: float) -> None:
        """So many of an epoch's steps are done; loss and accuracy are means over the epoch so far."""

    def epoch(self, row: "Epoch") -> None:
        """An epoch is done, validated, and in the checkpoint."""

    def damaged(self, kind: str, done: int, images: int) -> None:
        """So many of all the images in all kinds of damage have been read, the last of this kind."""

    def close(self) -> None:
        """The run has ended, however it did."""

    def accuracy(self, accuracy: "Accuracy", corrected: "Accuracy | None", dataset: "Dataset") -> None:
        """The trained network has read the test images; `corrected` is on corrected labels, where there are any."""

    def result(self, evaluation: "Evaluation", dataset: "Dataset") -> None:
        """The trained network has been judged on the test images: all the numbers, a second after `accuracy`."""
