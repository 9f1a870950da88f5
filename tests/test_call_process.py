"""A process that answers calls: what it gives and raises, how it dies, and that it is there again afterwards."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from mnist_cnn.workers.call_process import CallProcess, DiedError
from test_bulk import is_alive, wait_until

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory and copies processes like this")
posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such signals")
# A process that does what a request says: a word, and what belongs to it.
ANSWERS = """
import os, sys, time
from mnist_cnn.workers.call_process import answer_calls, time_limit
class Local(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} {two}")
def answer(request):
    word, value = request
    if word == "add":
        print("what a library prints")
        return value + 1
    if word == "fail":
        raise ValueError(value)
    if word == "fail in a way that cannot be made again":
        raise Local(1, 2)
    if word == "end":
        os._exit(value)
    if word == "sleep":
        with time_limit(0.2):
            time.sleep(value)
        return "awake"
    if word == "take":
        return len(bytearray(value))
def make():
    if sys.argv[1:] == ["broken"]:
        raise KeyError("no model")
    return answer
answer_calls(make, 64 * 2**20)
"""


@pytest.fixture
def process() -> Iterator[CallProcess]:
    made = CallProcess([sys.executable, "-c", ANSWERS])
    yield made
    made.stop()


def test_it_gives_what_the_function_gives_and_raises_what_it_raises(process: CallProcess) -> None:
    assert process.call(("add", 1)) == 2
    with pytest.raises(ValueError, match="so it is") as caught:
        process.call(("fail", "so it is"))
    assert "in answer" in caught.value.__notes__[0]  # where it happened, in the other process
    with pytest.raises(RuntimeError, match="Local: 1 2"):
        process.call(("fail in a way that cannot be made again", None))
    assert process.call(("add", 2)) == 3


def test_it_says_why_it_cannot_start() -> None:
    process = CallProcess([sys.executable, "-c", ANSWERS, "broken"])
    with pytest.raises(KeyError, match="no model"):
        process.start()
    assert process.process is None


def test_a_process_that_ends_is_started_again(process: CallProcess) -> None:
    with pytest.raises(DiedError) as caught:
        process.call(("end", 7))
    assert (caught.value.code, caught.value.too_long) == (7, False)
    assert process.call(("add", 1)) == 2


@posix
def test_what_takes_too_long_ends_it_and_is_told_from_other_deaths(process: CallProcess) -> None:
    assert process.call(("sleep", 0)) == "awake"
    with pytest.raises(DiedError) as caught:
        process.call(("sleep", 60))
    assert caught.value.too_long
    time.sleep(0.3)  # the limit of the first is not one of what comes later
    assert process.call(("add", 1)) == 2


@linux
def test_more_memory_than_it_may_take_is_an_error_and_not_its_end(process: CallProcess) -> None:
    assert process.call(("take", 2**20)) == 2**20
    with pytest.raises(MemoryError):
        process.call(("take", 2**28))
    assert process.call(("add", 1)) == 2


@posix
def test_closing_it_ends_the_wait_of_another_thread(process: CallProcess) -> None:
    process.start()
    assert process.process
    os.kill(process.process.pid, signal.SIGSTOP)  # so that it never answers
    raised: list[BaseException] = []

    def wait() -> None:
        try:
            process.call(("add", 1))
        except DiedError as death:
            raised.append(death)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.2)
    process.close()
    thread.join(30)
    assert len(raised) == 1


FORKS = """
import os, sys, time
from mnist_cnn.workers.call_process import CallProcess, DiedError
loaded = [40]  # what the copy need not load again
def answer(request):
    if request == "end":
        os._exit(3)
    return loaded[0] + request, os.getpid() != parent, os.getpgrp() == os.getpid()
parent = os.getpid()
process = CallProcess(["false"])
process.fork(answer, 2**28)
print(process.call(2))
try:
    process.call("end")
except DiedError as death:
    print(death.code)
process.fork(answer, None)
process.call(1)
pid = process.process.pid
print(pid, flush=True)
sys.stdin.read()
"""


@linux
def test_a_copy_of_this_process_answers_without_loading_anything_and_ends_with_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FORKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "(42, True, True)\n"
        assert parent.stdout.readline() == "3\n"
        child = int(parent.stdout.readline())
        assert is_alive(child)
        parent.kill()
    wait_until(lambda: not is_alive(child), 30)
