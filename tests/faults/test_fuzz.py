"""Inputs at random, for ten minutes by `make faults`, and those that are kept because each ends differently."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import fuzz_pictures
import fuzz_server
from corpus import FOLDER, INDEX, without_reason
from fuzz_pictures import whole_files
from mnist_cnn.reading.reader import Reader
from serving import client_of
from tally import note

TESTS = Path(__file__).parent.parent


def fuzz(script: str, bound: str) -> dict[str, Any]:
    """What a fuzzer prints; it fails with the input that did harm."""
    words = [sys.executable, "-W", "error", str(Path(__file__).with_name(script)), bound]
    paths = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=3600, env=os.environ | {"PYTHONPATH": paths}
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return dict(json.loads(done.stdout))


def test_three_hundred_damaged_files_end_in_a_reading_or_a_sentence() -> None:
    document = fuzz("fuzz_pictures.py", "300")
    assert document["inputs"] == 300
    assert any(outcome.startswith("read") for outcome in document["outcomes"])


def test_a_hundred_damaged_requests_are_answered_with_a_sentence() -> None:
    document = fuzz("fuzz_server.py", "100")
    assert document["inputs"] == 100
    assert "200" in document["outcomes"]


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.parametrize("script", ["fuzz_pictures.py", "fuzz_server.py"])
def test_ten_minutes_of_damaged_inputs_end_as_they_must(script: str) -> None:
    document = fuzz(script, "600s")
    what = "corrupt image files read" if "pictures" in script else "corrupt requests to the server"
    kinds = len({without_reason(outcome) for outcome in document["outcomes"]})
    figures = {name: document[name] for name in ("longest", "megabytes")}
    note(f"{what}, for ten minutes", document["inputs"], f"one of {kinds} kinds of result, never a crash", **figures)


def kept(name: str) -> dict[str, bytes]:
    """The inputs that are kept, by their outcome."""
    names = json.loads((FOLDER / name / INDEX).read_text(encoding="utf-8"))
    return {outcome: (FOLDER / name / file).read_bytes() for file, outcome in names.items()}


def end_of(outcome: str) -> str:
    """An outcome without what depends on the network that ships: how sure it is."""
    return "read" if outcome.startswith("read: ") else without_reason(outcome)


def test_each_picture_that_is_kept_ends_as_it_did() -> None:
    reader = Reader()
    for outcome, data in kept(fuzz_pictures.NAME).items():
        assert end_of(fuzz_pictures.outcome_of(data, reader)) == end_of(outcome)


def test_each_request_that_is_kept_is_answered_as_it_was() -> None:
    with client_of() as client:
        for outcome, data in kept(fuzz_server.NAME).items():
            assert fuzz_server.outcome_of(fuzz_server.answer_to(client.base_url.port or 0, data)) == outcome


def test_what_is_kept_is_little_and_says_each_thing_once() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert len(files) < 120
    assert sum(path.stat().st_size for path in files) < 200_000
    for name in (fuzz_pictures.NAME, fuzz_server.NAME):
        assert len(kept(name)) == len(list((FOLDER / name).iterdir())) - 1 >= 10


def test_every_format_is_read_undamaged() -> None:
    reader = Reader()
    for name, files in whole_files().items():
        for file in files:
            assert reader.read(file).text == "42", name
