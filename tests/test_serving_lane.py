"""The queue before a thread: what is accepted, what is rejected, what is removed. Needs no server."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from mnist_cnn.serving.lane import BusyError, GoneError, Lane, TooSlowError, wait_for


def slow_squares(numbers: list[int]) -> list[int]:
    """Twenty milliseconds for each."""
    time.sleep(0.02 * len(numbers))
    return [number**2 for number in numbers]


def with_lane(use: Callable[[Lane[int, int]], Any], size: int = 64, batch: int = 2, within: float = 60) -> Any:
    """What a coroutine does with a lane."""

    async def run() -> Any:
        lane: Lane[int, int] = Lane("squares", slow_squares, size, batch, lambda _: None, within)
        lane.start()
        try:
            return await use(lane)
        finally:
            lane.stop()

    return asyncio.run(run())


async def all_at_once(lane: Lane[int, int], count: int) -> list[Any]:
    return await asyncio.gather(*map(lane.do, range(count)), return_exceptions=True)


def test_every_task_gets_its_own_result() -> None:
    assert with_lane(lambda lane: all_at_once(lane, 20)) == [number**2 for number in range(20)]


def test_a_full_queue_rejects_further_tasks() -> None:
    results = with_lane(lambda lane: all_at_once(lane, 20), size=5)
    rejected = [isinstance(result, BusyError) for result in results]
    assert sum(rejected) >= 20 - 5 - 4  # finished tasks make room
    assert all(away or result == number**2 for number, (away, result) in enumerate(zip(rejected, results, strict=True)))


def test_the_queue_is_shorter_if_tasks_take_long() -> None:
    async def use(lane: Lane[int, int]) -> tuple[int, int]:
        before = lane.room()
        await all_at_once(lane, 20)
        return before, lane.room()

    before, after = with_lane(use, within=0.1)
    assert before == 64
    assert 4 <= after <= 16  # twice as many as are done together, at least


def test_a_cancelled_task_is_not_started() -> None:
    async def use(lane: Lane[int, int]) -> list[int]:
        first, *others = [asyncio.ensure_future(lane.do(number)) for number in range(4)]
        await asyncio.sleep(0)
        for other in others:
            other.cancel()
        await first
        return [len(lane.jobs)]

    assert with_lane(use, batch=1) == [0]


def test_waiting_ends_at_a_disconnect_or_a_timeout() -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    async def at_once() -> int:
        return 1

    assert asyncio.run(wait_for(at_once(), never(), 60)) == 1
    with pytest.raises(GoneError):
        asyncio.run(wait_for(never(), at_once(), 60))
    with pytest.raises(TooSlowError):
        asyncio.run(wait_for(never(), never(), 0.01))
