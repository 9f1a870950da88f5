"""A small collection of inputs that reach different outcomes: found by the fuzzers, made smaller, kept beside them."""

import json
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

FOLDER = Path(__file__).parent / "corpora"
INDEX = "outcomes.json"
TRIES, SECONDS = 60, 120.0  # to make one input smaller, and for all of them


class Corpus:
    """The smallest input that was found for each outcome."""

    def __init__(self, name: str) -> None:
        self.folder = FOLDER / name
        index = self.folder / INDEX
        names = json.loads(index.read_text()) if index.exists() else {}
        self.smallest = {outcome: (self.folder / file).read_bytes() for file, outcome in names.items()}

    def meet(self, outcome: str, data: bytes) -> None:
        """Remember an input, if none that is as small leads there."""
        if outcome not in self.smallest or len(data) < len(self.smallest[outcome]):
            self.smallest[outcome] = data

    def save(self, outcome_of: Callable[[bytes], str], largest: int) -> None:
        """Make the inputs smaller and write them into the folder, but for those that stay larger than so many bytes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for file in self.folder.iterdir():
            file.unlink()
        names: dict[str, str] = {}
        ends = time.monotonic() + SECONDS
        for outcome, data in sorted(self.smallest.items()):
            if outcome_of(data) != outcome:  # it was chance: a lack of time, say
                continue
            data = shrunk(data, partial(leads_to, outcome, outcome_of), ends)
            if len(data) <= largest:
                name = f"{len(names):02}"
                (self.folder / name).write_bytes(data)
                names[name] = outcome
        (self.folder / INDEX).write_text(json.dumps(names, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def leads_to(outcome: str, outcome_of: Callable[[bytes], str], data: bytes) -> bool:
    """Whether this is what comes of an input."""
    return outcome_of(data) == outcome


def shrunk(data: bytes, same: Callable[[bytes], bool], ends: float) -> bytes:
    """Take pieces away, large ones first, as long as the outcome is the same and there is time."""
    tries, piece = TRIES, len(data) // 2
    while piece:
        start = 0
        while start < len(data):
            if not tries or time.monotonic() > ends:
                return data
            tries -= 1
            other = data[:start] + data[start + piece :]
            if same(other):
                data = other
            else:
                start += piece
        piece //= 2
    return data


def kind_of(sentence: str) -> str:
    """A sentence without what is only of one input: numbers, and what it repeats."""
    return re.sub(r"\d[\d.,]*", "#", re.sub(r"'.*'|\".*\"", "…", sentence))[:160]


def without_reason(kind: str) -> str:
    """A kind of sentence without what stands in brackets, which other packages may have said, and may say otherwise."""
    return re.sub(r"[(\[{].*[)\]}]?", "…", kind)


def bound_of(word: str) -> tuple[float, float]:
    """How many inputs, or with an s behind it for how many seconds."""
    return (float("inf"), float(word[:-1])) if word.endswith("s") else (float(word), float("inf"))
