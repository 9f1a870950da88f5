"""Send a server what no client should, and look at each answer: one sentence where it is no reading, and never a fault.

`python tests/faults/fuzz_server.py 600s` does so for ten minutes (`2000`: so many requests), to a server that it starts
itself at 127.0.0.1, and prints one JSON document: answers by route and status, what they said, the longest one in
seconds, and the server's peak memory in MB. A second number is the seed. With `--keep` the smallest request for each
answer goes into corpora/.
"""

import base64
import itertools
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from corpus import Corpus, bound_of, kind_of, without_reason
from fuzz_pictures import damaged, whole_files
from serving import image_of

SECONDS, MEGABYTES = 120.0, 1000  # the first is for machines that do much else
NAME, LARGEST = "requests", 8000
PATIENCE = 0.3  # seconds that an answer is waited for where the request may lack its end
USUAL = {200, 304, 400, 404, 405, 408, 413, 415, 422, 503, 504}
INFER = "/v2/models/digits/infer"
LENGTH = "Inference-Header-Content-Length"
ROUTES = [
    "/v1/read",
    "/v1/read/batch",
    "/v1/explain",
    "/v1/tables",
    INFER,
    "/v2",
    "/healthz",
    "/metrics",
    "/openapi.json",
    "/",
    "/no",
]
QUERIES = [
    "",
    "?single=true",
    "?images=1",
    "?min_confidence=0.9",
    "?min_confidence=nan",
    "?single=x",
    "?grid=9x9",
    "?" + "a=b&" * 99,
]
ODD: list[Any] = [None, True, -1, 0, 1.5, 2**70, 1e308, "", "x", "\0", "é" * 50, [], {}, [[]], {"a": 1}, [0] * 784]

PICTURE = image_of("5")
GOOD = b"POST /v1/read HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % len(
    PICTURE
)
GOOD += PICTURE


@contextmanager
def server() -> Iterator[tuple[subprocess.Popen[str], int, Path]]:
    """A server at a free port: its process, the port, and the file of what it writes."""
    with tempfile.TemporaryDirectory() as place:
        log = Path(place) / "log"
        words = [sys.executable, "-m", "mnist_cnn", "serve", "--port", "0"]
        with log.open("w") as stream:
            process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=stream, text=True)
        try:
            assert process.stdout
            found = re.search(r"http://127\.0\.0\.1:(\d+)/", process.stdout.readline())
            assert found, log.read_text()
            yield process, int(found[1]), log
            process.terminate()
            assert process.wait(60) == 0, log.read_text()[-2000:]
        finally:
            process.kill()
            process.wait()
            assert process.stdout
            process.stdout.close()


