"""What a field is expected to hold, in a few words or as a regular expression. Knows nothing of images."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from mnist_cnn.errors import ReaderError
from mnist_cnn.reading.mark import MARKS
from mnist_cnn.reading.number import value_of

Fits = Callable[[str], bool]

LONGEST = 200  # characters of a pattern
FIRST_YEAR, LAST_YEAR = 1800, 2100  # of a date: of births and deadlines
DECIMALS = re.compile(r"decimal\((\d{1,2})\)")
RANGE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)-(\d{1,9}(?:\.\d{1,6})?)")
COUNTRY = re.compile(r"iban\(([A-Z]{2})\)")
DAY_FIRST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})")
YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
PHONE = re.compile(r"\+?\(?\d+\)?(?:[-/.]?\(?\d+\)?)*")
# Quantifiers on what is itself repeated: a text that fits almost would be tried for ever.
NESTED = re.compile(r"[*+}][^()]*\)(?:[*+]|\{)")
REPEATED = re.compile(r"\{(\d*),?(\d*)\}")
MOST_REPEATED = 64
# Digits of an IBAN of the countries in which it has no letters but those of the country (ISO 13616 registry).
IBAN_DIGITS = {
    "AT": 18, "BE": 14, "CZ": 22, "DE": 20, "DK": 16, "EE": 18, "ES": 22, "FI": 16, "HR": 19, "HU": 26, "IL": 21,
    "IS": 24, "LT": 18, "NO": 13, "PL": 26, "PT": 23, "RS": 20, "SE": 22, "SI": 17, "SK": 22,
}  # fmt: skip
NAMES = "date, phone, integer, decimal(2), 0-20, luhn, isbn, ean, iban(DE) or a regular expression such as \\d{10}"


@dataclass(frozen=True)
class Pattern:
    """What a text must be. Without `marks`, only its digits count, and marks between them are left out."""

    text: str
    fits: Fits
    marks: bool


def pattern_of(text: str) -> Pattern:
    r"""A pattern from text: a name, a range such as `0-20`, a regular expression, or several joined by `&`.

    The names are `date` (of any order, with two digits for the year or four, 1800 to 2100, or only its digits),
    `phone` (5 to 15 digits), `integer`, `decimal(n)` with so many decimals, and check digits: `luhn` (cards), `isbn`,
    `ean`, `iban(DE)` of a country whose IBANs have digits only. A range is of whole numbers, or of decimals if an end has any. A regular
    expression must match all of the text, of digits alone unless it has a mark in it. Raises ReaderError for what is
    none of these.
    """
    if not 0 < len(text) <= LONGEST:
        raise ReaderError(f"A pattern has 1 to {LONGEST} characters (got {len(text)}): use {NAMES}.")
    parts = [one_of(part.strip()) for part in text.split("&")]
    if len(parts) == 1:
        return parts[0]
    with_marks = any(part.marks for part in parts)

    def fits(value: str) -> bool:
        return all(part.fits(value if part.marks else digits_of(value)) for part in parts)

    return Pattern(text, fits, with_marks)


def one_of(text: str) -> Pattern:
    """One pattern; raises as `pattern_of`."""
    named: dict[str, Pattern] = {
        "date": Pattern(text, is_date, True),
        "phone": Pattern(text, is_phone, True),
        "integer": Pattern(text, lambda value: bool(re.fullmatch(r"[-+]?\d+", value)), True),
        "luhn": Pattern(text, is_luhn, False),
        "isbn": Pattern(text, is_isbn, False),
        "ean": Pattern(text, lambda value: len(value) in (8, 13) and is_ean(value), False),
    }
    if text in named:
        return named[text]
    if match := DECIMALS.fullmatch(text):
        count = int(match[1])
        form = re.compile(rf"[-+]?\d+[.,]\d{{{count}}}") if count else re.compile(r"[-+]?\d+")
        return Pattern(text, lambda value: bool(form.fullmatch(value)), True)
    if match := RANGE.fullmatch(text):
        low, high = Decimal(match[1]), Decimal(match[2])
        if low > high:
            raise ReaderError(f"The range {text} is empty: write the smaller number first.")
        return Pattern(text, lambda value: is_within(value, low, high, whole="." not in text), True)
    if match := COUNTRY.fullmatch(text):
        if match[1] not in IBAN_DIGITS:
            raise ReaderError(
                f"IBANs of {match[1]} are not known to have digits only: use one of {', '.join(sorted(IBAN_DIGITS))}."
            )
        return Pattern(text, lambda value: is_iban(value, match[1]), False)
    return expression(text)


def expression(text: str) -> Pattern:
    """A regular expression as a pattern; raises as `pattern_of`."""
    if re.fullmatch(r"[a-z]+(\(.*\))?", text):
        raise ReaderError(f"{text} is no pattern that is known: use {NAMES}.")
    try:
        form = re.compile(text, re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise ReaderError(f"{text} is no regular expression ({error}): use {NAMES}.") from error
    counts = [int(one) for match in REPEATED.finditer(text) for one in match.groups() if one]
    if NESTED.search(text) or "(?" in text or max(counts, default=0) > MOST_REPEATED or re.search(r"\\\d", text):
        raise ReaderError(
            f"{text} might take for ever (repetitions of repetitions, or of more than {MOST_REPEATED}, references, or "
            "(?…)): write a simpler one."
        )
    literal = re.sub(r"\{[^}]*\}|\d-\d", "", text)  # without numbers of repetitions, and ranges of digits
    has_marks = any(mark in literal for mark in ",-/:=×÷%") or any(f"\\{mark}" in text for mark in ".+()")
    return Pattern(text, lambda value: bool(form.fullmatch(value)), has_marks)


def digits_of(text: str) -> str:
    """The text without marks."""
    return "".join(char for char in text if char not in MARKS)


def is_date(text: str) -> bool:
    """Whether it is a day of the calendar, in any usual order, the years written with two or four digits."""
    if match := DAY_FIRST.fullmatch(text):
        return is_day(match[4], match[3], match[1]) or is_day(match[4], match[1], match[3])
    if match := YEAR_FIRST.fullmatch(text):
        return is_day(match[1], match[3], match[4])
    if text.isdigit() and len(text) in (6, 8):
        first, second, last = text[:2], text[2:4], text[4:]
        turned = len(text) == 8 and is_day(text[:4], text[4:6], text[6:])
        return turned or is_day(last, second, first) or is_day(last, first, second)
    return False


def is_day(year: str, month: str, day: str) -> bool:
    """Whether there is such a day, in a year that people write about."""
    whole = int(year) if len(year) == 4 else 2000 + int(year)
    try:
        date(whole, int(month), int(day))
    except ValueError:
        return False
    return FIRST_YEAR <= whole <= LAST_YEAR


def is_phone(text: str) -> bool:
    """Whether it is a telephone number, of 5 to 15 digits (ITU-T E.164 allows 15)."""
    return bool(PHONE.fullmatch(text)) and 5 <= len(digits_of(text)) <= 15


def is_within(text: str, low: Decimal, high: Decimal, *, whole: bool) -> bool:
    """Whether it is a number from `low` to `high`."""
    value = value_of(text)
    if value is None or (whole and not text.isdigit()) or (text[:1] == "0" and text[1:2].isdigit()):
        return False
    return low <= value <= high


def is_luhn(text: str) -> bool:
    """Whether the last digit is that of Luhn's formula (ISO/IEC 7812-1), as of cards."""
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in text[-2::-2]]
    return len(text) > 1 and (sum(doubled) + sum(map(int, text[-1::-2]))) % 10 == 0


def is_ean(text: str) -> bool:
    """Whether the last digit is the check digit of an EAN (GS1): weights 1 and 3, from the right."""
    return len(text) > 1 and (sum(map(int, text[-1::-2])) + 3 * sum(map(int, text[-2::-2]))) % 10 == 0


def is_isbn(text: str) -> bool:
    """Whether it is an ISBN of 13 digits, or one of ten digits without X."""
    if len(text) == 10:
        return sum((10 - place) * int(digit) for place, digit in enumerate(text)) % 11 == 0
    return len(text) == 13 and text.startswith(("978", "979")) and is_ean(text)


def is_iban(text: str, country: str) -> bool:
    """Whether these are the digits of an IBAN of this country: as a number, letters at the end, 1 modulo 97."""
    if len(text) != IBAN_DIGITS[country]:
        return False
    letters = "".join(str(ord(letter) - ord("A") + 10) for letter in country)
    return int(text[2:] + letters + text[:2]) % 97 == 1
