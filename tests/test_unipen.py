"""UNIPEN's text and its tree of files: what is a character in them, who wrote it, and what is left out."""

import math
import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ink_texts import DOCUMENTATION, DRAWING, data_file, tree, write_tree
from mnist_cnn.data.ink import unipen, unipen_text
from mnist_cnn.data.ink.character import InkCharacter
from mnist_cnn.data.ink.file_tree import Files
from mnist_cnn.errors import DataError


def files(texts: dict[str, str]) -> Files:
    def reading(text: str) -> Callable[[], bytes]:
        return lambda: text.encode("latin-1")

    return {name: reading(text) for name, text in texts.items()}


def read(texts: dict[str, str], notes: list[str] | None = None) -> list[InkCharacter]:
    return unipen.characters(files(texts), [].append if notes is None else notes.append)


def points(*segments: str, drawing: str = DRAWING, **more: str) -> list[list[list[list[float]]]]:
    """The strokes of each segment."""
    texts = tree(*segments, drawing=drawing)
    del texts["data/1b/abc/one.dat"]
    return [[stroke.tolist() for stroke in one.strokes] for one in read(texts | more)]


# What a character is


def test_components_are_counted_over_those_with_the_pen_down() -> None:
    assert points('0 ? "1"', '1 ? "1"', '2 ? "1"', '3 ? "1"') == [
        [[[0, -10], [1, -11], [2, -12]]],
        [[[4, -14], [5, -15]]],
        [[[6, -16], [7, -17], [8, -18]]],
        [[[9, -19]]],
    ]


FIRST, SECOND, THIRD, FOURTH = (
    [[0.0, -10.0], [1.0, -11.0], [2.0, -12.0]],
    [[4.0, -14.0], [5.0, -15.0]],
    [[6.0, -16.0], [7.0, -17.0], [8.0, -18.0]],
    [[9.0, -19.0]],
)


@pytest.mark.parametrize(
    ("components", "strokes"),
    [
        ("1-3", [SECOND, THIRD, FOURTH]),
        ("2-2", [THIRD]),
        ("0,3", [FIRST, FOURTH]),
        ("3,0-1", [FOURTH, FIRST, SECOND]),
        ("0:1-0:1", [FIRST[1:2]]),
        ("0:2-1", [FIRST[2:], SECOND]),
        ("0:1-2:0", [FIRST[1:], SECOND, THIRD[:1]]),
        ("0-2:1", [FIRST, SECOND, THIRD[:2]]),
        ("0:1-0:2,2:1-3", [FIRST[1:], THIRD[1:], FOURTH]),
    ],
)
def test_ranges_name_components_and_points_of_them(components: str, strokes: list[list[list[float]]]) -> None:
    assert points(f'{components} ? "5"') == [strokes]


@pytest.mark.parametrize(
    "components",
    [
        "4",
        "0-4",
        "0,9",
        "0:3-1",
        "0-1:2",
        "0:0-0:3",
        "2-1",
        "0:2-0:1",
        "999999999999",
        "-",
        "1-",
        ":1",
        "1,,2",
        "1-2-3",
    ],
)
def test_a_segment_whose_strokes_are_not_there_is_left_out_and_counted(components: str) -> None:
    notes: list[str] = []
    assert [one.label for one in read(tree('0 ? "7"', f'{components} ? "1"'), notes)] == ["7", "I"]
    assert notes[-1] == "UNIPEN train_r01_v07: 1 segments left out whose strokes are not in their files"


def test_y_points_down_and_zero_has_no_sign() -> None:
    ((stroke,),) = points('0 ? "1"', drawing=".WRITER_ID Ann\n.PEN_DOWN\n3 0\n4 -7\n")
    assert stroke == [[3, 0], [4, 7]]
    assert math.copysign(1, stroke[0][1]) == 1


def test_coordinates_are_in_the_order_that_the_file_declares() -> None:
    doc = DOCUMENTATION.replace("X Y\n", "T Y P X\n")
    drawing = ".WRITER_ID Ann\n.PEN_DOWN\n9999999999 10 1 20\n9999999999 11 1 21\n"
    assert points('0 ? "1"', drawing=drawing, **{"include/abc/abc.doc": doc}) == [[[[20, -10], [21, -11]]]]


