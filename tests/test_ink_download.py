"""Downloads of digital ink from a server of this machine: whole, slow, broken, lying, and where a file already is."""

import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ink_texts import as_tar, as_zip, pen_digits, small_pen_digits, tree
from mnist_cnn.cli import app
from mnist_cnn.data import download
from mnist_cnn.data.download import Remote
from mnist_cnn.data.ink import distributions, pendigits
from mnist_cnn.data.ink.collection import load_ink
from mnist_cnn.data.ink.distributions import DISTRIBUTIONS, Distribution, fetch_ink
from mnist_cnn.errors import DataError

__all__ = ["small_pen_digits"]  # a fixture

Answer = Callable[[BaseHTTPRequestHandler], None]
Serve = Callable[[Answer], str]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Let a server answer every request by this function; gives its address."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    urllib.request.install_opener(None)  # urllib reads the proxies once, when it first opens something
    servers: list[ThreadingHTTPServer] = []

    def begin(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with suppress(OSError):  # the client hangs up when it has had enough
                    answer(self)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/file"

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()
    urllib.request.install_opener(None)


def sending(content: bytes, length: int | None = None, then: Answer = lambda _: None) -> Answer:
    """Send this, with a header that promises so many bytes."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content) if length is None else length))
        request.end_headers()
        request.wfile.write(content)
        then(request)

    return answer


def refusing(code: int) -> Answer:
    return lambda request: request.send_error(code)


@pytest.fixture
def archive(small_pen_digits: tuple[str, str]) -> bytes:
    """What UCI would send."""
    tra, tes = small_pen_digits
    return as_zip({"pendigits-orig.tra": tra, "pendigits-orig.tes": tes, "Index": "two files"})


@pytest.fixture
def known(archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make the small Pen-Digits the one that is known here, published at an address."""
    (tmp_path / "copy").write_bytes(archive)
    ink = load_ink([tmp_path / "copy"])

    def at(url: str) -> None:
        remote = Remote(url, "Pen-Digits", 2**20, 5.0)
        small = replace(DISTRIBUTIONS["pendigits"], remote=remote, sha256=ink.sha256, digits=60)
        monkeypatch.setitem(DISTRIBUTIONS, "pendigits", small)

    return at


def fetch(folder: Path, notes: list[str] | None = None, warnings: list[str] | None = None) -> Path:
    said: list[str] = [] if notes is None else notes
    return fetch_ink("pendigits", folder, said.append, ([] if warnings is None else warnings).append)[0]


def refusal(folder: Path) -> str:
    """The sentence with which a download fails; it leaves nothing behind."""
    with pytest.raises(DataError) as caught:
        fetch(folder)
    assert not folder.exists()
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("Pen-Digits could not be downloaded (")
    assert str(caught.value).endswith(" by other means.")
    return str(caught.value)


# What succeeds


def test_what_is_downloaded_is_saved_as_it_came(
    serve: Serve, known: Callable[[str], None], archive: bytes, tmp_path: Path
) -> None:
    known(serve(sending(archive)))
    notes: list[str] = []
    warnings: list[str] = []
    path = fetch(tmp_path / "new" / "ink", notes, warnings)
    assert path == tmp_path / "new" / "ink" / "pendigits.zip"
    assert path.read_bytes() == archive
    assert [one.name for one in path.parent.iterdir()] == ["pendigits.zip"]
    assert notes[0].startswith("Downloading Pen-Digits from http://127.0.0.1:")
    assert "Pen-Digits, pendigits-orig.tra: 40 digits of 4 writers" in notes
    assert warnings == []
    assert len(load_ink([path.parent]).digits) == 60


def test_the_command_says_what_it_saved_and_whose_it_is(
    serve: Serve, known: Callable[[str], None], archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(serve(sending(archive)))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["download", "pendigits", "pendigits"])
    assert done.exit_code == 0
    place = Path("ink", "pendigits.zip")
    assert done.stdout.splitlines() == [
        f"{place}: 60 digits of 6 writers",
        f"Credit: {distributions.PEN_DIGITS.credit}",
    ]
    assert "CC BY 4.0" in done.stdout
    assert "Checking Pen-Digits" in done.stderr
    again = CliRunner().invoke(app, ["download", "pendigits", "--quiet"])
    assert (again.exit_code, again.stdout, again.stderr) == (0, done.stdout, "")


def test_progress_is_said_while_it_is_slow(
    serve: Serve, known: Callable[[str], None], archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "NOTE_SECONDS", 0.05)
    half = len(archive) // 2

    def rest(request: BaseHTTPRequestHandler) -> None:
        for byte in archive[half:]:
            request.wfile.write(bytes([byte]))
            time.sleep(0.5 / (len(archive) - half))

    known(serve(sending(archive[:half], len(archive), rest)))
    notes: list[str] = []
    fetch(tmp_path / "ink", notes)
    assert any(note.endswith(f"of {len(archive):,} bytes of Pen-Digits downloaded") for note in notes)


def test_another_copy_is_kept_with_a_warning(
    serve: Serve, known: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {"tra": pen_digits(4, 40).replace(" 39  9\n", " 39  8\n"), "tes": pen_digits(2, 20)}
    known(serve(sending(as_zip(texts))))
    warnings: list[str] = []
    assert fetch(tmp_path / "ink", warnings=warnings).exists()
    assert len(warnings) == 1
    assert "is not the copy known here: it has 60 digits and 0 other characters" in warnings[0]
    monkeypatch.setattr(pendigits, "TEST", pendigits.Part("tes", 2, 18))
    known(serve(sending(as_zip(texts | {"tes": pen_digits(2, 18)}))))
    assert fetch(tmp_path / "fewer", warnings=warnings).exists()
    assert "it has 58 digits" in warnings[1]


# What fails


@pytest.mark.parametrize("code", [403, 404, 500, 503])
def test_an_error_of_the_server_is_reported(
    serve: Serve, known: Callable[[str], None], tmp_path: Path, code: int
) -> None:
    known(serve(refusing(code)))
    assert f"(the server answered {code} " in refusal(tmp_path / "ink")


def test_no_server_is_reported(known: Callable[[str], None], serve: Serve, tmp_path: Path) -> None:
    serve(refusing(404))  # for its proxies
    known("http://127.0.0.1:1/file")
    assert "(the network cannot be reached: " in refusal(tmp_path / "ink")


def test_a_server_that_never_answers_or_stalls_is_given_up(
    serve: Serve, known: Callable[[str], None], archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "FIRST_ANSWER_SECONDS", 1.5)
    monkeypatch.setattr(download, "STALL_SECONDS", 0.5)
    over = threading.Event()
    started = time.monotonic()
    known(serve(lambda _: over.wait(10) and None))
    assert "timed out" in refusal(tmp_path / "ink")

    def stall(request: BaseHTTPRequestHandler) -> None:
        if not request.headers["Range"]:
            over.wait(10)

    beginning = archive.ljust(70_000, b"x")
    known(serve(sending(beginning, 100_000, stall)))
    assert "(the download broke off: timed out)" in refusal(tmp_path / "ink")
    over.set()
    assert time.monotonic() - started < 10


def test_a_download_that_drips_for_ever_is_given_up(
    serve: Serve, known: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def drip(request: BaseHTTPRequestHandler) -> None:
        while not over.wait(0.05):
            request.wfile.write(b"x")

    known(serve(sending(bytes(70_000), 10**6, drip)))
    slow = DISTRIBUTIONS["pendigits"]
    monkeypatch.setitem(DISTRIBUTIONS, "pendigits", replace(slow, remote=slow.remote._replace(seconds=1.0)))
    started = time.monotonic()
    said = refusal(tmp_path / "ink")
    over.set()
    assert "not complete within 1 seconds" in said or "broke off after" in said
    assert time.monotonic() - started < 10


def test_a_download_that_is_cut_short_is_not_kept(
    serve: Serve, known: Callable[[str], None], archive: bytes, tmp_path: Path
) -> None:
    known(serve(sending(archive[:-10], len(archive))))
    assert f"(the download broke off after {len(archive) - 10:,} of {len(archive):,} bytes)" in refusal(
        tmp_path / "ink"
    )
    known(serve(sending(archive[:-10])))
    assert "what was downloaded is not Pen-Digits: the file is damaged or cut short" in refusal(tmp_path / "ink")


def test_more_than_is_expected_is_not_taken(serve: Serve, known: Callable[[str], None], tmp_path: Path) -> None:
    known(serve(sending(bytes(2**20 + 1))))
    assert "(the server sends more than 1 MiB)" in refusal(tmp_path / "ink")


def test_something_else_is_not_kept(serve: Serve, known: Callable[[str], None], tmp_path: Path) -> None:
    tra, tes = pen_digits(4, 40), pen_digits(2, 20)
    for content, why in (
        (b"<html>Log in to this network</html>", "the file cannot be read, since it holds no digital ink"),
        (b"", "the file cannot be read, since it holds no digital ink"),
        (as_zip({"tra": tra}), "it has 40 digits and 0 other characters of Pen-Digits, and 60 and 0 are expected"),
        (as_tar(tree()), "it has 2 digits and 1 other characters of UNIPEN train_r01_v07, and 60 and 0 are expected"),
        (as_zip({"tra": tra, "tes": tes, **tree()}), "of Pen-Digits, UNIPEN train_r01_v07, and 60 and 0 are expected"),
    ):
        known(serve(sending(content)))
        said = refusal(tmp_path / "ink")
        assert "(what was downloaded is not Pen-Digits: " in said
        assert why in said
        assert "give UNIPEN" not in said


# Where something is


def test_a_file_that_is_already_there_is_checked_and_never_replaced(
    serve: Serve, known: Callable[[str], None], archive: bytes, tmp_path: Path
) -> None:
    known(serve(refusing(500)))
    path = tmp_path / "pendigits.zip"
    path.write_bytes(archive)
    notes: list[str] = []
    assert fetch(tmp_path, notes) == path
    assert notes[0] == f"{path} is already here: it is checked and not downloaded again"
    for content in (b"my notes", as_zip({"tes": pen_digits(2, 20)}), archive[:-1]):
        path.write_bytes(content)
        with pytest.raises(DataError) as caught:
            fetch(tmp_path)
        assert str(caught.value).startswith(f"{path} already exists and is not Pen-Digits (")
        assert str(caught.value).endswith("): move it away, or name another folder.")
        assert path.read_bytes() == content
    path.unlink()
    try:
        path.symlink_to(tmp_path / "nowhere")
    except OSError:
        return  # links cannot be made here
    with pytest.raises(DataError, match="already exists and is not Pen-Digits"):
        fetch(tmp_path)


def test_a_folder_that_cannot_be_is_reported(serve: Serve, known: Callable[[str], None], tmp_path: Path) -> None:
    known(serve(refusing(500)))
    (tmp_path / "file").touch()
    for folder, code in (("file", 1), ("file/below", 1), ("new.zip", 2)):
        done = CliRunner().invoke(app, ["download", "pendigits", "-o", str(tmp_path / folder)])
        assert done.exit_code == code
        assert len(done.stderr.splitlines()) <= 2
    assert [one.name for one in sorted(tmp_path.iterdir())] == ["copy", "file"]


def test_no_other_dataset_can_be_downloaded() -> None:
    done = CliRunner().invoke(app, ["download", "mnist"], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert "'mnist' is not one of 'pendigits', 'unipen'" in done.stderr


@pytest.mark.parametrize("known_one", DISTRIBUTIONS.values(), ids=list(DISTRIBUTIONS))
def test_the_addresses_are_those_of_the_authors(known_one: Distribution) -> None:
    assert known_one.remote.url.startswith(("https://archive.ics.uci.edu/", "https://zenodo.org/"))
    assert "CC BY 4.0" in known_one.credit
    assert "https://doi.org/" in known_one.credit
