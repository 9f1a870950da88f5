"""What several processes make of a stream of requests, in the order of the requests and before it is wanted.

Standard library only; knows nothing of what is made.
"""

import itertools
import queue
import threading
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future
from typing import Any

from mnist_cnn.errors import RunError
from mnist_cnn.workers.call_process import CallProcess, DiedError

TRIES = 3  # for a request that a process dies of
Task = tuple[object, "Future[Any]"]


class Maker(CallProcess):
    """A process whose first request, whenever it starts, is what the others are about, unless that is None."""

    def __init__(self, words: Sequence[str], given: object) -> None:
        super().__init__(words)
        self.given = given

    def start(self) -> None:
        """Start the process unless it runs; raises as `CallProcess.start`, and as `call`."""
        if not self.ready:
            super().start()
            if self.given is not None:
                self.call(self.given)


def made_ahead(
    words: Sequence[str], requests: Iterable[object], processes: int, ahead: int, given: object = None
) -> Generator[Any]:
    """Yield the answer to each request, in their order, while up to `ahead` further ones are being made.

    `words` is the command line of a program that calls `call_process.answer_calls`; so many `processes` run it. Each
    is sent what is `given`, if anything, before its first request. What a request is answered must depend on these two
    alone: then the answers do not depend on the number of processes.
    Closing the generator ends the processes, which otherwise end with this one. Raises what answering a request has
    raised, and RunError if a process dies of one again and again.
    """
    tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
    makers = [Maker(words, given) for _ in range(processes)]
    over = threading.Event()
    threads = [threading.Thread(target=work, args=(maker, tasks, over), daemon=True) for maker in makers]
    for thread in threads:
        thread.start()
    remaining, waiting = iter(requests), deque[Future[Any]]()

    def ask(count: int) -> None:
        for request in itertools.islice(remaining, count):
            waiting.append(Future())
            tasks.put((request, waiting[-1]))

    try:
        ask(ahead + 1)
        while waiting:
            answer = waiting.popleft().result()
            ask(1)
            yield answer
    except DiedError as death:
        raise RunError(
            f"A process that prepares images for the training ended again and again (exit code {death.code}): close "
            "other programs if memory is short, then continue with --resume."
        ) from death
    finally:
        over.set()
        for maker in makers:
            maker.close()
            tasks.put(None)
        for thread in threads:
            thread.join()


def work(maker: Maker, tasks: "queue.SimpleQueue[Task | None]", over: threading.Event) -> None:
    """In a thread: have one process answer tasks until there is None, or until all is over."""
    while task := tasks.get():
        request, answer = task
        if over.is_set():
            continue
        try:
            answer.set_result(maker.call_again(request, TRIES))
        except Exception as error:  # raised where the answer is wanted
            answer.set_exception(error)
    maker.stop()
