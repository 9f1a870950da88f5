"""MNIST through Keras: the copy that Keras keeps, or a new one over the network, which may not answer."""

import io
import os
import queue
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from mnist_cnn.data.container import one_line
from mnist_cnn.data.contents import Arrays
from mnist_cnn.errors import DataError

# From where `keras.datasets.mnist.load_data()` downloads.
URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"

# Together less than 15 seconds, after which nobody should wait for a network any more.
FIRST_ANSWER_SECONDS = 8.0  # until the first 64 KiB are there: name look-up, connection, proxy and server
STALL_SECONDS = 5.0  # without a single byte on an open connection


def kept_copy() -> Path | None:
    """Find the file where Keras keeps MNIST; its contents may be anything. None if there is none.

    The places are those of keras/src/backend/config.py and keras/src/utils/file_utils.py, without importing Keras.
    """
    home = Path(os.path.expanduser(os.environ.get("KERAS_HOME", "~/.keras")))  # noqa: PTH111  the one that never raises
    nearest = home if os.access(home, os.F_OK) else home.parent
    homes = [home] if os.access(nearest, os.W_OK) else [home, Path("/tmp/.keras")]  # noqa: S108  Keras' own choice
    files = [folder / "datasets" / "mnist.npz" for folder in homes]
    return next((file for file in files if os.access(file, os.F_OK)), None)


def fetch(say: Callable[[str], None]) -> Arrays:
    """MNIST as `keras.datasets.mnist.load_data()` downloads it; that verifies the file and keeps it for the next time.

    `say` gets a note for the person. Raises DataError with the reason, a phrase to be put into a sentence, within 15
    seconds of the network's silence.
    """
    say(f"Downloading MNIST (11 MB) from {URL} …")
    if reason := obstacle():
        raise DataError(reason)
    try:
        import keras
    except ImportError as error:
        raise DataError('Keras, which downloads it, is not installed: pip install "mnist-cnn[train]"') from error
    try:
        with progress_on_stderr(), socket_timeout(STALL_SECONDS):
            (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    except Exception as error:  # Keras wraps what it meets in a plain Exception
        raise DataError(f"the download broke off: {one_line(error)}") from error
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def obstacle() -> str | None:
    """Why MNIST's server cannot be reached, or None if it sends data.

    Asked in a thread of its own, since a name look-up that hangs heeds no timeout and cannot be interrupted.
    """
    answer: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=lambda: answer.put(try_server()), daemon=True).start()
    try:
        return answer.get(timeout=FIRST_ANSWER_SECONDS)
    except queue.Empty:
        return f"no answer from the network within {FIRST_ANSWER_SECONDS:g} seconds"


def try_server() -> str | None:
    """Ask the server for the first 64 KiB: None if they come, else what was met, in a phrase."""
    request = urllib.request.Request(URL, headers={"Range": "bytes=0-65535"})
    try:
        with urllib.request.urlopen(request, timeout=STALL_SECONDS) as response:  # noqa: S310  an https address
            response.read(65536)
    except urllib.error.HTTPError as error:
        return f"the server answered {error.code} {error.reason}"
    except Exception as error:  # a thread must not die in silence, whatever a broken proxy makes urllib raise
        return f"the network cannot be reached: {one_line(getattr(error, 'reason', error))}"
    return None


@contextmanager
def progress_on_stderr() -> Iterator[None]:
    """Send Keras' progress bar to stderr, since stdout is for results; if that is no terminal, nowhere."""
    on_screen = sys.stderr is not None and sys.stderr.isatty()
    with redirect_stdout(sys.stderr if on_screen else io.StringIO()):
        yield


@contextmanager
def socket_timeout(seconds: float) -> Iterator[None]:
    """Let every socket that is opened meanwhile give up after so much silence; Keras itself sets no limit."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
