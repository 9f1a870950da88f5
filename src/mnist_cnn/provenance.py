"""With what, and on what, is this program running? Standard library only."""

import importlib.metadata
import importlib.util
import os
import platform
import subprocess
from pathlib import Path

from mnist_cnn.errors import MissingExtraError

TRAINING = ("keras", "sklearn", "matplotlib", "jinja2")
FRAMEWORKS = ("tensorflow", "jax", "torch")
RECORDED = ("mnist-cnn", "keras", *FRAMEWORKS, "tensorflow-cpu", "numpy", "scikit-learn", "onnxruntime")

# Set by the command line: nobody else's code runs in this process, so what it does not use need not be there.
own_process = False


def require_training(what: str) -> None:
    """Raise MissingExtraError, naming `what` was asked for, if the packages of the extra `train` are not installed."""
    missing = [name for name in TRAINING if importlib.util.find_spec(name) is None]
    if not any(importlib.util.find_spec(name) for name in FRAMEWORKS):
        missing.append("tensorflow")
    if missing:
        raise MissingExtraError(
            f"{what} needs packages that the light install leaves out ({', '.join(missing)}): "
            'pip install "mnist-cnn[train]".'
        )


def versions(also: tuple[str, ...] = ()) -> dict[str, str]:
    """The versions of Python and of every package that a network's numbers may depend on, and of these."""
    found = {"python": platform.python_version()}
    for name in (*RECORDED, *also):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, str | int]:
    """The system, the processor's name, and how many cores this process may use."""
    return {"system": platform.platform(), "processor": _processor(), "cores": cores()}


def cores() -> int:
    """How many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def git_commit() -> str | None:
    """The commit of the checkout that this program runs from, "-dirty" added if it was changed; None if installed."""
    checkout = Path(__file__).parents[2]
    if not (checkout / ".git").exists():  # installed, perhaps inside somebody else's checkout
        return None
    git = ["git", "-C", str(checkout)]
    try:
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=True)
        status = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return commit.stdout.strip() + ("-dirty" if status.stdout.strip() else "")


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
