"""The versions, packages and machine that this program runs with. Standard library only."""

import importlib.metadata
import importlib.util
import os
import platform
import re
import subprocess
from pathlib import Path

from mnist_cnn.errors import MissingExtraError

TRAINING = ("keras", "sklearn", "matplotlib")
FRAMEWORKS = ("tensorflow", "jax", "torch")
RECORDED = ("mnist-cnn", "keras", *FRAMEWORKS, "tensorflow-cpu", "numpy", "scikit-learn", "onnxruntime")

# Set by the command line: no other code runs in this process, so what it does not use need not be loaded.
own_process = False


def require_training(what: str, instead: str = "") -> None:
    """Raise MissingExtraError, naming `what` was asked for, if the packages of the extra `train` are not installed.

    `instead` ends the sentence with what else to do.
    """
    if missing := missing_for_training():
        raise MissingExtraError(
            f"{what} needs packages that the base install leaves out ({', '.join(missing)}): "
            f'pip install "mnist-cnn[train]"{", " + instead if instead else ""}.'
        )


def missing_for_training() -> list[str]:
    """The packages of the extra `train` that are not installed and that Keras needs to train."""
    missing = [name for name in TRAINING if importlib.util.find_spec(name) is None]
    if not any(importlib.util.find_spec(name) for name in FRAMEWORKS):
        missing.append("tensorflow")
    return missing


def versions(also: tuple[str, ...] = ()) -> dict[str, str]:
    """The versions of Python, of every package that a model's numbers may depend on, and of these."""
    found = {"python": platform.python_version()}
    for name in (*RECORDED, *also):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def version_of(package: str) -> str | None:
    """The version of a package, or None if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def requirements() -> dict[str, dict[str, str]]:
    """The packages and minimum versions that mnist-cnn itself ("") and each extra need, by the name of the extra.

    They come from the package metadata; empty for a checkout that was never installed. For `train` they are those of
    the extra `keras`, which all ways to train have in common, without the framework.
    """
    try:
        lines = importlib.metadata.requires("mnist-cnn") or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    found: dict[str, dict[str, str]] = {}
    for line in lines:
        requirement, _, marker = line.partition(";")
        named = re.search(r"""extra == ['"]([\w-]+)['"]""", marker)
        extra = named[1] if named else ""
        package = re.match(r"([\w.-]+)(?:\[\w+\])?(?:>=([\d.]+))?", requirement)
        if package and extra not in ("train", "train-gpu"):
            found.setdefault("train" if extra == "keras" else extra, {})[package[1]] = package[2] or "0"
    return found


def older(version: str, least: str) -> bool:
    """Whether a version, such as "2.4.6", is lower than another, such as "2.10"."""
    numbers = [[int(part) for part in re.findall(r"\d+", one)[:3]] for one in (version, least)]
    return numbers[0] < numbers[1]


def machine() -> dict[str, str | int]:
    """The operating system, the processor, and the number of cores that this process may use."""
    return {"system": platform.platform(), "processor": _processor(), "cores": cores()}


def cores() -> int:
    """The number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory() -> str:
    """How much memory is free, where the system reports it; else an empty string."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
        return f"{kib['MemAvailable'] / 2**20:.1f} of {kib['MemTotal'] / 2**20:.1f} GiB of memory free"
    except (OSError, KeyError, ValueError, IndexError):
        return ""


def git_commit() -> str | None:
    """The commit of the checkout that this program runs from, with "-dirty" if it was changed; None if installed."""
    checkout = Path(__file__).parents[3]
    if not (checkout / ".git").exists():  # installed, perhaps inside another checkout
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
