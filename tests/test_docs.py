"""The documents: what is made of the program is up to date, the site is built, and its links lead somewhere."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import mnist_cnn
from mnist_cnn.cli import app
from static_host import SWITCHES, chromium, hosted

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "bench")]

import model_card  # noqa: E402
import own_data  # noqa: E402
import pages  # noqa: E402
import picture_tables  # noqa: E402
import website  # noqa: E402

MADE = pages.pages()
PATIENCE = 120_000  # milliseconds: a machine that does much else


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
        options = set(re.findall(r"^│ \*? *(--[a-z0-9-]+)", help_of(name), re.MULTILINE)) - {"--help"}
        for option in options:
            assert f"`{option}`" in section, f"{name} {option}"
    assert "--resume" in help_of("train")
    python = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    for name in mnist_cnn.__all__:
        assert f"\n### {name}\n" in python


def help_of(*words: str) -> str:
    return CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200"}).stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built around a web app that an earlier `make demo` left."""
    root = copy_of_the_documents(tmp_path_factory.mktemp("documents"))
    demo = root / "site" / "demo"
    demo.mkdir(parents=True)
    (demo / "index.html").write_text('<h1>The web app</h1><a id="card" href="#">Model card</a>')
    return website.build(root)


def test_the_site_is_built_strictly_and_loads_nothing_from_another_host(site: Path) -> None:
    assert website.faults(site) == []
    for page in (ROOT / "docs").glob("*.md"):
        assert (site / f"{page.stem}.html").is_file()


def test_notebooks_are_pages_with_their_outputs_and_can_be_downloaded(site: Path) -> None:
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        page = website.Page((site / f"{path.stem}.html").read_text(encoding="utf-8"))
        figures = path.read_text(encoding="utf-8").count('"image/png"')
        assert len([one for one in page.loads if one.startswith(f"{path.stem}_")]) == figures > 0
        assert f"notebooks/{path.name}" in page.links
        assert (site / "notebooks" / path.name).read_bytes() == path.read_bytes()
    course = website.Page((site / "course.html").read_text(encoding="utf-8"))
    assert "2_your_own_photo.html" in course.links


def test_the_web_app_stays_in_the_site_and_is_linked_where_it_is_there(site: Path) -> None:
    page = (site / "demo" / "index.html").read_text()
    assert page.startswith("<h1>The web app</h1>")
    assert website.Page(page).links == ["../index.html", "#"]
    website.link_back(site / "demo" / "index.html")  # as when the site is built again
    assert (site / "demo" / "index.html").read_text() == page
    assert website.BESIDE in (ROOT / "src/mnist_cnn/serving/static/index.html").read_text(encoding="utf-8")
    for name in ("index", "web_app", "static_web_app"):
        text = (site / f"{name}.html").read_text(encoding="utf-8")
        assert "demo/index.html" in website.Page(text).links
        assert website.PLACE in (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = chromium()
    if not path:
        pytest.skip("needs Chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        yield started
        started.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("predict", "python.html#predict"),
        ("hyperparameter", "glossary.html#hyperparameter"),
        ("augmentation", "glossary.html#augmentation"),
        ("convolutional", "cnn.html"),
    ],
)
def test_the_search_of_the_site_finds_it(query: str, expected: str, site: Path, browser: Any) -> None:
    with hosted(site, policy=None) as address:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}index.html")
        page.locator(".md-search__button").click()
        page.get_by_role("combobox", name="Search").fill(query)
        page.locator(f"a[role=option][href*='{expected}']").first.wait_for()
        page.close()


def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path) -> None:
    root = copy_of_the_documents(tmp_path)
    with (root / "docs" / "install.md").open("a", encoding="utf-8") as page:
        page.write("\n[there](nowhere.md)\n")
    with pytest.raises(subprocess.CalledProcessError):
        website.build(root)


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(r": ([a-z0-9_]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    notebooks = {f"{path.stem}.md" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert sorted(listed) == sorted({page.name for page in (ROOT / "docs").glob("*.md")} | notebooks)


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
    for name in ("docs", "notebooks"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "mkdocs.yml", folder)
    return folder
