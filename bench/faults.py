"""Everything goes wrong, many times over; prints what was made to happen, how often, and what came of it.

Runs the tests in tests/faults/, among them those that only `make faults` runs: over half an hour, for ten minutes each
of which the reader and the server get damaged inputs. `python bench/faults.py killed` runs only those with that word in
their names; what the others have shown is kept from before. The disks are small ones of its own, which needs root.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import pytest

import results
from mnist_cnn.files import write_whole

TESTS = Path(__file__).parent.parent / "tests" / "faults"
KEPT = results.FOLDER / "faults.json"
CHECKPOINT = 141_000  # bytes: one of the recipe `classic`
Row = dict[str, object]


def main(word: str) -> int:
    """Run, print the table, keep it; gives pytest's exit code."""
    with tempfile.TemporaryDirectory() as place:
        lines = Path(place) / "lines"
        lines.touch()
        os.environ["FAULTS_FILE"] = str(lines)
        code = pytest.main([str(TESTS), "-m", "faults or not faults", "-q", "-p", "no:cacheprovider", "-k", word])
        taken = datetime.now(UTC).isoformat(timespec="seconds")
        rows = [json.loads(line) | {"taken": taken} for line in lines.read_text().splitlines()]
        cost = {"with": flushed(Path(place)), "without": written(Path(place))}
    rows = summed([*(json.loads(KEPT.read_text())["rows"] if word and KEPT.exists() else []), *rows])
    for row in rows:
        print(f"{row['times']:7,}  {row['what']}: {row['outcome']}")
    print(f"A checkpoint of {CHECKPOINT:,} bytes: {cost['with']:.2f} ms, without fsync {cost['without']:.2f} ms")
    results.write("faults", {"rows": rows, "milliseconds_a_checkpoint": cost})
    return int(code)


def summed(rows: list[Row]) -> list[Row]:
    """One row for each thing that was made to happen: of runs with few and with many of it, the one with many."""
    most: dict[object, Row] = {}
    for row in rows:
        if int(str(row["times"])) >= int(str(most.get(row["what"], row)["times"])):
            most[row["what"]] = row
    return list(most.values())


def flushed(place: Path) -> float:
    """Milliseconds to write a file of a checkpoint's size as checkpoints are written."""
    return timed(lambda: write_whole(place / "file", os.urandom(CHECKPOINT)))


def written(place: Path) -> float:
    """Milliseconds to write it without waiting for the disk."""
    return timed(lambda: (place / "file").write_bytes(os.urandom(CHECKPOINT)))


def timed(work: Callable[[], object]) -> float:
    """The median of 51."""
    seconds = []
    for _ in range(51):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return 1000 * median(seconds)


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
