"""Which tests `make mutants` runs for a change of the program."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import relevant_tests  # noqa: E402
from relevant_tests import RelevantTests, Source  # noqa: E402

CODE = """\
LIMIT = 3
TWICE = 2 * LIMIT

@once(
    7)
def within(size, most=5):
    if (
        size < LIMIT
    ):
        return 1
    match size:
        case 8:
            return "é", 9
    return 0

later = lambda: 4

class Settings:
    port = 80

    def ports(self):
        return self.port + TWICE
"""


def position(piece: str) -> tuple[int, int]:
    before = CODE[: CODE.index(piece)].splitlines()
    return len(before), len(before[-1])


@pytest.mark.parametrize(
    ("piece", "lines"),
    [("< LIMIT", [7, 8, 9]), ("1\n", [10]), ("8:", [12]), ("9\n", [13]), ("4\n\n", [16]), ("+ TWICE", [22])],
)
def test_in_a_function_the_statement_of_a_change_is_found_or_only_its_head(piece: str, lines: list[int]) -> None:
    start = position(piece)
    found = Source(Path("a.py"), CODE).statement_at(start, start[0])
    assert found is not None
    assert list(found) == lines


@pytest.mark.parametrize(
    ("piece", "names"),
    [("3", {"LIMIT"}), ("2 *", {"TWICE"}), ("7)", {"within"}), ("5)", {"within"}), ("80", {"port"})],
)
def test_outside_functions_it_is_the_names_that_the_statement_binds(piece: str, names: set[str]) -> None:
    source = Source(Path("a.py"), CODE)
    start = position(piece)
    assert source.statement_at(start, start[0]) is None
    assert source.names_at(start) == names


@pytest.fixture
def tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RelevantTests:
    """Of the code above as a.py, with tests that ran parts of it."""
    source = Source(Path("a.py"), CODE)
    monkeypatch.setattr(relevant_tests, "source_of", lambda _: source)
    monkeypatch.setattr(relevant_tests, "functions", lambda: list(source.functions()))
    monkeypatch.setattr(relevant_tests, "definitions", lambda: list(source.definitions()))
    ran = {"t.py::test_ports": [22], "t.py::test_within": [7, 10], "fixture ::server": [22], "t.py::test_bad": [10]}
    passed = {"t.py::test_ports": [], "t.py::test_within": [], "t.py::test_served": ["fixture ::server"]}
    trace = {
        "file": "t.py",
        "collected": 1.0,
        "seconds": {"t.py::test_ports": 3.0, "t.py::test_within": 2.0, "t.py::test_served": 0.5, "fixture ::server": 6},
        "tests": {name: {"passed": True, "fixtures": fixtures} for name, fixtures in passed.items()}
        | {"t.py::test_bad": {"passed": False, "failed": True, "fixtures": []}},
        "lines": {context: {"a.py": lines} for context, lines in ran.items()},
    }
    (tmp_path / "t.json").write_text(json.dumps(trace), encoding="utf-8")
    return RelevantTests.read(tmp_path)


def test_a_line_concerns_the_tests_that_ran_it_by_themselves_or_by_a_fixture(tests: RelevantTests) -> None:
    start = position("+ TWICE")
    assert tests.at(Path("a.py"), start, start[0]) == [{"t.py::test_ports", "t.py::test_served"}]
    start = position("1\n")
    assert tests.at(Path("a.py"), start, start[0]) == [{"t.py::test_within"}]
    assert tests.unused == ["t.py::test_bad"]


def test_a_constant_concerns_the_tests_of_functions_that_use_it_or_what_is_made_of_it(tests: RelevantTests) -> None:
    both = {"t.py::test_ports", "t.py::test_served"}
    assert tests.at(Path("a.py"), position("3"), 1)[0] == {"t.py::test_within"} | both
    twice, _, module = tests.at(Path("a.py"), position("2 *"), 2)
    assert (twice, module) == (both, {"t.py::test_within"} | both)


def test_the_quickest_of_a_group_come_first_as_long_as_there_is_time(tests: RelevantTests) -> None:
    groups = [{"t.py::test_ports", "t.py::test_served"}, {"t.py::test_within"}]
    assert tests.chosen(groups, 100) == (["t.py::test_ports", "t.py::test_served", "t.py::test_within"], 0)
    assert tests.chosen(groups, 7) == (["t.py::test_ports", "t.py::test_within"], 1)  # the server takes 6 seconds more
    assert tests.chosen(groups, 0) == (["t.py::test_ports"], 2)
