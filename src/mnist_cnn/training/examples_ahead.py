"""The training images of a classifier's epochs, made before they are wanted: in a thread, or in processes of their own.

Such a process is first sent what images are made of, and then answers the number of an epoch by its images.
"""

from collections.abc import Callable, Generator
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from mnist_cnn.data.dataset import Examples
from mnist_cnn.training.epoch_examples import epoch_examples
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.workers import call_process, child_process
from mnist_cnn.workers.made_ahead import made_ahead

if TYPE_CHECKING:
    from mnist_cnn.data.ink.training_ink import TrainingInk

COMMAND = child_process.command("mnist_cnn.training.examples_ahead")


class Given(NamedTuple):
    """What the images of all epochs are made of."""

    recipe: Recipe
    training: Examples
    seed: int
    ink: "TrainingInk | None"
    drawn_as: tuple[int, ...]  # for each epoch, the one whose images it has

    def examples(self, epoch: int) -> Examples:
        """The images of an epoch."""
        return epoch_examples(self.recipe, self.training, self.seed, self.drawn_as[epoch], self.ink)


def examples_ahead(
    recipe: Recipe,
    training: Examples,
    seed: int,
    done: int,
    ink: "TrainingInk | None",
    processes: int,
    drawn_as: Callable[[int], int] = int,
) -> Generator[Examples]:
    """Yield the images of each epoch from `done` on; the same ones whatever the number of `processes`.

    `drawn_as` gives for an epoch the one whose images it has, by default itself.

    Without any, a thread makes an epoch during the one before. Each process makes an epoch of its own, so with several
    that many epochs are in memory; they pay where an epoch takes longer to make than to train on.
    """
    epochs = range(done, recipe.epochs)
    given = Given(recipe, training, seed, ink, tuple(map(drawn_as, range(recipe.epochs))))
    if processes:
        yield from made_ahead(COMMAND, epochs, processes, processes - 1, given)
        return
    following = in_background(given.examples, done)
    for epoch in epochs:
        examples = following.result()
        if epoch + 1 < recipe.epochs:
            following = in_background(given.examples, epoch + 1)
        yield examples


def in_background(make: Callable[..., Examples], *args: Any) -> "Future[Examples]":
    """Make examples in a thread; a run that is stopped does not wait for it."""
    made: Future[Examples] = Future()

    def work() -> None:
        try:
            made.set_result(make(*args))
        except BaseException as error:  # whatever it is, it is raised where the examples are used
            made.set_exception(error)

    Thread(target=work, daemon=True).start()
    return made


def main() -> None:
    """Answer the numbers of epochs until standard input is closed."""
    import cv2

    cv2.setNumThreads(1)  # there is one process for each core
    call_process.answer_calls(Answers)


class Answers:
    """Answers what it is given by nothing, and then the number of an epoch by its images."""

    given: Given

    def __call__(self, request: Given | int) -> Examples | None:
        """Keep what is given, or make the images of an epoch."""
        if isinstance(request, int):
            return self.given.examples(request)
        self.given = request
        return None
