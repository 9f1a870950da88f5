"""The settings of a server, and its fixed limits. Plain data."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from mnist_cnn.reading.network import Classifier
from mnist_cnn.reading.reader import MIN_CONFIDENCE

BODY = 10_000_000  # bytes: the largest request body
BODIES = 256_000_000  # bytes of all requests that are being processed, together
HEAD = 65_536  # bytes: the largest request line and headers
MAX_FILES = 64  # in one request
SMALL = 1_100_000  # pixels: larger images have a queue and a thread of their own
WAIT = 0.6  # seconds: the longest estimated wait for which another small image is queued
BATCH_SIZE = 16  # the largest number of small images read in one batch
SENDING = 10.0  # seconds for a request's head to arrive, then for its body, and for the last response to be fetched
IDLE = 15.0  # seconds that an idle connection is kept open
STOPPING = 15.0  # seconds for requests in flight when the server is stopped


@dataclass(frozen=True)
class Settings:
    """The settings of one server.

    `host` is the numeric address to listen at, `model` as for Reader. With a `token`, requests must send it as a bearer
    token. `allow_origins` are the allowed CORS origins. At most `queue_size` small images wait, twice as many large
    ones, and a request times out after `timeout` seconds.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    model: Path | Classifier | None = None
    min_confidence: float = MIN_CONFIDENCE
    workers: int = 1
    token: str | None = None
    allow_origins: tuple[str, ...] = ()
    queue_size: int = 64
    timeout: float = 10.0

    @property
    def local(self) -> bool:
        """Whether the server listens on this computer only."""
        return ipaddress.ip_address(self.host).is_loopback
