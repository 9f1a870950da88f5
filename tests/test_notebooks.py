"""The notebooks: they are those of their scripts, stored with outputs, and run to what their text says."""

import base64
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import notebook  # noqa: E402
import notebooks  # noqa: E402

SCRIPTS = notebooks.scripts()
LARGEST = 400_000  # bytes
WIDEST = 1000  # pixels of a figure
SMALL = """# %% [markdown]
# # Title
#
# words

# %%
import matplotlib.pyplot as plt

print("before")
plt.plot([1, 2])
plt.show()
print("after")
6 * 7
# %%
kept = [1]
"""


def stored(name: str) -> str:
    return (ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")


def code_cells(text: str) -> list[dict[str, Any]]:
    return [one for one in json.loads(text)["cells"] if one["cell_type"] == "code"]


def kinds(text: str) -> list[list[str]]:
    """What each cell shows: printed text, figures, values."""
    return [[one["output_type"] for one in cell["outputs"]] for cell in code_cells(text)]


def printed(text: str) -> str:
    return "".join("".join(one.get("text", [])) for cell in code_cells(text) for one in cell["outputs"])


def percentages(text: str, before: str) -> list[float]:
    """The percentages on each line that begins so."""
    return [float(one) for line in re.findall(rf"^{before}.*$", text, re.MULTILINE) for one in shares(line)]


def shares(line: str) -> list[float]:
    return [float(one) for one in re.findall(r"([\d.]+)%", line)]


def test_every_script_is_a_notebook() -> None:
    assert {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")} == set(SCRIPTS)
    assert len(SCRIPTS) == 5


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_notebook_is_that_of_its_script_and_has_its_outputs(name: str) -> None:
    text = stored(name)
    nbformat.validate(nbformat.reads(text, as_version=4))
    assert notebooks.with_outputs_of(json.loads(text), SCRIPTS[name]) == text, "run `make notebooks`"
    assert sum(map(len, kinds(text))) >= 9
    assert [one["execution_count"] for one in code_cells(text)] == [*range(1, len(code_cells(text)) + 1)]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_notebook_is_small_and_says_nothing_of_the_machine_that_ran_it(name: str) -> None:
    text = stored(name)
    assert len(text.encode()) <= LARGEST
    assert not re.search(r"(?<![\w.])/(?:home|root|tmp|work|usr)/", text)
    assert "Warning" not in printed(text)
    for cell in code_cells(text):
        for output in cell["outputs"]:
            if "image/png" in output.get("data", {}):
                assert Image.open(io.BytesIO(base64.b64decode(output["data"]["image/png"]))).width <= WIDEST


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name != "tour"])
def test_a_notebook_of_the_course_has_exercises_and_answers_to_them(name: str) -> None:
    text = "\n".join(body for kind, body in notebook.cells_of(SCRIPTS[name]) if kind == "markdown")
    exercises, answers = text.split("## Exercises\n")[1].split("## Answers\n")
    asked = re.findall(r"^(\d)\. ", exercises, re.MULTILINE)
    assert asked == re.findall(r"^\*\*(\d)\.\*\*", answers, re.MULTILINE) == ["1", "2", "3"]


def test_a_script_becomes_its_cells() -> None:
    script = "# %% [markdown]\n# # Title\n#\n# words\n\n# %%\na = 1\nb = 2\n"
    assert notebook.cells_of(script) == [("markdown", "# Title\n\nwords"), ("code", "a = 1\nb = 2")]


def test_a_cell_shows_what_it_prints_draws_and_ends_with_in_this_order() -> None:
    text = notebooks.run(SMALL)
    assert kinds(text) == [["stream", "display_data", "stream", "execute_result"], []]
    first, _, second, value = code_cells(text)[0]["outputs"]
    assert (first["text"], second["text"], value["data"]["text/plain"]) == (["before\n"], ["after\n"], ["42"])


def test_a_cell_that_fails_stores_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(notebooks, "FOLDER", tmp_path)
    monkeypatch.setattr(notebooks, "scripts", lambda: {"bad": "# %%\nprint(1)\n# %%\n1 / 0\n"})
    with pytest.raises(SystemExit, match=r"bad failed:(?s:.)*ZeroDivisionError"):
        notebooks.main("", again=False)
    assert [*tmp_path.iterdir()] == []


