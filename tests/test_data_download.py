"""A network that is slow, silent, broken or lying: sockets of this machine play it, through HTTPS_PROXY."""

import io
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from mnist_cnn.data import download, source
from mnist_cnn.data.contents import NAMES

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


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a second or two for a network that is silent, not eight."""
    monkeypatch.setattr("mnist_cnn.data.download.FIRST_ANSWER_SECONDS", 2.0)
    monkeypatch.setattr("mnist_cnn.data.download.STALL_SECONDS", 1.0)


def test_a_silent_network_is_given_up_within_15_seconds() -> None:
    assert download.FIRST_ANSWER_SECONDS + download.STALL_SECONDS < GIVEN_UP_SECONDS


@pytest.mark.usefixtures("impatient")
def test_a_server_that_accepts_and_never_answers_is_given_up(serve: Serve) -> None:
    serve(wait_for_hang_up)
    warning, seconds = warning_and_seconds()
    assert "timed out" in warning
    assert seconds < GIVEN_UP_SECONDS


@pytest.mark.usefixtures("impatient")
def test_a_server_that_answers_byte_by_byte_is_given_up(serve: Serve) -> None:
    def drip(connection: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 " + b"x" * 100:
            connection.sendall(bytes([byte]))
            time.sleep(0.2)

    serve(drip)
    warning, seconds = warning_and_seconds()
    assert "no answer from the network within 2 seconds" in warning
    assert seconds < GIVEN_UP_SECONDS


@pytest.mark.usefixtures("serve", "impatient")
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


@pytest.mark.usefixtures("impatient")
def test_a_server_that_stalls_in_mid_download_is_given_up(serve: Serve, certificate: Path, tmp_path: Path) -> None:
    serve(answer_over_tls(certificate, header(11_490_434), b"PK\x03\x04", bytes(10**6), then=wait_for_hang_up))
    warning, seconds = warning_and_seconds()
    assert "the download broke off: " in warning
    assert "timed out" in warning
    assert seconds < GIVEN_UP_SECONDS
    assert not list(tmp_path.rglob("mnist.npz"))


def test_a_download_that_drips_for_ever_is_given_up(
    serve: Serve, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes in time, and all of them would take weeks."""
    monkeypatch.setattr("mnist_cnn.data.download.WHOLE_SECONDS", 1.0)

    def drip(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)

    serve(answer_over_tls(certificate, header(11_490_434), bytes(70_000), then=drip))
    warning, seconds = warning_and_seconds()
    assert "the download was not complete within 1 seconds" in warning
    assert seconds < GIVEN_UP_SECONDS
    assert not list(tmp_path.rglob("mnist.npz"))


def test_how_far_a_slow_download_is_can_be_seen(
    serve: Serve, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_cnn.data.download.NOTE_SECONDS", 0.1)
    notes: list[str] = []

    def slowly(connection: socket.socket) -> None:
        for _ in range(5):
            time.sleep(0.15)
            connection.sendall(bytes(10_000))

    serve(answer_over_tls(certificate, header(120_000), bytes(70_000), then=slowly))
    assert source.load("auto", say=notes.append).name == "digits"
    assert "90,000 of 120,000 bytes of MNIST downloaded" in notes


def test_a_download_that_is_cut_short_is_no_data(serve: Serve, certificate: Path, tmp_path: Path) -> None:
    serve(answer_over_tls(certificate, header(11_490_434), bytes(100_000)))
    assert "the download broke off after 100,000 of 11,490,434 bytes" in warning_and_seconds()[0]
    assert not list(tmp_path.rglob("mnist.npz"))


def test_a_download_of_something_else_is_no_data(serve: Serve, certificate: Path, tmp_path: Path) -> None:
    serve(answer_over_tls(certificate, header(100_000), bytes(100_000)))
    assert "what was downloaded is not MNIST: the file is " in warning_and_seconds()[0]
    assert not list(tmp_path.rglob("mnist.npz"))


def test_a_download_that_pickles_is_not_unpickled(serve: Serve, certificate: Path, tmp_path: Path) -> None:
    content = io.BytesIO()
    np.savez(content, **dict.fromkeys(NAMES, np.array([{}], dtype=object)))
    serve(answer_over_tls(certificate, header(len(content.getvalue())), content.getvalue()))
    assert "never unpickled" in warning_and_seconds()[0]
    assert not list(tmp_path.rglob("mnist.npz"))


@pytest.mark.mnist
def test_what_is_downloaded_is_kept_where_keras_keeps_it(
    serve: Serve, certificate: Path, tmp_path: Path, mnist_path: Path
) -> None:
    content = mnist_path.read_bytes()
    serve(answer_over_tls(certificate, header(len(content)), content))
    data = source.load("auto")
    assert (data.name, data.warning) == ("mnist", None)
    assert (tmp_path / "keras" / "datasets" / "mnist.npz").read_bytes() == content
