"""Many pictures, read on a Ray cluster: rows as `read --json` has them, whatever dies on the way."""

import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from drawing import inked, mask
from mnist_cnn import read_in_parallel
from mnist_cnn.bulk import ray_reading
from mnist_cnn.bulk.chunks import chunks_of, images_in
from mnist_cnn.bulk.job import Columns, ReadingJob, job_for
from mnist_cnn.bulk.ray_reading import free_log
from mnist_cnn.bulk.reader_process import ReaderOptions, document_of
from mnist_cnn.bulk.rows import table_of
from mnist_cnn.errors import ImageError, ReaderError, RunError
from mnist_cnn.workers import ray_cluster
from test_bulk import descendants, is_alive, wait_until

pa = pytest.importorskip("pyarrow")
pytest.importorskip("ray")
pytest.importorskip("pandas")
parquet = pytest.importorskip("pyarrow.parquet")
CLUSTER = """
import os, sys
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
import ray
there = ray.init("local", num_cpus=2, include_dashboard=False, object_store_memory=200 * 2**20, log_to_driver=False)
print(there.address_info["gcs_address"], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A cluster of two cores that all tests share; whoever connects to it needs its token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray_cluster, "PATIENCE", 180)
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        yield from running_cluster()


def running_cluster() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin
    assert process.stdout
    address = process.stdout.readline().decode().strip()
    assert address, "Ray did not start"
    yield address
    process.stdin.close()
    process.wait(timeout=60)
    process.stdout.close()


def png(number: int) -> bytes:
    import io

    stream = io.BytesIO()
    rng = np.random.default_rng(number)
    Image.fromarray(inked(mask(f"{number % 10}", float(rng.integers(25, 60)), 3), 240, 30)).save(stream, "PNG")
    return stream.getvalue()


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The rows of all parts, without what is null."""
    rows = [row for part in sorted(folder.iterdir()) for row in parquet.read_table(part).to_pylist()]
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


def expected(names: list[str | None], pictures: list[Any]) -> list[dict[str, Any]]:
    documents = [document_of(*one) for one in zip(names, read_in_parallel(pictures, 1), strict=True)]
    return [{key: value for key, value in document.items() if value is not None} for document in documents]


@pytest.mark.slow
def test_a_folder_gives_the_rows_of_json_in_order(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("pictures")
    folder.mkdir()
    for number in range(30):
        (folder / f"{number:02}.png").write_bytes(png(number))
    (folder / "05.png").write_bytes(b"nonsense")
    (tmp_path / "empty").mkdir()
    summary = ray_reading.read_on_cluster([folder, "empty"], address, "out.parquet")
    assert (summary.images, summary.failed) == (31, 2)
    names = [str(path) for path in sorted(folder.iterdir())]
    first, *rest = rows_of(tmp_path / "out.parquet")
    assert "contains no images" in first["error"]
    assert rest == expected(names, names)
    assert {path.name for path in tmp_path.iterdir()} == {"pictures", "empty", "out.parquet"}


@pytest.mark.slow
@pytest.mark.extended
def test_every_page_has_a_row(tmp_path: Path, address: str) -> None:
    import io

    pages = [Image.open(io.BytesIO(png(number))) for number in (1, 2, 3)]
    pages[0].save(tmp_path / "a.tiff", save_all=True, append_images=pages[1:])
    pages[1].save(tmp_path / "b.png")
    summary = ray_reading.read_on_cluster([tmp_path / "a.tiff", tmp_path / "b.png"], address, tmp_path / "out")
    assert (summary.images, summary.failed) == (2, 0)
    found = [(Path(row["path"]).name, row["page"], row["pages"], row["text"]) for row in rows_of(tmp_path / "out")]
    assert found == [("a.tiff", 1, 3, "1"), ("a.tiff", 2, 3, "2"), ("a.tiff", 3, 3, "3"), ("b.png", 1, 1, "2")]


@pytest.mark.slow
@pytest.mark.extended
def test_every_picture_of_parquet_files_is_read_once_though_workers_are_killed(tmp_path: Path, address: str) -> None:
    names = [None if number == 7 else f"picture {number}" for number in range(240)]
    pictures = [png(number) for number in range(240)]
    pictures[3] = b""
    source = tmp_path / "in.parquet"
    source.mkdir()
    for part in range(2):
        some = slice(120 * part, 120 * (part + 1))
        images = [{"bytes": one, "path": None} for one in pictures[some]]
        table = pa.table({"name": names[some], "image": images, "label": [0] * 120})
        parquet.write_table(table, source / f"{part}.parquet", row_group_size=20)
    killed = []

    def kill() -> None:
        """One process that reads, and the other's actor."""
        wait_until(lambda: len(readers()) == 2, seconds=120)
        first, second = readers()
        for pid in (first, parent(second)):
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    killer = threading.Thread(target=kill)
    killer.start()
    out = tmp_path / "out.parquet"
    summary = ray_reading.read_on_cluster([source], address, out, path_column="name", bytes_column="image.bytes")
    killer.join()
    assert len(killed) == 2
    assert (summary.images, summary.failed) == (240, 1)
    assert rows_of(out) == expected(names, pictures)
    wait_until(lambda: not readers())


def readers() -> list[int]:
    return [pid for pid in descendants(os.getpid()) if is_alive(pid)]


def parent(pid: int) -> int:
    return int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.slow
@pytest.mark.extended
def test_nothing_is_kept_if_the_cluster_fails(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.png").write_bytes(png(1))
    before = ray_reading.job_for

    def other_version(*args: Any) -> Any:
        from dataclasses import replace

        return replace(before(*args), version="0.0 another")

    monkeypatch.setattr(ray_reading, "job_for", other_version)
    with pytest.raises(RunError, match="another mnist-cnn or another model") as caught:
        ray_reading.read_on_cluster([tmp_path / "one.png"], address, tmp_path / "out.parquet")
    assert "\n" not in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == {"one.png", "out.parquet.log"}


def test_what_cannot_be_read_is_said_before_a_cluster_is_asked(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"name": ["a"], "bytes": ["no bytes"]}), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"nonsense")
    (tmp_path / "c.png").write_bytes(png(1))
    for words, columns, sentence in (
        (["a.parquet", "c.png"], {}, "make two calls"),
        (["-"], {}, "make two calls"),
        (["a.parquet"], {}, "a.parquet has no column path, only name, bytes: name another one with --path-column"),
        (["a.parquet"], {"path_column": "name"}, "The column bytes of .*a.parquet has the type string, not the bytes"),
        (["b.parquet"], {}, r"b.parquet cannot be read \(it is damaged or not Parquet\)"),
        (["nowhere.parquet"], {}, "nowhere.parquet cannot be read"),
    ):
        paths = [word if word == "-" else tmp_path / word for word in words]
        with pytest.raises(ReaderError, match=sentence):
            ray_reading.read_on_cluster(paths, "local", tmp_path / "out", **columns)  # type: ignore[arg-type]
    with pytest.raises(RunError, match=r"c\.png already exists and nothing is overwritten"):
        ray_reading.read_on_cluster([tmp_path / "c.png"], "local", tmp_path / "c.png")


