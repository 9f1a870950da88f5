"""Mutation testing, `make mutants`: plant small faults in the program, one at a time; the tests should notice each.

How it works:

1. cosmic-ray lists every change it knows (another operator, a number one larger, a condition negated, …). A seeded
   sample of places in the sources is drawn, and one change for each, so that an operator with ten replacements counts
   no more than a condition with one.
2. Every file of tests runs once under coverage.py, which records the lines that each test runs, also in the processes
   that the test starts. A fixture that tests share is recorded by itself; all tests that use it have run its lines.
3. For each mutant only the tests that run the changed statement are run, quickest first, until one fails. A constant is
   used after its line has run: for it, the tests of functions that mention its name come first, then the other tests of
   its module. Tests are added as long as all together should take no longer than BUDGET seconds.
4. A mutant is killed when a test fails, or takes several times longer than it should (a timeout, counted apart). It
   survives when all pass, or when no test runs the line. A test that kills is run once on the unchanged program, alone:
   if it fails there too, it is never used again, and the mutant gets another try.

Files are changed in copies of the checkout only, one for each worker. The state is saved in .cache/mutants: stopped at
any time, or by `--minutes`, the next call resumes. `make clean` removes it.

Left out, because a change there means nothing:
- `reading/`, whose inside is frozen together with the bundled model, and measured on real images;
- annotations (`int | None`) and what stands under `if TYPE_CHECKING:`, which never run;
- the removal of a `cache` decorator, which changes only the speed;
- what is no valid Python, or the same program as before;
- docstrings and other text, which cosmic-ray does not change.
Tests marked `faults` are not run: they take too long.
"""

import argparse
import ast
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext, suppress
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Any

import coverage
from cosmic_ray.commands.init import _all_work_items
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkerOutcome, WorkItem, WorkResult

from relevant_tests import ROOT, SOURCES, RelevantTests, files, source_of

PYTHON = ROOT / ".venv" / "bin" / "python"
PLUGIN = Path(__file__).with_name("mutants_plugin.py")
STATE = ROOT / ".cache" / "mutants"
TRACES = STATE / "traces"
LEFT_OUT = {"reading"}  # folders of SOURCES
CACHES = {"cache", "functools.cache", "lru_cache", "functools.lru_cache"}

BUDGET = 40.0  # seconds: what the tests of one mutant may be expected to take; one test is run however long it takes
PATIENCE = 20.0, 5.0  # a test hangs after this many seconds, and this many times what it took, added
TRACE_LIMIT = 1800.0  # seconds for one file of tests under coverage.py
TIMED_OUT = 99  # the exit code when a test hangs
COVERAGE = """[run]
branch = false
parallel = true
data_file = ${MUTANTS_COVERAGE}
context = ${MUTANTS_CONTEXT}
source = ${MUTANTS_SOURCES}
concurrency = thread,multiprocessing
sigterm = true
patch = _exit
disable_warnings = no-data-collected,module-not-imported,module-not-measured,already-imported,dynamic-conflict
"""
# Written where every process that a test starts finds it.
CUSTOMIZE = """import os

if os.environ.get("MUTANTS_COVERAGE"):
    import coverage

    coverage.process_startup()
"""


