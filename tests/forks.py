"""A process that has loaded every framework and, for each line of JSON that it is sent, runs our program in a fork.

So a run takes two seconds of processor time instead of ten, and fifty of them can be killed. With the word `reading` it
loads what commands have that do not train: they take a fifth of a second instead of more than one. A line has the
`words` of the command line, the file for what it has `said`, and perhaps

- `errors`: another file, for what it says on stderr;
- `script`: a file of Python that is run instead, with these words;
- `cwd`: the working directory;
- `environment`: the variables of the environment, all of them;
- `folder`: where operations on files are watched, and listed in the end;
- `kill`: the number of an operation on a file there, or a part of its name, and how many seconds later SIGKILL comes;
- `remove`: the number of such an operation, and a path that is removed then;
- `limit`: the most bytes that a file may have;
- `clock`: that the clock jumps, by years, forwards and backwards.

The answers are lines as well: the process id when the run begins, and in the end its exit code and the operations.
"""

import itertools
import json
import os
import re
import resource
import runpy
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Any, Self

OPERATIONS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"}
YEARS = 3e8  # seconds


def load_reading() -> None:
    """Load what reads images and tables and explains."""
    from mnist_cnn.bulk import local_reading  # noqa: F401
    from mnist_cnn.evaluation import labelled_images  # noqa: F401
    from mnist_cnn.reading import explain, reader  # noqa: F401
    from mnist_cnn.sheets import spreadsheet, table  # noqa: F401
    from mnist_cnn.terminal import form_run, readings, tables  # noqa: F401


def load_training() -> None:
    """Load what trains, evaluates and exports."""
    from mnist_cnn.system import environment
    from mnist_cnn.training import backend

    environment.own_process = True
    backend.start()
    import onnx  # noqa: F401
    import onnxruntime  # noqa: F401
    import sklearn.datasets  # noqa: F401
    import tf2onnx  # noqa: F401

    from mnist_cnn.evaluation import html_report  # noqa: F401
    from mnist_cnn.training import fit  # noqa: F401
    from mnist_cnn.workflows import train  # noqa: F401


def main() -> None:
    """Load, then run what comes until there is no more."""
    from mnist_cnn import cli

    load_reading() if sys.argv[1:] == ["reading"] else load_training()
    tell({"ready": True})
    for line in sys.stdin:
        task = json.loads(line)
        log = Path(task["said"] + ".operations")
        log.unlink(missing_ok=True)
        pid = os.fork()
        if not pid:
            script = task.get("script")
            run(partial(runpy.run_path, script, run_name="__main__") if script else cli.main, task, log)
        tell({"pid": pid})
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        tell({"code": code, "operations": log.read_text().splitlines() if log.exists() else []})


def tell(answer: dict[str, Any]) -> None:
    """Send a line."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def run(program: Callable[[], object], task: dict[str, Any], log: Path) -> None:
    """Run the program in this process, which ends with it."""
    said = os.open(task["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    errors = os.open(task["errors"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC) if "errors" in task else said
    for old, new in ((nothing, 0), (said, 1), (errors, 2)):
        os.dup2(old, new)
    os.chdir(task.get("cwd", "."))
    if "environment" in task:
        os.environ.clear()
        os.environ.update(task["environment"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if task.get("clock"):
        let_the_clock_jump()
    if limit := task.get("limit"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    elif "folder" in task:
        watch(task, os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
    sys.argv = ["mnist-cnn", *task["words"]]
    code = 1
    try:
        program()
        code = 0
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def watch(task: dict[str, Any], log: int) -> None:
    """Write down every operation on a file of the folder before it is done, and interfere at one of them."""
    folder, kill, remove = task["folder"], task.get("kill"), task.get("remove")
    numbers, acting = itertools.count(), False

    def on(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal acting
        if acting or event not in OPERATIONS or not isinstance(arguments[0], str | os.PathLike):
            return
        path = os.fspath(arguments[0])
        if not isinstance(path, str) or not path.startswith(folder):
            return
        named = re.sub(r"\.part-[a-z0-9_]{8}", ".part", path.removeprefix(folder))  # the same in every run
        number, operation = next(numbers), f"{event} {named}"
        os.write(log, f"{operation}\n".encode())
        acting = True
        if kill and (kill[0] == number or (isinstance(kill[0], str) and kill[0] in operation)):
            die(kill[1])
        if remove and remove[0] == number:
            (shutil.rmtree if os.path.isdir(remove[1]) else os.unlink)(remove[1])  # noqa: PTH112
        acting = False

    sys.addaudithook(on)


def erase(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def die(seconds: float) -> None:
    """Kill this process: at once, or from outside a little later, whatever it is doing then."""
    victim = os.getpid()
    if not seconds:
        os.kill(victim, signal.SIGKILL)
    if not os.fork():
        time.sleep(seconds)
        if os.getppid() == victim:
            os.kill(victim, signal.SIGKILL)
        os._exit(0)


def let_the_clock_jump() -> None:
    """Let each look at the clock give another decade, 1970 among them."""
    from mnist_cnn.workflows import train

    now = time.time
    jumps = itertools.cycle([0, YEARS, -YEARS, -now()])
    time.time = lambda: now() + next(jumps)
    time.time_ns = lambda: int(time.time() * 1e9)

    class Jumping(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(time.time(), tz)

    train.datetime = Jumping  # type: ignore[misc]


if __name__ == "__main__":
    main()