@pytest.mark.parametrize("rows", [300, 1000, 5])
def test_chunks_are_all_of_a_parquet_file_in_order(rows: int, tmp_path: Path) -> None:
    from mnist_cnn.bulk.chunks import chunks_of, images_in
    from mnist_cnn.bulk.job import Columns, job_for
    from mnist_cnn.bulk.reader_process import ReaderOptions

    table = pa.table({"id": range(1000), "bytes": [b"%d" % number for number in range(1000)]})
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=rows)
    job = job_for([str(tmp_path / "a.parquet")], Columns("id", "bytes"), ReaderOptions())
    chunks, count = chunks_of(job, 2)
    assert count == 1000
    assert len(chunks) == sum(-(-min(rows, 1000 - first) // 256) for first in range(0, 1000, rows))
    found = [one for chunk in chunks for some in images_in(chunk, job.columns) for one in zip(*some, strict=True)]
    assert found == [(str(number), b"%d" % number) for number in range(1000)]
    assert all(len(names) <= 64 for chunk in chunks for names, _ in images_in(chunk, job.columns))


def test_rows_hold_what_json_says() -> None:
    from mnist_cnn.bulk.rows import column, table_of

    documents = [*expected(["a", "b"], [png(1), png(2)]), document_of("c", ImageError("no"))]
    rows = table_of(documents).to_pylist()
    assert [{key: value for key, value in row.items() if value is not None} for row in rows] == documents
    assert column(pa.table({"a.b": [1]}), "a.b") == [1]
    assert column(pa.table({"a": [{"b": 1}, None, {"b": 3}]}), "a.b") == [1, None, 3]


def test_names_that_are_not_utf_8_cost_no_other_image() -> None:
    """A file may have any bytes for a name; Parquet takes only UTF-8."""
    names = ["a.png", "\udcff\udcfe\x1b\n.png", "é" * 125 + ".png"]
    options = ReaderOptions()
    job = ReadingJob.from_json(ReadingJob(names, None, [], options, "/", "1").to_json())
    [chunk], count = chunks_of(job, 1)
    assert (count, list(images_in(chunk, None))) == (3, [(names, names)])
    failed = [document_of(name, ImageError(f"{name} cannot be read.")) for name in names]
    rows = table_of(failed).to_pylist()
    assert [row["path"] for row in rows] == ["a.png", "\\udcff\\udcfe\x1b\n.png", names[2]]
    assert rows[1]["error"] == "\\udcff\\udcfe\x1b\n.png cannot be read."


def test_a_parquet_file_whose_name_is_not_utf_8_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match=r"cannot be read \(its name is not UTF-8\): rename it"):
        job_for([f"{tmp_path}/\udcff.parquet"], Columns(), ReaderOptions())


def test_the_log_of_a_cluster_replaces_no_file(tmp_path: Path) -> None:
    assert free_log(tmp_path / "results") == tmp_path / "results.log"
    (tmp_path / "results.log").write_text("mine")
    (tmp_path / "results-2.log").symlink_to("nowhere")
    assert free_log(tmp_path / "results") == tmp_path / "results-3.log"


def test_what_ray_passes_on_from_other_processes_is_not_the_drivers_reason(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "Traceback\nmnist_cnn.errors.RunError: another model\n"
        "\x1b[33m(raylet)\x1b[0m Task MapWorker failed. It will be retried.\n\x1b[36m(MapWorker pid=7)\x1b[0m hello\n\n"
    )
    assert ray_cluster.last_words(log) == "mnist_cnn.errors.RunError: another model"
    log.write_text("\x1b[33m(raylet)\x1b[0m only this\n")
    assert ray_cluster.last_words(log) == "(raylet) only this"
    log.write_text("")
    assert ray_cluster.last_words(log) == ""
