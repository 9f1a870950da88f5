import numpy as np
import pytest

from mnist_cnn.reading import evidence
from mnist_cnn.reading.evidence import Weights

EVEN = Weights(
    classes=(1.0, 1.0, 1.0),
    alone=(1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    among=(1.0, 0, 0, 0, 0, 4.0, 3.0, -1.0, -2.0),
    line_classes=(1.0, 1.0),
    in_line=(1.0, 0.5, -0.5, -0.5, 0.0),
    on_page=(1.0, 0.5, 0.0),
)


def row_of(count: int, height: float = 20.0, gap: float = 25.0) -> np.ndarray:
    lefts = gap * np.arange(count)
    return np.stack([lefts, np.zeros(count), lefts + 0.6 * height, np.full(count, height)], axis=1)


def test_witnesses_who_agree_are_surer_than_each() -> None:
    one = np.full((1, 10), 0.04)
    one[0, 3] = 0.64
    both = evidence.of_digits((one, one, np.full((1, 10), 0.1)), EVEN)
    assert both.sum() == pytest.approx(1)
    assert both[0, 3] > one[0, 3]


def test_a_digit_beside_its_like_is_likelier_than_alone() -> None:
    sure = np.full(4, 0.9)
    beside = evidence.among(row_of(4), sure)[:, 0]
    apart = evidence.among(row_of(4, gap=2000), sure)[:, 0]
    assert beside.min() > 0.8
    assert apart.max() < 0.1


def test_what_overlaps_is_not_its_own_neighbour() -> None:
    boxes = np.array([[0, 0, 12, 20], [1, 0, 13, 20]], float)
    assert evidence.among(boxes, np.array([0.9, 0.9]))[:, 0].tolist() == [0, 0]


def test_what_is_smaller_or_larger_than_what_is_sure_is_strange() -> None:
    boxes = np.concatenate([row_of(3), row_of(1, height=5), row_of(1, height=80)])
    _, smaller, larger = evidence.among(boxes, np.array([0.99, 0.99, 0.99, 0.1, 0.1])).T
    assert smaller[3] == pytest.approx(np.log(5 / 20), abs=0.15)
    assert larger[4] == pytest.approx(np.log(80 / 20), abs=0.15)
    assert abs(smaller[:3]).max() < 0.2


def test_one_candidate_has_no_neighbour_and_no_stranger() -> None:
    assert evidence.among(row_of(1), np.array([0.5])).tolist() == [[0, 0, 0]]


LETTER, SLASH = 11, 16  # classes of the recogniser; of digit d it is d + 1


def said(*shares: tuple[int, float]) -> np.ndarray:
    """What the recogniser says of one candidate: pairs of a class and its probability."""
    row = np.full((1, 24), 0.001)
    for kind, share in shares:
        row[0, kind] = share
    return row


def test_a_line_that_says_digit_makes_one_likelier_and_a_letter_or_mark_there_less_likely() -> None:
    ten = np.full((1, 10), 0.1)
    results = [
        evidence.in_line(np.array([0.5]), ten, row, EVEN)[0].item()
        for row in (said((1 + 7, 0.9)), said((LETTER, 0.9)), said((SLASH, 0.9)))
    ]
    assert results[0] > 0.5 > max(results[1:])


def test_beside_a_digit_what_is_surely_a_mark_is_none_and_alone_it_may_be_a_digit() -> None:
    slash = said((SLASH, 0.95))
    pair, _ = evidence.in_line(
        np.array([0.99, 0.99]), np.full((2, 10), 0.1), np.concatenate([said((8, 0.9)), slash]), EVEN
    )
    assert pair[0] > 0.9
    assert pair[1] < 0.05
    [alone], _ = evidence.in_line(np.array([0.99]), np.full((1, 10), 0.1), slash, EVEN)
    assert alone > 0.3


def test_of_two_digits_the_line_prefers_the_one_that_it_sees() -> None:
    ten = np.full((1, 10), 0.02)
    ten[0, [1, 7]] = 0.42
    _, digits = evidence.in_line(np.array([0.9]), ten, said((1 + 7, 0.8), (1 + 1, 0.1)), EVEN)
    assert digits.sum() == pytest.approx(1)
    assert digits[0, 7] > 0.8
    _, alone = evidence.in_line(np.array([0.9]), ten, said((1 + 7, 0.8), (1 + 1, 0.1)), EVEN.of_another_model())
    assert alone == pytest.approx(ten)  # another model alone says which digit it is


def test_among_doubtful_candidates_each_is_more_doubtful() -> None:
    lonely, *_ = evidence.on_page(np.array([0.6]), EVEN)
    among_letters, *_ = evidence.on_page(np.array([0.6, 0.1, 0.2, 0.1, 0.05]), EVEN)
    among_digits, *_ = evidence.on_page(np.array([0.6, 0.99, 0.98, 0.99, 0.97]), EVEN)
    assert among_letters < 0.5 < lonely < among_digits
    assert lonely == pytest.approx(0.6)
    assert evidence.on_page(np.zeros(0), EVEN).shape == (0,)


def test_no_candidate_is_no_error() -> None:
    alone = evidence.alone(np.zeros((0, 10)), np.zeros(0), np.zeros((0, 11)), np.zeros(0), np.zeros((0, 10)))
    assert evidence.existence(alone, np.zeros((0, 4)), EVEN).shape == (0,)


def test_what_is_missing_to_a_digit_is_divided_among_the_ten() -> None:
    digits = np.eye(10)[[4]]
    made = evidence.probabilities(np.array([0.6]), digits)
    assert made.sum() == pytest.approx(1)
    assert made[0, 4] == pytest.approx(0.64)
    assert made[0, 0] == pytest.approx(0.04)
