"""Make what is made of something else: `make pages`; `python tools/pages.py --check` says whether it is up to date.

docs/commands.md is made of the command line itself, docs/python.md of the docstrings, docs/tour.md and
notebooks/tour.ipynb of examples/tour.py.
"""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

import mnist_cnn
from mnist_cnn.artifact.store import Artifact
from mnist_cnn.card import Card
from mnist_cnn.cli import app
from mnist_cnn.data.source import Dataset, Examples
from mnist_cnn.evaluation.metrics import Accuracy, Evaluation
from mnist_cnn.reading.explain import Explanation, Reasons
from mnist_cnn.reading.reading import Box, Digit
from notebook import cells_of, notebook

ROOT = Path(__file__).parents[1]
MADE = "<!-- Made by `make pages` of the program itself: change that. -->"
RESULTS = (Artifact, Card, Dataset, Examples, Evaluation, Accuracy, Digit, Box, Explanation, Reasons)
# Of these only some methods are for others: the rest are its steps, or those of what it is a kind of.
ONLY = {"Reader": ("read", "read_many", "explain"), "TerminalWatch": (), "Recipe": ("dials", "with_dials", "to_dict")}
WIDTH = 84  # characters: a longer signature gets a line for each parameter
COMMANDS = """# Command line

Every command ends with 0, with 1 for what could not be done (one sentence on stderr, no traceback), and with 2 for
wrong usage. Results are on stdout, progress and notes on stderr. `mnist-cnn --install-completion` lets the shell
complete commands, options, recipes and what is kept in `runs/` and `studies/`.
"""
PYTHON = """# Python

Everything in `mnist_cnn` is loaded when it is first used, so that importing it costs nothing. What is raised on
purpose is a `MnistCnnError`; its message is one sentence: what happened, what was received, what to do.

A `Classifier` is any function of (n, 28, 28) uint8 images, ink 255 on paper 0, that gives (n, 10) float32
probabilities. A `Source` is a picture: a path, the bytes of a file, a Pillow image, or an array, (h, w), (h, w, 1),
(h, w, 3) or (h, w, 4).
"""


def commands_page() -> str:
    """The page about the command line."""
    command = typer.main.get_command(app)
    return "\n".join([MADE, "", COMMANDS, *about_commands(command, "mnist-cnn")]).rstrip() + "\n"


def about_commands(group: Any, name: str) -> Iterator[str]:
    """A section for each command of a group, and those of the groups in it."""
    for word, command in group.commands.items():
        yield from about_command(command, f"{name} {word}")
        if hasattr(command, "commands"):
            yield from about_commands(command, f"{name} {word}")


def about_command(command: Any, name: str) -> Iterator[str]:
    """What a command does, its examples, its arguments and options."""
    yield f"## {name}\n"
    yield f"{linked(command.help)}\n"
    examples = [line.removeprefix("$ ") for line in command.epilog.splitlines()[1:]]
    yield "\n".join(["```", *examples, "```\n"])
    rows = [row(one) for one in command.params if not getattr(one, "hidden", False) and one.name != "help"]
    if rows:
        yield "\n".join(["| argument or option | what | by default |", "|---|---|---|", *rows]) + "\n"


def row(parameter: Any) -> str:
    """A row of the table for an argument or an option."""
    option = parameter.opts[0].startswith("-")
    name = ", ".join(f"`{word}`" for word in parameter.opts) if option else f"`{parameter.name.upper()}`"
    more = " (several)" if parameter.nargs == -1 or getattr(parameter, "multiple", False) else ""
    needed = parameter.required and "needed"
    default = "" if parameter.default is None or parameter.default is False else f"`{parameter.default}`"
    return f"| {name}{more} | {(parameter.help or '').replace('|', chr(92) + '|')} | {needed or default} |"


def python_page() -> str:
    """The page about the public names."""
    public = [getattr(mnist_cnn, name) for name in mnist_cnn.__all__]
    sections = [about(one, name) for one, name in zip(public, mnist_cnn.__all__, strict=True)]
    results = [about(one, one.__name__) for one in RESULTS]
    first, second = "## What there is\n", "## What comes out of it\n"
    return "\n".join([MADE, "", PYTHON, first, *sections, second, *results]).rstrip() + "\n"


def about(thing: Any, name: str) -> str:
    """A section about a function or a class with what is public in it."""
    node = definition(thing)
    parts = [f"### {name}\n", code(signature(node, name)), text(thing)]
    if isinstance(node, ast.ClassDef) and not issubclass(thing, Exception):
        items = [about_method(method) for method in node.body if is_public(method, ONLY.get(name))]
        parts += [*items, ""] if items else []
    return "\n".join(parts)


