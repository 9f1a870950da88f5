"""Links planted where something is going to be written: what they lead to is neither overwritten nor deleted."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import mnist_cnn
from mnist_cnn.artifact import store
from mnist_cnn.errors import ExportError, RunError
from mnist_cnn.study import folder as studies
from mnist_cnn.system import files
from mnist_cnn.terminal import readings
from mnist_cnn.training import history
from mnist_cnn.workers import ray_cluster
from mnist_cnn.workflows import export
from tally import note

FIXTURE = Path(__file__).parent.parent / "fixtures" / "format-2"
ROW = {"epoch": 1, "loss": 0.5, "accuracy": 0.9, "seconds": 1.0}
WHAT, OUTCOME = "links planted where files are written", "the links' targets are untouched"


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A folder with a file, which must be as it was in the end."""
    folder = tmp_path / "victim"
    folder.mkdir()
    (folder / "mine").write_text("precious")
    yield folder
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("mine", "precious")]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that others can write to."""
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


def run_in(place: Path) -> Path:
    """A partial folder with the files of a saved model."""
    partial = store.make_partial(place / "run")
    for file in FIXTURE.iterdir():
        (partial / file.name).write_bytes(file.read_bytes())
    return partial


# Files


def test_scratch_files_are_not_where_they_can_be_expected(place: Path, victim: Path) -> None:
    for name in (".report.part.html", ".report.html.part", ".report.html.part-aaaaaaaa", "report.part"):
        (place / name).symlink_to(victim / "mine")
    files.write_whole(place / "report.html", "new")
    assert (place / "report.html").read_text() == "new"
    assert len([*place.iterdir()]) == 5
    note(WHAT, 4, OUTCOME)


@pytest.mark.parametrize("target", ["mine", "nothing"])
def test_a_link_in_place_of_a_file_is_replaced(target: str, place: Path, victim: Path) -> None:
    (place / "report.html").symlink_to(victim / target)
    files.write_whole(place / "report.html", "new")
    assert not (place / "report.html").is_symlink()
    assert (place / "report.html").read_text() == "new"
    note(WHAT, 1, OUTCOME)


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_files_have_the_usual_permissions_although_scratch_folders_are_closed(
    mask: int, mode: int, place: Path
) -> None:
    before = os.umask(mask)
    try:
        files.write_whole(place / "file", "")
        with files.scratch_beside(place / "file") as scratch:
            assert stat.S_IMODE(scratch.stat().st_mode) == 0o700
    finally:
        os.umask(before)
    assert stat.S_IMODE((place / "file").stat().st_mode) == mode


def test_what_killed_processes_left_does_not_accumulate(place: Path, victim: Path) -> None:
    """It goes an hour later: it might be of another process that is still writing."""
    old, young = place / ".report.html.part-0123abcd", place / ".report.html.part-abcd0123"
    for one in (old, young):
        one.mkdir()
        (one / "report.html").symlink_to(victim / "mine")
        (one / "folder").symlink_to(victim)
    os.utime(old, (0, 0))
    (place / ".report.html.part-link1234").symlink_to(victim)
    files.write_whole(place / "report.html", "new")
    assert {path.name for path in place.iterdir()} == {"report.html", young.name, ".report.html.part-link1234"}
    files.remove_scratch(place)
    assert {path.name for path in place.iterdir()} == {"report.html", ".report.html.part-link1234"}
    note(WHAT, 3, OUTCOME)


def test_names_that_fill_their_room_have_scratch_folders(place: Path) -> None:
    for name in ("a" * 255, "😀" * 63, "\udcff" * 255):
        files.write_whole(place / name, "new")
        assert (place / name).read_text() == "new"


# Runs


@pytest.mark.parametrize("planted", ["model.keras", "checkpoint", "tensorboard", "deep/er"])
def test_a_partial_folder_with_links_is_not_taken_for_an_empty_one(planted: str, place: Path, victim: Path) -> None:
    (place / "run.partial" / planted).parent.mkdir(parents=True)
    (place / "run.partial" / planted).symlink_to(victim)
    with pytest.raises(RunError, match="already exists: delete it"):
        store.make_partial(place / "run")
    note(WHAT, 1, "a one-sentence error")


@pytest.mark.parametrize("planted", ["history.csv", "checkpoint/state.npz", "tensorboard", "deep/er"])
def test_a_run_with_links_is_not_resumed(planted: str, place: Path, victim: Path) -> None:
    partial = store.make_partial(place / "run")
    (partial / planted).parent.mkdir(exist_ok=True)
    (partial / planted).symlink_to(victim)
    with (
        pytest.raises(RunError, match=rf"{planted} is a link, and nothing is written through it"),
        store.lock_run(partial),
    ):
        pass
    note(WHAT, 1, "a one-sentence error")


def test_a_partial_folder_that_is_a_link_is_not_resumed(place: Path, victim: Path) -> None:
    (place / "run.partial").symlink_to(victim)
    with pytest.raises(RunError, match=r"run\.partial is a link"), store.lock_run(place / "run.partial"):
        pass
    note(WHAT, 1, "a one-sentence error")


def test_a_run_with_links_is_not_completed(place: Path, victim: Path) -> None:
    partial = run_in(place)
    (partial / "more").symlink_to(victim)
    with pytest.raises(RunError, match="more is a link"):
        store.complete(partial)
    note(WHAT, 1, "a one-sentence error")


def test_a_pipe_in_the_folder_of_a_run_is_not_waited_for(place: Path) -> None:
    os.mkfifo(run_in(place) / "pipe")
    assert store.complete(place / "run.partial").folder == place / "run"


def test_what_was_left_in_a_run_is_gone_when_it_is_resumed_or_complete(place: Path) -> None:
    partial = run_in(place)
    for folder in (partial, partial / "checkpoint"):
        (folder / ".state.npz.part-0123abcd").mkdir()
        (folder / ".state.npz.part-0123abcd" / "state.npz").write_text("half")
    with store.lock_run(partial):
        assert not [*partial.rglob(".state*")]
        (partial / ".model.onnx.part-0123abcd").mkdir()  # by a process of ours that was killed
        store.complete(partial)
    assert {path.name for path in (place / "run").iterdir()} == {path.name for path in FIXTURE.iterdir()}
    assert [path.name for path in place.iterdir()] == ["run"]


def test_history_is_not_added_to_what_a_link_leads_to(place: Path, victim: Path) -> None:
    (place / "history.csv").symlink_to(victim / "mine")
    with pytest.raises(RunError, match=r"\(history\.csv is a link\): delete the link"), store.writing(place):
        history.append(place / "history.csv", ROW)
    history.rewrite(place / "history.csv", [])
    history.append(place / "history.csv", ROW)
    assert (place / "history.csv").read_bytes().splitlines()[1:] == [b"1,0.5,0.9,,,1.0"]
    note(WHAT, 1, OUTCOME)


# Locks


@pytest.mark.parametrize("target", ["mine", "nothing"])
def test_a_lock_file_that_is_a_link_is_one_sentence(target: str, place: Path, victim: Path) -> None:
    partial = store.make_partial(place / "run")
    (place / ".run.partial.lock").symlink_to(victim / target)
    with (
        pytest.raises(RunError, match=r"\(\.run\.partial\.lock is a link\): delete the link"),
        store.writing(partial),
        store.lock_run(partial),
    ):
        pass
    note(WHAT, 1, "a one-sentence error")


def test_a_lock_ends_with_its_process_and_nothing_has_to_be_cleaned_up(place: Path) -> None:
    partial = store.make_partial(place / "run")
    program = (
        f"import sys, pathlib; from mnist_cnn.artifact import store\n"
        f"with store.lock_run(pathlib.Path({str(partial)!r})):\n print(flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdout
        process.stdout.readline()
        with pytest.raises(RunError, match="is in use by another process"), store.lock_run(partial):
            pass
        process.send_signal(signal.SIGKILL)
    with store.lock_run(partial):
        pass
    assert [path.name for path in place.iterdir()] == ["run.partial"]


# Exports, logs, images, copies


def test_an_export_deletes_nothing_through_a_link(place: Path, victim: Path) -> None:
    (place / ".net.onnx.part").symlink_to(victim)
    with export.written_whole(place / "net.onnx") as scratch:
        (scratch / "net.onnx").write_text("whole")
        (scratch / "net.onnx.card.json").write_text("{}")
    assert {path.name for path in place.iterdir()} == {".net.onnx.part", "net.onnx", "net.onnx.card.json"}
    assert stat.S_IMODE((place / "net.onnx").stat().st_mode) & 0o400
    note(WHAT, 1, OUTCOME)


@pytest.mark.parametrize("name", ["net.onnx", "net.onnx.card.json"])
def test_an_export_does_not_write_through_a_dangling_link(name: str, place: Path, victim: Path) -> None:
    (place / name).symlink_to(victim / "nothing")
    with pytest.raises(ExportError, match="already exists"), export.written_whole(place / "net.onnx"):
        pass
    note(WHAT, 1, "a one-sentence error")


def test_a_log_takes_the_place_of_a_link(place: Path, victim: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "PATIENCE", 30)
    (place / "run.log").symlink_to(victim / "mine")
    words = [sys.executable, "-c", "import sys; sys.exit('no cluster')"]
    with pytest.raises(RunError, match="no cluster"):
        list(ray_cluster.driver_events(words, "here", place / "run.log", work="Reading", if_lost="x"))
    assert (place / "run.log").read_text() == "no cluster\n"
    assert not (place / "run.log").is_symlink()
    note(WHAT, 1, OUTCOME)


def test_an_annotated_image_does_not_take_the_name_of_a_link(place: Path, victim: Path) -> None:
    (place / "photo.png").symlink_to(victim / "nothing")
    assert readings.free_name(place, "scans/photo.jpg") == place / "photo-1.png"


def harmless(_path: Path) -> None:
    """Plant nothing."""


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("plant", [harmless, endless, os.mkfifo], ids=["nothing", "endless", "pipe"])
def test_a_copy_of_a_model_follows_no_links_in_it(plant: Callable[[Path], object], place: Path, victim: Path) -> None:
    partial = run_in(place)
    store.complete(partial)
    plant(place / "run" / "extra")
    (place / "copy.partial").symlink_to(victim)
    copy = mnist_cnn.load(place / "run").save(place / "copy")
    assert {path.name for path in copy.iterdir()} == {path.name for path in FIXTURE.iterdir()}
    assert {path.name for path in place.iterdir()} == {"run", "copy", "copy.partial"}
    assert stat.S_IMODE(copy.stat().st_mode) == stat.S_IMODE((place / "run").stat().st_mode)
    note(WHAT, 1, OUTCOME)


def test_a_study_that_was_killed_at_its_start_is_no_obstacle(place: Path, victim: Path) -> None:
    (place / ".lock").touch()
    (place / ".study.json.part-0123abcd").mkdir()
    studies.check_free(place)
    with studies.locked_study(place):
        assert [path.name for path in place.iterdir()] == [".lock"]
    assert [*place.iterdir()] == []
    (place / ".lock").symlink_to(victim / "mine")
    with pytest.raises(OSError, match="is a link"), studies.locked_study(place):
        pass