def main() -> None:
    """Resume the session or begin one; print and write the result when all mutants were tried."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    kill_all_with("MUTANTS_STATE", STATE)  # what a call left that was killed
    options = parsed()
    deadline = time.monotonic() + 60 * options.minutes
    state = session_of(options)
    sampled(state, options)
    copies = [Copy(number) for number in range(options.workers)]
    try:
        traced(copies, options.tests, deadline)
        tried(copies, RelevantTests.read(TRACES), deadline, options.sample)
    except OutOfTime as left:
        print(f"{left} The same command resumes.")
        return
    finally:
        for copy in copies:
            copy.remove()
    document = result(state, options)
    print(report(document))
    if options.tests or options.only:
        print("Nothing was written: this was a part of the program, or of the tests.")
    else:
        written(document)


def parsed() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description="Mutation testing of the program; a stopped session is resumed.")
    parser.add_argument("--sample", type=int, default=200, help="how many mutants (default: 200)")
    parser.add_argument("--seed", type=int, default=0, help="of the sample (default: 0)")
    parser.add_argument("--workers", type=int, default=2, help="processes at a time (default: 2)")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after these; the next call resumes")
    parser.add_argument("--restart", action="store_true", help="forget an unfinished session of other sources")
    parser.add_argument("--only", default="", metavar="WORD", help="change files with this in their path only")
    parser.add_argument("--tests", nargs="*", default=[], metavar="FILE", help="use these files of tests only")
    return parser.parse_args()


class OutOfTime(Exception):  # noqa: N818  not an error
    """The minutes are over."""


# --- the session ---


def session_of(options: argparse.Namespace) -> dict[str, Any]:
    """The session of these sources and options, or a new one."""
    key = hashlib.sha256(f"{options.seed} {options.only} {sorted(options.tests)} {fingerprint()}".encode()).hexdigest()
    path = STATE / "session.json"
    if path.exists():
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if state["key"] == key:
            return state
        if not options.restart and not state.get("finished"):
            raise SystemExit(
                "There is an unfinished session of other sources, another seed or other tests: "
                "go back to those to resume it, or add --restart to forget it."
            )
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    TRACES.mkdir()
    state = {"key": key, "sample": 0}
    save("session", state)
    return state


def fingerprint() -> str:
    """A hash of all files but results."""
    digest = hashlib.sha256()
    for path in files():
        if not path.is_relative_to("bench/results"):
            digest.update(str(path).encode() + b"\0" + hashlib.sha256((ROOT / path).read_bytes()).digest())
    return digest.hexdigest()


def save(name: str, document: object) -> None:
    """Write a file of the session, as a whole or not at all."""
    path = STATE / f"{name}.json"
    path.with_suffix(".new").write_text(json.dumps(document), encoding="utf-8")
    path.with_suffix(".new").replace(path)


# --- the mutants ---


def sampled(state: dict[str, Any], options: argparse.Namespace) -> None:
    """Put as many mutants into the session's database as are asked for; a larger sample has the smaller one in it."""
    if state["sample"] >= options.sample:
        return
    paths = [path for path in files() if path.suffix == ".py" and path.is_relative_to(SOURCES)]
    paths = [path for path in paths if not LEFT_OUT & set(path.parts) and options.only in str(path)]
    print(f"Listing what can be changed in {len(paths)} files.", flush=True)
    places: dict[tuple[Path, Any, Any], list[MutationSpec]] = defaultdict(list)
    os.chdir(ROOT)  # so that the paths in the session are relative
    for item in _all_work_items(paths, {}):
        (spec,) = item.mutations
        places[spec.module_path, spec.start_pos, spec.end_pos].append(spec)
    generator = random.Random(options.seed)  # noqa: S311  a sample, no secret
    drawn: list[WorkItem] = []
    left_out = Counter[str]()
    for place in generator.sample(sorted(places), len(places)):
        spec = generator.choice(places[place])
        if len(drawn) == options.sample:
            break
        if reason := meaningless(spec):
            left_out[reason] += 1
        else:
            drawn.append(WorkItem.single(f"{len(drawn):06}", spec))
    with use_db(STATE / "session.sqlite") as database:
        database.add_work_items(drawn[state["sample"] :])
    state |= {"sample": len(drawn), "places": len(places), "left_out": left_out, "finished": False}
    save("session", state)


