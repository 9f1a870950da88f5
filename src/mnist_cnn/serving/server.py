"""Runs the server: binding the socket, workers, timeouts and graceful shutdown. Knows no routes."""

import asyncio
import copy
import errno
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors.multiprocess import Multiprocess

from mnist_cnn.errors import ServerError
from mnist_cnn.reading.reader import Reader
from mnist_cnn.serving.app import make_app
from mnist_cnn.serving.connection import Connection
from mnist_cnn.serving.request_metrics import remove_shared_folder, share_between_workers
from mnist_cnn.serving.settings import ENDING, HEAD, IDLE, STOPPING, TOKEN, Settings

log = logging.getLogger("mnist_cnn.error")
Announce = Callable[[str], object]
ACCESS = "mnist_cnn.access"
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(message)s"}},
    "handlers": {"stderr": {"class": "mnist_cnn.serving.log.BackgroundHandler", "formatter": "plain"}},
    "loggers": {
        ACCESS: {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "mnist_cnn.error": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "uvicorn": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
        "asyncio": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
    },
}
WAITING = 2048  # connections that wait in the listen queue until they are accepted
QUIET = 10.0  # seconds between two lines about a lack of file descriptors


def serve(settings: Settings, announce: Announce, warn: Announce = lambda _: None) -> None:
    """Serve until Ctrl-C or SIGTERM, then finish the requests in flight; `announce` is called with the URL.

    `warn` is called with a sentence if anybody on the network may ask. Raises ServerError if the address cannot be
    used or the token is empty, and as `Reader`.
    """
    if settings.token is not None and not settings.token.strip():
        raise ServerError(f"The token is empty: give one with --token or {TOKEN}, or leave both out.")
    with listen(settings.host, settings.port) as listener, suppress(KeyboardInterrupt):
        host, port = listener.getsockname()[:2]
        settings = replace(settings, host=host, port=port)
        if not settings.local and settings.token is None:
            warn(f"Anybody who can reach {host} may use this server: require a token with --token or {TOKEN}.")
        Reader(settings.model, settings.min_confidence)  # so that an error is reported once, not by each process
        prepare_process()
        ready = partial(announce, f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/")
        if settings.workers == 1:
            Announcing(config_of(make_app(settings), access_log=settings.access_log), ready).run([listener])
            return
        os.environ["PYTHONSAFEPATH"] = "1"  # workers must not import what lies in the working directory
        with share_between_workers():
            config = config_of(partial(make_worker, settings), settings.workers, access_log=settings.access_log)
            Workers(config, [listener], ready).run()


def listen(host: str, port: int) -> socket.socket:
    """Bind a socket; raises ServerError if that is not possible."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ServerError(f"Unknown host {host!r}: use 127.0.0.1, 0.0.0.0 or a name of this computer.") from error
    family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        reasons = {
            errno.EADDRINUSE: f"Port {port} on {host} is already in use: choose another port with --port.",
            errno.EADDRNOTAVAIL: f"{host} is not an address of this computer: use 127.0.0.1, or 0.0.0.0 for all.",
            errno.EACCES: f"No permission to use port {port}: choose one above 1023 with --port.",
        }
        raise ServerError(
            reasons.get(
                error.errno or 0,
                f"Cannot listen on {host}:{port} ({error.strerror}): choose another address with --host and --port.",
            )
        ) from error
    return listener


def prepare_process() -> None:
    """Allow this process as many connections as the system does."""
    if sys.platform != "win32":
        import resource

        with suppress(ValueError, OSError):
            most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def config_of(app: Any, workers: int = 1, *, access_log: bool = False) -> uvicorn.Config:
    """The uvicorn configuration for an application, or with several workers for a function that makes one."""
    logging_config = copy.deepcopy(LOGGING)
    if access_log:
        logging_config["loggers"][ACCESS]["level"] = "INFO"
    return uvicorn.Config(
        app,
        factory=workers > 1,
        workers=workers,
        # Accepted at once: a worker must not hold connections that others are free for, and without file descriptors
        # asyncio complains once for each. `listen` is called again with the true length.
        backlog=1,
        http=Connection,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=logging_config,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=HEAD,
        timeout_keep_alive=int(IDLE),
        timeout_graceful_shutdown=int(STOPPING),
        timeout_worker_healthcheck=30,  # a machine that does much else
    )


def make_worker(settings: Settings) -> ASGIApp:
    """Make the application of one worker process."""
    prepare_process()
    threading.Thread(target=end_with_parent, daemon=True).start()
    return make_app(settings)


def end_with_parent() -> None:
    """Stop this process when its parent has ended, for whatever reason, and remove what that has left."""
    if parent := multiprocessing.parent_process():
        parent.join()
        remove_shared_folder()
        signal.raise_signal(signal.SIGTERM)


def end_anyway() -> None:
    """End this process and those that read for it, some seconds from now, whatever they do by then."""

    def end() -> None:
        if multiprocessing.parent_process() is None:
            remove_shared_folder()
        os._exit(1)

    timer = threading.Timer(ENDING, end)
    timer.daemon = True
    timer.start()


class Announcing(uvicorn.Server):
    """A server that announces when it is ready, and ends in time when it is stopped."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], object]) -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening."""
        asyncio.get_running_loop().set_exception_handler(Complaints())
        await super().startup(sockets)
        for listener in sockets or []:
            listener.listen(WAITING)
        self.ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop."""
        super().handle_exit(sig, frame)
        end_anyway()


class Complaints:
    """An exception handler of the event loop that says once in ten seconds that there are no file descriptors left."""

    def __init__(self) -> None:
        self.said = -QUIET

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log what the event loop complains about."""
        if getattr(context.get("exception"), "errno", None) not in (errno.EMFILE, errno.ENFILE):
            loop.default_exception_handler(context)
        elif loop.time() >= self.said + QUIET:
            self.said = loop.time()
            log.error("No file descriptors are left for further connections: raise the limit (ulimit -n).")


class Workers(Multiprocess):
    """Worker processes that share one socket and announce when all are ready. One that dies is restarted."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], ready: Callable[[], object]) -> None:
        super().__init__(config, sockets)
        self.ready = ready
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.stop)

    def stop(self, number: int, _: FrameType | None) -> None:
        """Begin to stop: what this process is just waiting for may take a while."""
        self.signal_queue.append(number)
        end_anyway()

    def init_processes(self) -> None:
        """Start all workers."""
        super().init_processes()
        if all(process.wait_until_ready(60, self.should_exit) for process in self.processes):
            self.lengthen_queue()
            self.ready()

    def keep_subprocess_alive(self) -> None:
        """Restart workers that died."""
        super().keep_subprocess_alive()
        self.lengthen_queue()

    def lengthen_queue(self) -> None:
        """Lengthen the listen queue, which the last worker to start has shortened to what it accepts at once."""
        for listener in self.sockets:
            listener.listen(WAITING)

    def join_all(self) -> None:
        """Wait for the workers to end; what has not ended in time is killed."""
        ends = time.monotonic() + ENDING
        for process in self.processes:
            process.process.join(max(0.0, ends - time.monotonic()))
            if process.process.is_alive():
                process.process.kill()
                process.process.join()
