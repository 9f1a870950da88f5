"""A kept network with a damaged file: noticed when it is loaded, wherever the damage is."""

import json
import random
import shutil
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.errors import ArtifactError, RunError
from mnist_cnn.reading.reader import Reader
from mnist_cnn.training import checkpoint
from tally import note

FIXTURE = Path(__file__).parent.parent / "fixtures" / "format-2"
OTHER = FIXTURE.with_name("format-1")
FILES = [card.CARD, card.KERAS_MODEL, card.ONNX_MODEL, card.HISTORY]
READ_FROM = (card.CARD, card.ONNX_MODEL)  # what reading needs; it looks at no other file
EVERY = [97, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.faults])]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A copy of a kept network, to be damaged."""
    return Path(shutil.copytree(FIXTURE, tmp_path / "kept"))


def noticed(folder: Path) -> bool:
    """Whether loading refuses a folder, with one sentence."""
    try:
        store.load(folder)
    except ArtifactError as error:
        return "\n" not in str(error)
    return False


def flips(content: bytes, every: int, bits: int) -> Iterator[bytes]:
    """The content with one bit flipped, in every so manieth byte, at so many places of the byte."""
    rng = random.Random(0)  # noqa: S311
    for at in range(0, len(content), every):
        for bit in rng.sample(range(8), bits):
            yield content[:at] + bytes([content[at] ^ (1 << bit)]) + content[at + 1 :]


def cuts(content: bytes, every: int) -> Iterator[bytes]:
    """The content cut after every so manieth byte, and with more behind it."""
    for end in range(0, len(content), every):
        yield content[:end]
    for more in (b"\0", b" ", b"\n", b"\xff", content):
        yield content + more


def unnoticed(path: Path, contents: Iterator[bytes]) -> tuple[int, list[int]]:
    """How many contents there were for a file, and the numbers of those that loading did not notice."""
    missed, number = [], -1
    for number, content in enumerate(contents):
        path.write_bytes(content)
        if not noticed(path.parent):
            missed.append(number)
    return number + 1, missed


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_is_noticed_in_whatever_byte(name: str, every: int, kept: Path) -> None:
    text = name in (card.CARD, card.HISTORY)
    times, missed = unnoticed(kept / name, flips((kept / name).read_bytes(), every, 8 if text else 1))
    assert not missed
    note(f"{name}: {'each bit flipped' if text else 'one bit flipped in each byte'}", times, "detected on loading")


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("name", FILES)
def test_a_cut_is_noticed_at_whatever_length(name: str, every: int, kept: Path) -> None:
    times, missed = unnoticed(kept / name, cuts((kept / name).read_bytes(), every))
    assert not missed
    note(f"{name}: truncated after each byte, or with extra bytes", times, "detected on loading")


def test_files_that_changed_places_are_noticed(kept: Path) -> None:
    contents = {name: (FIXTURE / name).read_bytes() for name in FILES}
    swaps = [{one: contents[other], other: contents[one]} for one, other in permutations(FILES, 2) if one < other]
    swaps += [{name: (OTHER / name).read_bytes()} for name in (card.CARD, card.KERAS_MODEL, card.ONNX_MODEL)]
    for swap in swaps:
        for name, content in (contents | swap).items():
            (kept / name).write_bytes(content)
        assert noticed(kept)
    for name in FILES:
        for path, content in contents.items():
            (kept / path).write_bytes(content)
        (kept / name).unlink()
        assert noticed(kept)
    note("files missing, or swapped with each other or with another model's", len(swaps) + 4, "detected on loading")


@pytest.mark.parametrize("name", READ_FROM)
def test_reading_notices_what_it_needs(name: str, kept: Path) -> None:
    content = (kept / name).read_bytes()
    for damaged in flips(content, 499, 1):
        (kept / name).write_bytes(damaged)
        with pytest.raises(ArtifactError):
            Reader(kept)


def test_the_same_card_written_another_way_is_noticed(kept: Path) -> None:
    """All values are the same, so the digest fits; a changed byte is one all the same."""
    text = (kept / card.CARD).read_text()
    for other in (json.dumps(json.loads(text)), text.replace("0.918,", "0.9180,"), text.replace("\n", "\r\n")):
        assert json.loads(other) == json.loads(text)
        assert other != text
        (kept / card.CARD).write_bytes(other.encode())
        assert noticed(kept)


class Variable:
    """A variable of a network that is none."""

    def __init__(self, value: np.ndarray) -> None:
        self.value, self.shape = value, value.shape

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.value

    def assign(self, value: np.ndarray) -> None:
        self.value = value


def test_a_damaged_checkpoint_is_noticed_or_is_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some bytes of an archive mean nothing, such as a date: with those flipped the state is the same."""
    state = [np.arange(40, dtype=np.float32), np.ones((3, 5), np.float32)]
    rows = [{"epoch": 1, "loss": 0.5, "accuracy": 0.9, "seconds": 1.0}]
    monkeypatch.setattr(checkpoint, "variables", lambda network: network)
    monkeypatch.setattr("keras.ops.convert_to_numpy", lambda variable: variable.value)
    checkpoint.save(tmp_path, [Variable(array) for array in state], rows)  # type: ignore[arg-type]
    path = tmp_path / "state.npz"
    content, refused, times = path.read_bytes(), 0, 0
    for damaged in [*flips(content, 1, 2), *cuts(content, 7)]:
        path.write_bytes(damaged)
        network = [Variable(np.zeros_like(array)) for array in state]
        times += 1
        try:
            history = checkpoint.restore(tmp_path, network)  # type: ignore[arg-type]
        except RunError:
            refused += 1
        else:
            assert history == rows
            assert all(np.array_equal(one.value, array) for one, array in zip(network, state, strict=True))
    assert refused > times / 2
    note("a checkpoint: one bit flipped, or truncated", times, f"{refused:,} rejected; the others are the same state")
