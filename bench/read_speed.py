"""Time and memory of reading on one thread: plain digits, and synthetic photographs from 28×28 to 50 megapixels.

Each time is the median of several runs, as wall-clock time and as CPU time of this process, which other programs on the
machine affect less.
"""

import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mnist_cnn import Reader
from mnist_cnn.reading import nearest
from results import machine_line, median, write

RUNS = 15


def page(width: int, height: int, seed: int = 0) -> np.ndarray:
    """A synthetic photo (height, width, 3), RGB: uneven light, grain, a digit in the middle."""
    rng = np.random.default_rng(seed)
    light = np.linspace(0.7, 1.0, width, dtype=np.float32)[None, :, None]
    paper = np.full((height, width, 3), (230, 222, 205), np.uint8)
    cv2.putText(paper, "7", (int(width * 0.4), int(height * 0.7)), 0, height / 60, (40, 35, 60), max(1, height // 40))
    # The grain is drawn in strips of blocks, so that fifty megapixels fit into memory.
    for top in range(0, height, 400):
        part = paper[top : top + 400]
        grain = rng.normal(0, 4, (len(part) // 4 + 1, width // 4 + 1, 1)).repeat(4, 0).repeat(4, 1)
        part[:] = np.clip(part * light + grain[: len(part), :width], 0, 255).astype(np.uint8)
    return paper


def file_of(pixels: np.ndarray, kind: str) -> bytes:
    """The bytes of a PNG or JPEG file."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def timed(call: Callable[[], object], runs: int = RUNS) -> dict[str, float]:
    """Median milliseconds of a call, as wall-clock time and as CPU time."""
    call()
    clock, processor = [], []
    for _ in range(runs):
        start, used = time.perf_counter(), time.process_time()
        call()
        clock.append(1000 * (time.perf_counter() - start))
        processor.append(1000 * (time.process_time() - used))
    return {"clock": median(clock), "processor": median(processor)}


MEMORY = r"""
import re, sys
from pathlib import Path
import cv2
cv2.setNumThreads(1)
from mnist_cnn import Reader
Reader().read(sys.argv[1])
print(int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024)
"""


def megabytes(path: Path) -> float:
    """Peak memory of a process that reads one image, as Linux counts it (getrusage includes the parent's)."""
    done = subprocess.run([sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Measure, print and save everything."""
    cv2.setNumThreads(1)
    reader = Reader()
    small = np.asarray(cv2.cvtColor(page(28, 28), cv2.COLOR_RGB2GRAY))
    photo, large = page(640, 480), file_of(page(4000, 3000), "JPEG")
    compressed = file_of(photo, "JPEG")
    many = [page(28, 28, seed)[..., 0] for seed in range(1000)]
    plain = list(nearest.index()[0])[:1000]  # of MNIST's training images, as they are
    one_of_them = cycle(plain)
    taken = {
        "28×28 array, a plain digit": timed(lambda: reader.read(next(one_of_them)), 1000),
        "1,000 plain digits, one read_many": timed(lambda: list(reader.read_many(plain)), 3),
        "28×28 array": timed(lambda: reader.read(small), 300),
        "640×480 array": timed(lambda: reader.read(photo)),
        "640×480 JPEG": timed(lambda: reader.read(compressed)),
        "12 megapixels, JPEG": timed(lambda: reader.read(large), 7),
        "1,000 of 28×28, one read_many": timed(lambda: list(reader.read_many(many, single=True)), 3),
    }
    with tempfile.TemporaryDirectory() as folder:
        one = Path(folder) / "one.png"
        one.write_bytes(file_of(photo, "PNG"))
        command = [sys.executable, "-m", "mnist_cnn", "read", str(one)]
        taken["process: mnist-cnn read one.png"] = timed(
            lambda: subprocess.run(command, check=True, capture_output=True)
        )
        memory = {}
        fifty = page(8660, 5774)
        for kind in ("JPEG", "PNG"):
            path = Path(folder) / f"fifty.{kind.lower()}"
            path.write_bytes(file_of(fifty, kind))
            memory[kind] = megabytes(path)
    for name, times in taken.items():
        print(f"{name:<34} {times['clock']:>8.2f} ms wall-clock {times['processor']:>8.2f} ms CPU")
    for kind, size in memory.items():
        print(f"peak memory, 50 megapixels, {kind:<6} {size:>6.0f} MB")
    print(machine_line())
    write("read_speed", {"milliseconds": taken, "megabytes": memory})


if __name__ == "__main__":
    main()
