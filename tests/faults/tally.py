"""What was made to happen, how often and what came of it, for the table of bench/faults.py."""

import json
import os
from pathlib import Path


def note(what: str, times: int, outcome: str, **figures: object) -> None:
    """Write a line into the file that FAULTS_FILE names, if it names one. Called when all of it went as it must."""
    if name := os.environ.get("FAULTS_FILE"):
        with Path(name).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"what": what, "times": times, "outcome": outcome} | figures) + "\n")
