"""The examples of docs/serving.md run as they stand, and the document names what there is."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving import PATIENCE, Client, client_of, image_of

TEXT = (Path(__file__).parents[1] / "docs" / "serving.md").read_text(encoding="utf-8")
HERE = "127.0.0.1:8000"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with client_of() as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photo.png").write_bytes(image_of("58"))
    return tmp_path


def examples(language: str, client: Client) -> list[str]:
    """The examples of a language, with this server's port."""
    found = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return [one.replace(HERE, f"127.0.0.1:{client.base_url.port}") for one in found]


def test_curl_gets_readings(client: Client, folder: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    (lines,) = examples("bash", client)
    for line in lines.splitlines():
        words = [*shlex.split(line), "--silent", "--fail-with-body"]
        done = subprocess.run(words, capture_output=True, text=True, cwd=folder, check=False, timeout=PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr
        assert '"text":"58"' in done.stdout


def test_python_gets_readings_and_probabilities(client: Client, folder: Path) -> None:
    pytest.importorskip("tritonclient.http", reason="the package tritonclient[http] is not installed")
    said = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=True, timeout=PATIENCE
        ).stdout
        for code in examples("python", client)
    ]
    assert said[0].startswith(("58 [0.", "58 [1."))
    assert said[1:] == ["1\n", "1\n"]


def test_every_route_metric_and_status_is_documented(client: Client) -> None:
    document = client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        assert path.replace("/ready", "") in TEXT
        for operation in methods.values():
            for status in operation["responses"]:
                assert status == "200" or re.search(rf"^\| [\d, ]*\b{status}\b", TEXT, re.MULTILINE), status
    for name in re.findall(r"# TYPE (\w+) (?:counter|gauge|histogram)\n", client.get("/metrics").text):
        assert name.endswith("_created") or f"`{name}`" in TEXT
