"""Files, folders and archives of digital ink: recognised by what is in them, whole, damaged and malicious."""

import gzip
import hashlib
import io
import lzma
import os
import random
import struct
import tarfile
import time
import zipfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from ink_texts import as_tar, as_zip, data_file, pen_digits, small_pen_digits, tree, write_tree
from mnist_cnn.data.ink import file_tree, packed, pendigits
from mnist_cnn.data.ink.character import InkCharacter
from mnist_cnn.data.ink.collection import Ink, load_ink, sha256_of
from mnist_cnn.data.ink.writers import held_out
from mnist_cnn.errors import DataError
from test_unix_compress import packed as compressed

__all__ = ["small_pen_digits"]  # a fixture

SHARED = Path(__file__).parents[1] / ".." / "shared" / "data" / "ink"
UNIPEN = SHARED / "unipen_train_r01_v07_part.tar.xz"
PEN_DIGITS = [SHARED / "pendigits-orig.tra.xz", SHARED / "pendigits-orig.tes.xz"]


def labels(ink: Ink) -> str:
    return "".join(one.label for one in ink.characters)


def refusal(*paths: Path | str) -> str:
    """The sentence with which these are refused; it is one line and says what is expected or what to do."""
    with pytest.raises(DataError) as caught:
        load_ink(paths)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
    return str(caught.value)


# What loads


@pytest.mark.parametrize("below", ["", "train_r01_v07/", "./a/b/"])
@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.xz", "zip"])
def test_an_archive_of_unipen_gives_what_its_folder_gives(tmp_path: Path, kind: str, below: str) -> None:
    folder = load_ink([write_tree(tmp_path / "tree", tree())])
    made = {
        "tar": as_tar(tree(), below=below),
        "tar.gz": as_tar(tree(), "w:gz", below),
        "tar.xz": as_tar(tree(), "w:xz", below),
        "zip": as_zip(tree(), below),
    }[kind]
    (tmp_path / "named.like.nothing").write_bytes(made)
    archive = load_ink([tmp_path / "named.like.nothing"])
    assert labels(archive) == labels(folder) == "14I"
    assert archive.sha256 == folder.sha256
    assert archive.sources == ("UNIPEN train_r01_v07",)
    assert archive.origin == (str(tmp_path / "named.like.nothing"),)


def test_digits_and_others_are_told_apart(tmp_path: Path) -> None:
    ink = load_ink(write_tree(tmp_path, tree()))  # type: ignore[arg-type]  one path is forgiven
    assert [one.label for one in ink.digits] == ["1", "4"]
    assert [one.label for one in ink.others] == ["I"]
    assert repr(ink) == "Ink(3 characters, UNIPEN train_r01_v07)"


def test_lines_of_text_are_read_where_they_are_asked_for_and_have_no_digit(tmp_path: Path) -> None:
    segments = ['0-1 ? "old man"', '2 ? "room 7"', '3 OK "and"', '9 ? "not there"']
    lines = data_file("abc", "one.dat", *segments, level="TEXT")
    elsewhere = data_file("lex", "one.dat", '0-1 ? "two"', level="TEXT").replace("lex/", "abc/")
    files = tree() | {"data/8/abc/one.dat": lines, "data/8/lex/one.dat": elsewhere}
    write_tree(tmp_path / "tree", files)
    (tmp_path / "archive").write_bytes(as_tar(files, "w:gz"))
    plain = load_ink([tmp_path / "tree"])
    assert plain.lines == ()
    for path in (tmp_path / "tree", tmp_path / "archive"):
        notes: list[str] = []
        ink = load_ink([path], notes.append, with_lines=True)
        assert [(one.label, one.writer) for one in ink.lines] == [
            ("old man", "unipen/abc/Ann"),
            ("and", "unipen/abc/Ann"),
        ]
        assert [stroke.tolist() for stroke in ink.lines[0].strokes] == [
            [[0, -10], [1, -11], [2, -12]],
            [[4, -14], [5, -15]],
        ]
        assert notes[-1] == "UNIPEN train_r01_v07: 2 lines of words without digits"
        assert ink.sha256 == plain.sha256