def definition(thing: Any) -> ast.FunctionDef | ast.ClassDef:
    """The source of a function or a class as a tree, which is the same on every version of Python."""
    node = ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]
    assert isinstance(node, ast.FunctionDef | ast.ClassDef)
    return node


def signature(node: ast.FunctionDef | ast.ClassDef, name: str) -> str:
    """How it is called: of a class what its __init__ takes, or its fields."""
    if isinstance(node, ast.FunctionDef):
        return call(name, node)
    made = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
    if made:
        return call(name, made[0]).removesuffix(" -> None")
    fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
    return "\n".join([f"class {name}", *(f"    {ast.unparse(one.target)}: {annotation(one)}" for one in fields)])


def annotation(field: ast.AnnAssign) -> str:
    """The type of a field, and its default where that is a plain value, or the first one of what declares a dial."""
    value = field.value.args[0] if isinstance(field.value, ast.Call) and field.value.args else field.value
    plain = f" = {ast.unparse(value)}" if isinstance(value, ast.Constant) else ""
    return (unquoted(ast.unparse(field.annotation)) + plain).replace("'", '"')


def call(name: str, function: ast.FunctionDef) -> str:
    """A signature, on one line if it fits."""
    function.args.args = [one for one in function.args.args if one.arg not in ("self", "cls")]
    gives = f" -> {unquoted(ast.unparse(function.returns))}" if function.returns else ""
    inside = [
        re.sub(r"(: [^=]+)=", r"\1 = ", one).replace("'", '"') for one in split_at_commas(ast.unparse(function.args))
    ]
    line = f"{name}({', '.join(inside)}){gives}"
    return line if len(line) <= WIDTH else "\n".join([f"{name}(", *(f"    {one}," for one in inside), f"){gives}"])


def split_at_commas(inside: str) -> Iterator[str]:
    """The parameters of a signature: what stands between commas that are in no bracket."""
    depth, part = 0, ""
    for letter in inside:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and not depth:
            yield part.strip()
            part = ""
        else:
            part += letter
    yield part.strip()


def unquoted(types: str) -> str:
    """A type that was put in quotes to be looked up later."""
    return types.replace("'", "").replace('"', "")


def about_method(node: ast.stmt) -> str:
    """A method or a property as an item of a list."""
    assert isinstance(node, ast.FunctionDef)
    is_property = any(ast.unparse(one) == "property" for one in node.decorator_list)
    gives = f": {unquoted(ast.unparse(node.returns))}" if node.returns else ""
    called = f".{node.name}{gives}" if is_property else "." + " ".join(call(node.name, node).split())
    said = textwrap.indent(linked(ast.get_docstring(node) or ""), "    ").strip()
    return f"- `{called}`: {said}"


def is_public(node: ast.stmt, only: tuple[str, ...] | None) -> bool:
    """Whether it is a method or a property for others, one of `only` these."""
    return (
        isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and (node.name in only if only is not None else True)
    )


def code(lines: str) -> str:
    """Lines of Python for a page."""
    return f"```python\n{lines}\n```"


def text(thing: Any) -> str:
    """The docstring of a thing."""
    return f"\n{linked(inspect.getdoc(thing) or '')}\n"


def linked(words: str) -> str:
    """The words, with links to the pages that they name."""
    return re.sub(r"`?docs/(\w+\.md)`?", r"[\1](\1)", words)


def tour_page() -> str:
    """The page that goes through examples/tour.py: its words, and its code between them."""
    parts = [f"```python\n{body}\n```" if kind == "code" else body for kind, body in cells_of(tour())]
    return "\n\n".join([MADE, *parts]) + "\n"


def tour() -> str:
    """The script that is also a notebook and a page."""
    return (ROOT / "examples" / "tour.py").read_text(encoding="utf-8")


def pages() -> dict[Path, str]:
    """Every file that is made, and what must be in it."""
    return {
        ROOT / "docs" / "commands.md": commands_page(),
        ROOT / "docs" / "python.md": python_page(),
        ROOT / "docs" / "tour.md": tour_page(),
        ROOT / "notebooks" / "tour.ipynb": notebook(tour()),
    }


def main() -> None:
    """Write what is not up to date, or only say what it is."""
    old = {path: page for path, page in pages().items() if not path.exists() or path.read_text("utf-8") != page}
    names = ", ".join(str(path.relative_to(ROOT)) for path in old)
    if "--check" in sys.argv:
        sys.exit(f"not up to date: {names}; run `make pages`" if old else 0)
    for path, page in old.items():
        path.write_text(page, encoding="utf-8")
    print(f"made {names}" if old else "all is up to date")


if __name__ == "__main__":
    main()
