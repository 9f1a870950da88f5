"""Answers of several processes to a stream of requests: their order, failures, deaths, and the end."""

import itertools
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterable

import pytest

from mnist_cnn.errors import RunError
from mnist_cnn.workers.made_ahead import made_ahead

# A process that squares numbers, sleeps first where they are even, and does what negative ones say.
ANSWERS = """
import os, time
from mnist_cnn.workers.call_process import answer_calls
def answer(request):
    if request == -1:
        raise ValueError("minus one")
    if request == -2:
        os._exit(3)
    time.sleep(0.05 * (request % 2 == 0))
    return request ** 2, os.getpid()
answer_calls(lambda: answer)
"""


def squares(requests: Iterable[int], processes: int = 1, ahead: int = 4) -> "Generator[tuple[int, int]]":
    return made_ahead([sys.executable, "-c", ANSWERS], requests, processes, ahead)


@pytest.mark.parametrize("processes", [1, 3])
def test_answers_come_in_the_order_of_the_requests_whatever_the_number_of_processes(processes: int) -> None:
    answers = list(squares(range(12), processes))
    assert [square for square, _ in answers] == [number**2 for number in range(12)]
    assert 1 <= len({process for _, process in answers}) <= processes


def test_only_so_many_are_made_ahead_of_endless_requests() -> None:
    asked = []
    requests = (asked.append(number) or number for number in itertools.count())  # type: ignore[func-returns-value]
    answers = squares(requests, 2, ahead=3)
    assert [next(answers)[0] for _ in range(2)] == [0, 1]
    time.sleep(0.3)
    assert len(asked) <= 2 + 1 + 3
    before = threading.active_count()
    answers.close()
    assert threading.active_count() == before - 2


def test_what_a_request_raises_is_raised_where_its_answer_is_wanted() -> None:
    answers = squares([1, -1, 2])
    assert next(answers)[0] == 1
    with pytest.raises(ValueError, match="minus one"):
        next(answers)


def test_what_is_given_comes_first_to_each_process_whenever_it_starts() -> None:
    dies_once = """
import os
from mnist_cnn.workers.call_process import answer_calls
seen = []
def answer(request):
    seen.append(request)
    if request == 2 and not os.path.exists(seen[0]):
        open(seen[0], "w").close()
        os._exit(1)
    return list(seen)
answer_calls(lambda: answer)
"""
    with tempfile.TemporaryDirectory() as folder:
        given = f"{folder}/died"
        answers = list(made_ahead([sys.executable, "-c", dies_once], [1, 2, 3], 1, 2, given))
    assert answers == [[given, 1], [given, 2], [given, 2, 3]]


def test_a_process_that_dies_again_and_again_is_one_sentence() -> None:
    with pytest.raises(RunError, match=r"ended again and again \(exit code 3\): close other programs") as caught:
        list(squares([1, -2, 2], 2))
    assert "\n" not in str(caught.value)
