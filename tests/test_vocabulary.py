"""No retired word is said to users: `python tests/test_vocabulary.py [FILE ...]` lists what is left, line by line."""

import ast
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mnist_cnn.cli import app
from retired_words import NAMES, PHRASES, retired
from test_help import COMMANDS

ROOT = Path(__file__).parents[1]

# Not yet rewritten. Delete what is clean: a file that is listed here and has no retired word fails, too.
# Lines stand apart so that two changes which delete neighbours do not collide.
NOT_YET = """





















































""".split()  # noqa: SIM905

STRING = re.compile(r"""//[^\n]*|/\*.*?\*/|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)""", re.DOTALL)


def blank(text: str, end: str = "") -> str:
    """As much white space, with the same line breaks, before what stands in for it."""
    kept = text[: len(text) - len(end)]
    return re.sub(r"[^\n]", " ", kept) + end


def sentences_of_markdown(text: str) -> str:
    """What is a sentence of a document: no `code` in a line, no address, and of a block of Python the comments."""
    text = re.sub(r"^```python\n.*?^```", lambda found: comments(found[0]), text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"(?<!`)`[^`\n]+`(?!`)|\]\([^)\s]*\)|<?https?://\S+", lambda found: blank(found[0]), text)


def comments(code: str) -> str:
    """The comments of Python, and white space where the code was."""
    return re.sub(r"#.*|[^\n]", lambda found: found[0] if found[0].startswith("#") else " ", code)


def of_markdown(text: str) -> Iterator[tuple[int, str, str]]:
    """A document: its sentences, and the names in all of it."""
    for offset, word, instead in retired(text, sentences_of_markdown(text)):
        yield line_at(text, offset), word, instead


def of_example(text: str) -> Iterator[tuple[int, str, str]]:
    """A script for readers: its comments and strings, and the names in all of it."""
    found = sorted([*of_markdown(f"```python\n{text}```\n"), *((line + 1, *what) for line, *what in of_python(text))])
    for line, word, instead in found:
        yield line - 1, word, instead


def of_notebook(text: str) -> Iterator[tuple[int, str, str]]:
    """The cells of a notebook that are no code; the line is the cell, counted from 1."""
    for number, cell in enumerate(json.loads(text)["cells"], 1):
        if cell["cell_type"] == "markdown":
            for _, word, instead in of_markdown("".join(cell["source"])):
                yield number, word, instead


def of_python(text: str) -> Iterator[tuple[int, str, str]]:
    """Strings of two words or more, but docstrings: those of public names are in docs/python.md."""
    tree = ast.parse(text)
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if id(node) in documentation | parts:
            continue
        if isinstance(node, ast.JoinedStr):  # what is filled in counts as a number
            said = "".join(str(part.value) if isinstance(part, ast.Constant) else "0" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            said = node.value
        else:
            continue
        if len(said.split()) > 1:
            for _, word, instead in retired(said, sentences_of_markdown(said)):
                yield node.lineno, word, instead


def of_script(text: str) -> Iterator[tuple[int, str, str]]:
    """Strings of two words or more of JavaScript; what is filled in counts as a number."""
    for found in STRING.finditer(text):
        said = re.sub(r"\$\{.*?\}", lambda hole: blank(hole[0], "0"), (found[1] or "")[1:-1], flags=re.DOTALL)
        if len(said.split()) > 1:
            for offset, word, instead in retired(said):
                yield line_at(text, found.start() + 1 + offset), word, instead


def of_page(text: str) -> Iterator[tuple[int, str, str]]:
    """What is seen of a page or of the template of one, and what is heard: the texts of some attributes."""
    seen = re.sub(
        r"<!--.*?-->|\{#.*?#\}|<(style|script)\b.*?</\1>", lambda found: blank(found[0]), text, flags=re.DOTALL
    )
    seen = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", strings_of_expression, seen, flags=re.DOTALL)
    seen = re.sub(r"<[^>]*>", attributes_of_tag, seen)
    seen = re.sub(r"&\w+;", lambda found: blank(found[0]), seen)
    for offset, word, instead in retired(seen):
        yield line_at(text, offset), word, instead


def strings_of_expression(found: re.Match[str]) -> str:
    """An expression of a template without what is not one of its strings; what it fills in counts as a number."""
    filled = "0" if found[0].startswith("{{") else ""
    only = re.sub(r'"([^"]*)"|[^"\n]', lambda part: f" {part[1]} " if part[1] is not None else " ", found[0])
    return only if only.strip() else blank(found[0], filled)


def attributes_of_tag(found: re.Match[str]) -> str:
    """A tag without what is not the text of an attribute that is shown or read aloud."""
    text = blank(found[0])
    for match in re.finditer(r'\b(?:alt|title|aria-label|placeholder|content)="([^"]*)"', found[0]):
        text = text[: match.start(1)] + match[1] + text[match.end(1) :]
    return text


def of_project(text: str) -> Iterator[tuple[int, str, str]]:
    """What the package index shows of the project."""
    for _, word, instead in retired(tomllib.loads(text)["project"]["description"]):
        yield 1, word, instead


def line_at(text: str, offset: int) -> int:
    """The line of a character, counted from 1."""
    return text.count("\n", 0, offset) + 1


def said_to_users() -> dict[str, Callable[[str], Iterator[tuple[int, str, str]]]]:
    """Every file with something to read in it, and how that is found."""
    how = {
        of_markdown: ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/*.md", "mkdocs.yml"),
        of_example: ("examples/**/*.py",),
        of_notebook: ("notebooks/*.ipynb",),
        of_python: ("src/mnist_cnn/**/*.py",),
        of_script: ("src/mnist_cnn/serving/static/*.js", "src/mnist_cnn/web/page/**/*.js"),
        of_page: ("src/mnist_cnn/serving/static/*.html", "src/mnist_cnn/evaluation/*.j2", "docs/*.svg"),
        of_project: ("pyproject.toml",),
    }
    found = {(path, find) for find, globs in how.items() for glob in globs for path in ROOT.glob(glob)}
    return {path.relative_to(ROOT).as_posix(): find for path, find in sorted(found, key=lambda pair: pair[0])}


def help_of(words: tuple[str, ...]) -> str:
    """The help of a command, so wide that no line is broken."""
    return CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "2000"}).stdout