def meaningless(spec: MutationSpec) -> str:
    """Why a change is not worth a try; empty if it is."""
    source = source_of(spec.module_path)
    path = source.path_to(spec.start_pos)
    if any(isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) for node in path):
        return "under TYPE_CHECKING"
    inner = [below for node, below in pairwise(path) if below in annotations_of(node)]
    if inner and not any(isinstance(node, ast.Call) for node in path[path.index(inner[-1]) :]):
        return "annotation"
    if spec.operator_name.endswith("RemoveDecorator"):
        line = source.text.splitlines()[spec.start_pos[0] - 1].strip()
        if line.removeprefix("@").partition("(")[0] in CACHES:
            return "decorator of a cache"
    try:
        after = ast.parse(mutated(spec))
    except SyntaxError:
        return "no Python"
    return "no change" if ast.dump(after) == ast.dump(source.tree) else ""


def annotations_of(node: ast.AST) -> list[ast.AST | None]:
    """The annotations that are children of a node."""
    return [getattr(node, "annotation", None), getattr(node, "returns", None)]


def mutated(spec: MutationSpec) -> str:
    """The text of a file with the change in it."""
    operator = get_operator(spec.operator_name)(**spec.operator_args)
    text: str | None = mutate_code(source_of(spec.module_path).text, operator, spec.occurrence)
    assert text is not None, f"cosmic-ray no longer finds {spec}"
    return text


def change(spec: MutationSpec) -> dict[str, str]:
    """Where a change is, and the lines before and after it."""
    before, after = source_of(spec.module_path).text.splitlines(), mutated(spec).splitlines()
    start = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    end = next((n for n, (a, b) in enumerate(zip(before[::-1], after[::-1], strict=False)) if a != b), 0)
    end = min(end, min(len(before), len(after)) - start)
    lines = [" ".join(line.strip() for line in text[start : len(text) - end]) for text in (before, after)]
    return {"where": f"{spec.module_path}:{start + 1}", "was": lines[0], "became": lines[1]}


# --- running tests ---


class Copy:
    """A copy of the checkout in which files may be changed, and in which tests are run."""

    def __init__(self, number: int) -> None:
        self.folder = STATE / f"copy-{number}"
        self.path = STATE / f"path-{number}"  # what every process of the tests can import besides
        shutil.rmtree(self.folder, ignore_errors=True)
        for path in files():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, target)
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir()
        (self.path / PLUGIN.name).symlink_to(PLUGIN)
        (self.path / "coverage").symlink_to(Path(coverage.__file__).parent)
        (self.path / "sitecustomize.py").write_text(CUSTOMIZE, encoding="utf-8")
        (self.path / "coveragerc").write_text(COVERAGE, encoding="utf-8")

    def remove(self) -> None:
        """Remove it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.path, ignore_errors=True)

    @contextmanager
    def changed(self, spec: MutationSpec) -> Iterator[None]:
        """Make a change for as long as this lasts."""
        path = self.folder / spec.module_path
        path.write_text(mutated(spec), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(source_of(spec.module_path).text, encoding="utf-8")

    def pytest(self, paths: list[str], job: dict[str, Any], limit: float, *, trace: bool = False) -> dict[str, Any]:
        """Run files of tests, with what the plugin is to do. Gives its report, what pytest exited with, and lines run.

        What is still running at the end is killed: a mutant may leave anything behind.
        """
        with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as name:
            place = Path(name)
            told = place / "job.json"
            told.write_text(json.dumps(job | {"report": str(place / "report.json")}), encoding="utf-8")
            (place / "tmp").mkdir()
            environment = os.environ | {
                "PYTHONPATH": f"{self.folder / 'src'}{os.pathsep}{self.path}",
                "PYTHONDONTWRITEBYTECODE": "1",  # two changes within a second could share a file otherwise
                "TMPDIR": str(place / "tmp"),
                "MUTANTS_STATE": str(STATE),
                "MUTANTS_JOB": str(told),
            }
            if trace:
                (place / "coverage").mkdir()
                environment |= {
                    "COVERAGE_PROCESS_START": str(self.path / "coveragerc"),
                    "MUTANTS_COVERAGE": str(place / "coverage" / "data"),
                    "MUTANTS_SOURCES": str(self.folder / SOURCES),
                    "MUTANTS_CONTEXT": "",
                }
            words = [str(PYTHON), "-m", "pytest", "-p", "mutants_plugin", "-p", "no:cacheprovider", "-q", "--tb=no"]
            words += paths if trace else ["-x", *paths]
            process = subprocess.Popen(
                words,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            code: int | None = None
            try:
                with suppress(subprocess.TimeoutExpired):
                    code = process.wait(limit)
            finally:
                end(process, told)
            report: dict[str, Any] = {}
            with suppress(FileNotFoundError, ValueError):
                report = json.loads((place / "report.json").read_text(encoding="utf-8"))
            lines = lines_in(place / "coverage", self.folder) if trace else {}
        return report | {"code": code, "lines": lines}


def end(process: "subprocess.Popen[bytes]", told: Path) -> None:
    """Kill what a run of tests has left, also what has left its group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kill_all_with("MUTANTS_JOB", told)