def test_outputs_are_kept_as_long_as_the_code_is_the_same() -> None:
    old = json.loads(notebooks.run("# %% [markdown]\n# a\n# %%\nprint(1)\n"))
    kept = notebooks.with_outputs_of(old, "# %% [markdown]\n# other words\n# %%\nprint(1)\n")
    assert kept is not None
    assert printed(kept) == "1\n"
    assert "other words" in kept
    assert notebooks.with_outputs_of(old, "# %% [markdown]\n# a\n# %%\nprint(2)\n") is None
    never = json.loads(kept) | {"cells": [one | {"execution_count": None} for one in json.loads(kept)["cells"]]}
    assert notebooks.with_outputs_of(never, "# %% [markdown]\n# other words\n# %%\nprint(1)\n") is None


def test_a_notebook_becomes_a_page_with_its_figures() -> None:
    text, figures = notebook.page(json.loads(notebooks.run(SMALL)), "small")
    assert text.startswith("# Title\n\nwords\n\n```python\nimport matplotlib")
    assert "```text\nbefore\n```\n\n![Figure: Title](small_1.png)\n\n```text\nafter\n```\n\n```text\n42\n```" in text
    assert [*figures] == ["small_1.png"]
    assert figures["small_1.png"].startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest) -> str:
    """A notebook, run now."""
    text = notebooks.run(SCRIPTS[request.param])
    assert kinds(text) == kinds(stored(request.param))
    return text


def of(name: str) -> Any:
    return pytest.mark.parametrize("results", [name], indirect=True, ids=[name])


@pytest.mark.slow
@of("1_step_by_step")
def test_the_recipe_learns_step_by_step(results: str) -> None:
    said = printed(results)
    assert percentages(said, "Evaluation")[0] > 90
    assert "33,658" in said
    assert "second convolution: 1040" in said
    assert percentages(said, "loss 2.30")[0] < 50  # too few updates
    convolutional, dense = percentages(said, "convolutional"), percentages(said, "dense  ")
    assert min(convolutional[0], dense[0]) > 85
    assert convolutional[2] > dense[2] + 5


@pytest.mark.slow
@of("2_your_own_photo")
def test_photos_are_misread_until_image_and_training_are_mended(results: str) -> None:
    said = printed(results)
    plain, varied = (shares(line)[0] for line in re.findall(r"^Evaluation.*$", said, re.MULTILINE))
    assert min(plain, varied) > 96
    first, *_, last = (percentages(said, step)[0] for step in ("shrunk", "inverted", "background", "cropped"))
    assert first < 20  # docs/course.md says so
    assert last > first + 15
    assert int(re.findall(r"(\d+) of 30 photos", said)[0]) >= 27
    assert percentages(said, "ink_of  ")[0] < 30
    assert percentages(said, "ink_of_either")[0] > 85


@pytest.mark.slow
@of("3_how_confident")
def test_confidence_is_calibrated_and_thresholds_hold(results: str) -> None:
    said = printed(results)
    low, high, wilson_low, wilson_high = percentages(said, "bootstrap")
    assert abs(low - wilson_low) < 0.6
    assert abs(high - wilson_high) < 0.6
    temperature, before, after = map(float, re.findall(r"temperature ([\d.]+); .* ([\d.]+), then ([\d.]+);", said)[0])
    assert temperature > 1.1
    assert after < before
    assert "same predictions: True" in said
    answered = [shares(line)[1] for line in re.findall(r"^ *\d+% answered.*$", said, re.MULTILINE)]
    assert answered == sorted(answered)
    assert len(answered) == 4
    _, coverage, errors = percentages(said, "threshold")
    assert coverage > 60
    assert errors < 2.5
    _, of_model, of_bundled = percentages(said, "accepted at")
    assert of_bundled < of_model / 2
    assert percentages(said, "the set has")[0] > 96
    upright, rotated = percentages(said, "upright"), percentages(said, "rotated")
    assert rotated[0] < upright[0] - 10
    assert rotated[1] > upright[1] + 5


@pytest.mark.slow
@of("4_faster_and_smaller")
def test_a_network_may_lose_filters_and_bits(results: str) -> None:
    said = printed(results)
    whole, _, quarter = (percentages(said, f"width +{width}")[0] for width in ("1.0", "0.5", "0.25"))
    assert quarter > whole - 2.5
    bits = {count: percentages(said, f" ?{count} bits: +[0-9.]+ kB")[0] for count in (32, 8, 4, 2)}
    assert abs(bits[8] - bits[32]) < 0.7
    assert bits[2] < bits[8] - 10
    assert "3,360 parameters instead of 27,648" in said
    assert "30,240 multiplications instead of 248,832" in said


@pytest.mark.slow
@of("tour")
def test_the_tour_reads_the_digit_that_it_draws(results: str) -> None:
    said = printed(results)
    assert int(re.findall(r"(\d+) of 500 correct", said)[0]) >= 490
    assert "The model of this tour reads 3\nThe bundled model reads 3" in said
