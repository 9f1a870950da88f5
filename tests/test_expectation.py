"""What a row says if it must fit a pattern."""

import pytest

from mnist_cnn.errors import ReaderError
from mnist_cnn.reading.reading import Reading, Row
from readings import STEP, digit, reading_of, row_of


def expected(reading: Reading, pattern: str) -> list[str]:
    return [one.text for one in reading.expected(pattern)]


def test_what_fits_is_taken_as_it_is() -> None:
    [one] = reading_of("12/05/2024").expected("date")
    assert one.text == "12/05/2024"
    assert one.confidence > 0.9


def test_another_digit_is_taken_where_the_most_probable_does_not_fit() -> None:
    row = Row([digit(3, 0), digit(7, STEP, 0.6, {1: 0.35}), *row_of("/12/2024")[0:0]])
    assert expected(Reading((row,), 100, 60), "0-31") == ["31"]
    # 37 is in a larger range, and more probable.
    assert expected(Reading((row,), 100, 60), "0-99") == ["37"]


def test_what_is_too_many_is_left_out_and_what_is_missing_is_a_candidate() -> None:
    doubtful = digit(4, 3 * STEP, 0.55)
    row = Row([digit(1, 0), digit(2, STEP), digit(3, 2 * STEP), doubtful])
    assert expected(Reading((row,), 200, 60), r"\d{3}") == ["123"]
    one = digit(8, STEP, 0.3)
    given = Reading((Row([digit(1, 0), digit(2, 2 * STEP)]),), 200, 60, candidates=(one,))
    assert expected(given, r"\d{3}") == ["182"]
    assert expected(given, r"\d{2}") == ["12"]
    # A candidate far above the row, or of another size, is not of it.
    assert expected(reading_of("12"), r"\d{3}") == ["?"]


def test_marks_count_only_where_the_pattern_has_them() -> None:
    assert expected(reading_of("12.50"), r"\d{4}") == ["1250"]
    assert expected(reading_of("12.50"), "decimal(2)") == ["12.50"]
    assert expected(reading_of("12.50"), "integer") == ["1250"]  # the point was none, perhaps


def test_a_slash_that_was_read_as_a_one_is_a_slash_in_a_date() -> None:
    assert expected(reading_of("25105/2024"), "date") == ["25/05/2024"]


def test_check_digits_find_the_wrong_digit() -> None:
    digits = [digit(int(one), STEP * place) for place, one in enumerate("4006381333937")]
    digits[4] = digit(9, 4 * STEP, 0.7, {3: 0.25})
    digits[12] = digit(7, 12 * STEP, 0.6, {1: 0.35})
    assert expected(Reading((Row(digits),), 500, 60), "ean") == ["4006381333931"[:4] + "3" + "81333931"]


def test_each_row_has_its_own_and_nothing_that_fits_is_a_question_mark() -> None:
    [one, two, three] = reading_of("17", "99", "3").expected("0-20")
    assert (one.text, two.text, three.text) == ("17", "?", "3")
    assert 0.2 < two.confidence < 0.5  # one of the nines might be none
    [none] = reading_of("9999").expected(r"\d{8}")
    assert (none.text, none.confidence) == ("?", 0.0)
    assert reading_of().expected("0-20") == ()


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(ReaderError, match="is no pattern that is known"):
        reading_of("1").expected("number")


def test_a_long_number_is_not_rejected_because_many_texts_fit() -> None:
    # Each digit may be none, and twelve fit as well as thirteen: no single text is probable.
    row = Row([digit(int(one), STEP * place, 0.7) for place, one in enumerate("0220879078")])
    [one] = Reading((row,), 500, 60).expected("phone")
    assert one.text == "0220879078"
    assert one.confidence < 0.5