@pytest.mark.parametrize("kind", ["", ".Z", ".gz", ".xz"])
def test_files_of_pen_digits_are_read_plain_and_packed(
    tmp_path: Path, small_pen_digits: tuple[str, str], kind: str
) -> None:
    pack = {"": bytes, ".Z": compressed, ".gz": gzip.compress, ".xz": lzma.compress}[kind]
    for name, text in zip(("one", "two"), small_pen_digits, strict=True):
        (tmp_path / name).write_bytes(pack(text.encode()))
    notes: list[str] = []
    ink = load_ink([tmp_path / "two", tmp_path / "one"], notes.append)
    assert notes == [
        "Pen-Digits, pendigits-orig.tes: 20 digits of 2 writers",
        "Pen-Digits, pendigits-orig.tra: 40 digits of 4 writers",
    ]
    assert ink.sources == ("Pen-Digits",)
    assert labels(ink) == "0123456789" * 6
    assert Counter(one.writer for one in ink.characters) == {
        **{f"pendigits/tra/{number}": 10 for number in (1, 2, 3, 4)},
        **{f"pendigits/tes/{number}": 10 for number in (1, 2)},
    }
    assert [stroke.tolist() for stroke in ink.characters[0].strokes] == [[[0, -10], [0, 0]], [[1, -5]]]
    assert ink.sha256 == load_ink([tmp_path / "one", tmp_path / "two"]).sha256


def test_an_archive_with_pen_digits_and_more_is_searched(tmp_path: Path, small_pen_digits: tuple[str, str]) -> None:
    tra, tes = (text.encode() for text in small_pen_digits)
    whole = {
        "pendigits-orig.tra.Z": compressed(tra),
        "below/pendigits-orig.tes.Z": compressed(tes),
        "pendigits-orig.tra": tra,  # once more, the same
        "pendigits.tra": b" 47,100, 27, 81, 8\n" * 1000,
        "Index": b"",
        **{name: text.encode() for name, text in tree().items()},
    }
    for name, content in (("a", as_zip(whole)), ("b", as_tar(whole, "w:gz"))):
        (tmp_path / name).write_bytes(content)
        ink = load_ink([tmp_path / name])
        assert (len(ink.characters), ink.sources) == (63, ("Pen-Digits", "UNIPEN train_r01_v07"))


def test_a_folder_may_hold_several_and_other_files(tmp_path: Path, small_pen_digits: tuple[str, str]) -> None:
    write_tree(tmp_path / "CD", tree())
    for name, text in zip(("b", "a"), small_pen_digits, strict=True):
        (tmp_path / name).write_text(text)
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "empty").touch()
    (tmp_path / "other.gz").write_bytes(gzip.compress(b"nothing"))
    (tmp_path / "other.zip").write_bytes(as_zip({"include/a/b": "nothing", "data/9/c": ""}))
    (tmp_path / "other.tar").write_bytes(as_tar({"include/a/b": "nothing"}))
    assert len(load_ink([tmp_path]).characters) == 63


def test_the_hash_is_over_labels_writers_and_points() -> None:
    stroke = np.array([[1, -2.5]], np.float32)
    one = InkCharacter("7", "a/b", (stroke, stroke))
    points = struct.pack("<Iff", 1, 1, -2.5) * 2
    assert sha256_of([one]) == hashlib.sha256(b"7\0a/b\0" + struct.pack("<I", 2) + points).hexdigest()
    others = [
        InkCharacter("1", "a/b", (stroke, stroke)),
        InkCharacter("7", "a/c", (stroke, stroke)),
        InkCharacter("7", "a/b", (stroke,)),
        InkCharacter("7", "a/b", (np.vstack([stroke, stroke]),)),
        InkCharacter("7", "a/b", (stroke, stroke + 1)),
    ]
    assert len({sha256_of([other]) for other in [one, *others]}) == 6


# What does not


