"""The server as its command starts it: the address it prints, how it stops, what it says where it cannot start."""

import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from conftest import Cli
from mnist_cnn.errors import ArtifactError, ServerError
from serving import PATIENCE, PNG, httpx, image_of, serving

pytestmark = pytest.mark.slow


def connected(address: str) -> socket.socket:
    url = httpx.URL(address)
    return socket.create_connection((url.host, url.port), PATIENCE)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_after_finishing_what_is_in_flight(tmp_path: Path, sent: signal.Signals) -> None:
    body = image_of("58")
    started = serving(tmp_path, "--access-log")
    with started as (server, address), connected(address) as connection, connected(address):
        head = f"POST /v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body[:100])
        time.sleep(0.5)
        server.send_signal(sent)
        time.sleep(0.5)
        connection.sendall(body[100:])
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b'"text":"58"' in answer
        assert server.wait(PATIENCE) == 0
        assert server.stdout
        assert server.stdout.read() == ""
    log = (tmp_path / "log").read_text()
    assert '"path": "/v1/read", "status": 200' in log
    assert "Traceback" not in log


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.extended)])
def test_requests_are_logged_only_if_that_is_wanted(tmp_path: Path, workers: int) -> None:
    for words, lines in (((), 0), (("--access-log",), 2)):
        with serving(tmp_path, "--workers", workers, *words) as (_, address):
            assert httpx.get(f"{address}healthz", timeout=PATIENCE).is_success
            assert httpx.get(f"{address}nowhere", timeout=PATIENCE).status_code == 404
        assert len((tmp_path / "log").read_text().splitlines()) == lines


def test_several_workers_answer_count_together_and_end_with_their_parent(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", 2) as (server, address):
        for _ in range(20):  # each on a connection of its own, so that both get some
            assert httpx.post(f"{address}v1/read", content=image_of("5"), headers=PNG, timeout=PATIENCE).is_success
        counts = httpx.get(f"{address}metrics", timeout=PATIENCE).text
        assert 'mnist_cnn_digits_total{digit="5"} 20.0' in counts
        server.kill()
        server.wait()
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            try:
                httpx.get(f"{address}healthz", timeout=1)
            except httpx.ConnectError:
                return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError("the workers go on without their parent")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="what a process has open is not told here")
def test_connections_that_come_together_are_shared_between_workers(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", 2) as (server, address), ExitStack() as stack:
        port = int(address.rstrip("/").rpartition(":")[2])
        before = open_files_of_children(server.pid)
        connections = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(60)]
        for connection in connections:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert all(connection.recv(12) == b"HTTP/1.1 200" for connection in connections)
        taken = [after - some for some, after in zip(before, open_files_of_children(server.pid), strict=True)]
        assert sorted(taken)[-2] >= 6, taken


def open_files_of_children(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [len(list(Path(f"/proc/{child}/fd").iterdir())) for child in children]


def test_several_workers_stop_with_exit_code_0(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", 2) as (server, _):
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_port_that_is_taken_gets_one_sentence_and_exit_code_1(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = cli("serve", "--port", port)
    sentence = f"mnist-cnn: Port {port} on 127.0.0.1 is already in use: choose another port with --port.\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", sentence)


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("nowhere.invalid", "Unknown host"),
        ("a" * 300, "Unknown host"),
        ("192.0.2.1", "is not an address of this computer"),
    ],
)
def test_a_host_that_is_none_gets_one_sentence(host: str, sentence: str) -> None:
    from mnist_cnn.serving.server import listen

    with pytest.raises(ServerError, match=sentence):
        listen(host, 0)


def test_a_network_that_is_none_gets_one_sentence(tmp_path: Path) -> None:
    from mnist_cnn.serving.server import serve
    from mnist_cnn.serving.settings import Settings

    for workers in (1, 2):
        with pytest.raises(ArtifactError, match="cannot be read"):
            serve(Settings(port=0, model=tmp_path / "nowhere.onnx", workers=workers), print)
