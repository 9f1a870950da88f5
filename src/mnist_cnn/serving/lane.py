"""A worker thread with a bounded queue, for coroutines: several tasks per batch. Knows nothing of images."""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")
ENDING = 1.0  # seconds to wait for a thread whose work has been stopped


class BusyError(Exception):
    """The queue is full."""


class TooSlowError(Exception):
    """The work timed out."""


class GoneError(Exception):
    """The client disconnected before the result was ready."""


@dataclass(eq=False, frozen=True, slots=True)
class Job(Generic[T, R]):
    """A task and the future of its result; the future is cancelled when the client disconnects."""

    task: T
    future: "asyncio.Future[R | Exception]"


class Lane(Generic[T, R]):
    """One thread with a queue of at most `size` tasks, fewer if they would wait longer than `within` seconds.

    `work` takes up to `batch` tasks at once and gives a result or an exception for each. If it raises for a batch, each
    task is tried alone, and an exception is then its result. `on_length` is called with the queue length whenever it
    changes.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[list[T]], Sequence[R | Exception]],
        size: int,
        batch: int,
        on_length: Callable[[int], object],
        within: float = math.inf,
    ) -> None:
        self.work, self.size, self.batch, self.on_length = work, size, batch, on_length
        self.within, self.pace = within, 0.0  # recent seconds per task
        self.jobs: deque[Job[T, R]] = deque()
        self.changed = threading.Condition()
        self.open = False
        self.thread = threading.Thread(target=self.run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread; must be called in the running event loop."""
        self.loop = asyncio.get_running_loop()
        self.open = True
        self.thread.start()

    def stop(self) -> None:
        """Forget the queued tasks and stop the thread, which ends when the work that it does has ended."""
        with self.changed:
            self.open = False
            self.jobs.clear()
            self.changed.notify()
        self.thread.join(ENDING)

    async def do(self, task: T) -> R:
        """Await the result of one task; raises its exception, or BusyError at once if the queue is full."""
        (result,) = await self.do_all([task])
        if isinstance(result, Exception):
            raise result
        return result

    async def do_all(self, tasks: Sequence[T]) -> list[R | Exception]:
        """Await the results of several tasks; BusyError if they do not all fit. Cancelling removes them."""
        jobs: list[Job[T, R]] = [Job(task, self.loop.create_future()) for task in tasks]
        with self.changed:
            if not self.open or len(self.jobs) + len(jobs) > self.room():
                raise BusyError
            self.jobs.extend(jobs)
            self.on_length(len(self.jobs))
            self.changed.notify()
        try:
            return [await job.future for job in jobs]
        except asyncio.CancelledError:
            self.forget(jobs)
            raise

    @property
    def full(self) -> bool:
        """Whether the queue has no room for another task."""
        return len(self.jobs) >= self.room()

    def room(self) -> int:
        """How many tasks may wait at present."""
        in_time = self.within / self.pace if self.pace else math.inf
        return int(min(self.size, max(2 * self.batch, in_time)))

    def forget(self, jobs: Sequence[Job[T, R]]) -> None:
        """Remove tasks that have not been started."""
        for job in jobs:
            job.future.cancel()
        with self.changed:
            self.jobs = deque(job for job in self.jobs if not job.future.cancelled())
            self.on_length(len(self.jobs))

    def run(self) -> None:
        """Work on the queue until stopped."""
        while jobs := self.next_jobs():
            began = time.perf_counter()
            results = self.results_of([job.task for job in jobs])
            self.pace += 0.2 * ((time.perf_counter() - began) / len(jobs) - self.pace)
            self.loop.call_soon_threadsafe(settle, jobs, results)

    def results_of(self, tasks: list[T]) -> Sequence[R | Exception]:
        """The results of some tasks; an exception of one must not stop the thread or affect the others."""
        try:
            return self.work(tasks)
        except Exception as error:
            return [error] if len(tasks) == 1 else [result for task in tasks for result in self.results_of([task])]

    def next_jobs(self) -> list[Job[T, R]]:
        """Wait for tasks and take the next batch; empty if there are none and no more will come."""
        with self.changed:
            while not self.jobs:
                if not self.open:
                    return []
                self.changed.wait()
            taken = [self.jobs.popleft() for _ in range(min(self.batch, len(self.jobs)))]
            self.on_length(len(self.jobs))
            return taken


def settle(jobs: Sequence[Job[T, R]], results: Sequence[R | Exception]) -> None:
    """Set the results of futures that are still awaited."""
    for job, result in zip(jobs, results, strict=True):
        if not job.future.done():
            job.future.set_result(result)


async def wait_for(work: Awaitable[R], gone: Awaitable[Any], seconds: float) -> R:
    """The result of some work, unless `gone` ends first: the client has disconnected.

    Raises GoneError as soon as that happens, and TooSlowError after `seconds`; work that has not started is cancelled.
    """
    task, left = asyncio.ensure_future(work), asyncio.ensure_future(gone)
    try:
        await asyncio.wait({task, left}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        if left.done():
            raise GoneError
        raise TooSlowError
    finally:
        task.cancel()
        left.cancel()
