"""What a run tells its callbacks, and what of it a person sees."""

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from mnist_cnn.callbacks import progress
from mnist_cnn.callbacks.callback import HOOKS, Callback, CallbackList
from mnist_cnn.callbacks.progress import ProgressCallback, callbacks_for
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.errors import CallbackError
from mnist_cnn.training.recipe import Recipe


class Partial:
    """Not a Callback: it has one method only."""

    def __init__(self) -> None:
        self.epochs: list[int] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:  # noqa: ARG002
        self.epochs.append(epoch)


def test_the_methods_of_keras_are_among_the_hooks() -> None:
    keras_has = {"set_params", "set_model", "on_train_begin", "on_epoch_begin", "on_train_batch_end", "on_epoch_end"}
    assert keras_has | {"on_train_end"} <= set(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_list_tells_every_callback_that_has_the_method_in_turn(hook: str) -> None:
    told: list[str] = []

    def teller(name: str) -> object:
        return type("Teller", (), {hook: lambda _self, *values: told.append(f"{name} {values}")})()

    arguments = tuple(range(getattr(Callback, hook).__code__.co_argcount - 1))
    getattr(CallbackList([teller("a"), Partial(), teller("b")]), hook)(*arguments)
    assert told == [f"a {arguments}", f"b {arguments}"]


def test_an_object_with_one_method_is_a_callback() -> None:
    one = Partial()
    listed = CallbackList([one])
    listed.on_train_begin({})
    listed.on_epoch_end(3, {})
    assert one.epochs == [3]


@pytest.mark.parametrize(
    ("callbacks", "sentence"),
    [
        ([Partial], "The callback Partial is a class: give an instance, Partial()."),
        ([3], "The callback 3 has none of the methods of a callback: give an object with, say, on_epoch_end("),
        (3, "callbacks is 3: give a list of callbacks."),
    ],
)
def test_what_is_no_callback_is_an_error(callbacks: object, sentence: str) -> None:
    with pytest.raises(CallbackError) as caught:
        CallbackList(callbacks)  # type: ignore[arg-type]
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("verbose", [-1, 3, "yes", None])
def test_verbose_is_0_1_or_2(verbose: object) -> None:
    with pytest.raises(CallbackError, match="it must be 0, 1 or 2"):
        callbacks_for(verbose, [])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("console", "verbose", "progress_shown"),
    [
        (Console(stderr=True, force_terminal=False), 0, None),
        (Console(stderr=True, force_terminal=False), 1, False),
        (Console(stderr=True, force_terminal=False), 2, True),
        (Console(stderr=True, force_terminal=True), 1, True),
        (Console(stderr=True, force_terminal=False, force_jupyter=True), 1, True),
        (Console(stderr=True, force_terminal=False, force_jupyter=True), 0, None),
    ],
)
def test_progress_is_shown_where_somebody_looks(
    console: Console, verbose: int, progress_shown: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "stderr", console)
    mine = Partial()
    listed = callbacks_for(verbose, [mine]).callbacks
    assert listed[-1] is mine
    shown = [one for one in listed if isinstance(one, ProgressCallback)]
    assert [not one.quiet for one in shown] == ([] if progress_shown is None else [progress_shown])


def test_quiet_shows_warnings_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = ProgressCallback(quiet=True)
    quiet.set_params({"epochs": 2, "initial_epoch": 0})
    quiet.on_run_begin(Path("runs/x.partial"))
    quiet.on_train_begin({})
    quiet.on_train_batch_end(0, {"loss": 1.0, "accuracy": 0.5, "batches": 2})
    quiet.on_epoch_end(0, {"loss": 1.0, "accuracy": 0.5, "seconds": 1.0})
    quiet.on_message("A sentence.")
    quiet.on_corruption("shot_noise", 1, 2)
    assert capsys.readouterr().err == ""
    quiet.on_warning("Look out.")
    assert "Look out." in capsys.readouterr().err


def test_an_epoch_is_a_line_with_what_keras_calls_it(capsys: pytest.CaptureFixture[str]) -> None:
    shown = ProgressCallback()
    shown.set_params({"epochs": 12, "initial_epoch": 3})
    shown.on_train_begin({})
    shown.on_epoch_end(3, {"loss": 0.5, "accuracy": 0.875, "val_loss": 0.25, "val_accuracy": 0.9, "seconds": 2.0})
    line = capsys.readouterr().err
    assert line.startswith(
        "epoch   4/12  loss 0.5000  accuracy 87.50%  val_loss 0.2500  val_accuracy 90.00%  2.0 s, 0:"
    )


@pytest.mark.slow
def test_a_callback_of_keras_ends_the_training_and_brings_the_best_weights_back(digits: Dataset) -> None:
    import keras

    from mnist_cnn.training.compiled_network import compiled
    from mnist_cnn.training.fit import fit

    recipe = Recipe("tiny", epochs=5, repeats=1, batch_size=64, schedule="constant", learning_rate=1e-3)
    network = compiled(recipe, seed=0)
    stop = keras.callbacks.EarlyStopping("loss", min_delta=100, patience=1, restore_best_weights=True)
    weights = []

    class Weights:
        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:  # noqa: ARG002
            weights.append([np.array(value) for value in network.get_weights()])

    none = digits.split(0.0).validation
    rows = list(fit(network, recipe, digits.train, none, seed=0, callbacks=CallbackList([Weights(), stop])))
    assert [row["epoch"] for row in rows] == [1, 2]
    assert all((now == then).all() for now, then in zip(network.get_weights(), weights[0], strict=True))
    assert any((now != then).any() for now, then in zip(network.get_weights(), weights[1], strict=True))
