"""Numbers: which digits and marks belong together, and the value of what is written."""

import pickle
from decimal import Decimal

import pytest

from mnist_cnn.reading.number import value_of
from readings import HEIGHT, STEP, WIDTH, row_of


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        ("12", ["12"]),
        ("12.50", ["12.50"]),
        ("12 34", ["12", "34"]),
        ("-42", ["-42"]),
        ("7 -42", ["7", "-42"]),
        ("12/05/2024", ["12/05/2024"]),
        ("555-1234", ["555-1234"]),
        ("12:30", ["12:30"]),
        ("85%", ["85%"]),
        ("3+4=7", ["3", "4", "7"]),
        ("3×4÷2=6", ["3", "4", "2", "6"]),
        ("=-5", ["-5"]),
        ("(12)", ["12"]),
        ("(030)123-456", ["030", "123-456"]),
        ("+49", ["+49"]),
        (".5", [".5"]),
        ("12.", ["12"]),
        ("1, 2", ["1", "2"]),
        ("1..2", ["1", ".2"]),
        ("-", []),
        ("50%7", ["50%", "7"]),
    ],
)
def test_marks_belong_to_a_number_or_part_two(written: str, numbers: list[str]) -> None:
    row = row_of(written)
    assert [number.text for number in row.numbers] == numbers
    assert row.text == written


def test_digits_alone_are_what_is_read_without_marks() -> None:
    assert row_of("12.50 -7").digits_text == "12507"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", "12"),
        ("007", "7"),
        ("12.50", "12.50"),
        ("12,5", "12.5"),
        ("-42", "-42"),
        ("+5", "5"),
        (".5", "0.5"),
        ("85%", "0.85"),
        ("12.5%", "0.125"),
        ("0.125", "0.125"),
        ("0,125", "0.125"),
        ("1,234,567", "1234567"),
        ("1.234.567", "1234567"),
        ("1,234.56", "1234.56"),
        ("1.234,56", "1234.56"),
        ("1234,567", "1234.567"),
        # Two values in two countries, or none.
        ("1,234", None),
        ("1.234", None),
        ("-12,345", None),
        ("1,234,56", None),
        ("1,234.567", None),
        ("12?", None),
        ("1?%", None),
        ("12/05/2024", None),
        ("12:30", None),
        ("555-1234", None),
        ("?", None),
        ("", None),
    ],
)
def test_a_number_has_a_value_unless_it_is_ambiguous(text: str, value: str | None) -> None:
    assert value_of(text) == (None if value is None else Decimal(value))


def test_a_number_says_where_it_is_and_how_sure_all_of_it_is() -> None:
    [number] = row_of("12.5", 0.9).numbers
    assert number.confidence == pytest.approx(0.91**3 * 0.9, rel=1e-6)  # of what is missing to 1 each has a tenth
    assert (number.box.left, number.box.top, number.box.width, number.box.height) == (0, 10, 3 * STEP + WIDTH, HEIGHT)
    assert repr(number).startswith("Number('12.5', value 12.5, confidence ")
    document = number.to_dict()
    assert (document["text"], document["value"], [mark["text"] for mark in document["marks"]]) == (
        "12.5",
        "12.5",
        ["."],
    )
    assert document["marks"][0]["after"] == 2


def test_marks_stay_with_a_row_that_goes_to_another_process() -> None:
    row = pickle.loads(pickle.dumps(row_of("1-2")))  # noqa: S301  it was made here
    assert (row.text, row.marks[0].text, len(row)) == ("1-2", "-", 2)
