import io
from pathlib import Path

import numpy as np
import pytest

from mnist_cnn.callbacks import progress
from mnist_cnn.data.dataset import Dataset, Examples
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.terminal import screen
from test_report import DATA, a_card

NOTHING = Examples(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8))
MNIST = Dataset("mnist", "mnist", NOTHING, NOTHING, "")
DIGITS = Dataset("digits", "digits", NOTHING, NOTHING, "")


def test_mnists_accuracy_has_the_corrected_one_beneath(capsys: pytest.CaptureFixture[str]) -> None:
    screen.TerminalCallback().on_accuracy(Accuracy(9_815, 10_000), Accuracy(9_820, 9_995), MNIST)
    assert capsys.readouterr().out == (
        "Test accuracy: 98.15% (9,815 of 10,000 correct; 95% CI 97.87% to 98.40%)\n"
        "Corrected accuracy: 98.25% (9,820 of 9,995 correct; 95% CI 97.97% to 98.49%), "
        "10 disputed labels corrected, 5 left out\n"
    )


def test_other_datas_accuracy_stands_alone_and_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    screen.TerminalCallback().on_accuracy(Accuracy(459, 500), None, DIGITS)
    assert capsys.readouterr().out == (
        "Test accuracy on digits (not MNIST): 91.80% (459 of 500 correct; 95% CI 89.06% to 93.90%)\n"
    )


def test_what_is_being_done_is_a_line_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    screen.TerminalCallback().on_status("Writing the report")
    screen.TerminalCallback(quiet=True).on_status("Writing the report")
    assert capsys.readouterr().err == "Writing the report\n"


def test_what_is_being_done_is_gone_from_a_terminal_when_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = progress.Notes(file=io.StringIO(), force_terminal=True, width=60)
    monkeypatch.setattr(progress, "stderr", terminal)
    callback = screen.TerminalCallback()
    callback.on_status("Saving the model")
    callback.on_status("Writing the report")
    callback.on_run_end()
    told = terminal.file.getvalue()  # type: ignore[attr-defined]
    assert "Writing the report …" in told
    assert told.endswith("\x1b[1A\x1b[2K")  # one line up, and that is cleared
    callback.on_run_end()
    assert terminal.file.getvalue() == told  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "data", "last"),
    [
        ("fast", {}, "Try it: mnist-cnn read photo.jpg --model 'my runs/first'"),
        ("fast", {"class_names": ["a", "b"]}, "Try it: mnist-cnn predict image.png --model 'my runs/first'"),
        ("finder", {}, "Report: my runs/first/report.html"),
    ],
)
def test_the_last_line_says_what_a_model_can_be_used_for(
    name: str, data: dict[str, object], last: str, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = a_card(recipe={"name": name}, data=DATA | data)
    screen.show_saved(Path("my runs/first"), saved)
    assert capsys.readouterr().out.splitlines()[-1] == last
