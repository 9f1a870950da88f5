"""What the README shows is what comes of it: the photo, what is read from it, and the figures beside other software."""

import contextlib
import io
import re
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mnist_cnn.cli import app

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "bench"))

import compared  # noqa: E402
import photo_animation  # noqa: E402

README = compared.PAGE.read_text(encoding="utf-8")
PHOTO = photo_animation.PHOTO.relative_to(ROOT).as_posix()


def shown_after(pattern: str) -> tuple[str, str]:
    """A block of code that contains this, and the block of what it prints, which follows."""
    blocks = re.findall(r"^```(?:python)?\n(.*?)```$", README, re.MULTILINE | re.DOTALL)
    ((code, output),) = [pair for pair in pairwise(blocks) if re.search(pattern, pair[0])]
    return code, output


def test_the_command_reads_the_photo_as_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = shown_after(rf"mnist-cnn read {PHOTO}")
    monkeypatch.chdir(ROOT)
    assert CliRunner().invoke(app, code.splitlines()[-1].split()[1:]).stdout == output
    assert tuple(output.split()) == photo_animation.ROWS  # what was written


def test_the_lines_of_python_print_what_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = shown_after(rf"\.read\(.{PHOTO}.\)")
    assert len([line for line in code.splitlines() if line]) == 3
    monkeypatch.chdir(ROOT)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(code, {})
    assert said.getvalue() == output


def test_the_photo_is_what_code_makes_and_the_animation_shows_each_digit() -> None:
    with Image.open(photo_animation.PHOTO) as photo:
        stored = np.asarray(photo, np.float32)
    assert np.abs(stored - photo_animation.photograph()).mean() < 4  # of 255: the noise that JPEG leaves out
    with Image.open(photo_animation.ANIMATION) as animation:
        assert animation.n_frames == 2 + sum(char.isdigit() for char in "".join(photo_animation.ROWS))


def test_the_picture_the_command_and_the_comparison_come_first() -> None:
    start = README.splitlines()[:45]
    for text in (photo_animation.ANIMATION.name, "pip install .", f"mnist-cnn read {PHOTO}", "**How it compares:**"):
        assert any(text in line for line in start), text
    assert README.index("## From a checkout: two commands") > README.index("## Train, serve, adapt")


def test_figures_beside_other_software_are_those_of_the_results() -> None:
    assert compared.filled(README) == README, "run `python bench/compared.py`"
    assert len(compared.BLOCK.findall(README)) == 2
    for figure in ("94.9%", "of the time that the keras.io example", "| 31.7 MB |", "173: 59.2%"):
        assert README.count(figure) > 0
        assert compared.filled(README.replace(figure, "other")) == README


def test_readers_of_different_images_are_not_compared() -> None:
    ours, theirs = compared.results("read_pictures")["measured"]["strangers"], compared.results("peers")
    theirs["layouts"]["line"]["RapidOCR"]["images"]["count"] += 1
    with pytest.raises(SystemExit, match="lines of digits: the two were measured on different images"):
        compared.table(ours, theirs)
