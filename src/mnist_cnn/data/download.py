"""Downloads with time limits, and MNIST through Keras: Keras' own copy, or such a download."""

import os
import queue
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from mnist_cnn import __version__
from mnist_cnn.data import container
from mnist_cnn.data.container import one_line
from mnist_cnn.data.contents import Arrays, verified_mnist
from mnist_cnn.errors import DataError
from mnist_cnn.system.files import write_whole

T = TypeVar("T")


class Remote(NamedTuple):
    """A file on the network: what it is called in messages, the most bytes that are taken, and the seconds it has."""

    url: str
    what: str
    largest: int
    seconds: float


# Where `keras.datasets.mnist.load_data()` downloads from.
URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
LARGEST = 64 * 2**20  # bytes; the file has 11 million

WHO_ASKS = {"User-Agent": f"mnist-cnn/{__version__}"}  # some archives of data refuse Python's own name

# Together less than 15 seconds: longer is too long for a network that does not respond.
FIRST_ANSWER_SECONDS = 8.0  # until the first 64 KiB have arrived: name look-up, connection, proxy and server
STALL_SECONDS = 5.0  # without a single byte on an open connection
NOTE_SECONDS = 3.0  # between two progress messages
WHOLE_SECONDS = 600.0  # for the whole file: 20 kB per second


def keras_copy() -> Path | None:
    """Keras' own copy of MNIST, unverified; None if there is none."""
    return next((file for file in places() if os.access(file, os.F_OK)), None)


def places() -> list[Path]:
    """Where Keras looks for its copy of MNIST.

    As in keras/src/backend/config.py and keras/src/utils/file_utils.py, without importing Keras.
    """
    home = Path(os.path.expanduser(os.environ.get("KERAS_HOME", "~/.keras")))  # noqa: PTH111  the one that never raises
    nearest = home if os.access(home, os.F_OK) else home.parent
    homes = [home] if os.access(nearest, os.W_OK) else [home, Path("/tmp/.keras")]  # noqa: S108  Keras' own choice
    return [folder / "datasets" / "mnist.npz" for folder in homes]


def fetch(say: Callable[[str], None]) -> Arrays:
    """Download MNIST from where `keras.datasets.mnist.load_data()` does; verified, and saved where Keras looks for it.

    `say` is called with progress messages. Raises DataError with the reason, a phrase for a sentence: after 15 seconds
    without a response, and after ten minutes in any case.
    """
    say(f"Downloading MNIST (11 MB) from {URL} …")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:  # Windows deletes no file in use
        file = Path(scratch) / "mnist.npz"
        get(Remote(URL, "MNIST", LARGEST, WHOLE_SECONDS), file, say)
        try:
            arrays = verified_mnist(container.read(file), "the file")
        except DataError as error:
            raise DataError(f"what was downloaded is not MNIST: {about_the_file(error, file)}") from error
        with suppress(OSError):  # it is then downloaded again next time
            place = places()[-1]
            place.parent.mkdir(parents=True, exist_ok=True)
            write_whole(place, file.read_bytes())
    return arrays


def about_the_file(error: DataError, file: Path) -> str:
    """What is wrong with a downloaded file, as a phrase without its path, which is a temporary one."""
    return str(error).replace(str(file), "the file").rstrip(".")


def get(remote: Remote, file: Path, say: Callable[[str], None]) -> None:
    """Download into a file; `say` is called with the progress.

    Raises DataError with the reason, a phrase for a sentence: after 15 seconds without a response, and at the latest
    when its time is up. The file may then have a part of it.
    """
    if reason := in_time(lambda: try_server(remote.url), FIRST_ANSWER_SECONDS, "no answer from the network"):
        raise DataError(reason)
    if reason := in_time(lambda: download(remote, file, say), remote.seconds, "the download was not complete"):
        raise DataError(reason)


def in_time(work: Callable[[], T], seconds: float, late: str) -> T | str:
    """The result of some work, or a phrase that it was too late.

    It runs in a thread of its own, since a name look-up that hangs ignores timeouts and cannot be interrupted.
    """
    answer: queue.SimpleQueue[T] = queue.SimpleQueue()
    threading.Thread(target=lambda: answer.put(work()), daemon=True).start()
    try:
        return answer.get(timeout=seconds)
    except queue.Empty:
        return f"{late} within {seconds:g} seconds"


def try_server(url: str) -> str | None:
    """Request the first 64 KiB from a server; returns None, or what went wrong in a phrase."""
    request = urllib.request.Request(url, headers=WHO_ASKS | {"Range": "bytes=0-65535"})  # noqa: S310  our addresses
    try:
        with urllib.request.urlopen(request, timeout=STALL_SECONDS) as response:  # noqa: S310
            response.read(65536)
    except urllib.error.HTTPError as error:
        return f"the server answered {error.code} {error.reason}"
    except Exception as error:  # a thread must not die silently, whatever a broken proxy makes urllib raise
        return f"the network cannot be reached: {one_line(getattr(error, 'reason', error))}"
    return None


def download(remote: Remote, file: Path, say: Callable[[str], None]) -> str | None:
    """Write the whole file; returns None, or what went wrong in a phrase. Its progress is said if it takes long."""
    ends = time.monotonic() + remote.seconds
    done, said = 0, time.monotonic()
    request = urllib.request.Request(remote.url, headers=WHO_ASKS)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=STALL_SECONDS) as response, file.open("wb") as stream:  # noqa: S310
            size = response.length
            while time.monotonic() < ends and (more := response.read1(2**16)):
                done += stream.write(more)
                if done > remote.largest:
                    return f"the server sends more than {remote.largest // 2**20} MiB"
                if time.monotonic() - said > NOTE_SECONDS:
                    said = time.monotonic()
                    say(f"{done:,} of {size:,} bytes of {remote.what} downloaded" if size else f"{done:,} bytes")
            if size and done < size:
                return f"the download broke off after {done:,} of {size:,} bytes"
    except Exception as error:  # as above
        return f"the download broke off: {one_line(getattr(error, 'reason', error))}"
    return None