def test_both_axes_get_the_unit_of_the_tablets_x_axis() -> None:
    doc = DOCUMENTATION.replace(".Y_POINTS_PER_INCH 100", ".Y_POINTS_PER_INCH 200 dots")
    ((stroke,),) = points(
        '0 ? "1"', drawing=".WRITER_ID Ann\n.PEN_DOWN\n0 0\n100 200\n", **{"include/abc/abc.doc": doc}
    )
    assert stroke == [[0, 0], [100, -100]]


def test_characters_are_read_only_from_four_categories_and_one_level_of_the_hierarchy() -> None:
    texts = tree('0 ? "1"', '1 ? "12"', '2 ? ""')
    texts["data/1a/abc/one.dat"] += '.SEGMENT WORD 0-1 ? "2"\n.SEGMENT CHARACTER 1 ? 7\n.SEGMENT CHARACTER 3 "8"\n'
    texts["data/1c/abc/one.dat"] = data_file("abc", "one.dat", '0 ? "l"')
    texts["data/1d/abc/one.dat"] = data_file("abc", "one.dat", '0 ? "|"')
    texts["data/2/abc/one.dat"] = data_file("abc", "one.dat", '0 ? "3"')
    notes: list[str] = []
    assert [one.label for one in read(texts, notes)] == ["1", "8", "I", "l", "|"]
    assert "4 segments left out that are not labelled with one character" in notes[-1]


@pytest.mark.parametrize(
    ("written", "label"), [(r'"\""', '"'), (r'"\\"', "\\"), ('"é"', "é"), ('"\'"', "'"), ('"!"  ', "!")]
)
def test_labels_are_what_stands_between_the_quotes(written: str, label: str) -> None:
    assert read(tree(f"0 ? {written}"))[0].label == label


@pytest.mark.parametrize("written", [r'"\@"', r'"\"', '"', '" "', '"\x07"', '"ab"'])
def test_what_is_not_one_character_is_no_label(written: str) -> None:
    assert [one.label for one in read(tree(f"0 ? {written}", '1 ? "4"'))] == ["4", "I"]


# Whose it is


def test_the_writer_is_named_by_dataset_contributor_and_file() -> None:
    assert {one.writer for one in read(tree())} == {"unipen/abc/Ann"}
    assert read(tree(drawing=DRAWING.replace(" Ann", "\tAnn  of Ghent ")))[0].writer == "unipen/abc/Ann of Ghent"


def test_sessions_and_spellings_of_one_person_are_one_writer() -> None:
    def of(contributor: str, writer: str) -> str:
        texts = {name.replace("abc", contributor): text.replace("abc", contributor) for name, text in tree().items()}
        texts[f"include/{contributor}/data/one.dat"] = DRAWING.replace("Ann", writer)
        return read(texts)[0].writer

    assert of("ibm", "r01-04") == of("ibm", "r04-04") == "unipen/ibm/04"
    assert of("abc", "r01-04") == "unipen/abc/r01-04"
    assert of("kai", "ykryu") == of("kai", "yklyu") == "unipen/kai/yklyu"


@pytest.mark.parametrize("contributor", ["cea", "ceb", "lou", "pri", "tos"])
def test_contributors_who_count_otherwise_are_left_out(contributor: str) -> None:
    other = {name.replace("abc", contributor): text.replace("abc", contributor) for name, text in tree().items()}
    notes: list[str] = []
    assert {one.writer for one in read(tree() | other, notes)} == {"unipen/abc/Ann"}
    expected = f"UNIPEN train_r01_v07: 2 files left out of {contributor}, who number strokes otherwise"
    assert notes == [expected]
    assert not unipen.belongs(f"x/include/{contributor}/data/one.dat")
    with pytest.raises(DataError, match="nothing could be read of its 2 files"):
        read(other)


# Included files


def test_names_of_included_files_are_found_in_any_case() -> None:
    texts = {name.upper(): text for name, text in tree().items()}
    assert [one.label for one in read(texts)] == ["1", "4", "I"]


def test_included_files_may_include_others() -> None:
    texts = tree()
    texts["include/abc/data/one.dat"] = ".INCLUDE abc/who.doc\n" + DRAWING.replace(".WRITER_ID Ann\n", "")
    texts["include/abc/who.doc"] = ".WRITER_ID Bob\n"
    assert read(texts)[0].writer == "unipen/abc/Bob"


