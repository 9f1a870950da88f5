"""The page of three-line answers: each runs, on few of scikit-learn's digits and with few updates."""

import re
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

import mnist_cnn
from drawing import mask
from mnist_cnn.data import source
from mnist_cnn.data.dataset import Dataset, Examples
from mnist_cnn.errors import DataError
from mnist_cnn.training import backend, recipe
from sheets import blank_form, filled_form, photographed

PAGE = (Path(__file__).parents[1] / "docs" / "how_to.md").read_text(encoding="utf-8")
ANSWERS = dict(re.findall(r"^## ([^\n]+)\n\n```python\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL))


def test_there_are_seventeen_answers_of_three_lines() -> None:
    assert len(ANSWERS) == len(re.findall("^## ", PAGE, re.MULTILINE)) == 17
    assert {sum(map(bool, answer.splitlines())) for answer in ANSWERS.values()} == {3}


@pytest.mark.slow
@pytest.mark.parametrize(
    "question",
    # Five trainings, which test_estimator.py has as well.
    [pytest.param(one, marks=pytest.mark.extended if "GridSearchCV" in ANSWERS[one] else ()) for one in ANSWERS],
)
def test_each_answer_runs(
    question: str,
    digits: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def absent(_say: object) -> None:
        raise DataError("no MNIST in this test")

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MNIST_CNN_DATA", raising=False)
    monkeypatch.setattr(source, "mnist_through_keras", absent)
    few = {part: Examples(*(array[:200] for array in getattr(digits, part))) for part in ("train", "test")}
    monkeypatch.setattr(source, "digits", lambda **_: replace(digits, **few))
    monkeypatch.setattr(backend, "configure", lambda *_, **__: None)  # TensorFlow may have computed in this process
    monkeypatch.setitem(recipe.VALUES, "fast", recipe.VALUES["fast"] | {"repeats": 1, "backend": "auto"})
    cv2.imwrite("photo.jpg", 255 - mask("475"))
    cv2.imwrite("blank.png", blank_form())
    cv2.imwrite("scan.jpg", photographed(filled_form({"points": "17"})))
    exec(ANSWERS[question], {"mnist_cnn": mnist_cnn})
    if "print" in ANSWERS[question]:
        assert capsys.readouterr().out.strip()
