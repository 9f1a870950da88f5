"""Shared by the benchmarks: starting programs, describing the machine, mean and SD, saving results."""

import json
import os
import re
import statistics
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from mnist_cnn.system import environment

FOLDER = Path(__file__).parent / "results"
ACCURACY = re.compile(r"Test accuracy[^:]*: ([\d.]+) ?%")


def started(command: list[str]) -> "subprocess.Popen[str]":
    """Start a program with its stdout as a pipe, to be read line by line."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)


def machine_line() -> str:
    """The machine and versions in one line."""
    machine, versions = environment.machine(), environment.versions()
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{machine['processor']}, {machine['cores']} cores; {named}"


def median(values: list[float]) -> float:
    """The median."""
    return statistics.median(values)


def mean_and_sd(values: list[float]) -> str:
    """Mean ± sample standard deviation, two decimals."""
    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2f}{spread}"


def write(name: str, document: dict[str, object]) -> None:
    """Save raw results to bench/results, with date and machine."""
    about = {"taken": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine_line()}
    (FOLDER / f"{name}.json").write_text(json.dumps(about | document, indent=2) + "\n", encoding="utf-8")