def kill_all_with(name: str, value: Path) -> None:
    """Kill all processes that have a variable in their environment, where the system tells that."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"{name}={value}\0".encode() in path.read_bytes():
                os.kill(int(path.parent.name), signal.SIGKILL)


def stop(number: int, _: object) -> None:
    """Stop at once: what has come of mutants is saved already, and what is under way is tried again."""
    kill_all_with("MUTANTS_STATE", STATE)
    print("Stopped. The same command resumes.", flush=True)
    os._exit(128 + number)


def lines_in(folder: Path, copy: Path) -> dict[str, dict[str, list[int]]]:
    """What coverage.py has written: a context's number → a file of the checkout → the lines that were run."""
    ran: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for path in folder.iterdir():
        with suppress(coverage.CoverageException):  # of a process that was killed as it wrote
            data = coverage.CoverageData(str(path))
            data.read()
            for file in data.measured_files():
                for line, contexts in data.contexts_by_lineno(file).items():
                    for context in contexts:
                        number = context.rpartition("|")[2] or "nothing"
                        ran[number][str(Path(file).relative_to(copy))].add(line)
    return {number: {file: sorted(lines) for file, lines in by_file.items()} for number, by_file in ran.items()}


def traced(copies: list[Copy], chosen: list[str], deadline: float) -> None:
    """Run every file of tests under coverage.py that was not yet; one in which a test fails once more, alone."""
    paths = [path for path in files() if path.match("test_*.py") and path.parts[0] == "tests"]
    names = [str(path) for path in paths if not chosen or str(path) in chosen]
    missing = [name for name in names if not trace_path(name).exists()]
    if not missing:
        return
    print(f"Running the tests under coverage.py: {len(missing)} of {len(names)} files.", flush=True)
    again: list[str] = []

    def once(copy: Copy, name: str) -> None:
        trace = trace_of(copy, name)
        if any(test.get("failed") for test in trace["tests"].values()) or trace["code"] not in (0, 5):
            again.append(name)
        else:
            save(f"traces/{trace_path(name).stem}", trace)

    for _ in at_once(copies, once, missing, deadline):
        pass
    for name in again:
        if time.monotonic() > deadline:
            raise OutOfTime("Files of tests are to be run once more, alone.")
        trace = trace_of(copies[0], name)
        failed = [name for name, test in trace["tests"].items() if test.get("failed")]
        print(f"Without any change, {', '.join(failed) or name} failed, and is not used.", flush=True)
        save(f"traces/{trace_path(name).stem}", trace)


def trace_path(name: str) -> Path:
    """Where the trace of a file of tests is kept."""
    return TRACES / f"{name.replace('/', '-')}.json"


