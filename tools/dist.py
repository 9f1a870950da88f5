"""Build sdist and wheel in dist/, check what is in them, and try the wheel in a new environment: `make dist`.

The wheel is built of what is in the sdist and of nothing else. The new environment gets what the light install needs,
in the versions of constraints.txt, and then has to read a picture, without TensorFlow.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from mnist_cnn.doctor import DIGITS, ten_digits

ROOT = Path(__file__).parents[1]
MUST_HAVE = (
    "mnist_cnn/reading/weights/model.onnx",
    "mnist_cnn/reading/weights/card.json",
    "mnist_cnn/reading/nearest.png",
    "mnist_cnn/serving/static/index.html",
    "mnist_cnn-*.dist-info/licenses/LICENSE",
    "mnist_cnn-*.dist-info/entry_points.txt",
)
DATA = re.compile(r"\.(npz|npy|parquet|gz|zip|tar)$|-ubyte$")
LARGEST = {
    ".whl": 3 * 2**20,
    ".gz": 6 * 2**20,
}  # bytes: the network that ships is most of a wheel, pictures of an sdist
HEAVY = ("tensorflow", "keras", "jax", "torch", "sklearn", "matplotlib")


def build(dist: Path) -> tuple[Path, Path]:
    """Build both into a folder, the wheel from what the sdist holds. Gives their paths."""
    hatchling(ROOT, "sdist", dist)
    (sdist,) = dist.glob("*.tar.gz")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(sdist) as archive:
            archive.extractall(folder, filter="data")
        (unpacked,) = Path(folder).iterdir()
        hatchling(unpacked, "wheel", dist)
    (wheel,) = dist.glob("*.whl")
    return sdist, wheel


def hatchling(where: Path, what: str, dist: Path) -> None:
    """Let the build backend build one of the two."""
    words = [sys.executable, "-m", "hatchling", "build", "-t", what, "-d", str(dist)]
    done = subprocess.run(words, cwd=where, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"The {what} was not built:\n{done.stderr.strip()}")


def faults(sdist: Path, wheel: Path) -> list[str]:
    """A sentence for each thing that is in them and should not be, or should be and is not."""
    with zipfile.ZipFile(wheel) as archive:
        packed = archive.namelist()
    with tarfile.open(sdist) as archive:
        source = [member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()]
    here = [file for file in (ROOT / "src" / "mnist_cnn").rglob("*") if file.is_file() and file.suffix != ".pyc"]
    needed = [*MUST_HAVE, *(file.relative_to(ROOT / "src").as_posix() for file in here)]
    found = [f"{wheel.name} lacks {name}" for name in needed if not any(Path(one).match(name) for one in packed)]
    found += [f"{wheel.name} has {name}" for name in packed if not re.match(r"mnist_cnn(-.*\.dist-info)?/", name)]
    for archive, names in ((wheel, packed), (sdist, source)):
        data = [name for name in names if DATA.search(name) and not name.startswith("tests/")]
        found += [f"{archive.name} has data, {name}" for name in data]
        if archive.stat().st_size > LARGEST[archive.suffix]:
            found.append(f"{archive.name} has {archive.stat().st_size:,} bytes, {LARGEST[archive.suffix]:,} at most")
    return found


def try_in_new_environment(wheel: Path) -> list[str]:
    """Install the wheel into a new environment and read a picture with it; a sentence for each thing that is wrong."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "constraints.txt").write_text(without_hashes((ROOT / "constraints.txt").read_text("utf-8")), "utf-8")
        (folder / "digits.png").write_bytes(ten_digits())
        subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
        programs = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
        quietly = ["--disable-pip-version-check", "--no-input", "--quiet"]
        said(programs / "python", "-m", "pip", "install", *quietly, "-c", folder / "constraints.txt", wheel.resolve())
        return wrong_with(programs, folder)


def wrong_with(programs: Path, folder: Path) -> list[str]:
    """What an environment in which the wheel was installed does not do as it should."""
    found = []
    command = programs / "mnist-cnn"
    looked = f"import importlib.util as u; print(*(name for name in {HEAVY!r} if u.find_spec(name)))"
    if heavy := said(programs / "python", "-c", looked, cwd=folder).strip():
        found.append(f"the light install has {heavy}")
    if (text := said(command, "read", "digits.png", cwd=folder).strip()) != DIGITS:
        found.append(f"a picture of {DIGITS} was read as {text!r}")
    checkup = json.loads(said(command, "doctor", "--json", cwd=folder))
    found += [f"doctor: {check['name']}: {check['found']}" for check in checkup["checks"] if check["state"] == "broken"]
    return found


def said(*words: object, cwd: Path | None = None) -> str:
    """What a program of the new environment says, without anything of this one; its failure is for `main` to tell."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    # An exit code is no failure of ours: `doctor` says by it that something is broken, and says what on stdout.
    done = subprocess.run(list(map(str, words)), cwd=cwd, env=outside, capture_output=True, text=True, check=False)
    if done.returncode and not done.stdout.strip():
        raise SystemExit(f"{' '.join(map(str, words[:4]))} … ended with {done.returncode}:\n{done.stderr.strip()}")
    return done.stdout


def without_hashes(pins: str) -> str:
    """Pins as pip takes them for constraints: name, version and marker."""
    lines = [line.rstrip(" \\") for line in pins.splitlines() if line and not line.startswith((" ", "#"))]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Build, check, try; end with 1 and sentences where something is wrong."""
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    sdist, wheel = build(dist)
    for file in (sdist, wheel):
        print(f"built dist/{file.name}, {file.stat().st_size / 1e6:.2f} MB")
    wrong = faults(sdist, wheel) or try_in_new_environment(wheel)
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"The wheel reads {DIGITS} in a new environment without TensorFlow.")


if __name__ == "__main__":
    main()
