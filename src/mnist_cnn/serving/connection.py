"""One client's connection: strict HTTP/1.1, and a deadline for everything that the client has to do."""

import json
from asyncio import BaseTransport, TimerHandle, Transport
from typing import Any, cast

import h11
from h11._receivebuffer import ReceiveBuffer
from uvicorn.protocols.http.h11_impl import H11Protocol

from mnist_cnn.serving.settings import FETCHING, HEAD, PIECE, PIECES, SENDING

DETAIL = "This is not a valid HTTP request."
PROBLEM = json.dumps({"type": "about:blank", "title": "Bad Request", "status": 400, "detail": DETAIL, "error": DETAIL})
BAD_REQUEST = (
    f"HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nContent-Length: {len(PROBLEM)}\r\n"
    f"Connection: close\r\n\r\n{PROBLEM}"
).encode()
FRAMINGS = {b"content-length", b"transfer-encoding"}


class StrictBuffer(ReceiveBuffer):
    """h11's buffer of what has arrived. It rejects heads that a proxy on the way may have understood otherwise.

    Those are lines that end in a line feed alone, and header values in several lines (RFC 9112, 2.2, 5.2).
    """

    def maybe_extract_lines(self) -> list[bytearray] | None:
        """The lines of a head once it is complete; raises h11.LocalProtocolError."""
        before = len(self)
        lines = super().maybe_extract_lines()
        if lines is None:
            return None
        taken = sum(len(line) + 2 for line in lines) + 2
        if before - len(self) != taken or any(line.startswith((b" ", b"\t")) for line in lines):
            raise h11.LocalProtocolError("a bare line feed, or a header in several lines")
        return lines


class StrictHTTP(h11.Connection):
    """h11's state of a connection. It also rejects a body that is framed in two ways, or sent in very many chunks."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER, HEAD)
        self._receive_buffer = StrictBuffer()
        self.chunks = self.bytes = 0

    def next_event(self) -> Any:
        """The next event; raises h11.RemoteProtocolError."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            self.chunks = self.bytes = 0
            if {name for name, _ in event.headers} >= FRAMINGS:
                raise h11.RemoteProtocolError("both Content-Length and Transfer-Encoding")
        elif isinstance(event, h11.Data):
            self.chunks += event.chunk_start
            self.bytes += len(event.data)
            if self.chunks > PIECES + self.bytes // PIECE:
                raise h11.RemoteProtocolError("too many chunks")
        return event


class Connection(H11Protocol):
    """A connection with timeouts.

    For a request's head, for the rest of a body that was rejected, and for a response to be fetched: the next request
    is not looked at before that.
    """

    late: TimerHandle | None = None
    unsent: TimerHandle | None = None
    is_unfetched = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn = StrictHTTP()

    def connection_made(self, transport: BaseTransport) -> None:
        """Start the timer."""
        super().connection_made(transport)  # type: ignore[arg-type]
        cast(Transport, transport).set_write_buffer_limits(high=0)  # so that it is known when all has been sent
        self.watch()

    def data_received(self, data: bytes) -> None:
        """Receive some bytes."""
        super().data_received(data)
        self.watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers."""
        super().connection_lost(exc)
        for timer in (self.late, self.unsent):
            if timer:
                timer.cancel()

    def pause_writing(self) -> None:
        """The client has to fetch what was sent before there can be more: it gets some time for that."""
        super().pause_writing()
        seconds = SENDING + self.transport.get_write_buffer_size() / FETCHING
        self.unsent = self.loop.call_later(seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """All was fetched."""
        super().resume_writing()
        if self.unsent:
            self.unsent.cancel()
            self.unsent = None
        if self.is_unfetched:
            self.is_unfetched = False
            self.on_response_complete()

    def on_response_complete(self) -> None:
        """Wait for the client to fetch the response, then for the next request."""
        if self.flow.write_paused and not self.transport.is_closing():
            self.is_unfetched = True
            return
        super().on_response_complete()
        if self.transport.is_closing() and not self.late:
            self.late = self.loop.call_later(SENDING, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        """Abort the connection: closing would wait for a client that does not fetch its response."""
        self.transport.abort()

    def watch(self) -> None:
        """Run the timer only while no request is being answered."""
        answering = self.is_unfetched or (self.cycle is not None and not self.cycle.response_complete)
        if answering and self.late:
            self.late.cancel()
            self.late = None
        elif not answering and not self.late:
            self.late = self.loop.call_later(SENDING, self.timeout_keep_alive_handler)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (h11's own message is not for users)
        """Answer invalid HTTP with a problem document like any other error, and close."""
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            self.transport.write(BAD_REQUEST)
        self.transport.close()
