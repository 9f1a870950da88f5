"""Runs the server: binding the socket, workers, timeouts and graceful shutdown. Knows no routes."""

import errno
import json
import multiprocessing
import signal
import socket
import sys
import threading
from asyncio import BaseTransport, TimerHandle
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import cv2
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.supervisors.multiprocess import Multiprocess

from mnist_cnn.errors import ServerError
from mnist_cnn.serving.app import make_app
from mnist_cnn.serving.request_metrics import share_between_workers
from mnist_cnn.serving.settings import HEAD, IDLE, SENDING, STOPPING, Settings

Announce = Callable[[str], object]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {
        "mnist_cnn.access": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "mnist_cnn.error": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "uvicorn": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
        "asyncio": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
    },
}
DETAIL = "This is not a valid HTTP request."
WAITING = 2048  # connections that wait in the listen queue until they are accepted
PROBLEM = json.dumps({"type": "about:blank", "title": "Bad Request", "status": 400, "detail": DETAIL, "error": DETAIL})
BAD_REQUEST = (
    f"HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nContent-Length: {len(PROBLEM)}\r\n"
    f"Connection: close\r\n\r\n{PROBLEM}"
).encode()


def serve(settings: Settings, announce: Announce) -> None:
    """Serve until Ctrl-C or SIGTERM, then finish the requests in flight; `announce` is called with the URL.

    Raises ServerError if the address cannot be used, and as `make_app`.
    """
    with listen(settings.host, settings.port) as listener, suppress(KeyboardInterrupt):
        host, port = listener.getsockname()[:2]
        settings = replace(settings, host=host, port=port)
        prepare_process()
        ready = partial(announce, f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/")
        if settings.workers == 1:
            Announcing(config_of(make_app(settings)), ready).run([listener])
            return
        make_app(settings)  # so that an error is reported once, not by each worker
        with share_between_workers():
            Workers(config_of(partial(make_worker, settings), settings.workers), [listener], ready).run()


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
    """Tune this process for many small images, and allow as many connections as the system does."""
    cv2.setNumThreads(1)  # for a small image a second thread costs more than it saves, and workers have a core each
    # OpenCV releases the GIL sixty times per image and waits up to this long to get it back from the event loop: with
    # the usual 5 ms an overloaded server read 10% fewer images for the same CPU time.
    sys.setswitchinterval(0.0005)
    if sys.platform != "win32":
        import resource

        with suppress(ValueError, OSError):
            most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def config_of(app: Any, workers: int = 1) -> uvicorn.Config:
    """The uvicorn configuration for an application, or with several workers for a function that makes one."""
    return uvicorn.Config(
        app,
        factory=workers > 1,
        workers=workers,
        backlog=WAITING
        if workers == 1
        else 1,  # accepted at once: a worker must not hold connections that others are free for
        http=Connection,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=LOGGING,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=HEAD,
        timeout_keep_alive=int(IDLE),
        timeout_graceful_shutdown=int(STOPPING),
        timeout_worker_healthcheck=30,
    )


def make_worker(settings: Settings) -> ASGIApp:
    """Make the application of one worker process."""
    prepare_process()
    threading.Thread(target=end_with_parent, daemon=True).start()
    return make_app(settings)


def end_with_parent() -> None:
    """Stop this process when its parent has ended, for whatever reason."""
    if parent := multiprocessing.parent_process():
        parent.join()
        signal.raise_signal(signal.SIGTERM)


class Announcing(uvicorn.Server):
    """A server that announces when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], object]) -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening."""
        await super().startup(sockets)
        self.ready()


class Workers(Multiprocess):
    """Worker processes that share one socket and announce when all are ready. One that dies is restarted."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], ready: Callable[[], object]) -> None:
        super().__init__(config, sockets)
        self.ready = ready

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


class Connection(H11Protocol):
    """A connection with timeouts.

    For a request's head, for the rest of a body that was rejected, and for the response to be fetched.
    """

    late: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Start the timer."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self.watch()

    def data_received(self, data: bytes) -> None:
        """Receive some bytes."""
        super().data_received(data)
        self.watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timer."""
        super().connection_lost(exc)
        if self.late:
            self.late.cancel()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the client to fetch the last response."""
        super().on_response_complete()
        if self.transport.is_closing() and not self.late:
            self.late = self.loop.call_later(SENDING, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        """Abort the connection: closing would wait for a client that does not fetch its response."""
        self.transport.abort()

    def watch(self) -> None:
        """Run the timer only while no request is being answered."""
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering and self.late:
            self.late.cancel()
            self.late = None
        elif not answering and not self.late:
            self.late = self.loop.call_later(SENDING, self.timeout_keep_alive_handler)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (h11's own message is not for users)
        """Answer invalid HTTP with a problem document like any other error, and close."""
        self.transport.write(BAD_REQUEST)
        self.transport.close()
