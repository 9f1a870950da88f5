"""A plugin of pytest that `tools/mutants.py` loads: it says which test runs which line, or runs chosen tests only.

The environment variable MUTANTS_JOB names a JSON file with what to do and where to write what came of it:

- `{"report": …}`: run everything under coverage.py and write how long each test, each fixture of more than one test,
  and the collection took. Each test and each such fixture is a context of coverage.py. In processes that tests start it
  is a static context, MUTANTS_CONTEXT; in the process of the tests a dynamic one.
- `{"report": …, "tests": {ID: SECONDS}}`: run only these, in this order, and stop at the first that fails or that takes
  longer than its seconds.
"""

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

JOB: dict[str, Any] = json.loads(Path(os.environ["MUTANTS_JOB"]).read_text(encoding="utf-8"))
TIMED_OUT = 99  # the exit code, beside those of pytest


class Timed:
    """What is done under a context of coverage.py, and the seconds that it took without what was nested in it."""

    def __init__(self) -> None:
        self.contexts = ["nothing"]
        self.names: dict[str, str] = {}  # a context's number, which is safe in a variable → what it is
        self.seconds: dict[str, float] = {}
        self.since = time.monotonic()

    def enter(self, name: str) -> None:
        """Begin something."""
        number = str(len(self.names))
        self.names[number] = name
        self._switch([*self.contexts, number])

    def leave(self) -> None:
        """Go back to what was under way before."""
        self._switch(self.contexts[:-1])

    def _switch(self, contexts: list[str]) -> None:
        import coverage

        now = time.monotonic()
        before = self.contexts[-1]
        self.seconds[before] = self.seconds.get(before, 0) + now - self.since
        self.contexts, self.since = contexts, now
        os.environ["MUTANTS_CONTEXT"] = contexts[-1]
        measured = coverage.Coverage.current()
        assert measured is not None, "coverage.py was to be started by sitecustomize.py"
        measured.switch_context(contexts[-1])


class Tracing:
    """Runs everything, and writes what ran under which context."""

    def __init__(self) -> None:
        self.timed = Timed()
        self.tests: dict[str, dict[str, Any]] = {}
        self.started = time.monotonic()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note the tests, and which fixtures they share with others."""
        self.collected = time.monotonic() - self.started
        for item in session.items:
            fixtures = item._fixtureinfo.name2fixturedefs.values()  # type: ignore[attr-defined]
            shared = [name_of(used[-1]) for used in fixtures if used[-1].scope != "function"]
            self.tests[item.nodeid] = {"passed": False, "fixtures": shared}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Each test is a context."""
        self.timed.enter(item.nodeid)
        try:
            return (yield)
        finally:
            self.timed.leave()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        """A shared fixture is a context of its own: what it ran, all tests that use it have run."""
        if fixturedef.scope == "function":
            return (yield)
        self.timed.enter(name_of(fixturedef))
        try:
            return (yield)
        finally:
            self.timed.leave()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Only what passed whole is of use; what was skipped did not pass."""
        test = self.tests[report.nodeid]
        if report.when == "call":
            test["passed"] = report.passed
        elif report.failed:
            test["passed"] = False
        test["failed"] = test.get("failed", False) or report.failed

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write it all."""
        self.timed._switch(["nothing"])
        document = {"collected": self.collected, "tests": self.tests, "exit": int(exitstatus)}
        write(document | {"contexts": self.timed.names, "seconds": self.timed.seconds})


class Choosing:
    """Runs the chosen tests only, and writes which one failed."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = JOB["tests"]
        self.passed = 0

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what was chosen, in the order of the choice."""
        by_id = {item.nodeid: item for item in items}
        items[:] = [by_id[name] for name in self.seconds if name in by_id]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Give each test its time."""
        alarm = threading.Timer(self.seconds[item.nodeid], self.late, [item.nodeid])
        alarm.daemon = True
        alarm.start()
        try:
            return (yield)
        finally:
            alarm.cancel()

    def late(self, name: str) -> None:
        """End everything: a test that takes this long hangs."""
        write({"killed_by": name, "passed": self.passed})
        os._exit(TIMED_OUT)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file of tests that cannot even be imported."""
        if report.failed:
            write({"killed_by": report.nodeid, "passed": 0})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the test that failed, or one more that passed."""
        if report.failed:
            write({"killed_by": report.nodeid, "passed": self.passed})
        elif report.when == "call":
            self.passed += report.passed

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Without a failure there is no killer."""
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            write({"killed_by": None, "passed": self.passed})


def name_of(fixturedef: Any) -> str:
    """A fixture's name, unlike that of any test."""
    return f"fixture {fixturedef.baseid}::{fixturedef.argname}"


def write(document: dict[str, Any]) -> None:
    """Write what came of it."""
    Path(JOB["report"]).write_text(json.dumps(document), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Do what the job says."""
    config.pluginmanager.register(Choosing() if "tests" in JOB else Tracing())
