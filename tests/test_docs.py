"""The documents: what is made of the program is up to date, the site is built, and its links lead somewhere."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from typer.testing import CliRunner

import mnist_cnn
from mnist_cnn.cli import app

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "bench")]

import model_card  # noqa: E402
import notebook  # noqa: E402
import own_data  # noqa: E402
import pages  # noqa: E402
import picture_tables  # noqa: E402
import website  # noqa: E402

MADE = pages.pages()


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.name)
def test_what_is_made_of_the_program_is_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == MADE[path], f"{path.name}: run `make pages`"


MEASURED = json.loads(picture_tables.RESULTS.read_text(encoding="utf-8"))["measured"]


@pytest.mark.parametrize(("name", "tables"), [("trust.md", 3), ("benchmarks.md", 1)])
def test_tables_of_external_images_are_those_of_the_results(name: str, tables: int) -> None:
    document = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert picture_tables.filled(document, MEASURED) == document, "run `python bench/picture_tables.py`"
    assert len(picture_tables.BLOCK.findall(document)) == tables
    number = f"{MEASURED['pictures']['layouts']['single']['images']['correct']:,} of "
    other = document.replace(number, "7 of ")
    assert number in document
    assert picture_tables.filled(other, MEASURED) == document


def test_the_model_card_has_the_figures_of_the_model_and_of_the_results() -> None:
    document = model_card.PAGE.read_text(encoding="utf-8")
    assert model_card.filled(document) == document, "run `python bench/model_card.py`"
    assert len(model_card.BLOCK.findall(document)) == 3
    for figure in ("value: 0.996", "9,960 of 10,000", "62 of 1,799", "445,915"):
        assert figure in document
        assert model_card.filled(document.replace(figure, "other")) == document


def test_the_model_card_has_hugging_faces_form() -> None:
    document = model_card.PAGE.read_text(encoding="utf-8")
    front = yaml.safe_load(document.split("---\n")[1])
    assert front["license"] == "mit"
    assert front["pipeline_tag"] == "image-classification"
    ((result,),) = (one["results"] for one in front["model-index"])
    assert result["metrics"][0]["value"] == model_card.BUNDLE.evaluation["accuracy"]
    headings = re.findall(r"^## (.*)$", document, re.MULTILINE)
    assert {"Model details", "Uses", "How to use", "Training data", "Evaluation", "Where it fails"} <= set(headings)


def test_the_table_of_own_data_is_that_of_the_results() -> None:
    document = own_data.PAGE.read_text(encoding="utf-8")
    measured = own_data.results()["measured"]
    assert own_data.filled(document, measured) == document, "run `python bench/own_data.py --table`"
    assert len(own_data.BLOCK.findall(document)) == 1
    for kind, found in measured.items():
        other = document.replace(f"`{found['command']}`", "`train`")
        assert other != document, kind
        assert own_data.filled(other, measured) == document


def test_the_reliability_diagram_of_external_images_is_that_of_the_results() -> None:
    assert picture_tables.DIAGRAM.read_text(encoding="utf-8") == picture_tables.diagram(MEASURED)


def test_bins_of_two_sets_of_images_are_pooled_by_their_counts() -> None:
    def bins(*some: tuple[int, float, float]) -> dict[str, object]:
        return {
            "calibration": {"bins": [dict(zip(("count", "confidence", "accuracy"), one, strict=True)) for one in some]}
        }

    found = picture_tables.pooled([bins((1, 0.61, 0.0), (3, 1.0, 1.0)), bins((3, 0.65, 1.0), (1, 0.95, 0.0))])
    assert found == [(4, pytest.approx(0.64), 0.75), (4, pytest.approx(0.9875), 0.75)]


def test_tables_are_made_of_what_was_measured_and_no_more() -> None:
    only = {"pictures": MEASURED["pictures"]}
    assert not [row for row in picture_tables.accuracy(only) if "MNIST" in row or "other projects" in row]
    assert [row.count("|") for row in picture_tables.calibration(only)] == [3] * 13
    assert len([*picture_tables.sources(only)]) == 1


def test_every_command_and_every_public_name_is_documented() -> None:
    commands = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    names = re.findall(r"^│ ([a-z]+)  ", help_of(), re.MULTILINE)
    assert {"train", "read", "study", "doctor"} <= set(names)
    for name in names:
        assert f"\n## mnist-cnn {name}\n" in commands
        section = commands.split(f"\n## mnist-cnn {name}\n")[1].split("\n## ")[0]
        options = set(re.findall(r"^│ \*? *(--[a-z-]+)", help_of(name), re.MULTILINE)) - {"--help"}
        for option in options:
            assert f"`{option}`" in section, f"{name} {option}"
    assert "--resume" in help_of("train")
    python = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    for name in mnist_cnn.__all__:
        assert f"\n### {name}\n" in python


def help_of(*words: str) -> str:
    return CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200"}).stdout


def test_the_site_is_built_strictly_and_loads_nothing_from_another_host(tmp_path: Path) -> None:
    site = website.build(copy_of_the_documents(tmp_path))
    assert website.faults(site) == []
    for page in (ROOT / "docs").glob("*.md"):
        assert (site / f"{page.stem}.html").is_file()


def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path) -> None:
    root = copy_of_the_documents(tmp_path)
    with (root / "docs" / "install.md").open("a", encoding="utf-8") as page:
        page.write("\n[there](nowhere.md)\n")
    with pytest.raises(subprocess.CalledProcessError):
        website.build(root)


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(r": ([a-z_]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(page.name for page in (ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('<a href="gone.html">x</a>', "links to gone.html"),
        ('<a href="other.html#gone">x</a>', "links to other.html#gone"),
        ('<img src="gone.png">', "links to gone.png"),
        ('<script src="https://example.org/x.js"></script>', "loads https://example.org/x.js"),
        ('<a href="other.html#here">x</a><a href="https://example.org">x</a>', None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_the_check_of_the_site_finds_what_is_wrong(line: str, fault: str | None, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(line)
    (tmp_path / "other.html").write_text('<h1 id="here">x</h1>')
    found = website.faults(tmp_path)
    assert len(found) == (fault is not None)
    assert not fault or fault in found[0]


def copy_of_the_documents(folder: Path) -> Path:
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    return folder


def test_the_notebook_is_valid_and_has_no_outputs() -> None:
    text = (ROOT / "notebooks" / "tour.ipynb").read_text(encoding="utf-8")
    nbformat.validate(nbformat.reads(text, as_version=4))
    for cell in json.loads(text)["cells"]:
        assert cell["cell_type"] == "markdown" or (cell["outputs"], cell["execution_count"]) == ([], None)


def test_a_script_becomes_its_cells() -> None:
    script = "# %% [markdown]\n# # Title\n#\n# words\n\n# %%\na = 1\nb = 2\n"
    assert notebook.cells_of(script) == [("markdown", "# Title\n\nwords"), ("code", "a = 1\nb = 2")]


@pytest.mark.slow
def test_the_notebook_runs_and_reads_the_digit_that_it_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.delenv("DISPLAY", raising=False)
    document = json.loads((ROOT / "notebooks" / "tour.ipynb").read_text(encoding="utf-8"))
    code = "\n".join("".join(cell["source"]) for cell in document["cells"] if cell["cell_type"] == "code")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    right = re.search(r"(\d+) of 500 correct", done.stdout)
    assert right, done.stdout
    assert int(right[1]) >= 490
    assert "The model of this tour reads 3\nThe bundled model reads 3" in done.stdout