def trace_of(copy: Copy, name: str) -> dict[str, Any]:
    """Run one file of tests under coverage.py."""
    ran = copy.pytest([name], {}, TRACE_LIMIT, trace=True)
    names: dict[str, str] = ran.get("contexts", {})
    return {
        "file": name,
        "code": ran["code"],
        "collected": ran.get("collected", 0),
        "tests": ran.get("tests", {}),
        "seconds": {names[number]: seconds for number, seconds in ran.get("seconds", {}).items() if number in names},
        "lines": {names.get(number, "nothing"): files for number, files in ran["lines"].items()},
    }


def at_once(copies: list[Copy], work: Any, items: list[Any], deadline: float) -> Iterator[tuple[Any, Any]]:
    """Do the work for each item, one in each copy at a time. Gives each with what came of it, as they end.

    Raises:
        OutOfTime: The deadline came before the last was begun; those under way are ended first.

    """
    waiting, free = list(reversed(items)), list(copies)
    with ThreadPoolExecutor(len(copies)) as pool:
        under_way: dict[Future[Any], tuple[Copy, Any]] = {}
        while waiting or under_way:
            while waiting and free and time.monotonic() < deadline:
                copy, item = free.pop(), waiting.pop()
                under_way[pool.submit(work, copy, item)] = copy, item
            if not under_way:
                raise OutOfTime(f"{len(waiting)} of {len(items)} are left.")
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                copy, item = under_way.pop(future)
                free.append(copy)
                yield item, future.result()


def tried(copies: list[Copy], tests: RelevantTests, deadline: float, sample: int) -> None:
    """Try every mutant of the sample that was not tried yet."""
    trials = Trials(tests)
    with use_db(STATE / "session.sqlite") as database:
        items = sorted(database.pending_work_items, key=lambda item: item.job_id)
        items = [item for item in items if int(item.job_id) < sample]
        if items:
            print(f"Trying {len(items)} mutants with {len(tests.needs)} tests.", flush=True)
        for number, (item, found) in enumerate(at_once(copies, trials.outcome, items, deadline), 1):
            about = change(item.mutations[0])
            outcome = TestOutcome.KILLED if found["killed_by"] else TestOutcome.SURVIVED
            line = f"- {about['was']}\n+ {about['became']}"
            database.set_result(item.job_id, WorkResult(WorkerOutcome.NORMAL, json.dumps(found), outcome, line))
            by = f" by {found['killed_by']}" if found["killed_by"] else ""
            print(f"{number}/{len(items)}, {found['seconds']:.0f} s: {about['where']} {outcome.value}{by}", flush=True)


class Trials:
    """Finds out whether a test notices a mutant, and whether the test can be believed."""

    def __init__(self, tests: RelevantTests) -> None:
        self.tests = tests
        self.lock = Lock()
        path = STATE / "sound.json"
        self.sound: dict[str, bool] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def outcome(self, copy: Copy, item: WorkItem) -> dict[str, Any]:
        """Which test killed a mutant, if any; how many were chosen, and how many left out for lack of time."""
        start = time.monotonic()
        (spec,) = item.mutations
        groups = self.tests.at(spec.module_path, spec.start_pos, spec.end_pos[0])
        while True:
            used = [{name for name in group if self.sound.get(name, True)} for group in groups]
            chosen, left = self.tests.chosen(used, BUDGET)
            found = self.run(copy, chosen, spec) if chosen else {"killed_by": None, "timed_out": False}
            if found["killed_by"] not in chosen or self.believed(copy, found["killed_by"]):
                return found | {"tests": len(chosen), "left": left, "seconds": time.monotonic() - start}

    def run(self, copy: Copy, chosen: list[str], spec: MutationSpec | None = None) -> dict[str, Any]:
        """Run tests on a mutant, or on the unchanged program."""
        least, times = PATIENCE
        seconds = {name: least + times * self.tests.cost(name) for name in chosen}
        paths = list(dict.fromkeys(name.partition("::")[0] for name in chosen))
        with copy.changed(spec) if spec else nullcontext():
            # Each test has its own limit; this one is for what hangs before the first or between two.
            ran = copy.pytest(paths, {"tests": seconds}, 4 * BUDGET + max(seconds.values()))
        timed_out = ran["code"] in (None, TIMED_OUT)
        killer = ran.get("killed_by", "the time limit" if timed_out else f"pytest's exit code {ran['code']}")
        return {"killed_by": killer, "timed_out": timed_out, "passed": ran.get("passed", 0)}

    def believed(self, copy: Copy, name: str) -> bool:
        """Whether a test passes on the unchanged program when it is run as it was on a mutant."""
        if name not in self.sound:
            alone = self.run(copy, [name])
            with self.lock:
                self.sound[name] = not alone["killed_by"] and alone["passed"] == 1
                save("sound", self.sound)
            if not self.sound[name]:
                print(f"{name} fails on the unchanged program as well, and is not used.", flush=True)
        return self.sound[name]


