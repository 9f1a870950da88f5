"""Throughput of batch reading, 100,000 small images: one process, several, Ray over a folder and over a Parquet file.

`make FOLDER` generates the images from MNIST's test digits; `read FOLDER` reads them in every way and compares the
results. Each row has the images per second without start-up (the time to read a single image the same way), the CPU
time per image, and the peak memory of all processes (sum of their proportional set sizes, PSS, sampled twice per
second).
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from mnist_cnn.data import source
from results import machine_line, write

PYTHON = [sys.executable, "-m", "mnist_cnn", "read"]
PARQUET = "pictures.parquet"
ROWS = 1000  # per row group


def drawn(digit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One MNIST digit (28, 28) redrawn on grainy paper as a greyscale image with sides of 24 to 64 pixels."""
    side = int(rng.integers(24, 65))
    ink = cv2.resize(digit, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
    paper, pen = rng.uniform(190, 250), rng.uniform(10, 90)
    picture = paper + (pen - paper) * ink + rng.normal(0, rng.uniform(0, 6), ink.shape)
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def png(pixels: np.ndarray) -> bytes:
    """The bytes of a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def make(folder: Path, count: int, data: str) -> None:
    """Write the images as files in `folder`/files and again as rows of `folder`/pictures.parquet."""
    import pyarrow
    from pyarrow import parquet

    digits = source.load(data).test.images
    files = folder / "files"
    files.mkdir(parents=True)
    schema = pyarrow.schema([("path", pyarrow.string()), ("bytes", pyarrow.binary())])
    with parquet.ParquetWriter(folder / PARQUET, schema) as writer:
        for first in range(0, count, ROWS):
            names, contents = [], []
            for index in range(first, min(first + ROWS, count)):
                path = files / f"{index:07}.png"
                content = png(drawn(digits[index % len(digits)], np.random.default_rng((0, index))))
                path.write_bytes(content)
                names.append(str(path))
                contents.append(content)
            writer.write_table(pyarrow.table([names, contents], schema))


def family(pid: int) -> Iterator[Path]:
    """The folders in /proc of a process and of all its descendants."""
    yield Path("/proc") / str(pid)
    for task in (Path("/proc") / str(pid) / "task").glob("*/children"):
        for one in task.read_text().split():
            yield from family(int(one))


def megabytes(pid: int) -> float:
    """Memory of a process and its descendants: proportional set size, which counts shared pages once."""
    total = 0
    with contextlib.suppress(OSError):
        for process in family(pid):
            with contextlib.suppress(OSError):
                for line in (process / "smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1])
    return total / 1024


def timed(words: list[str], out: Path) -> dict[str, Any]:
    """Run a command; returns its seconds, CPU seconds and peak memory."""
    started, used = time.perf_counter(), os.times()
    with out.open("wb") as stream:
        process = subprocess.Popen(words, stdout=stream, stderr=subprocess.PIPE)
    peak = 0.0
    try:
        while process.poll() is None:
            peak = max(peak, megabytes(process.pid))
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait()
    seconds, now = time.perf_counter() - started, os.times()
    assert process.stderr
    said = process.stderr.read().decode()
    assert process.returncode == 0, said
    processor = now.children_user + now.children_system - used.children_user - used.children_system
    return {"seconds": round(seconds, 2), "processor": round(processor, 2), "megabytes": round(peak)}


def results_of(path: Path) -> str:
    """A digest of the results, the same for JSON and for Parquet."""
    if path.suffix == ".json":
        documents = json.loads(path.read_bytes())["images"]
        rows = ((one["path"], one["text"], one["rows"]) for one in documents)
    else:
        from pyarrow import parquet

        tables = (parquet.ParquetFile(part) for part in sorted(path.iterdir()))
        batches = (batch for table in tables for batch in table.iter_batches(1000))
        rows = ((one["path"], one["text"], one["rows"]) for batch in batches for one in batch.to_pylist())
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row).encode())
    return digest.hexdigest()


def ways(folder: Path, one: Path, workers: int, scratch: Path) -> dict[str, list[tuple[list[str], Path]]]:
    """For each way, the command for one image and the one for all, each with the path of its results."""
    both: dict[str, list[tuple[list[str], Path]]] = {}
    for way, many, single, more in (
        ("one process", folder / "files", one / "files", []),
        (f"--workers {workers}", folder / "files", one / "files", ["--workers", str(workers)]),
        ("--ray local, folder", folder / "files", one / "files", ["--ray", "local"]),
        ("--ray local, Parquet", folder / PARQUET, one / PARQUET, ["--ray", "local"]),
    ):
        both[way] = []
        for number, words in enumerate(([str(single)], [str(many)])):
            out = scratch / f"{len(both)}-{number}{'.parquet' if '--ray' in more else '.json'}"
            last = ["--output", str(out)] if "--ray" in more else ["--json"]
            both[way].append(([*PYTHON, *words, *more, *last], out))
    return both


def read(folder: Path, workers: int, only: str) -> None:
    """Read the images in every way, print the table, save the results."""
    count = sum(1 for _ in (folder / "files").iterdir())
    taken: dict[str, Any] = {"pictures": count, "bytes": (folder / PARQUET).stat().st_size}
    digests = set()
    print(f"{'way':<22} {'images/s':>10} {'start-up':>9} {'CPU ms/image':>16} {'MB':>6}")
    with tempfile.TemporaryDirectory(dir=folder) as name:
        scratch = Path(name)
        make(scratch / "one", 1, "digits")
        for way, commands in ways(folder, scratch / "one", workers, scratch).items():
            if only not in way:
                continue
            (start_up, _), (whole, out) = [
                (timed(words, scratch / "said" if "--ray" in words else out), out) for words, out in commands
            ]
            digests.add(results_of(out))
            seconds = whole["seconds"] - start_up["seconds"]
            processor = 1000 * (whole["processor"] - start_up["processor"]) / count
            taken[way] = {"start_up": start_up, "whole": whole, "per_second": round(count / seconds, 1)}
            print(
                f"{way:<22} {count / seconds:>10,.0f} {start_up['seconds']:>7.1f} s {processor:>16.2f} "
                f"{whole['megabytes']:>6,}   load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    assert len(digests) == 1, "the results differ between the ways"
    print(f"{count:,} images; identical results in every way; {machine_line()}")
    if not only:
        write("scale", taken)


def main() -> None:
    """Run the requested command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("make", "read"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--data", default=os.environ.get("MNIST_CNN_DATA", "auto"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="only the ways whose name contains this")
    given = parser.parse_args()
    if given.what == "make":
        make(given.folder, given.count, given.data)
    else:
        read(given.folder, given.workers, given.only)


if __name__ == "__main__":
    main()
