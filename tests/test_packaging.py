"""CITATION.cff and the Dockerfile: what they say is so, and the Dockerfile's commands work in a fresh environment."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from mnist_cnn.serving import gate

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# The keys of the Citation File Format 1.2.0 at the top level, and which of them must be there.
CFF_REQUIRED = {"cff-version", "message", "title", "authors"}
CFF_OPTIONAL = {
    *("abstract", "commit", "contact", "date-released", "doi", "identifiers", "keywords", "license", "license-url"),
    *("preferred-citation", "references", "repository", "repository-artifact", "repository-code", "type", "url"),
    "version",
}
INSTRUCTIONS = ("FROM", "COPY", "RUN", "USER", "WORKDIR", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD")


def test_the_citation_is_of_this_version() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert set(cited) >= CFF_REQUIRED
    assert set(cited) <= CFF_REQUIRED | CFF_OPTIONAL
    assert (cited["cff-version"], cited["type"]) == ("1.2.0", "software")
    assert cited["title"] == PROJECT["name"]
    assert cited["version"] == PROJECT["version"]
    assert cited["abstract"] == PROJECT["description"]
    assert cited["license"] == PROJECT["license"]
    assert all(set(author) == {"name"} for author in cited["authors"])
    assert cited["authors"][0]["name"].removeprefix("The ") in (ROOT / "LICENSE").read_text(encoding="utf-8")


def dockerfile() -> list[tuple[str, str]]:
    """Its instructions in order, each with what follows it in one line."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = [line for line in re.sub(r"\\\n\s*", "", text).splitlines() if line]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def only(instruction: str) -> str:
    """What follows the only instruction of this kind."""
    (found,) = (rest for word, rest in dockerfile() if word == instruction)
    return found


def copied() -> list[str]:
    """What is copied into the image."""
    return [name for word, rest in dockerfile() if word == "COPY" for name in rest.split()[:-1]]


def test_the_image_has_what_it_needs_and_no_more() -> None:
    assert {word for word, _ in dockerfile()} == set(INSTRUCTIONS)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[1] == "*"
    assert sorted(line.removeprefix("!") for line in ignored if line.startswith("!")) == sorted(copied())
    assert all((ROOT / name).exists() for name in copied())
    needed = {"pyproject.toml", PROJECT["readme"], *PROJECT["license-files"], "constraints.txt", "src"}
    assert needed == set(copied())
    assert only("USER") != "root"


def test_the_image_has_a_python_that_is_supported() -> None:
    version = re.fullmatch(r"python:3\.(\d+)-slim", only("FROM"))
    assert version
    assert fnmatch(PROJECT["requires-python"], ">=3.*")
    assert 11 <= int(version[1]) <= 13


def test_what_the_image_starts_is_a_server_that_its_health_check_asks() -> None:
    command = [*json.loads(only("ENTRYPOINT")), *json.loads(only("CMD"))]
    assert command[:2] == ["mnist-cnn", "serve"]
    port = command[command.index("--port") + 1]
    assert port == only("EXPOSE")
    asked = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", only("HEALTHCHECK"))
    assert asked
    assert asked[1] == port
    assert asked[2] in gate.OPEN  # no token is needed


@pytest.mark.extended
def test_the_commands_of_the_dockerfile_work_in_a_fresh_environment(tmp_path: Path) -> None:
    """Every RUN that needs no root, then the server and its health check; the index of packages must be reachable."""
    build, programs = tmp_path / "build", tmp_path / "env" / "bin"
    build.mkdir()
    for name in copied():
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, build / name)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    environment = outside | {"PATH": f"{programs}:{os.environ['PATH']}"}
    for word, rest in dockerfile():
        if word == "RUN" and not rest.startswith("useradd "):
            words = rest.replace("/build", str(build))
            subprocess.run(["sh", "-c", words], check=True, env=environment, cwd=tmp_path)
    assert not build.exists()
    command = [*json.loads(only("ENTRYPOINT")), *json.loads(only("CMD"))]
    command[command.index("--host") + 1], command[command.index("--port") + 1] = "127.0.0.1", "0"
    with subprocess.Popen(
        [programs / command[0], *command[1:]], env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout
        address = re.search(r"http://[\d.:]+", server.stdout.readline())
        assert address
        _, *check = json.loads(only("HEALTHCHECK").partition("CMD ")[2])
        asked = [one.replace("http://127.0.0.1:8000", address[0]) for one in check]
        assert subprocess.run([programs / "python", *asked], env=environment, timeout=30, check=False).returncode == 0
        with urlopen(f"{address[0]}/", timeout=30) as page:  # noqa: S310  our own server
            assert page.status == 200
        started = time.monotonic()
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=30) == 0
        assert time.monotonic() - started < 15