# --- the result ---


def result(state: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """The counts and the survivors."""
    tests = RelevantTests.read(TRACES)
    with use_db(STATE / "session.sqlite") as database:
        done = sorted(database.completed_work_items, key=lambda pair: pair[0].job_id)
        done = [(item, found) for item, found in done if int(item.job_id) < options.sample]
    outcomes = [(item.mutations[0], json.loads(found.output)) for item, found in done]
    killed = [outcome for _, outcome in outcomes if outcome["killed_by"]]
    unsound = [name for name, sound in Trials(tests).sound.items() if not sound]
    survivors = [
        change(spec) | {"tests_passed": outcome["tests"], "tests_left_out": outcome["left"]}
        for spec, outcome in outcomes
        if not outcome["killed_by"]
    ]
    save("session", state | {"finished": True})
    return {
        "seed": options.seed,
        "sources": f"{SOURCES} without {', '.join(sorted(LEFT_OUT))}",
        "places": state["places"],
        "left_out_of_the_draw": state["left_out"],
        "mutants": len(outcomes),
        "killed": len(killed),
        "of_these_by_timeout": sum(outcome["timed_out"] for outcome in killed),
        "survived": len(survivors),
        "of_these_run_by_no_test": sum(not one["tests_passed"] for one in survivors),
        "score": round(len(killed) / len(outcomes), 4),
        "tests": len(tests.needs),
        "tests_not_used": sorted({*tests.unused, *unsound}),
        "seconds_a_mutant": BUDGET,
        "survivors": sorted(survivors, key=lambda one: natural(one["where"])),
    }


def natural(where: str) -> tuple[str, int]:
    """A file and line, to sort by."""
    file, _, line = where.rpartition(":")
    return file, int(line)


def report(document: dict[str, Any]) -> str:
    """The result for people."""
    lines = [""]
    for one in document["survivors"]:
        passed, left = one["tests_passed"], one["tests_left_out"]
        ran = f"tests that passed: {passed}" if passed else "no test runs it"
        lines += [f"{one['where']} ({ran}{f'; left out for lack of time: {left}' if left else ''})"]
        lines += [f"  - {one['was']}"] + ([f"  + {one['became']}"] if one["became"] else [])
    share = f"{100 * document['score']:.1f}%"
    lines.append(
        f"Mutation score: {share} ({document['killed']} of {document['mutants']} mutants killed, "
        f"{document['of_these_by_timeout']} of these by a timeout; {document['survived']} survived, "
        f"{document['of_these_run_by_no_test']} of these on lines that no test runs; seed {document['seed']})"
    )
    return "\n".join(lines)


def written(document: dict[str, Any]) -> None:
    """Write the result as the benchmarks write theirs, with the date and the machine."""
    code = "import json, sys, results; results.write('mutants', json.load(sys.stdin))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "bench")])}
    subprocess.run(
        [str(PYTHON), "-c", code], input=json.dumps(document), text=True, cwd=ROOT, env=environment, check=True
    )
    print("Written: bench/results/mutants.json")


if __name__ == "__main__":
    main()