def without_end(first: str, second: str) -> dict[str, str]:
    return tree() | {"include/abc/data/one.dat": first, "include/abc/abc.doc": second}


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (without_end(".INCLUDE abc/data/one.dat\n", ""), "includes more than 8 files in each other"),
        (without_end(".INCLUDE abc/abc.doc\n", ".INCLUDE abc/data/one.dat\n"), "includes more than 8 files"),
        ({k: v for k, v in tree().items() if k != "include/abc/abc.doc"}, "includes 'abc/abc.doc', which is missing"),
        (tree(drawing=DRAWING.replace(".WRITER_ID Ann\n", "")), "has no .WRITER_ID"),
        (tree(drawing=DRAWING.replace("Ann", "")), ".WRITER_ID is not readable"),
        (tree(drawing=DRAWING.replace("Ann", "A" * 81)), ".WRITER_ID is not readable"),
        (tree(drawing=DRAWING.replace("Ann", "A\x1b[2J")), ".WRITER_ID is not readable"),
        (tree(drawing=DRAWING + ".WRITER_ID Bob\n"), "has 2 values of .WRITER_ID"),
        (tree(drawing=DRAWING + ".COORD Y X\n"), "has 2 values of .COORD"),
        (tree(drawing=DRAWING.replace("1 11\n", "1 1l\n")), "what is not a number"),
        (tree(drawing=DRAWING.replace("1 11\n", "1\n")), "numbers that are not points of X Y"),
        (tree(drawing=DRAWING.replace("1 11\n", "1 nan\n")), "not a finite number of at most a million"),
        (tree(drawing=DRAWING.replace("1 11\n", "-inf 1\n")), "not a finite number of at most a million"),
        (tree(drawing=DRAWING.replace("1 11\n", "1 1000001\n")), "not a finite number of at most a million"),
        (tree() | {"include/abc/abc.doc": ".COORD X T\n"}, "its coordinates are 'X T'"),
        (tree() | {"include/abc/abc.doc": ".X_POINTS_PER_MM 0\n.Y_POINTS_PER_MM 1\n"}, "is not a number of points"),
        (tree() | {"include/abc/abc.doc": ".X_POINTS_PER_MM nan\n.Y_POINTS_PER_MM 1\n"}, "is not a number of points"),
        (tree() | {"include/abc/abc.doc": ".X_POINTS_PER_MM ten\n.Y_POINTS_PER_MM 1\n"}, "'ten' is not a number"),
        (
            tree() | {"include/abc/abc.doc": ".X_POINTS_PER_MM 1\n.Y_POINTS_PER_MM 99\n"},
            "its tablet has the resolutions 1 and 99",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_left_out_and_told(texts: dict[str, str], why: str) -> None:
    good = {name.replace("abc", "xyz"): text.replace("abc", "xyz") for name, text in tree().items()}
    notes: list[str] = []
    assert {one.writer for one in read(good | texts, notes)} == {"unipen/xyz/Ann"}
    assert len(notes) == 1
    assert re.match(r"UNIPEN train_r01_v07: 2 files left out that could not be read \(abc/one.dat: ", notes[0])
    assert why in notes[0]
    with pytest.raises(DataError, match="nothing could be read of its 2 files") as caught:
        read(texts)
    assert why in str(caught.value)


def test_a_file_that_the_disk_does_not_give_is_left_out() -> None:
    def broken() -> bytes:
        raise OSError(5, "Input/output error")

    notes: list[str] = []
    texts = tree() | {"data/1a/abc/two.dat": ""}
    found = unipen.characters(files(texts) | {"data/1a/abc/two.dat": broken}, notes.append)
    assert len(found) == 3
    assert "1 files left out that could not be read (1a/abc/two.dat: [Errno 5] Input/output error)" in notes[0]


def test_the_name_of_a_file_cannot_harm_a_terminal() -> None:
    notes: list[str] = []
    read(tree() | {"data/1a/abc/\x1b[2J.dat": '.INCLUDE gone\n.SEGMENT CHARACTER 0 ? "1"\n'}, notes)
    assert "\x1b" not in notes[0]
    assert r"abc/\x1b[2j.dat" in notes[0]


def test_the_order_of_the_files_makes_no_difference() -> None:
    texts = tree() | {"data/1a/abc/two.dat": data_file("abc", "one.dat", '2 ? "9"')}
    backwards = dict(reversed(texts.items()))
    assert [one.label for one in read(texts)] == [one.label for one in read(backwards)] == ["1", "4", "I", "9"]


def test_of_several_trees_the_first_is_read() -> None:
    other = {f"z/{name}": text for name, text in tree('0 ? "9"').items()}
    assert [one.label for one in read(other | tree())] == ["1", "4", "I"]


# Limits


def test_more_than_unipen_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, limit in (("MOST_CHARACTERS", 2), ("MOST_POINTS", 8), ("MOST_TEXT", 400)):
        with monkeypatch.context() as patch:
            patch.setattr(unipen, name, limit)
            with pytest.raises(DataError, match="it has more than "):
                read(tree('0 ? "1"', '0 ? "2"', '0 ? "3"'))
    assert len(read(tree('0 ? "1"', '0 ? "2"', '0 ? "3"'))) == 4


def test_no_character_has_millions_of_strokes_or_points(monkeypatch: pytest.MonkeyPatch) -> None:
    strokes = [np.zeros((10, 2), np.float32)] * 1000
    assert len(unipen_text.cut(strokes, "0-249") or ()) == 250
    assert unipen_text.cut(strokes, "0-250") is None
    assert unipen_text.cut(strokes, ",".join(["0-999"] * 10_000)) is None
    assert unipen_text.cut(strokes, ",".join(["0"] * 251)) is None
    assert unipen_text.cut([np.zeros((20_000, 2), np.float32)], "0") is not None
    assert unipen_text.cut([np.zeros((20_001, 2), np.float32)], "0") is None
    monkeypatch.setattr(unipen_text, "MOST_TEXT", 1000)
    with pytest.raises(DataError, match="MiB of text"):
        unipen_text.statements("x" * 1001)


def test_files_that_include_many_others_end() -> None:
    texts = {f"include/abc/{depth}": f".INCLUDE abc/{depth + 1}\n" * 20 for depth in range(7)}
    texts["include/abc/7"] = "x" * 10_000
    texts["data/1a/abc/one.dat"] = '.INCLUDE abc/0\n.SEGMENT CHARACTER 0 ? "1"\n'
    started = time.process_time()
    with pytest.raises(DataError, match="or 16 MiB"):
        read(texts)
    assert time.process_time() - started < 5


def test_a_strange_segment_takes_no_time() -> None:
    started = time.process_time()
    for text in (" " * 10**5, "a" * 10**5, "a 1 " + " " * 10**5, "a 1 " + "b" * 10**5, 'a 1 ? "' + "\\" * 10**5):
        assert unipen_text.segment(text) is None
    assert time.process_time() - started < 2


# Damage


def test_every_truncation_is_read_in_part_or_refused() -> None:
    whole = tree()
    for name, text in whole.items():
        for end in range(len(text)):
            notes: list[str] = []
            try:
                found = read(whole | {name: text[:end]}, notes)
            except DataError:  # if both files need it
                continue
            assert {one.label for one in found} <= set("14I")


def test_random_bytes_are_read_in_part_or_refused() -> None:
    source = random.Random(0)  # noqa: S311  a repeatable one
    whole = tree()
    for _ in range(600):
        name = source.choice(sorted(whole))
        damaged = bytearray(whole[name].encode())
        for _ in range(source.randrange(1, 6)):
            place = source.randrange(len(damaged))
            damaged[place : place + source.randrange(4)] = source.randbytes(source.randrange(4))
        try:
            found = read(whole | {name: damaged.decode("latin-1")})
        except DataError:
            continue
        for one in found:
            assert len(one.label) == 1
            assert all(stroke.dtype == np.float32 and stroke.shape[1:] == (2,) for stroke in one.strokes)
            assert all(np.isfinite(stroke).all() and len(stroke) for stroke in one.strokes)


def test_a_tree_is_found_in_a_folder_or_one_below(tmp_path: Path) -> None:
    write_tree(tmp_path / "deep" / "CD", tree())
    assert unipen.tree_in(tmp_path) == {}
    for folder in (tmp_path / "deep", tmp_path / "deep" / "CD"):
        assert set(unipen.tree_in(folder)) == set(tree()) - {"data/7/abc/one.dat"}