class Requests:
    """Requests without end: what clients send, with something wrong."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.pictures = [file for files in whole_files().values() for file in files]
        self.known = [data for data in Corpus(NAME).smallest.values() if data]

    def __iter__(self) -> Iterator[bytes]:
        makers = [self.picture, self.form, self.tensor, self.binary_tensor, self.explain, self.anything]
        for index in itertools.count():
            if self.known and index % 7 == 6:
                request = self.known[self.rng.integers(len(self.known))]
            else:
                request = makers[index % 7 % len(makers)]()
            if self.chance(0.15):
                request = damaged(request, request, self.rng)
            yield request

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def one_of(self, things: Any) -> Any:
        return things[self.rng.integers(len(things))]

    def some_picture(self) -> bytes:
        file: bytes = self.one_of(self.pictures)
        return damaged(file, self.one_of(self.pictures), self.rng) if self.chance(0.7) else file

    def request(self, path: str, body: bytes, headers: dict[str, str], method: str = "POST") -> bytes:
        """A request as bytes; now and then a header is odd, too long, doubled or missing."""
        headers = {"Host": "127.0.0.1", "Content-Length": str(len(body)), "Connection": "close"} | headers
        if self.chance(0.1):
            name = self.one_of(["Host", "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "X"])
            headers[name] = self.one_of(["", "0", "-1", "9" * 30, "chunked", "gzip", "\xff", "x" * 9000, "a/b; q=\0"])
        if self.chance(0.05):
            headers.pop(self.one_of(sorted(headers)))
        head = f"{method} {path}{self.one_of(QUERIES)} HTTP/1.1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return head.encode("latin-1") + b"\r\n" + body

    def picture(self) -> bytes:
        kind = self.one_of(
            ["image/png", "image/jpeg", "application/octet-stream", "", "text/plain", "image/" + "x" * 300]
        )
        return self.request("/v1/read", self.some_picture(), {"Content-Type": kind})

    def form(self) -> bytes:
        boundary = self.one_of(["b", "b" * 200, "-", "é", " "])
        body = b""
        for _ in range(int(self.one_of([0, 1, 1, 2, 3, 65]))):
            name = self.one_of(['name="picture"; filename="a.png"', 'name="x"', 'filename="\xff"', "", 'name="a'])
            body += f"--{boundary}\r\nContent-Disposition: form-data; {name}\r\n\r\n".encode("latin-1")
            body += (self.some_picture() if len(body) < 20_000 else b"x") + b"\r\n"
        body += f"--{boundary}--\r\n".encode("latin-1")
        if self.chance(0.3):
            body = damaged(body, body, self.rng)
        kind = f"multipart/form-data; boundary={boundary}" if self.chance(0.9) else "multipart/form-data"
        return self.request(self.one_of(ROUTES[:2]), body, {"Content-Type": kind})

    def document(self, images: np.ndarray, **more: Any) -> dict[str, Any]:
        """A request of the Open Inference Protocol, now and then with an odd value."""
        tensor: dict[str, Any] = {"name": "images", "datatype": "UINT8", "shape": list(images.shape)} | more
        document: dict[str, Any] = {"id": "7", "inputs": [tensor], "outputs": [{"name": "probabilities"}]}
        document["parameters"] = {"binary_data_output": self.chance(0.5)}
        if self.chance(0.6):
            where = self.one_of([document, tensor, document["outputs"][0], document["parameters"]])
            where[self.one_of([*where, "parameters", "data", "extra"])] = self.one_of(ODD)
        return document

    def images(self) -> np.ndarray:
        return self.rng.integers(0, 256, (int(self.one_of([0, 1, 1, 2, 40])), 28, 28), np.uint8)

    def tensor(self) -> bytes:
        images = self.images()
        document = self.document(images, data=images.ravel().tolist())
        body = json.dumps(document).encode()
        return self.request(INFER, damaged(body, body, self.rng) if self.chance(0.2) else body, {})

    def binary_tensor(self) -> bytes:
        images = self.images()
        size = images.nbytes if self.chance(0.8) else self.one_of(ODD)
        document = self.document(images, parameters={"binary_data_size": size})
        head = json.dumps(document).encode()
        length = str(len(head)) if self.chance(0.8) else self.one_of(["0", "-1", "x", "9" * 30, "1", "\xb2"])
        return self.request(INFER, head + images.tobytes()[: int(self.one_of([10**6, 784, 1]))], {LENGTH: length})

    def explain(self) -> bytes:
        pixels = base64.b64encode(self.rng.bytes(int(self.one_of([784, 784, 783, 0])))).decode()
        body = json.dumps({"image": pixels if self.chance(0.7) else self.one_of(ODD)}).encode()
        return self.request("/v1/explain", damaged(body, body, self.rng) if self.chance(0.2) else body, {})

    def anything(self) -> bytes:
        method = self.one_of(["GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW", "G\0T"])
        path = self.one_of([*ROUTES, "/../../etc/passwd", "//", "/%00", "/\xff", "*", "/v1/read/" + "x" * 5000])
        return self.request(path, self.rng.bytes(int(self.one_of([0, 0, 10, 3000]))), {}, method)


def cut(port: int, request: bytes) -> None:
    """Send what there is of a request, and go away."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection, suppress(OSError):
        connection.sendall(request)


