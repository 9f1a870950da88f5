"""Processes that the package starts: they end with it, however it ends, and run nothing from the working directory."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_cnn.artifact import keras_process
from mnist_cnn.workers import child_process
from test_bulk import is_alive, wait_until
from test_read_cli import save

SLEEPING = "from mnist_cnn.workers.child_process import end_with_parent; end_with_parent(); import time, os"


def test_what_a_process_printed_comes_back_with_its_exit_code() -> None:
    program = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    done = child_process.run([sys.executable, "-c", program])
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")


def test_a_process_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    program = f"{SLEEPING}; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    with pytest.raises(subprocess.TimeoutExpired):
        child_process.run([sys.executable, "-c", program], timeout=2)
    assert not (tmp_path / "pid").exists() or not is_alive(int((tmp_path / "pid").read_text()))


def test_a_process_that_is_run_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = f"{SLEEPING}; open({str(tmp_path / 'pid')!r}, 'w').write(f'{{os.getpid()}}.'); time.sleep(60)"
    imports = "import sys; from mnist_cnn.workers import child_process"
    parent = f"{imports}; child_process.run([sys.executable, '-c', {program!r}])"
    process = subprocess.Popen([sys.executable, "-c", parent])
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().endswith("."))
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until(lambda: not is_alive(int((tmp_path / "pid").read_text()[:-1])), 10)


def test_another_program_is_run_in_a_folder_and_ends_with_its_parent(tmp_path: Path) -> None:
    done = child_process.run(child_process.supervised(["sh", "-c", "pwd; echo err >&2; exit 3"]), cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (3, f"{tmp_path}\n", "err\n")
    process = child_process.start(child_process.supervised(["sh", "-c", "echo $$; sleep 60; :"]), subprocess.PIPE)
    assert process.stdout
    pid = int(process.stdout.readline())
    assert process.stdin
    process.stdin.close()
    wait_until(lambda: not is_alive(pid), 10)
    process.wait()
    process.stdout.close()


def test_the_process_that_saves_on_tensorflow_ends_with_its_parent(tmp_path: Path) -> None:
    """It waits for what a pipe says, and would wait forever."""
    os.mkfifo(tmp_path / "trained.npz")
    process = child_process.start(
        [*keras_process.COMMAND, str(tmp_path / "trained.npz"), str(tmp_path)], subprocess.DEVNULL
    )
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    assert process.stdin
    process.stdin.close()
    assert process.wait(60) != 0


def test_the_command_line_as_a_child_ends_with_its_parent() -> None:
    done = child_process.run([*child_process.command_line(), "--version"])
    assert (done.returncode, done.stderr) == (0, "")
    process = child_process.start([*child_process.command_line(), "serve", "--port", "0"], subprocess.PIPE)
    assert process.stdout
    assert b"Serving at" in process.stdout.readline()
    assert process.stdin
    process.stdin.close()
    assert process.wait(10) != 0
    process.stdout.close()


def test_modules_in_the_working_directory_are_not_run(tmp_path: Path) -> None:
    """People change into a downloaded folder and read the images in it."""
    for name in ("cv2", "json", "numpy", "onnxruntime"):
        (tmp_path / f"{name}.py").write_text("import pathlib\npathlib.Path('proof').touch()\n")
    save(tmp_path / "a.png", "42")
    save(tmp_path / "b.png", "17")
    words = [sys.executable, "-P", "-m", "mnist_cnn", "read", ".", "--workers", "2"]  # as the installed command is run
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert not (tmp_path / "proof").exists()
    assert (done.returncode, done.stdout) == (0, "a.png: 42\nb.png: 17\n")
