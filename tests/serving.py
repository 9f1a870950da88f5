"""What the tests of the server share: images, a classifier that waits, and servers with any settings."""

import base64
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from conftest import command_line
from drawing import inked, mask
from mnist_cnn.reading.network import Classifier

for package in ("fastapi", "uvicorn", "prometheus_client", "python_multipart"):
    pytest.importorskip(package, reason=f"the package {package} is not installed")
httpx: Any = pytest.importorskip("httpx", reason="the package httpx is not installed")

Client = httpx.Client
PATIENCE = 120  # seconds: a machine that does much else
PNG = {"Content-Type": "image/png"}
ADDRESS = re.compile(r"Serving at (http://[\d.]+:(\d+)/) \(press Ctrl-C to stop\)\n")


def image_of(text: str) -> bytes:
    """Dark ink on light paper, as a PNG."""
    return bytes(cv2.imencode(".png", inked(mask(text, height=100, pen=9), 235, 40))[1].tobytes())


@contextmanager
def client_of(**settings: Any) -> Iterator[Client]:
    """A client of a server that runs in a thread of this process."""
    from mnist_cnn.serving.app import make_app
    from mnist_cnn.serving.server import Announcing, config_of, listen
    from mnist_cnn.serving.settings import Settings

    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        ready = threading.Event()
        server = Announcing(config_of(make_app(replace(Settings(port=port), **settings))), ready.set)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            assert ready.wait(PATIENCE)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE, trust_env=False) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
            assert not thread.is_alive()


def classifier_over_http(client: Client) -> Classifier:
    """A classifier that asks a server, by the Open Inference Protocol with binary tensors."""

    def classify(images: np.ndarray) -> np.ndarray:
        kind = {"uint8": "UINT8", "float32": "FP32"}[images.dtype.name]
        tensor = {"name": "images", "datatype": kind, "shape": images.shape}
        head = json.dumps(
            {
                "inputs": [tensor | {"parameters": {"binary_data_size": images.nbytes}}],
                "parameters": {"binary_data_output": True},
            }
        ).encode()
        length = "Inference-Header-Content-Length"
        answer = client.post(
            "/v2/models/digits/infer", content=head + images.tobytes(), headers={length: str(len(head))}
        )
        if answer.status_code == 400:
            raise ValueError(answer.json()["error"])
        rest = answer.content[int(answer.headers[length]) :]
        return np.frombuffer(rest, "<f4").reshape(-1, 10)

    return classify


@contextmanager
def serving(folder: Path, *words: object, **how: Any) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server at a free port: its process and its address. Its log is in a folder; `how` it is started may differ."""
    log = (folder / "log").open("w")  # a pipe that nobody empties would stop it
    program = how.pop("program", command_line())
    words = (*program, "serve", "--port", 0, *words)
    started = subprocess.Popen(list(map(str, words)), **{"stdout": subprocess.PIPE, "stderr": log, "text": True} | how)
    with log, started as server:
        assert server.stdout
        try:
            found = ADDRESS.fullmatch(server.stdout.readline())
            assert found, (folder / "log").read_text()
            yield server, found[1]
        finally:
            server.terminate()


class Held:
    """A classifier that answers only when it is let go, and then says 7."""

    def __init__(self) -> None:
        self.begun, self.go, self.calls = threading.Event(), threading.Event(), 0
        self.armed = False

    def __call__(self, images: np.ndarray) -> np.ndarray:
        if self.armed:
            self.calls += 1
            self.begun.set()
            assert self.go.wait(60)
        return np.tile(np.eye(10, dtype=np.float32)[7], (len(images), 1))


def text_of(image: np.ndarray) -> str:
    """An image as base64."""
    return base64.b64encode(image.tobytes()).decode()