FILES = said_to_users()
HELP = {":".join(["help", *words]): words for words in [(), *COMMANDS]}


def left_in(name: str) -> list[str]:
    """A line for each retired word of a file or of the help of a command."""
    if name in HELP:
        return [f"{name}: “{word}”: {instead}" for _, word, instead in retired(help_of(HELP[name]))]
    text = (ROOT / name).read_text(encoding="utf-8")
    return [f"{name}:{line}: “{word}”: {instead}" for line, word, instead in FILES[name](text)]


@pytest.mark.parametrize("name", [*FILES, *HELP])
def test_users_read_the_words_of_the_field(name: str) -> None:
    left = left_in(name)
    if name not in NOT_YET:
        assert not left, "\n".join(left)
    else:
        assert left, f"{name} is clean: delete it from NOT_YET"


def test_what_is_not_yet_rewritten_is_a_file_or_a_command() -> None:
    assert set(NOT_YET) <= set(FILES) | set(HELP)
    assert len(NOT_YET) == len(set(NOT_YET))


PLANTED: list[tuple[Callable[[str], Iterator[tuple[int, str, str]]], str, list[tuple[int, str]]]] = [
    (of_markdown, "All is\nwell. It was judged\nby a kept\nnetwork.\n", [(2, "judged"), (3, "kept network")]),
    (of_markdown, "`judge` and https://a.org/judge, [well](judge.md)", []),
    (of_markdown, "Use `--out`, not --output.\n\n```\nread --jobs 2\n```\n", [(1, "--out"), (4, "--jobs")]),
    (of_markdown, "```python\ndial = 3  # a picture\n```\nA dial.", [(2, "picture"), (4, "dial")]),
    (of_markdown, "98.96% ± 0.25\n98.96 %", [(2, "98.96 %")]),
    (of_markdown, "pictures.py, a/pictures/b", []),
    (of_example, 'dial = 1  # One dial.\nprint("The picture.")\n', [(1, "dial"), (2, "picture")]),
    (of_python, 'a = "the pictures"\ndef f():\n    """A picture here."""\n', [(1, "pictures")]),
    (of_python, 'g("dial", a, f"{x} % of\\nit")\n', [(1, "0 %")]),
    (of_script, "// a picture here\nsay(`${n} %`, 'one\\'s picture', \"picture\");", [(2, "0 %"), (2, "picture")]),
    (of_page, '<style>.a picture</style>\n<p alt="A dial">Judge</p>', [(2, "dial"), (2, "Judge")]),
    (of_page, '{{ x }}&nbsp;%\nkept <b>{{ "network" if dial }}</b>', [(1, "0 %"), (2, "kept network")]),
    (of_notebook, '{"cells": [{"cell_type": "code", "source": ["a dial"]}]}', []),
    (
        of_notebook,
        '{"cells": [{"cell_type": "markdown", "source": ["A dial,\\n", "judged."]}]}',
        [(1, "dial"), (1, "judged")],
    ),
    (of_project, '[project]\ndescription = "A picture"\nname = "dial"\n', [(1, "picture")]),
]


@pytest.mark.parametrize(("find", "text", "expected"), PLANTED)
def test_a_planted_word_is_found_where_a_user_would_see_it(
    find: Callable[[str], Iterator[tuple[int, str, str]]], text: str, expected: list[tuple[int, str]]
) -> None:
    assert [(line, word) for line, word, _ in find(text)] == expected


def test_the_help_is_read_in_full() -> None:
    assert "--epochs" in help_of(("train",))
    assert "train" in help_of(())


@pytest.mark.parametrize("instead", [*NAMES.values(), *PHRASES.values()])
def test_no_retired_word_is_advised(instead: str) -> None:
    assert list(retired(instead)) == []


if __name__ == "__main__":
    for name in sys.argv[1:] or [*FILES, *HELP]:
        sys.stdout.writelines(f"{line}\n" for line in left_in(name))
