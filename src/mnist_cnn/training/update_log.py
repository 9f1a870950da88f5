"""The metrics of an epoch so far, as any framework reports them, become those of each block of its updates."""

from mnist_cnn.training.history import Update

MOST = 120  # blocks of a whole training: more than a chart of it can show apart


class UpdateLog:
    """Collects the `blocks` of an epoch, which begins when `before` of the training's `total` updates are made.

    A block has at least a 120th of the training's updates, and the last of an epoch ends with it.
    """

    def __init__(self, total: int, before: int = 0) -> None:
        self.before = before
        self.shortest = total / MOST
        self.blocks: list[Update] = []
        self._done, self._loss, self._accuracy = 0, 0.0, 0.0  # updates when the last block ended, and sums up to there

    def add(self, done: int, steps: int, loss: float, accuracy: float) -> None:
        """Take the mean loss and accuracy of the first `done` of an epoch's `steps` updates."""
        made = done - self._done
        if made < self.shortest and done < steps:
            return
        block_loss, block_accuracy = (loss * done - self._loss) / made, (accuracy * done - self._accuracy) / made
        self._done, self._loss, self._accuracy = done, loss * done, accuracy * done
        # Means of float32 are not exact, and what is left of two of them may be outside the range.
        within = min(max(block_accuracy, 0.0), 1.0)
        self.blocks.append({"update": self.before + done, "loss": round(block_loss, 6), "accuracy": round(within, 6)})
