"""What converters chatter while they work is kept off the screen."""

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
    """Keep chatter, also that of C++ on the process's own stdout and stderr, and warnings about NumPy off the screen.

    What goes wrong is raised by the converters, so nothing is lost.
    """
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), caught(1), caught(2):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def caught(descriptor: int) -> Iterator[None]:
    """Let what is written to a file descriptor go nowhere; a file is a sink that every system has."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    kept = os.dup(descriptor)
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), descriptor)
        try:
            yield
        finally:
            os.dup2(kept, descriptor)
            os.close(kept)