def test_nothing_given_missing_or_unknown_is_refused(tmp_path: Path) -> None:
    assert "No path was given: give UNIPEN" in refusal()
    assert f"There is no file or folder {tmp_path / 'gone'}: give UNIPEN" in refusal(tmp_path / "gone")
    for name, content in (("text", b"words"), ("empty", b""), ("zip", as_zip({"a": "b"})), ("gz", gzip.compress(b"a"))):
        (tmp_path / name).write_bytes(content)
        assert "it holds no digital ink that is known here: give UNIPEN" in refusal(tmp_path / name)
    assert "it holds no digital ink that is known here" in refusal(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "neither a file nor a folder" in refusal(tmp_path / "pipe")
    assert "no digital ink" in refusal(tmp_path)


def test_a_dataset_that_is_given_twice_is_refused(tmp_path: Path, small_pen_digits: tuple[str, str]) -> None:
    write_tree(tmp_path / "tree", tree())
    (tmp_path / "tar").write_bytes(as_tar(tree()))
    said = refusal(tmp_path / "tree", tmp_path / "tar")
    assert said.startswith("UNIPEN train_r01_v07 is given twice, by ")
    assert f"{tmp_path / 'tree'} and by {tmp_path / 'tar'}: give it once." in said
    for name in ("one", "two"):
        (tmp_path / name).write_text(small_pen_digits[1])
    assert "Pen-Digits pendigits-orig.tes is given twice" in refusal(tmp_path / "one", tmp_path / "two")
    assert "is given twice" in refusal(tmp_path / "one", tmp_path / "one")


def test_ink_without_a_digit_is_refused(tmp_path: Path) -> None:
    files = {name: text for name, text in tree().items() if not name.startswith("data/1a")}
    assert "No digit was found in " in refusal(write_tree(tmp_path, files))


@pytest.mark.usefixtures("small_pen_digits")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        (pen_digits(4, 39), "it has 39 digits of 4 writers, and pendigits-orig.tra has 40 of 4"),
        (pen_digits(3, 40), "it has 40 digits of 3 writers, and pendigits-orig.tra has 40 of 4"),
        (pen_digits(2, 19), "it has 19 digits of 2 writers, and pendigits-orig.tes has 20 of 2"),
        (pen_digits(2, 20).replace(".COMMENT 3 ", ".COMMENT 4 "), "with the comment '4 2  3'"),
        (pen_digits(2, 20).replace(".COMMENT 3 ", ".COMMENT three "), "with the comment 'three 2  3'"),
        (pen_digits(2, 20).replace(" 19  9\n", " 19  x\n"), "what is not a number"),
        (pen_digits(2, 20).replace(" 19  9\n", " 19  nan\n"), "not a finite number"),
        (pen_digits(2, 20).replace(" 38-39 ", " 38-40 "), "the strokes 38-40 of a digit are missing"),
        (".HIERARCHY DIGIT\n", "it has 0 digits"),
    ],
)
def test_pen_digits_that_are_not_whole_are_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "file").write_text(text)
    assert why in refusal(tmp_path / "file")


def test_every_truncation_of_pen_digits_is_refused(tmp_path: Path, small_pen_digits: tuple[str, str]) -> None:
    lines = small_pen_digits[1].splitlines(keepends=True)
    whole = [end for end in range(len(lines)) if "".join(lines[:end]).count(".COMMENT") == 20]
    for end in range(len(lines)):
        (tmp_path / "file").write_text("".join(lines[:end]))
        if end <= whole[0] + 2:  # of the last digit, a stroke or a point may be missing without a trace
            refusal(tmp_path / "file")


@pytest.mark.usefixtures("small_pen_digits")
@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.xz", "zip", ".gz", ".xz", ".Z"])
def test_an_archive_that_is_cut_short_is_refused(tmp_path: Path, kind: str) -> None:
    noise = {"data/1a/abc/noise.dat": "".join(map(chr, random.Random(0).choices(range(256), k=6000)))}  # noqa: S311
    whole = {
        "tar": as_tar(tree() | noise),
        "tar.gz": as_tar(tree() | noise, "w:gz"),
        "tar.xz": as_tar(tree() | noise, "w:xz"),
        "zip": as_zip(tree() | noise),
        ".gz": gzip.compress(pen_digits(2, 20).encode()),
        ".xz": lzma.compress(pen_digits(2, 20).encode()),
        ".Z": compressed(pen_digits(2, 20).encode()),
    }[kind]
    path = tmp_path / "file"
    path.write_bytes(whole)
    assert len(load_ink([path]).characters) in (3, 20)
    # A tar archive ends with at least two blocks of zeros, of which one is enough; .Z has no end mark.
    end = {"tar": len(whole.rstrip(b"\0")), ".Z": len(whole) - 60}.get(kind, len(whole) - 1)
    for size in np.linspace(1, end, 60).astype(int):
        path.write_bytes(whole[:size])
        refusal(path)


@pytest.mark.usefixtures("small_pen_digits")
@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.xz", "zip", ".gz", ".xz", ".Z", "plain"])
def test_random_damage_is_refused_or_read_as_something(tmp_path: Path, kind: str) -> None:
    whole = {
        "tar": as_tar(tree()),
        "tar.gz": as_tar(tree(), "w:gz"),
        "tar.xz": as_tar(tree(), "w:xz"),
        "zip": as_zip(tree()),
        ".gz": gzip.compress(pen_digits(2, 20).encode()),
        ".xz": lzma.compress(pen_digits(2, 20).encode()),
        ".Z": compressed(pen_digits(2, 20).encode()),
        "plain": pen_digits(2, 20).encode(),
    }[kind]
    source = random.Random(kind)  # noqa: S311
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(source.randrange(1, 5)):
            damaged[source.randrange(len(damaged))] = source.randrange(256)
        (tmp_path / "file").write_bytes(damaged)
        with suppress(DataError):
            load_ink([tmp_path / "file"])


