import numpy as np
import pytest

from mnist_cnn.data.dataset import Dataset, Examples
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.terminal import screen

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
