"""Files of Unix `compress`: some that it made itself, many that an encoder of the test makes, and damaged ones."""

import random
from contextlib import suppress

import pytest

from mnist_cnn.data.ink.unix_compress import MAGIC, unpack

LIMIT = 10**7


def packed(text: bytes, most: int = 16, *, clear_after: int = 0) -> bytes:
    """What `compress -b MOST` makes of a text, but that it empties its table after so many codes and not when full."""
    output, group, codes = bytearray(MAGIC + bytes([0x80 | most])), list[int](), 0
    table = {bytes([byte]): byte for byte in range(256)}
    free, width = 257, 9

    def write(code: int) -> None:
        group.append(code)
        if len(group) == 8:
            flush()

    def flush(whole: bool = True) -> None:
        bits = sum(code << width * index for index, code in enumerate(group))
        size = width if whole else (len(group) * width + 7) // 8
        output.extend(bits.to_bytes(size, "little"))
        group.clear()

    word = b""
    for byte in text:
        longer = word + bytes([byte])
        if longer in table:
            word = longer
            continue
        write(table[word])
        codes += 1
        if free < 1 << most:
            table[longer] = free
            free += 1
            # The other side knows an entry one code later.
            if free > 1 << width and width < most:
                if group:
                    flush()
                width += 1
        if clear_after and codes % clear_after == 0:
            write(256)
            if group:
                flush()
            table = {bytes([byte]): byte for byte in range(256)}
            free, width = 257, 9
        word = bytes([byte])
    if word:
        write(table[word])
    if group:
        flush(whole=False)
    return bytes(output)


# `printf TOBEORNOTTOBEORTOBEORNOT | compress -fc`, ncompress 4.2.4
OWN = bytes.fromhex("1f9d90549e0829f2448a932754020e2ca890a04184")


def test_what_compress_made_is_unpacked() -> None:
    assert unpack(OWN, LIMIT) == b"TOBEORNOTTOBEORTOBEORNOT"
    assert packed(b"TOBEORNOTTOBEORTOBEORNOT") == OWN


@pytest.mark.parametrize("most", [10, 12, 16])
@pytest.mark.parametrize("clear_after", [0, 7, 300, 5000])
def test_texts_of_all_kinds_come_back(most: int, clear_after: int) -> None:
    source = random.Random(0)  # noqa: S311  a repeatable one
    for size, letters in ((0, 1), (1, 1), (2, 1), (5000, 1), (20_000, 2), (30_000, 256), (30_000, 30)):
        text = bytes(source.choices(range(letters), k=size))
        assert unpack(packed(text, most, clear_after=clear_after), LIMIT) == text


def test_no_more_is_unpacked_than_wanted() -> None:
    text = b"a" * 300_000
    small = packed(text)
    assert len(small) < 2000
    assert unpack(small, 1000) == text[:1001]
    assert unpack(small, len(text)) == text


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "does not begin"),
        (MAGIC, "does not begin"),
        (b"\x1f\x8b\x90", "does not begin"),
        (MAGIC + bytes([0x80 | 17]), "codes of 17 bits"),
        (MAGIC + bytes([0x80 | 9]), "codes of 9 bits"),
        (MAGIC + bytes([0x60 | 16]), "codes of 16 bits"),
        (MAGIC + b"\x90\xff\xff", "code 511 is not in its table"),
        (MAGIC + b"\x90\x01\x03", "code 257 is not in its table"),
    ],
)
def test_what_is_no_such_file_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        unpack(content, LIMIT)


def test_damage_is_an_error_or_another_text_and_never_more() -> None:
    source = random.Random(1)  # noqa: S311  a repeatable one
    whole = packed(bytes(source.choices(range(20), k=3000)))
    for _ in range(500):
        damaged = bytearray(whole)
        damaged[source.randrange(3, len(damaged))] ^= 1 << source.randrange(8)
        with suppress(ValueError):
            assert len(unpack(bytes(damaged), 10_000)) <= 10_001


def test_every_beginning_of_a_file_is_the_beginning_of_its_text() -> None:
    text = bytes(random.Random(2).choices(range(20), k=3000))  # noqa: S311  a repeatable one
    whole = packed(text)
    for end in range(3, len(whole)):
        assert text.startswith(unpack(whole[:end], LIMIT))
