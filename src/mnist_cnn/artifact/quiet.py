"""What converters print while they work does not reach the screen."""

import contextlib
import io
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Discard what is printed, also by C++ on the process's own stdout and stderr, and warnings about NumPy.

    Converters raise what goes wrong, so nothing is lost.
    """
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), caught(1), caught(2):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def caught(descriptor: int) -> Iterator[None]:
    """Discard what is written to a file descriptor, in a file: a sink that every system has."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    original = os.dup(descriptor)
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), descriptor)
        try:
            yield
        finally:
            os.dup2(original, descriptor)
            os.close(original)
