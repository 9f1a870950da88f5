"""What people do to a server's connections: send slowly, go away, come all at once, talk nonsense."""

import asyncio
import json
import socket
import time
from collections import Counter
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from drawing import heavy
from serving import PATIENCE, PNG, Client, Held, client_of, image_of

READ = b"POST /v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with client_of() as made:
        yield made


def connected(client: Client) -> socket.socket:
    return socket.create_connection((client.base_url.host, client.base_url.port), PATIENCE)


def all_of(connection: socket.socket) -> bytes:
    """Everything that comes until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def closed(connection: socket.socket) -> bool:
    """Whether the other side has ended it; waits as long as the socket's timeout."""
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def until(condition: object) -> None:
    """Wait until something is so."""
    ends = time.monotonic() + PATIENCE
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < ends
        time.sleep(0.01)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: local"])
def test_a_head_that_does_not_come_is_not_waited_for(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_cnn.serving.connection.SENDING", 0.3)
    with client_of() as client, connected(client) as slow:
        slow.sendall(sent)
        assert all_of(slow) == b""


def test_a_head_that_comes_drop_by_drop_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_cnn.serving.connection.SENDING", 0.5)
    with client_of() as client, connected(client) as slow:
        began = time.monotonic()
        slow.settimeout(0.05)
        while time.monotonic() < began + PATIENCE and not closed(slow):
            slow.send(b"x")
        assert time.monotonic() < began + PATIENCE
        assert client.get("/healthz").status_code == 200


def test_a_body_that_comes_too_slowly_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_cnn.serving.body.SENDING", 0.3)
    monkeypatch.setattr("mnist_cnn.serving.server.IDLE", 1.0)  # seconds for which it is then kept for another request
    with client_of() as client, connected(client) as slow:
        slow.sendall(READ % 1000 + b"x")
        answer = all_of(slow)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"did not arrive within 0.3 s" in answer


def test_a_client_that_sends_slowly_keeps_nobody_else_waiting(client: Client) -> None:
    with connected(client) as slow:
        slow.sendall(READ % 1000 + b"x")
        assert client.post("/v1/read", content=image_of("5"), headers=PNG).json()["text"] == "5"


def test_a_client_that_goes_away_frees_its_place() -> None:
    held = Held()
    with client_of(model=held, queue_size=1) as client:
        held.armed = True
        body = image_of("5")
        with connected(client) as first, connected(client) as second:
            first.sendall(READ % len(body) + body)
            assert held.begun.wait(PATIENCE)
            second.sendall(READ % len(body) + body)
            until(lambda: 'queue_length{queue="small"} 1.0' in client.get("/metrics").text)
        until(lambda: 'queue_length{queue="small"} 0.0' in client.get("/metrics").text)
        held.go.set()
        assert client.post("/v1/read", content=body, headers=PNG).json()["text"] == "7"
        assert held.calls == 2  # the image of the client that left was not read


def test_what_is_no_http_gets_a_problem_too(client: Client) -> None:
    for nonsense in (b"\x16\x03\x01 hello\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 80_000):
        with connected(client) as connection:
            connection.sendall(nonsense)
            head, _, body = all_of(connection).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 400 ")
            assert b"application/problem+json" in head
            assert json.loads(body)["detail"] == "This is not a valid HTTP request."


def test_four_hundred_at_once_are_all_answered_and_hurt_none() -> None:
    with client_of() as client:
        connections = [connected(client) for _ in range(400)]
        body = image_of("52")  # of two digits, for which three networks are needed
        for index, connection in enumerate(connections):
            connection.sendall(
                (READ % len(body) + body) if index % 2 else b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
            )
        statuses = [connection.recv(12) for connection in connections]
        for connection in connections:
            connection.close()
        assert set(statuses[::2]) == {b"HTTP/1.1 200"}
        assert set(statuses[1::2]) <= {b"HTTP/1.1 200", b"HTTP/1.1 503"}
        assert b"HTTP/1.1 503" in statuses  # more than fit into the queue
        assert client.post("/v1/read", content=body, headers=PNG).json()["text"] == "52"


@pytest.mark.slow
@pytest.mark.parametrize("each", [4, pytest.param(20, marks=[pytest.mark.slow, pytest.mark.extended])])
def test_thousands_of_tiny_requests_at_once_hurt_nobody(client: Client, each: int) -> None:
    statuses = Counter(asyncio.run(statuses_of_all_at_once(client, connections=500, each=each)))
    assert statuses.total() == 500 * each
    assert set(statuses) <= {b"415", b"503"}  # not images; for some the queue was full
    assert client.post("/v1/read", content=image_of("5"), headers=PNG).json()["text"] == "5"


async def statuses_of_all_at_once(client: Client, connections: int, each: int) -> list[bytes]:
    """Send so many tiny requests on each connection without waiting for an answer, then take the answers."""

    async def ask() -> list[bytes]:
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write((READ % 1 + b"x") * each)
        statuses = []
        for _ in range(each):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split()[0]))
            statuses.append(head.split()[1])
        writer.close()
        return statuses

    return [status for some in await asyncio.gather(*(ask() for _ in range(connections))) for status in some]


def test_a_large_image_and_a_bomb_do_not_delay_small_ones(client: Client) -> None:
    large = heavy()
    bomb = cv2.imencode(".png", np.zeros((10_001, 10_000), np.uint8))[1].tobytes()
    with connected(client) as first, connected(client) as second:
        first.sendall(READ % len(large) + large)
        second.sendall(READ % len(bomb) + bomb)
        assert second.recv(12) == b"HTTP/1.1 413"
        assert client.post("/v1/read", content=image_of("5"), headers=PNG).json()["text"] == "5"
        first.setblocking(False)
        with pytest.raises(BlockingIOError):
            first.recv(1)
        first.settimeout(PATIENCE)
        assert first.recv(12) == b"HTTP/1.1 200"


def test_the_rest_of_a_rejected_body_is_read_so_that_its_sender_gets_the_error(client: Client) -> None:
    with connected(client) as connection:
        connection.sendall(READ % 30_000_000)
        for _ in range(30):
            connection.sendall(b"x" * 1_000_000)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        first, second = all_of(connection).split(b"HTTP/1.1 ")[1:]
        assert first.startswith(b"413 ")
        assert second.startswith(b"200 ")


def test_an_endless_rejected_body_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_cnn.serving.connection.SENDING", 0.5)
    with client_of() as client, connected(client) as endless:
        endless.sendall(READ % 10**12)
        ends = time.monotonic() + PATIENCE
        answered = endless.recv(12)
        while time.monotonic() < ends:
            try:
                endless.sendall(b"x" * 1000)
                time.sleep(0.02)
            except OSError:
                break
        assert answered == b"HTTP/1.1 413"
        assert time.monotonic() < ends
