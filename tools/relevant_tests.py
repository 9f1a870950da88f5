"""Which tests are likely to notice a change of the program: what is said in its sources, and which test runs what.

`tools/mutants.py` uses it; it knows nothing of mutants.
"""

import ast
import json
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SOURCES = Path("src/mnist_cnn")
Lines = dict[str, dict[int, set[str]]]  # a file → its lines → the tests that run them
Position = tuple[int, int]  # line, from 1, and column in characters, from 0


@cache
def files() -> list[Path]:
    """The files of the checkout that are not ignored, relative to it."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted(Path(name) for name in set(listed.split("\0")) if name and (ROOT / name).is_file())


@dataclass(frozen=True)
class Function:
    """A function of the program or of the tests, and the names that occur in it."""

    file: Path
    name: str
    lines: range
    mentions: frozenset[str]


@dataclass
class Source:
    """The text of a file, and what is said in it."""

    path: Path
    text: str
    tree: ast.Module = field(init=False)

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.text)

    def path_to(self, position: Position) -> list[ast.AST]:
        """The nodes around a position, outermost first."""
        line, column = position
        return [self.tree, *inside(self.tree, (line, len(self.text.splitlines()[line - 1][:column].encode())))]

    def statement_at(self, start: Position, last: int) -> range | None:
        """The lines of the statement around a position, if it is in a function; of `if` and the like, the head.

        What stands deeper in such a statement and is none itself, a `case` say, is taken as it is, to its last line.
        """
        path = self.path_to(start)
        bodies = [
            n
            for n, (node, below) in enumerate(pairwise(path))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and below in body_of(node)
        ]
        if not bodies:
            return None
        statement = [node for node in path[bodies[-1] :] if isinstance(node, ast.stmt | ast.Lambda)][-1]
        body = getattr(statement, "body", None)
        end = (statement.end_lineno or last) + 1
        if isinstance(body, list):
            end = body[0].lineno
        elif isinstance(statement, ast.Match):
            end = statement.subject.lineno + 1
        return range(statement.lineno, end) if start[0] < end else range(start[0], last + 1)

    def names_at(self, position: Position) -> set[str]:
        """The names that the statement outside functions at a position binds."""
        for node in reversed(self.path_to(position)):
            if names := bound(node):
                return names
        return set()

    def functions(self) -> Iterator[Function]:
        """Every function, with the names that occur in it."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = range(node.body[0].lineno, (node.end_lineno or node.lineno) + 1)
                yield Function(self.path, node.name, lines, mentioned(node))

    def definitions(self) -> Iterator[tuple[set[str], frozenset[str]]]:
        """What statements outside functions bind, with the names that occur in them."""
        for outer in ast.walk(self.tree):
            if isinstance(outer, ast.Module | ast.ClassDef):
                for node in outer.body:
                    if isinstance(node, ast.Assign | ast.AnnAssign):
                        yield bound(node), mentioned(node)


def inside(node: ast.AST, position: tuple[int, int]) -> list[ast.AST]:
    """The path to the innermost node around a position (line, column in bytes), without the node it begins in."""
    for child in ast.iter_child_nodes(node):
        if hasattr(child, "lineno"):
            if spans(child, position):
                return [child, *inside(child, position)]
        elif path := inside(child, position):
            return [child, *path]
    return []


def spans(node: Any, position: tuple[int, int]) -> bool:
    """Whether a node, with its decorators, has a position in it."""
    decorators = getattr(node, "decorator_list", [])
    start = (decorators[0].lineno, 0) if decorators else (node.lineno, node.col_offset)
    return start <= position < (node.end_lineno, node.end_col_offset)


