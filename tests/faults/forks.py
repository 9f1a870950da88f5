"""A process that has loaded every framework and, for each line of JSON that it is sent, runs our program in a fork.

So a run takes two seconds of processor time instead of ten, and fifty of them can be killed. A line has the `words` of
the command line, the file for what it has `said`, the `folder` whose files are watched, and perhaps `kill`: at which
operation on a file there (0 is the first) the run gets its SIGKILL, and how many seconds later. The answers are
lines as well: the process id when the run begins, and in the end its exit code and the operations on files.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

OPERATIONS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"}


def main() -> None:
    """Load, then run what comes until there is no more."""
    from mnist_cnn import cli, provenance
    from mnist_cnn.training import backend

    provenance.own_process = True
    backend.start()
    import onnx  # noqa: F401
    import onnxruntime  # noqa: F401
    import sklearn.datasets  # noqa: F401
    import tf2onnx  # noqa: F401

    from mnist_cnn import pipeline  # noqa: F401
    from mnist_cnn.evaluation import report  # noqa: F401
    from mnist_cnn.training import fit  # noqa: F401

    tell({"ready": True})
    for line in sys.stdin:
        task = json.loads(line)
        log = Path(task["said"] + ".operations")
        pid = os.fork()
        if not pid:
            run(cli.main, task, log)
        tell({"pid": pid})
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        tell({"code": code, "operations": log.read_text().splitlines() if log.exists() else []})


def tell(answer: dict[str, Any]) -> None:
    """Send a line."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def run(program: Any, task: dict[str, Any], log: Path) -> None:
    """Run the program in this process, which ends with it."""
    said = os.open(task["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for old, new in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(old, new)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    watch(task["folder"], task.get("kill"), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
    sys.argv = ["mnist-cnn", *task["words"]]
    code = 1
    try:
        program()
    except SystemExit as error:
        code = int(error.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def watch(folder: str, kill: tuple[int, float] | None, log: int) -> None:
    """Write down every operation on a file of the folder before it is done, and kill this process at one of them."""
    count = 0

    def on(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        if event not in OPERATIONS or not isinstance(arguments[0], str | os.PathLike):
            return
        path = os.fspath(arguments[0])
        if not isinstance(path, str) or not path.startswith(folder):
            return
        os.write(log, f"{event} {path.removeprefix(folder)}\n".encode())
        if kill and count == kill[0]:
            die(kill[1])
        count += 1

    sys.addaudithook(on)


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


if __name__ == "__main__":
    main()
