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
SMALL = 1_100_000  # pixels: larger images have a queue and a process of their own
SMALL_BYTES = 2_000_000  # bytes: so are larger files, whose parts alone may take long to go through
SMALL_SECONDS, LARGE_SECONDS = (
    3.0,
    8.0,
)  # seconds: the process that reads is killed if a batch, or an image, takes longer
WAIT = 0.6  # seconds: the longest estimated wait for which another small image is queued
BATCH_SIZE = 16  # the largest number of small images read in one batch
SENDING = 10.0  # seconds for a request's head to arrive, then for its body, and for a response to be fetched
FETCHING = 50_000  # bytes per second at which a response must be fetched after that
PIECES, PIECE = 1000, 256  # chunks that a body may have, and one more for each so many bytes
IDLE = 15.0  # seconds that an idle connection is kept open
STOPPING, ENDING = 11.0, 14.0  # seconds for requests in flight when the server is stopped, and until it ends anyway
TOKEN = "MNIST_CNN_TOKEN"  # noqa: S105  the environment variable
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True)
class Settings:
    """The settings of one server.

    `host` is the numeric address to listen at, `model` as for Reader. With a `token`, requests must send it as a bearer
    token. `allow_origins` are the allowed CORS origins. At most `queue_size` small images wait, twice as many large
    ones, and a request times out after `timeout` seconds. With `access_log`, each request is logged.
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
    access_log: bool = False

    @property
    def local(self) -> bool:
        """Whether the server listens on this computer only."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def hosts(self) -> frozenset[str] | None:
        """The host names that requests may name; None for any, if the server listens on a network."""
        own = f"[{self.host}]" if ":" in self.host else self.host
        return LOCAL_NAMES | {own} if self.local else None