def body_of(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> list[ast.AST]:
    """What runs when a function is called."""
    return [node.body] if isinstance(node, ast.Lambda) else [*node.body]


def bound(node: ast.AST) -> set[str]:
    """The names that a statement binds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if not isinstance(node, ast.stmt):
        return set()
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}


def mentioned(node: ast.AST) -> frozenset[str]:
    """The names that occur in a piece of code, also as attributes and as arguments of calls."""
    names = set()
    for below in ast.walk(node):
        match below:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                names.add(name)
    return frozenset(names)


@cache
def source_of(path: Path) -> Source:
    """A file of the checkout."""
    return Source(path, (ROOT / path).read_text(encoding="utf-8"))


@cache
def functions() -> list[Function]:
    """All functions of the program and of the tests."""
    paths = [path for path in files() if path.suffix == ".py" and path.parts[0] in ("src", "tests")]
    return [function for path in paths for function in source_of(path).functions()]


@cache
def definitions() -> list[tuple[set[str], frozenset[str]]]:
    """All constants and the like of the program, with the names of which they are made."""
    paths = [path for path in files() if path.suffix == ".py" and path.is_relative_to(SOURCES)]
    return [definition for path in paths for definition in source_of(path).definitions()]


def made_of(names: set[str]) -> set[str]:
    """These names, and those of all constants that are made of them."""
    while more := {name for bound, used in definitions() if used & names for name in bound} - names:
        names = names | more
    return names


@dataclass
class RelevantTests:
    """What the runs under coverage.py have shown."""

    lines: Lines
    seconds: dict[str, float]  # a test, a fixture or a file → what it took alone
    needs: dict[str, list[str]]  # a test → the fixtures and the file it needs
    unused: list[str]  # tests that failed without any change

    @classmethod
    def read(cls, folder: Path) -> "RelevantTests":
        """Put the runs of all files of tests together."""
        tests = cls(defaultdict(lambda: defaultdict(set)), {}, {}, [])
        for path in sorted(folder.glob("*.json")):
            tests.add(json.loads(path.read_text(encoding="utf-8")))
        return tests

    def add(self, trace: dict[str, Any]) -> None:
        """Add one file of tests."""
        self.seconds |= {trace["file"]: trace["collected"]} | trace["seconds"]
        good = {name: test for name, test in trace["tests"].items() if test["passed"]}
        self.unused += [name for name, test in trace["tests"].items() if test.get("failed")]
        self.needs |= {name: [*test["fixtures"], trace["file"]] for name, test in good.items()}
        users: dict[str, set[str]] = {"nothing": set(good)} | {name: {name} for name in good}
        for name, test in good.items():
            for fixture in test["fixtures"]:
                users.setdefault(fixture, set()).add(name)
        for context, ran in trace["lines"].items():
            for file, lines in ran.items():
                for line in lines:
                    self.lines[file][line] |= users.get(context, set())

    def that_run(self, file: Path, lines: Iterable[int]) -> set[str]:
        """The tests that run one of these lines."""
        known = self.lines.get(str(file), {})
        return set().union(*(known.get(line, set()) for line in lines))

    def at(self, file: Path, start: Position, last: int) -> list[set[str]]:
        """The tests for a change from a position to a line, in groups, those that are likeliest to notice first."""
        source = source_of(file)
        if statement := source.statement_at(start, last):
            return [self.that_run(file, statement)]
        names = made_of(source.names_at(start))
        groups: list[set[str]] = [set(), set(), set()]
        for function in functions():
            if function.mentions & names:
                groups[0 if function.file == file else 1] |= self.that_run(function.file, function.lines)
                groups[1] |= self.of_function(function)
            if function.file == file:
                groups[2] |= self.that_run(file, function.lines)
        return groups

    def of_function(self, function: Function) -> set[str]:
        """The tests that are written as this function, whatever their parameters."""
        begin = f"{function.file}::{function.name}"
        return {name for name in self.needs if name.partition("[")[0] == begin}

    def chosen(self, groups: list[set[str]], budget: float) -> tuple[list[str], int]:
        """The tests to run in their order, and how many were left since all would take longer than a budget (seconds).

        Of each group the quickest come first. One test is chosen however long it takes.
        """
        ranks = {name: rank for rank, group in reversed(list(enumerate(groups))) for name in group}
        order = sorted(ranks, key=lambda name: (ranks[name], self.cost(name), name))
        chosen: list[str] = []
        there: set[str] = set()
        for name in order:
            more = self.cost(name, there)
            if not chosen or more <= budget:
                chosen.append(name)
                budget -= more
                there |= set(self.needs[name])
        return chosen, len(order) - len(chosen)

    def cost(self, name: str, there: Iterable[str] = ()) -> float:
        """The seconds of a test, with what it needs and is not yet there."""
        return self.seconds[name] + sum(self.seconds.get(need, 0) for need in self.needs[name] if need not in there)