def answer_to(port: int, request: bytes, pieces: int = 1) -> bytes | None:
    """Send a request, at once or slowly in so many pieces, and take the answer; None if there is none."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        size = -(-max(len(request), 1) // pieces)
        with suppress(OSError):  # it has heard enough, and has said why
            for start in range(0, len(request), size):
                connection.sendall(request[start : start + size])
                if pieces > 1:
                    time.sleep(0.02)
        answer = answer_from(connection, PATIENCE if lacks_end(request) else SECONDS)
        if answer and request.startswith(b"HEAD "):  # it has no body; what follows answers what was sent behind it
            return answer.partition(b"\r\n\r\n")[0]
        return answer


def lacks_end(request: bytes) -> bool:
    """Whether a server may wait for more of a request."""
    head, end, body = request.partition(b"\r\n\r\n")
    lengths = re.findall(rb"(?i)content-length: *(\d+)", head)
    return not end or b"chunked" in head.lower() or any(int(length) > len(body) for length in lengths)


def answer_from(connection: socket.socket, patience: float) -> bytes | None:
    """One answer: to its end by Content-Length, or as long as there comes something; None if there is none."""
    connection.settimeout(patience)
    received = b""
    try:
        while more := connection.recv(65_536):
            received += more
            head, end, body = received.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            if end and length and len(body) >= int(length[1]):  # what follows answers what came after the request
                return head + end + body[: int(length[1])]
    except TimeoutError:
        if patience == SECONDS and not received:
            raise AssertionError(f"no answer within {SECONDS} s") from None
    except OSError:
        pass
    return received or None


def outcome_of(answer: bytes | None) -> str:
    """Status and sentence of an answer; AssertionError where it is not as it must be."""
    if answer is None:
        return "no answer: the connection was closed, or the request lacks its end"
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    assert status in USUAL, answer[:2000]
    if status < 400 or not body:  # the answer to HEAD has no body
        return str(status)
    assert b"application/problem+json" in head.lower(), answer[:2000]
    sentence = json.loads(body)["detail"]
    assert sentence.endswith(".") and "\n" not in sentence and "Traceback" not in sentence, sentence  # noqa: PT018
    return f"{status} {without_reason(kind_of(sentence))}"


def peak_megabytes(pid: int) -> float:
    """The most memory that a process has had (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+)", status)[1]) / 1024  # type: ignore[index]


def main(bound: str, seed: int = 0, keep: bool = False) -> dict[str, object]:
    """Send requests, so many or so long; an answer that is not as it must be ends the program."""
    rng, outcomes, ways, longest = np.random.default_rng(seed), Counter[str](), Counter[str](), 0.0
    corpus, (count, seconds), began = Corpus(NAME), bound_of(bound), time.monotonic()
    with server() as (process, port, log):
        for index, request in enumerate(Requests(seed)):
            if index >= count or time.monotonic() - began > seconds:
                break
            start = time.monotonic()
            way = str(rng.choice(["whole", "slow", "cut"], p=[0.85, 0.05, 0.1]))
            ways[way] += 1
            try:
                if way == "cut":
                    cut(port, request[: rng.integers(len(request) + 1)])
                    continue
                outcome = outcome_of(answer_to(port, request, pieces=6 if way == "slow" else 1))
            except Exception as error:
                raise AssertionError(f"request {index} of seed {seed}: {request[:3000]!r}") from error
            longest = max(longest, time.monotonic() - start)
            outcomes[outcome] += 1
            if not lacks_end(request):  # what comes of the others is a matter of time
                corpus.meet(outcome, request)
            if index % 200 == 199:
                assert outcome_of(answer_to(port, GOOD)) == "200", f"after request {index} of seed {seed}"
        memory = peak_megabytes(process.pid)
        if keep:
            corpus.save(lambda request: "" if lacks_end(request) else outcome_of(answer_to(port, request)), LARGEST)
        assert "Traceback" not in log.read_text(), log.read_text()[-5000:]
    assert memory < MEGABYTES, f"the server grew to {memory:.0f} MB"
    return {
        "inputs": ways.total(),
        "ways": dict(ways),
        "longest": longest,
        "megabytes": memory,
        "outcomes": dict(outcomes.most_common()),
    }


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--keep"]
    document = main(words[0], int(words[1]) if len(words) > 1 else 0, keep="--keep" in sys.argv)
    sys.stdout.write(json.dumps(document) + "\n")
