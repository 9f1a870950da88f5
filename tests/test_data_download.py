"""A network that is slow, silent, broken or lying: sockets of this machine play it, through HTTPS_PROXY."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mnist_cnn.data import source

GIVEN_UP_SECONDS = 15

Answer = Callable[[socket.socket], None]
Serve = Callable[[Answer], None]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Let every connection to the network meet this function instead; there is no MNIST on this machine."""
    monkeypatch.delenv("MNIST_CNN_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "keras").mkdir()
    urllib.request.install_opener(None)  # urllib reads HTTPS_PROXY once, when it first opens something
    connections: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def begin(work: Callable[..., None], *arguments: object) -> None:
        threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        threads[-1].start()

    def accept(answer: Answer) -> None:
        with suppress(OSError):  # the listener is closed in the end
            while True:
                connections.append(listener.accept()[0])
                begin(answered, answer, connections[-1])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{listener.getsockname()[1]}")
        yield lambda answer: begin(accept, answer)
        for one in (listener, *connections):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join(timeout=5)
    urllib.request.install_opener(None)


def answered(answer: Answer, connection: socket.socket) -> None:
    with suppress(OSError), connection:  # the client hangs up when it has had enough
        answer(connection)


def wait_for_hang_up(connection: socket.socket) -> None:
    """Say nothing until the other side has gone."""
    while connection.recv(65536):
        pass


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate for the server of MNIST, which Python trusts during the test."""
    path = tmp_path / "certificate.pem"
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=test", "-addext", "subjectAltName=DNS:storage.googleapis.com"]
    files = ["-keyout", str(path), "-out", f"{path}.public"]
    try:
        subprocess.run(["openssl", "req", *kind, *names, *files], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs openssl to make a certificate")
    path.write_text(path.read_text() + Path(f"{path}.public").read_text())
    monkeypatch.setenv("SSL_CERT_FILE", f"{path}.public")
    return path


def answer_over_tls(certificate: Path, *content: bytes, then: Answer = lambda _: None) -> Answer:
    """Play the proxy, then the server that sends this once it has the request."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(connection, server_side=True) as server:
            server.recv(65536)
            server.sendall(b"".join(content))
            then(server)

    return answer


def header(length: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % length


def warning_and_seconds() -> tuple[str, float]:
    started = time.monotonic()
    data = source.load("auto")
    assert data.name == "digits"
    return str(data.warning), time.monotonic() - started


def test_a_proxy_that_refuses_is_reported(serve: Serve) -> None:
    serve(lambda connection: connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"))
    assert "407 Proxy Authentication Required" in warning_and_seconds()[0]


def test_a_proxy_that_hangs_up_is_reported(serve: Serve) -> None:
    serve(lambda connection: connection.close())
    assert "the network cannot be reached: " in warning_and_seconds()[0]


@pytest.mark.usefixtures("serve")
@pytest.mark.parametrize("proxy", ["::::", "http://", "http://127.0.0.1:1"])
def test_a_proxy_that_is_none_is_reported(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert "the network cannot be reached: " in warning_and_seconds()[0]


def test_a_server_without_the_file_is_reported(serve: Serve, certificate: Path) -> None:
    serve(answer_over_tls(certificate, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
    assert "the server answered 404 Not Found" in warning_and_seconds()[0]


def test_a_server_that_cannot_prove_who_it_is_is_not_believed(
    serve: Serve, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    serve(answer_over_tls(certificate, header(0)))
    assert "certificate verify failed" in warning_and_seconds()[0]


@pytest.mark.slow
def test_a_server_that_accepts_and_never_answers_is_given_up(serve: Serve) -> None:
    serve(wait_for_hang_up)
    warning, seconds = warning_and_seconds()
    assert "timed out" in warning
    assert seconds < GIVEN_UP_SECONDS


@pytest.mark.slow
def test_a_server_that_answers_byte_by_byte_is_given_up(serve: Serve) -> None:
    def drip(connection: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 " + b"x" * 100:
            connection.sendall(bytes([byte]))
            time.sleep(1)

    serve(drip)
    warning, seconds = warning_and_seconds()
    assert "no answer from the network within 8 seconds" in warning
    assert seconds < GIVEN_UP_SECONDS


@pytest.mark.slow
@pytest.mark.usefixtures("serve")
def test_a_network_that_drops_packets_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        # Its queue holds one connection; Linux then drops whatever else wants in, as a firewall would.
        waiting = [socket.socket() for _ in range(5)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{full.getsockname()[1]}")
        warning, seconds = warning_and_seconds()
        for one in waiting:
            one.close()
    assert "the network cannot be reached: " in warning
    assert seconds < GIVEN_UP_SECONDS


# What reaches Keras runs in a process of its own: Keras fixes the place of its copy when it is imported, and no test
# may touch the copy of whoever runs it.

LOAD = """if True:
    import json, socket, sys, time
    import keras  # what it takes to import it is no waiting for the network
    from mnist_cnn.data import source
    started = time.monotonic()
    warning = source.load("auto").warning
    json.dump([warning, time.monotonic() - started, socket.getdefaulttimeout()], sys.stdout)"""


def load_in_a_process() -> tuple[str, float, float | None, str]:
    """Warning, seconds and the time limit of new sockets afterwards, read from stdout, and what stood on stderr."""
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True, env=environment)
    return *json.loads(done.stdout), done.stderr  # which fails if there was anything else on stdout


@pytest.mark.slow
def test_a_server_that_stalls_in_mid_download_is_given_up(serve: Serve, certificate: Path, tmp_path: Path) -> None:
    serve(answer_over_tls(certificate, header(11_490_434), b"PK\x03\x04", bytes(10**6), then=wait_for_hang_up))
    warning, seconds, limit, _ = load_in_a_process()
    assert "the download broke off: " in warning
    assert "timed out" in warning
    assert seconds < GIVEN_UP_SECONDS
    assert limit is None
    assert not list(tmp_path.rglob("mnist.npz"))


@pytest.mark.slow
def test_a_download_that_is_cut_short_is_no_data(serve: Serve, certificate: Path, tmp_path: Path) -> None:
    serve(answer_over_tls(certificate, header(11_490_434), bytes(100_000)))
    assert "retrieval incomplete" in load_in_a_process()[0]
    assert not list(tmp_path.rglob("mnist.npz"))


@pytest.mark.slow
def test_a_download_of_something_else_is_no_data_and_is_not_heard_on_stdout(serve: Serve, certificate: Path) -> None:
    serve(answer_over_tls(certificate, header(100_000), bytes(100_000)))
    warning, _, _, stderr = load_in_a_process()
    assert "Incomplete or corrupted file detected" in warning
    assert "━" not in stderr  # nor is a progress bar drawn into a log