# What attacks


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for member, data in members:
            member.size = len(data) or member.size
            archive.addfile(member, io.BytesIO(data) if data else None)
    return content.getvalue()


def test_links_in_an_archive_lead_nowhere(tmp_path: Path) -> None:
    secret = write_tree(tmp_path / "secret", tree('0 ? "9"'))
    members = []
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        link = tarfile.TarInfo(f"data/1a/abc/link{kind.decode()}.dat")
        link.type, link.linkname = kind, str(secret / "data/1a/abc/one.dat")
        members.append((link, b""))
    for name, text in tree().items():
        members.append((tarfile.TarInfo(name), text.encode()))
    (tmp_path / "tar").write_bytes(tar_of(*members))
    assert labels(load_ink([tmp_path / "tar"])) == "14I"
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        linked = zipfile.ZipInfo("data/1a/abc/link.dat")
        linked.external_attr = 0o120777 << 16
        archive.writestr(linked, '.INCLUDE abc/data/one.dat\n.SEGMENT CHARACTER 0 ? "9"\n')
        for name, text in tree().items():
            archive.writestr(name, text)
    assert labels(load_ink([tmp_path / "zip"])) == "14I"


def test_links_in_a_folder_lead_nowhere(tmp_path: Path) -> None:
    secret = write_tree(tmp_path / "secret", tree('0 ? "9"'))
    folder = write_tree(tmp_path / "folder", tree())
    try:
        (folder / "data/1a/abc/link.dat").symlink_to(secret / "data/1a/abc/one.dat")
        (folder / "data/1a/xyz").symlink_to(secret / "data/1a/abc", target_is_directory=True)
    except OSError:
        pytest.skip("links cannot be made here")
    assert labels(load_ink([folder])) == "14I"


def test_nothing_is_read_outside_the_tree(tmp_path: Path) -> None:
    (tmp_path / "secret.dat").write_text(".WRITER_ID Eve\n.PEN_DOWN\n1 1\n")
    for name in ("../secret.dat", "abc/../../../secret.dat", str(tmp_path / "secret.dat")):
        files = tree() | {"data/1a/abc/one.dat": f'.INCLUDE {name}\n.SEGMENT CHARACTER 0 ? "1"\n'}
        notes: list[str] = []
        with pytest.raises(DataError, match="No digit"):
            load_ink([write_tree(tmp_path / "folder", files)], notes.append)
        assert "which is missing" in notes[0]


def test_what_unpacks_to_too_much_is_refused_before_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    zeros = bytes(20 * 2**20)
    started = time.process_time()
    for content in (
        as_zip({"data/1a/abc/one.dat": zeros}),
        as_tar({"data/1a/abc/one.dat": zeros}, "w:gz"),
        as_tar({"data/1a/abc/one.dat": zeros}, "w:xz"),
    ):
        path.write_bytes(content)
        assert "a file in it has 20 MiB" in refusal(path)
    for pack in (gzip.compress, lzma.compress, lambda text: compressed(text[: 2**20])):
        monkeypatch.setattr(pendigits, "LARGEST", 2**19)
        path.write_bytes(pack(b".HIERARCHY DIGIT\n" + zeros))
        assert "it unpacks to more than 0 MiB" in refusal(path)
    assert time.process_time() - started < 20


def test_archives_are_limited_in_size_files_and_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in (("zip", as_zip(tree())), ("tar", as_tar(tree(), "w:gz"))):
        (tmp_path / name).write_bytes(content)
        for module, limit, value, why in (
            (file_tree, "MOST_FILES", 3, "it holds more than 3 files"),
            (file_tree, "LARGEST_KEPT", 100, "it holds more than 0 MiB of data"),
            (file_tree, "LARGEST_ARCHIVE", 100, "all together 0.0 GiB"),
        ):
            with monkeypatch.context() as patch:
                patch.setattr(module, limit, value)
                assert why in refusal(tmp_path / name)
    monkeypatch.setattr(packed, "LARGEST_ARCHIVE", 5000)
    assert "it unpacks to more than " in refusal(tmp_path / "tar")


