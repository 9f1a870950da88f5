"""Fault injection: prints each fault, how often it was injected, and the outcome.

The table is also written to docs/reliability.md.

Runs the tests in tests/faults/, including those that only `make faults` runs: over half an hour, of which the reader
and the server get ten minutes of corrupt input each. `python bench/faults.py killed` runs only the tests with that word
in their names and keeps the earlier results of the others. Small disks are mounted for some tests, which needs root.
"""

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import pytest

import results
from mnist_cnn.system.files import write_whole

TESTS = Path(__file__).parent.parent / "tests" / "faults"
KEPT = results.FOLDER / "faults.json"
PAGE = results.FOLDER.parent.parent / "docs" / "reliability.md"
BEGIN, END = "<!-- figures of bench/faults.py -->\n", "<!-- end of the figures -->\n"
CHECKPOINT = 141_000  # bytes: one of the recipe `classic`
Row = dict[str, object]


def main(word: str) -> int:
    """Run the tests, print and save the table; returns pytest's exit code."""
    # A shell's background job ignores Ctrl-C, and so would what the tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as place:
        lines = Path(place) / "lines"
        lines.touch()
        os.environ["FAULTS_FILE"] = str(lines)
        code = 1
        with suppress(ExceptionGroup):  # what failed tests have left open: the other rows are still written
            code = pytest.main([str(TESTS), "-m", "faults or not faults", "-q", "-p", "no:cacheprovider", "-k", word])
        taken = datetime.now(UTC).isoformat(timespec="seconds")
        rows = [json.loads(line) | {"taken": taken} for line in lines.read_text().splitlines()]
        cost = {"with": flushed(Path(place)), "without": written(Path(place))}
    kept = json.loads(KEPT.read_text())["rows"] if word and KEPT.exists() else []
    rows = list(({row["what"]: row for row in kept} | summed(rows)).values())
    results.write("faults", {"rows": rows, "milliseconds_a_checkpoint": cost})
    table = table_of(rows, cost)
    print(table)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    write_whole(PAGE, before + BEGIN + table + END + rest.partition(END)[2])
    return int(code)


def table_of(rows: list[Row], cost: dict[str, float]) -> str:
    """The results as a Markdown table for docs/reliability.md."""
    lines = [f"| {row['what']} | {row['times']:,} | {row['outcome']} |\n" for row in rows]
    head = "\n| fault | times | result |\n|---|---|---|\n"
    flush = f"Writing a checkpoint ({CHECKPOINT:,} bytes) takes {cost['with']:.1f} ms with flushing it to the disk and"
    return f"{head}{''.join(lines)}\n{flush} {cost['without']:.1f} ms without (median of 51).\n\n"


def summed(rows: list[Row]) -> dict[str, Row]:
    """One row per fault: counts with the same outcome are added up, otherwise the largest one is kept."""
    one: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: int(str(row["times"]))):
        before = one.get(str(row["what"]), row)
        more = int(str(before["times"])) if before is not row and before["outcome"] == row["outcome"] else 0
        one[str(row["what"])] = row | {"times": int(str(row["times"])) + more}
    return one


def flushed(place: Path) -> float:
    """Milliseconds to write a file of a checkpoint's size the way checkpoints are written."""
    return timed(lambda: write_whole(place / "file", os.urandom(CHECKPOINT)))


def written(place: Path) -> float:
    """Milliseconds to write it without waiting for the disk."""
    return timed(lambda: (place / "file").write_bytes(os.urandom(CHECKPOINT)))


def timed(work: Callable[[], object]) -> float:
    """Median milliseconds of 51 calls."""
    seconds = []
    for _ in range(51):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return 1000 * median(seconds)


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
