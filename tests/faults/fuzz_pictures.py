"""Damage picture files of every format at random and read them: each must end in a reading or a ImageError.

`python tests/faults/fuzz_pictures.py 600s` does so for ten minutes (`20000`: with so many files) and prints one JSON
document: how many were read and refused by format, what came of them, the longest time in seconds of this process and
its peak memory in MB. A second number is the seed. With `--keep` the smallest file for each outcome goes into corpora/.
"""

import io
import itertools
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from corpus import Corpus, bound_of, kind_of
from drawing import inked, mask
from mnist_cnn.errors import ImageError
from mnist_cnn.reading.picture import COMMON, RARE
from mnist_cnn.reading.reader import Reader

SECONDS, MEGABYTES = 2.0, 1000
NAME, LARGEST = "pictures", 30_000
WRITTEN = {
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "JPEG": ["L", "RGB", "CMYK"],
    "TIFF": ["1", "L", "RGB", "RGBA", "CMYK", "LAB", "I;16", "F"],
    "GIF": ["L", "P"],
    "WEBP": ["RGB", "RGBA"],
    "BMP": ["1", "L", "P", "RGB"],
    "JPEG2000": ["L", "RGB"],
    "TGA": ["L", "RGB", "RGBA"],
    "PCX": ["1", "L", "P", "RGB"],
    "PPM": ["1", "L", "RGB"],
    **{name: ["RGB"] for name in ("AVIF", "DIB", "MPO")},
}


def whole_files() -> dict[str, list[bytes]]:
    """An undamaged file of every format and mode."""
    page = Image.fromarray(inked(mask("42", height=24, pen=3), (250, 245, 230), (30, 40, 120)))
    files: dict[str, list[bytes]] = {}
    for name, modes in WRITTEN.items():
        for mode in modes:
            stream = io.BytesIO()
            try:
                in_mode(page, mode).save(stream, name)
            except (OSError, KeyError):  # this Pillow was built without it
                continue
            files.setdefault(name, []).append(stream.getvalue())
    return files


def in_mode(page: Image.Image, mode: str) -> Image.Image:
    """The page in a mode of Pillow's."""
    if mode == "I;16":
        return Image.fromarray(np.asarray(page.convert("L")).astype(np.uint16) * 257)
    if mode == "LAB":
        return Image.frombytes("LAB", page.size, page.tobytes())
    return page.convert(mode)


def damaged(file: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """A file changed at random: bytes anywhere or near the beginning, its end cut off, grown, or mixed with another."""
    data = bytearray(file)
    way = rng.integers(6)
    if way == 0:
        return bytes(data[: rng.integers(len(data) + 1)])
    if way == 1:
        return bytes(data[: rng.integers(len(data) + 1)]) + other[rng.integers(len(other)) :]
    if way == 2:
        at = int(rng.integers(len(data) + 1))
        return bytes(data[:at]) + rng.bytes(int(rng.integers(1, 40))) + bytes(data[at:])
    reach = min(len(data), 64) if way == 3 else len(data)
    for _ in range(int(rng.choice([1, 2, 4, 16, 64]))):
        data[rng.integers(reach)] = rng.choice([0, 1, 127, 128, 255, int(rng.integers(256))])
    return bytes(data)


def cases(seed: int) -> Iterator[tuple[str, bytes]]:
    """Damaged files without end, of every format in turn, and now and then of what led somewhere before."""
    rng = np.random.default_rng(seed)
    files = whole_files() | {"corpus": [data for data in Corpus(NAME).smallest.values() if data]}
    names = sorted(name for name in files if files[name])
    for index in itertools.count():
        name = names[index % len(names)]
        one = files[name][rng.integers(len(files[name]))]
        other = files[names[rng.integers(len(names))]][0]
        yield name, damaged(one, other, rng)


def peak_megabytes() -> float:
    """The most memory that this process has had; Linux's `ru_maxrss` counts what its parent had when it forked."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def outcome_of(data: bytes, reader: Reader) -> str:
    """What comes of a file; anything but a reading or a ImageError is raised."""
    try:
        reading = reader.read(data)
    except ImageError as error:
        if "\n" in str(error):
            raise AssertionError(f"more than a line: {error}") from error
        return f"rejected: {kind_of(str(error))}"
    digits = list(reading.digits)
    kind = "some rejected" if any(digit.rejected for digit in digits) else "all accepted"
    return f"read: {f'digits, {kind}' if digits else 'no digits'}"


def main(bound: str, seed: int = 0, keep: bool = False) -> dict[str, object]:
    """Read damaged files, so many or so long; anything but a reading or a ImageError ends the program."""
    cv2.setNumThreads(1)
    reader, outcomes, formats, longest = Reader(), Counter[str](), Counter[str](), 0.0
    corpus, (count, seconds), began = Corpus(NAME), bound_of(bound), time.monotonic()
    for index, (name, data) in enumerate(cases(seed)):
        if index >= count or time.monotonic() - began > seconds:
            break
        start = time.process_time()
        try:
            outcome = outcome_of(data, reader)
        except BaseException as error:
            raise AssertionError(f"case {index} ({name}) of seed {seed}") from error
        longest = max(longest, took := time.process_time() - start)
        if took > SECONDS:
            raise AssertionError(f"case {index} ({name}) of seed {seed} took {took:.1f} s")
        formats[f"{name} {outcome.partition(':')[0]}"] += 1
        outcomes[outcome] += 1
        corpus.meet(outcome, data)
    memory = peak_megabytes()
    if memory > MEGABYTES:
        raise AssertionError(f"the process grew to {memory:.0f} MB")
    if keep:
        corpus.save(lambda data: outcome_of(data, reader), LARGEST)
    return {
        "inputs": formats.total(),
        "longest": longest,
        "megabytes": memory,
        "untried": sorted(set(COMMON + RARE) - set(whole_files())),
        "formats": dict(sorted(formats.items())),
        "outcomes": dict(outcomes.most_common()),
    }


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--keep"]
    document = main(words[0], int(words[1]) if len(words) > 1 else 0, keep="--keep" in sys.argv)
    sys.stdout.write(json.dumps(document) + "\n")
