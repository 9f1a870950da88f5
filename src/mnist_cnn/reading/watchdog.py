"""Stops a model that computes too long, and one that computes while the person presses Ctrl-C. Knows no model."""

import os
import select
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

TICK = 0.25  # seconds between two looks at what is running
STOPPING = bytes((signal.SIGINT, signal.SIGTERM))


class OverrunError(Exception):
    """A model computed for longer than it may."""


class Run:
    """One call of ONNX Runtime: its options, which can stop it, how long it may still take, and why it was stopped."""

    __slots__ = ("by_signal", "in_main_thread", "options", "overran", "seconds")

    def __init__(self, options: Any, seconds: float, in_main_thread: bool) -> None:
        self.options = options
        self.seconds = seconds
        self.in_main_thread = in_main_thread
        self.overran = self.by_signal = False

    def stop(self) -> None:
        """Let ONNX Runtime raise before its next node, or in a loop before its next turn."""
        self.options.terminate = True


class Watchdog:
    """A thread that looks at all runs every quarter of a second, and sleeps while there are none.

    It counts its own ticks instead of reading a clock, so that a computer that was asleep, and a process that was
    suspended, do not count as time.

    Python handles a signal only when the call of ONNX Runtime has returned. For as long as a run of the main thread
    lasts, the signal's number is therefore also sent to this thread (`signal.set_wakeup_fd`), which ends the call.
    """

    def __init__(self) -> None:
        self.runs: dict[int, Run] = {}
        self.starting = threading.Lock()
        self.thread: threading.Thread | None = None
        self.sender: socket.socket | None = None

    def watched(self, run: Run, call: Callable[[], Any]) -> Any:
        """The result of the call, which this run can stop."""
        self.runs[id(run)] = run
        if self.thread is None:
            self.start()
        if not self.awake.is_set():
            self.awake.set()
        listens = run.in_main_thread and self.sender is not None and self.listen(self.sender.fileno())
        try:
            return call()
        finally:
            if listens:
                signal.set_wakeup_fd(-1)
            self.runs.pop(id(run), None)

    def listen(self, sender: int) -> bool:
        """Have signals sent to the thread, unless an event loop of the program that we are part of listens to them."""
        earlier = signal.set_wakeup_fd(sender, warn_on_full_buffer=False)
        if earlier != -1:
            signal.set_wakeup_fd(earlier)
        return earlier == -1

    def start(self) -> None:
        """Start the thread, with a way to wake it of its own."""
        with self.starting:
            if self.thread is not None:
                return
            self.awake = threading.Event()
            receiver, self.sender = socket.socketpair()
            receiver.setblocking(False)
            self.sender.setblocking(False)
            self.thread = threading.Thread(target=self.watch, args=(receiver, self.awake), daemon=True)
            self.thread.start()

    def forget(self) -> None:
        """Start anew in a fork, where nothing runs and the thread is gone.

        The socket is closed now: later its number may be that of another file, which would be closed with it.
        """
        self.runs.clear()
        self.thread = None
        if self.sender is not None:
            self.sender.close()
            self.sender = None

    def watch(self, receiver: socket.socket, awake: threading.Event) -> None:
        """What the thread does."""
        while True:
            awake.wait()
            if not self.runs:
                awake.clear()
                if self.runs:  # one that began since the line before the last
                    awake.set()
                continue
            is_told = bool(select.select([receiver], [], [], TICK)[0])
            signals = receiver.recv(4096) if is_told else b""
            for run in list(self.runs.values()):
                if run.in_main_thread and any(one in STOPPING for one in signals):
                    run.by_signal = True
                    run.stop()
                if not is_told:
                    run.seconds -= TICK
                if run.seconds < 0:
                    run.overran = True
                    run.stop()


WATCHDOG = Watchdog()
if hasattr(os, "register_at_fork"):  # a fork has one thread, so nothing else runs in it yet
    os.register_at_fork(after_in_child=WATCHDOG.forget)


def run_limited(
    call: Callable[..., Any], names: list[str], inputs: dict[str, Any], options: Any, seconds: float
) -> Any:
    """The outputs of `InferenceSession.run` with new `RunOptions`; raises what it raises, and OverrunError."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    while True:
        run = Run(options, seconds, in_main_thread)
        try:
            return WATCHDOG.watched(run, lambda: call(names, inputs, options))
        except Exception as error:
            if run.overran:
                raise OverrunError from error
            if not run.by_signal:
                raise
        # Now Python calls the handler of the signal. If that lets the program continue, the call is made again.
        options.terminate = False
