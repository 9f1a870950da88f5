"""What would be released: sdist and wheel, and what is in them; `make dist` also tries the wheel in an environment."""

import shutil
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import dist  # noqa: E402


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return dist.build(tmp_path_factory.mktemp("dist"))


def test_the_wheel_is_built_of_the_sdist_alone_and_both_have_what_they_should(built: tuple[Path, Path]) -> None:
    assert dist.faults(*built) == []


def test_what_should_not_be_in_a_wheel_or_is_missing_is_named(built: tuple[Path, Path], tmp_path: Path) -> None:
    sdist, wheel = built
    spoiled = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as whole, zipfile.ZipFile(spoiled, "w") as less:
        for name in whole.namelist():
            if not name.endswith("model.onnx"):
                less.writestr(name, whole.read(name))
        less.writestr("mnist_cnn/data/mnist.npz", b"")
        less.writestr("tests/test_x.py", b"")
    found = "\n".join(dist.faults(sdist, spoiled))
    assert "lacks mnist_cnn/reading/weights/model.onnx" in found
    assert "contains data: mnist_cnn/data/mnist.npz" in found
    assert "contains tests/test_x.py" in found


def test_a_wheel_that_reads_wrongly_or_has_tensorflow_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {"-c": "tensorflow keras\n", "read": "0123456788\n"}
    broken = '{"checks": [{"name": "reading", "state": "broken", "found": "no digits"}]}'
    monkeypatch.setattr(dist, "said", lambda *words, **_: answers.get(str(words[1]), broken))
    assert dist.wrong_with(tmp_path, tmp_path) == [
        "the base install contains tensorflow keras",
        "an image of 0123456789 was predicted as '0123456788'",
        "doctor: reading: no digits",
    ]


def test_pins_become_constraints() -> None:
    pins = "a==1 \\\n    --hash=sha256:00\nb==2 ; python_version < '3.12' \\\n    --hash=sha256:01\n"
    assert dist.without_hashes(pins) == "a==1\nb==2 ; python_version < '3.12'\n"


def test_a_source_that_cannot_be_built_says_why(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with pytest.raises(SystemExit, match="was not built"):
        dist.hatchling(tmp_path, "wheel", tmp_path / "dist")