def test_a_folder_with_too_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path, tree())
    monkeypatch.setattr(file_tree, "MOST_FILES", 1)
    assert "it holds more than 1 files" in refusal(tmp_path)
    monkeypatch.setattr("mnist_cnn.data.ink.collection.MOST_ENTRIES", 1)
    assert "it is a folder of 2 entries" in refusal(tmp_path)


def test_an_xz_file_that_demands_much_memory_is_refused(tmp_path: Path) -> None:
    greedy = [{"id": lzma.FILTER_LZMA2, "dict_size": 512 * 2**20}]
    (tmp_path / "file").write_bytes(lzma.compress(as_tar(tree()), filters=greedy))
    assert "it holds no digital ink" in refusal(tmp_path / "file")
    (tmp_path / "file").write_bytes(lzma.compress(as_tar(tree())) + lzma.compress(b"more", filters=greedy))
    assert "emory" in refusal(tmp_path / "file")


def test_an_xz_file_of_several_streams_is_read(tmp_path: Path) -> None:
    whole = as_tar(tree())
    parts = [lzma.compress(whole[:700]), bytes(8), lzma.compress(whole[700:]), bytes(4)]
    (tmp_path / "file").write_bytes(b"".join(parts))
    assert labels(load_ink([tmp_path / "file"])) == "14I"


def test_a_tar_file_that_claims_what_it_has_not_is_refused(tmp_path: Path) -> None:
    claim = tarfile.TarInfo("data/1a/abc/one.dat")
    claim.size = 2**40
    long_name = tarfile.TarInfo("data/1a/abc/two.dat")
    long_name.type, long_name.size = tarfile.GNUTYPE_LONGNAME, 2**30
    for member, why in ((claim, "MiB"), (long_name, "claims to have 1,024 MiB")):
        (tmp_path / "file").write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(20_000))
        assert why in refusal(tmp_path / "file")


def test_a_zip_file_whose_list_is_huge_or_in_zip64_is_refused(tmp_path: Path) -> None:
    whole = as_zip(tree())
    end = bytearray(whole[-22:])
    struct.pack_into("<L", end, 12, 2**31)
    (tmp_path / "file").write_bytes(whole[:-22] + end)
    assert "its list of files is larger than 32 MiB" in refusal(tmp_path / "file")
    (tmp_path / "file").write_bytes(whole[:-22] + b"PK\6\7" + bytes(16) + whole[-22:])
    assert "ZIP64" in refusal(tmp_path / "file")


def test_a_zip_file_packed_by_an_unusual_method_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "file", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("data/1a/abc/one.dat", "")
    assert "compressed by method 14" in refusal(tmp_path / "file")


# The real ones


@pytest.mark.skipif(not all(path.exists() for path in PEN_DIGITS), reason="Pen-Digits is not here")
def test_pen_digits_itself() -> None:
    notes: list[str] = []
    ink = load_ink(PEN_DIGITS, notes.append)
    assert "Pen-Digits, pendigits-orig.tra: 7,494 digits of 30 writers" in notes
    assert "Pen-Digits, pendigits-orig.tes: 3,498 digits of 14 writers" in notes
    assert ink.sha256 == "92d7b5f905d59f6ccd1de6c14471d29f727c1680df54592e0441de25622c6210"
    parts_have_all_digits(ink, 7494, 3498)


@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.skipif(not UNIPEN.exists(), reason="UNIPEN is not here")
def test_unipen_itself() -> None:
    notes: list[str] = []
    ink = load_ink([UNIPEN], notes.append)
    assert notes[-1] == "UNIPEN train_r01_v07: 15,302 digits and 97,967 other characters of 238 writers"
    assert len({one.writer for one in ink.digits}) == 192
    assert ink.sha256 == "b2ed58067d51a96f5d6ee86b9b7b6bf0b90d6529d4dddfdcfba0237c75930ba3"
    parts_have_all_digits(ink, 12_944, 2358)
    # Some characters are in several files, and none may be on both sides. Short ones may be equal by chance.
    drawn = {part: {drawing(one) for one in ink.characters if held_out(one.writer) == part} for part in (False, True)}
    assert not {one for one in drawn[False] & drawn[True] if len(one) > 100}


def drawing(character: InkCharacter) -> bytes:
    return b"".join(stroke.tobytes() for stroke in character.strokes)


def parts_have_all_digits(ink: Ink, training: int, test: int) -> None:
    parts = {part: [one for one in ink.digits if held_out(one.writer) == part] for part in (False, True)}
    assert (len(parts[False]), len(parts[True])) == (training, test)
    for digits in parts.values():
        counts = Counter(one.label for one in digits)
        assert set(counts) == set("0123456789")
        assert min(counts.values()) > 200
