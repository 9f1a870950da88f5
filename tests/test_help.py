"""Help that can be believed: examples of every command, command lines in the documents, and completion."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from mnist_cnn.cli import app, completion
from mnist_cnn.training.recipe import RECIPES, Recipe
from test_architecture import HEAVY

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
run = CliRunner().invoke


def all_commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that call it."""
    if words:
        yield words, command
    for name, below in getattr(command, "commands", {}).items():
        yield from all_commands(below, (*words, name))


COMMANDS = dict(all_commands(typer.main.get_command(app)))


def parse(line: str) -> None:
    """Parse a command line as the shell and the program would, without doing what it says."""
    words = shlex.split(re.split(r" [<>|#]| && ", line)[0])
    command: Any = typer.main.get_command(app)
    given: dict[str, Any] = {}
    for option in command.params:
        option.callback = None  # or --install-completion would be done
    for _, below in all_commands(command):
        below.callback = lambda **kwargs: given.update(kwargs)
    command.main(words[1:], prog_name="mnist-cnn", standalone_mode=False)
    if given.get("recipe"):
        hyperparameters = {hyperparameter.name for hyperparameter in Recipe.hyperparameters()}
        Recipe(
            given["recipe"],
            **{name: value for name, value in given.items() if name in hyperparameters and value is not None},
        )


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_help_of_each_command_ends_with_examples_that_parse(words: tuple[str, ...]) -> None:
    said = run(app, [*words, "--help"], env={"COLUMNS": "200"}).stdout
    _, _, examples = said.partition("Examples:")
    lines = [line.strip().removeprefix("$ ") for line in examples.splitlines() if line.strip()]
    assert any(line.startswith(f"mnist-cnn {' '.join(words)}") for line in lines)
    for line in lines:
        assert line.startswith("mnist-cnn ")
        parse(line)


@pytest.mark.parametrize("words", [(), *COMMANDS], ids=" ".join)
def test_flags_and_arguments_have_no_type_in_the_help(words: tuple[str, ...]) -> None:
    said = run(app, [*words, "--help"], env={"COLUMNS": "200"}).stdout
    assert "--help" in said
    assert "<bool>" not in said
    assert "<list" not in said


@pytest.mark.parametrize("line", ["mnist-cnn train --recipe quick", "mnist-cnn read --nonsense x", "mnist-cnn report"])
def test_a_line_that_is_wrong_does_not_parse(line: str) -> None:
    with pytest.raises(Exception, match=r"quick|nonsense|model"):
        parse(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_command_lines_in_the_documents_parse(page: Path) -> None:
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    for line in lines:
        if line.removeprefix("$ ").startswith("mnist-cnn "):
            parse(re.split(r"  +", line.removeprefix("$ "))[0])  # what stands apart says what it does


def complete(*words: str, folder: Path) -> tuple[list[str], str]:
    """What bash is offered for the last word, and what was said on stderr."""
    # The program itself, but it also says on stderr what heavy things it loaded.
    code = (
        "import sys, atexit\nsys.argv = ['mnist-cnn']\n"
        f"atexit.register(lambda: print(*(set(sys.modules) & {HEAVY!r}), file=sys.stderr))\n"
        "from mnist_cnn.cli import main\nmain()"
    )
    environment = {
        "_MNIST_CNN_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["mnist-cnn", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout.split(), done.stderr.strip()


def test_the_shell_completes_commands_and_recipes_and_loads_nothing_heavy_for_it(tmp_path: Path) -> None:
    assert complete("re", folder=tmp_path) == (["read", "review", "report"], "")
    offered, heavy = complete("train", "--recipe", "", folder=tmp_path)
    assert (set(offered), heavy) == (set(RECIPES), "")


def test_what_is_kept_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for file in (
        "runs/a/card.json",
        "studies/b/study.json",
        "studies/b/seed-0/card.json",
        "runs/c.partial/checkpoint/x",
    ):
        path = Path(file)
        path.parent.mkdir(parents=True)
        path.touch()
    assert completion.models("") == ["robust", "bundled", "runs/a", "studies/b/seed-0"]
    assert completion.models("st") == ["studies/b/seed-0"]
    assert completion.models("bun") == ["bundled"]
    assert completion.models("scans/") == []
    assert completion.models_and_recipes("r") == ["robust", "runs/a", "recogniser"]
    assert completion.comparable("studies") == ["studies/b", "studies/b/seed-0"]
    assert completion.resumable_runs("") == ["runs/c.partial"]
    assert completion.datasets("d") == ["digits"]


def test_parsing_a_line_does_not_do_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    parse("mnist-cnn --install-completion info")
    assert not list(tmp_path.iterdir())


def test_completion_can_be_installed() -> None:
    said = run(app, ["--help"], env={"COLUMNS": "200"}).stdout
    assert "--install-completion" in said
    script = run(app, [], prog_name="mnist-cnn", env={"_MNIST_CNN_COMPLETE": "source_bash"}).stdout
    assert "complete_bash" in script
