"""Patterns: what fits a date, a telephone number, a range, a check digit or a regular expression."""

import time

import pytest

from mnist_cnn.errors import ReaderError
from mnist_cnn.reading.patterns import pattern_of

FIT = [
    ("date", ["12/05/2024", "31.12.99", "2024-02-29", "12/31/2024", "31122024", "20241231", "010203"]),
    ("phone", ["030123456", "+49(30)123-456", "(555)123-4567", "12345"]),
    ("integer", ["12", "-7", "007"]),
    ("decimal(1)", ["12.5", "12,5", "-0.5"]),
    ("decimal(0)", ["12"]),
    ("0-20", ["0", "7", "20"]),
    ("0.5-1.5", ["0.5", "1", "1,25"]),
    ("luhn", ["4111111111111111", "79927398713"]),  # the usual examples
    ("isbn", ["9780306406157", "0306406152"]),
    ("ean", ["4006381333931", "73513537"]),
    ("iban(DE)", ["89370400440532013000"]),
    (r"\d{10}", ["1234567890"]),
    (r"\d\d", ["12"]),
    ("[1-4]+", ["1234"]),
    (r"\d{3}-\d{4}", ["555-1234"]),
    (r"\d+\.\d\d", ["1.25"]),
    (r"\d{8}&date", ["31122024"]),
    (r"\d{16} & luhn", ["4111111111111111"]),
]
DO_NOT = [
    (
        "date",
        ["31/02/2024", "12/05-2024", "2023-02-29", "13/13/13", "1234", "99999999", "12/05/0224", "12.05.2204", ""],
    ),
    ("phone", ["1234", "1234567890123456", "-12345", "12345-"]),
    ("integer", ["1.5", ""]),
    ("decimal(1)", ["12", "12.55"]),
    ("0-20", ["21", "007", "1.5", "-1", ""]),
    ("0.5-1.5", ["0.4", "2"]),
    ("luhn", ["4111111111111112", "0", ""]),
    ("isbn", ["9780306406158", "0306406151", "4006381333931"]),
    ("ean", ["4006381333932", "400638133393"]),
    ("iban(DE)", ["89370400440532013001", "8937040044053201300"]),
    (r"\d{10}", ["123456789", "12345678901"]),
    (r"\d{16} & luhn", ["79927398713"]),
]


@pytest.mark.parametrize(("pattern", "texts"), FIT)
def test_what_fits(pattern: str, texts: list[str]) -> None:
    assert [text for text in texts if not pattern_of(pattern).fits(text)] == []


@pytest.mark.parametrize(("pattern", "texts"), DO_NOT)
def test_what_does_not_fit(pattern: str, texts: list[str]) -> None:
    assert [text for text in texts if pattern_of(pattern).fits(text)] == []


@pytest.mark.parametrize(
    ("pattern", "marks"),
    [(r"\d{3}", False), (r"\d{3}-\d\d", True), (r"\d+\.\d", True), ("[0-9]+", False), ("date", True), ("luhn", False)],
)
def test_marks_count_only_where_a_pattern_has_any(pattern: str, marks: bool) -> None:
    assert pattern_of(pattern).marks == marks


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("", "has 1 to 200 characters"),
        ("1" * 201, "has 1 to 200 characters"),
        ("dates", "is no pattern that is known"),
        ("decimal(x)", "is no pattern that is known"),
        ("20-0", "The range 20-0 is empty"),
        ("iban(GB)", "IBANs of GB are not known to have digits only"),
        ("[", "is no regular expression"),
        ("(", "is no regular expression"),
        (r"(\d+)+", "might take for ever"),
        (r"(\d{1,9}){9}", "might take for ever"),
        (r"\d{1000}", "might take for ever"),
        (r"(\d)\1", "might take for ever"),
        (r"(?=1)\d", "might take for ever"),
    ],
)
def test_what_is_no_pattern_is_refused_in_a_sentence(pattern: str, sentence: str) -> None:
    with pytest.raises(ReaderError, match=sentence):
        pattern_of(pattern)


def test_no_pattern_takes_long() -> None:
    begin = time.perf_counter()
    for pattern in (r"\d*\d*\d*\d*x", r"[0-9]+[0-9]+[0-9]+x", r"\d{0,64}\d{0,64}x"):
        assert not pattern_of(pattern).fits("1" * 40)
    assert time.perf_counter() - begin < 5
