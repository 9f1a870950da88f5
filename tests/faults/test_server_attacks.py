"""Clients that read nothing, send ambiguous HTTP or costly images, and what else might keep a server from others."""

import asyncio
import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conftest import command_line, seconds_to_start
from drawing import heavy
from mnist_cnn.errors import ImageError, ServerError
from mnist_cnn.serving.body import Budget
from mnist_cnn.serving.gate import Gate
from mnist_cnn.serving.request_metrics import Metrics
from mnist_cnn.serving.server import listen, serve
from mnist_cnn.serving.settings import Settings
from mnist_cnn.serving.work import ImageTask, Options, TooLarge, WorkProcess
from serving import PATIENCE, PNG, Client, client_of, httpx, image_of, serving
from tally import note
from test_bulk import is_alive, wait_until

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such signals")
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists a process's children like this")
READ = b"POST /v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
API = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
OPTIONS = Options(single=True, min_confidence=0.5)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with client_of() as made:
        yield made


def unread(client: Client, sent: bytes) -> socket.socket:
    """A connection that takes in next to nothing and has sent something."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((client.base_url.host, client.base_url.port))
    connection.setblocking(False)
    ends = time.monotonic() + 1
    while sent and time.monotonic() < ends:
        try:
            sent = sent[connection.send(sent) :]
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:
            break
    return connection


def rest_of(connection: socket.socket) -> bytes:
    """What the system still has, until the end or the break of the connection."""
    connection.setblocking(True)
    connection.settimeout(PATIENCE)
    received = bytearray()
    with contextlib.suppress(ConnectionError):
        while some := connection.recv(65_536):
            received += some
    connection.close()
    return bytes(received)


def count(client: Client, route: str) -> float:
    """How many requests for a route have been answered."""
    text = client.get("/metrics").text
    return sum(map(float, re.findall(rf'mnist_cnn_requests_total\{{route="{route}",.*\}} (.+)', text)))


# Clients that do not read


@linux
def test_a_client_that_fetches_nothing_is_cut_off_and_asks_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_cnn.serving.connection.SENDING", 1.0)
    monkeypatch.setattr("mnist_cnn.serving.connection.FETCHING", 10**9)
    with client_of() as client:
        connections = [unread(client, API * 2000) for _ in range(3)]
        answered = -1
        while answered != (answered := count(client, "/openapi.json")):
            time.sleep(3)  # longer than a response may wait
        assert 0 < answered < 3 * 1000  # as many as the system itself takes in
        for one in connections:
            assert 0 < rest_of(one).count(b"HTTP/1.1 200 OK") < 1000
        assert count(client, "/openapi.json") == answered  # cut off before they began to read
        assert client.post("/v1/read", content=image_of("5"), headers=PNG).json()["text"] == "5"
    note("clients that fetch no response", 3, "cut off; others are answered")


@linux
def test_no_request_is_begun_before_the_last_response_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = Budget(1_000_000)
    monkeypatch.setattr("mnist_cnn.serving.app.Budget", lambda: budget)
    body = b"x" * 900_000
    with client_of() as client:
        attacker = unread(client, API * 1500 + READ + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        for _ in range(20):
            assert budget.left == 1_000_000  # nothing of the large request is in memory
            assert client.post("/v1/read", content=image_of("5"), headers=PNG).json()["text"] == "5"
        attacker.close()


def test_the_budget_is_free_again_before_a_response_is_sent() -> None:
    budget, seen = Budget(1_000_000), list[int]()

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001  ASGI's signature
        budget.hold(scope, 400_000)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(_: Any) -> None:
        seen.append(budget.left)  # as long as this takes, the client is waited for

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    asyncio.run(Gate(app, Metrics(), budget)(scope, None, send))  # type: ignore[arg-type]
    assert seen == [1_000_000, 1_000_000]


@linux
def test_a_client_that_fetches_slowly_gets_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_cnn.serving.connection.SENDING", 1.0)
    images = np.zeros((3000, 28, 28), np.uint8)
    tensor = {"name": "images", "datatype": "UINT8", "shape": images.shape}
    head = json.dumps({"inputs": [tensor | {"parameters": {"binary_data_size": images.nbytes}}]}).encode()
    request = (
        b"POST /v2/models/digits/infer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Inference-Header-Content-Length: %d\r\nContent-Length: %d\r\n\r\n" % (len(head), len(head) + images.nbytes)
    )
    with client_of() as client, socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((client.base_url.host, client.base_url.port))
        slow.settimeout(PATIENCE)
        slow.sendall(request + head + images.tobytes())
        received = slow.recv(1000)
        time.sleep(2)  # longer than for a small response
        while some := slow.recv(65_536):
            received += some
        length = int(re.findall(rb"content-length: (\d+)", received.lower())[0])
        assert len(received.partition(b"\r\n\r\n")[2]) == length


# HTTP that a proxy may understand otherwise, and bodies in tiny pieces


def answer_to(client: Client, sent: bytes) -> bytes:
    """All that comes back until the server closes the connection."""
    with socket.create_connection((client.base_url.host, client.base_url.port), PATIENCE) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


HOST = b"Host: localhost\r\n"
AMBIGUOUS = {
    "two framings": READ + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET ",
    "folded header": b"GET /healthz HTTP/1.1\r\n" + HOST + b"X-One: a\r\n b\r\n\r\n",
    "header folded with a tab": b"GET /healthz HTTP/1.1\r\n" + HOST + b"X-One: a\r\n\tb\r\n\r\n",
    "line feeds alone": b"GET /healthz HTTP/1.1\nHost: localhost\n\n",
    "one line feed alone": b"GET /healthz HTTP/1.1\r\nHost: localhost\nX-One: a\r\n\r\n",
    "a line feed alone at the end": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\n",
    "a trailer with a line feed alone": READ + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-One: a\n\r\n",
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_ambiguous_http_is_rejected(name: str, client: Client) -> None:
    received = answer_to(client, AMBIGUOUS[name])
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b"HTTP/1.1 ") == 1
    assert b'"detail": "This is not a valid HTTP request."' in received
    note("ambiguous HTTP", 1, "rejected")


def chunked(body: bytes, size: int) -> bytes:
    """A body in chunks of one size."""
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def test_a_body_in_chunks_is_read_unless_they_are_tiny_and_many(client: Client) -> None:
    head = READ + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    image = image_of("58")
    for size in (len(image) // 500, 4096):
        assert b'"text":"58"' in answer_to(client, head + chunked(image, size))
    attacks = []
    for _ in range(3):
        attacks.append(socket.create_connection((client.base_url.host, client.base_url.port), PATIENCE))
        attacks[-1].setblocking(False)
        tiny = head + chunked(b"x" * 300_000, 1)
        with contextlib.suppress(BlockingIOError):
            attacks[-1].send(tiny)
    began = time.process_time()  # of the server as well, which is in this process
    assert client.get("/healthz").status_code == 200
    assert time.process_time() - began < 2
    for attack in attacks:
        attack.setblocking(True)
        attack.settimeout(PATIENCE)
        assert attack.recv(12) == b"HTTP/1.1 400"
        attack.close()


def test_a_long_id_is_not_repeated(client: Client) -> None:
    tensor = {"name": "images", "datatype": "UINT8", "shape": [1, 28, 28], "data": [0] * 784}
    for length, status in ((1000, 200), (1001, 400)):
        answer = client.post("/v2/models/digits/infer", json={"id": "x" * length, "inputs": [tensor]})
        assert answer.status_code == status


# Costly images


def test_only_formats_that_people_send_are_read(client: Client) -> None:
    page = np.full((64, 64), 255, np.uint8)
    sent = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "PPM", "TIFF", "AVIF")
    for kind, status in (*((kind, 200) for kind in sent), ("JPEG2000", 415), ("TGA", 415), ("PCX", 415), ("ICO", 415)):
        stream = io.BytesIO()
        Image.fromarray(page).save(stream, kind)
        assert client.post("/v1/read", content=stream.getvalue(), headers=PNG).status_code == status, kind


@posix
def test_the_process_that_reads_is_killed_and_replaced_if_an_image_takes_too_long() -> None:
    work = WorkProcess(None, seconds=0.25)
    try:
        with pytest.raises(ImageError, match=r"The image takes longer than 0.25 s to read: crop it or shrink it\."):
            work.large(ImageTask(heavy(), OPTIONS))
        assert work.small([ImageTask(image_of("5"), OPTIONS)])[0].text == "5"
        assert isinstance(work.small([ImageTask(heavy(), OPTIONS)])[0], TooLarge)
        assert isinstance(work.small([ImageTask(image_of("5") + b"\0" * 2_000_000, OPTIONS)])[0], TooLarge)
    finally:
        work.stop()


def children(pid: int) -> list[int]:
    """The processes that another one has started."""
    return [int(one) for task in Path(f"/proc/{pid}/task").glob("*/children") for one in task.read_text().split()]


@linux
def test_processes_that_are_killed_are_replaced_and_cost_one_answer_at_most(tmp_path: Path) -> None:
    with serving(tmp_path) as (server, address):
        first = children(server.pid)
        assert len(first) == 2
        for one in first:
            os.kill(one, signal.SIGKILL)
        for _ in range(3):
            answer = httpx.post(f"{address}v1/read", content=image_of("5"), headers=PNG, timeout=PATIENCE)
            assert answer.json()["text"] == "5"
        answer = httpx.post(f"{address}v1/read", content=heavy(), headers=PNG, timeout=PATIENCE)
        assert answer.status_code == 200
        assert not set(first) & set(children(server.pid))
        server.kill()
        server.wait()
        assert "Traceback" not in (tmp_path / "log").read_text()


@linux
@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.faults)])
def test_it_ends_within_fifteen_seconds_whatever_its_processes_do(tmp_path: Path, workers: int) -> None:
    with serving(tmp_path, "--workers", workers) as (server, address):
        alone = [server.pid] if workers == 1 else [one for one in children(server.pid) if len(children(one)) > 1]
        reading = [child for one in alone for child in children(one)]
        assert len(reading) >= 2 * workers
        url = httpx.URL(address)
        body = image_of("5")
        with socket.create_connection((url.host, url.port), PATIENCE) as waiting:
            for one in reading:
                os.kill(one, signal.SIGSTOP)  # so that nothing that is sent is ever answered
            waiting.sendall(READ + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            time.sleep(0.5)
            began = time.monotonic()
            server.send_signal(signal.SIGTERM)
            server.wait(PATIENCE)
            assert time.monotonic() - began < 15 + 10 * seconds_to_start()
        wait_until(lambda: not any(is_alive(one) for one in [*alone, *reading]), 30)
    note("a server stopped while nothing that it does ends", 1, "ended, with all its processes, within 15 s")


# What it runs on


@linux
def test_a_log_that_nobody_reads_delays_nobody(tmp_path: Path) -> None:
    with serving(tmp_path, stderr=subprocess.PIPE) as (server, address), httpx.Client(timeout=PATIENCE) as client:
        for _ in range(400):
            assert client.get(f"{address}{'x' * 1000}").status_code == 404
        server.terminate()
        assert server.stderr
        server.stderr.close()
        assert server.wait(PATIENCE) == 0


@linux
def test_a_lack_of_file_descriptors_is_one_line_and_passes(tmp_path: Path) -> None:
    limited = ["bash", "-c", 'ulimit -n 64; exec "$@"', "bash", *command_line("serve", "--port", 0)]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(limited, stdout=subprocess.PIPE, stderr=log, text=True) as server,
    ):
        try:
            assert server.stdout
            port = int(re.findall(r":(\d+)/", server.stdout.readline())[0])
            crowd = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(120)]
            time.sleep(3)
            lines = (tmp_path / "log").read_text().splitlines()
            assert len(lines) == 1
            assert "No file descriptors are left for further connections" in lines[0]
            for one in crowd:
                one.close()
            wait_until(lambda: httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE).status_code == 200, 30)
        finally:
            server.terminate()


@linux
def test_nothing_is_left_of_the_counts_of_a_server_that_was_killed(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with serving(tmp_path, "--workers", 2, env=os.environ | {"TMPDIR": str(scratch)}) as (server, _):
        assert len(list(scratch.glob("mnist-cnn-*/*.db"))) > 1
        server.kill()
        server.wait()
        wait_until(lambda: not list(scratch.glob("mnist-cnn-*")), 30)


@linux
def test_workers_run_nothing_that_lies_in_the_working_directory(tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    planted.mkdir()
    for name in ("multiprocessing", "cv2", "mnist_cnn", "uvicorn", "struct"):
        (planted / f"{name}.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')\nraise SystemExit(1)\n")
    program = Path(sys.executable).with_name("mnist-cnn")  # Python's -m would look in the working directory itself
    with serving(tmp_path, "--workers", 2, cwd=planted, program=[str(program)]) as (_, address):
        assert httpx.get(f"{address}healthz", timeout=PATIENCE).status_code == 200
        assert httpx.post(f"{address}v1/read", content=image_of("5"), headers=PNG, timeout=PATIENCE).status_code == 200
    assert not (tmp_path / "executed").exists()


# Who may ask


@pytest.mark.parametrize("token", ["", "  "])
def test_an_empty_token_is_no_token_and_is_refused(token: str) -> None:
    with pytest.raises(ServerError, match="The token is empty: give one with --token or MNIST_CNN_TOKEN"):
        serve(Settings(port=0, token=token), print)


def test_an_empty_token_in_the_environment_is_refused() -> None:
    done = subprocess.run(
        command_line("serve", "--port", 0, "--host", "0.0.0.0"),  # noqa: S104
        env=os.environ | {"MNIST_CNN_TOKEN": ""},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "The token is empty" in done.stderr


@posix
@pytest.mark.parametrize(
    ("words", "warned"),
    [(["--host", "0.0.0.0"], True), (["--host", "0.0.0.0", "--token", "secret"], False), ([], False)],  # noqa: S104
)
def test_a_server_for_a_network_without_a_token_says_so(words: list[str], warned: bool, tmp_path: Path) -> None:
    with serving(tmp_path, *words):
        said = (tmp_path / "log").read_text()
    assert ("Anybody who can reach 0.0.0.0 may use this server" in " ".join(said.replace("│", " ").split())) is warned


@linux
def test_a_server_answers_at_the_address_that_it_announces(tmp_path: Path) -> None:
    with listen("127.0.0.2", 0):
        pass  # this computer has the address
    with serving(tmp_path, "--host", "127.0.0.2") as (_, address):
        assert address.startswith("http://127.0.0.2:")
        assert httpx.get(f"{address}healthz", timeout=PATIENCE).status_code == 200
        assert httpx.get(f"{address}healthz", headers={"Host": "evil.example"}, timeout=PATIENCE).status_code == 400
