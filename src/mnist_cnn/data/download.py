"""MNIST through Keras: Keras' own copy, or a download with time limits."""

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
from typing import TypeVar

from mnist_cnn.data import container
from mnist_cnn.data.container import one_line
from mnist_cnn.data.contents import Arrays, verified_mnist
from mnist_cnn.errors import DataError
from mnist_cnn.system.files import write_whole

T = TypeVar("T")

# Where `keras.datasets.mnist.load_data()` downloads from.
URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
LARGEST = 64 * 2**20  # bytes; the file has 11 million

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
    if reason := in_time(try_server, FIRST_ANSWER_SECONDS, "no answer from the network"):
        raise DataError(reason)
    content = in_time(lambda: download(say), WHOLE_SECONDS, "the download was not complete")
    if isinstance(content, str):
        raise DataError(content)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "mnist.npz"
        file.write_bytes(content)
        try:
            arrays = verified_mnist(container.read(file), "the file")
        except DataError as error:
            sentence = str(error).replace(str(file), "the file").rstrip(".")
            raise DataError(f"what was downloaded is not MNIST: {sentence}") from error
    with suppress(OSError):  # it is then downloaded again next time
        place = places()[-1]
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, content)
    return arrays


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


def try_server() -> str | None:
    """Request the first 64 KiB from the server; returns None, or what went wrong in a phrase."""
    request = urllib.request.Request(URL, headers={"Range": "bytes=0-65535"})
    try:
        with urllib.request.urlopen(request, timeout=STALL_SECONDS) as response:  # noqa: S310  an https address
            response.read(65536)
    except urllib.error.HTTPError as error:
        return f"the server answered {error.code} {error.reason}"
    except Exception as error:  # a thread must not die silently, whatever a broken proxy makes urllib raise
        return f"the network cannot be reached: {one_line(getattr(error, 'reason', error))}"
    return None


def download(say: Callable[[str], None]) -> bytes | str:
    """The whole file, or what went wrong in a phrase; `say` is called with the progress if it takes long."""
    ends = time.monotonic() + WHOLE_SECONDS  # the time limit
    content, said = bytearray(), time.monotonic()
    try:
        with urllib.request.urlopen(URL, timeout=STALL_SECONDS) as response:
            size = response.length
            while len(content) < LARGEST and time.monotonic() < ends and (more := response.read1(2**16)):
                content += more
                if time.monotonic() - said > NOTE_SECONDS:
                    said = time.monotonic()
                    say(
                        f"{len(content):,} of {size:,} bytes of MNIST downloaded" if size else f"{len(content):,} bytes"
                    )
            if size and len(content) < size:
                return f"the download broke off after {len(content):,} of {size:,} bytes"
    except Exception as error:  # as above
        return f"the download broke off: {one_line(getattr(error, 'reason', error))}"
    return bytes(content)
