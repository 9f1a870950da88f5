"""Build sdist and wheel in dist/, check their contents, and test the wheel in a new environment: `make dist`.

The wheel is built from the sdist alone. The new environment gets the dependencies of the base install, in the versions
of constraints.txt, and must then read an image without TensorFlow.
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

from mnist_cnn.workflows.doctor import DIGITS, ten_digits

ROOT = Path(__file__).parents[1]
MUST_HAVE = (
    "mnist_cnn/reading/weights/model.onnx",
    "mnist_cnn/reading/weights/card.json",
    "mnist_cnn/reading/nearest.png",
    "mnist_cnn/serving/static/index.html",
    "mnist_cnn-*.dist-info/licenses/LICENSE",
    "mnist_cnn-*.dist-info/licenses/NOTICE",
    "mnist_cnn-*.dist-info/entry_points.txt",
)
DATA = re.compile(r"\.(npz|npy|parquet|gz|zip|tar)$|-ubyte$")
LARGEST = {
    ".whl": 16 * 2**18,
    ".gz": 13 * 2**19,
}  # bytes: mostly the bundled networks in the wheel, and images in the sdist
HEAVY = ("tensorflow", "keras", "jax", "torch", "sklearn", "matplotlib")


def build(dist: Path) -> tuple[Path, Path]:
    """Build both into a folder, the wheel from the unpacked sdist, and return their paths."""
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
    """Build the sdist or the wheel with the build backend."""
    words = [sys.executable, "-m", "hatchling", "build", "-t", what, "-d", str(dist)]
    done = subprocess.run(words, cwd=where, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"The {what} was not built:\n{done.stderr.strip()}")


def faults(sdist: Path, wheel: Path) -> list[str]:
    """One sentence for each file that is missing or should not be there."""
    with zipfile.ZipFile(wheel) as archive:
        packed = archive.namelist()
    with tarfile.open(sdist) as archive:
        source = [member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()]
    here = [file for file in (ROOT / "src" / "mnist_cnn").rglob("*") if file.is_file() and file.suffix != ".pyc"]
    needed = [*MUST_HAVE, *(file.relative_to(ROOT / "src").as_posix() for file in here)]
    found = [f"{wheel.name} lacks {name}" for name in needed if not any(Path(one).match(name) for one in packed)]
    found += [f"{wheel.name} contains {name}" for name in packed if not re.match(r"mnist_cnn(-.*\.dist-info)?/", name)]
    for archive, names in ((wheel, packed), (sdist, source)):
        data = [name for name in names if DATA.search(name) and not name.startswith("tests/")]
        found += [f"{archive.name} contains data: {name}" for name in data]
        if archive.stat().st_size > LARGEST[archive.suffix]:
            found.append(f"{archive.name} has {archive.stat().st_size:,} bytes, more than {LARGEST[archive.suffix]:,}")
    return found


def try_in_new_environment(wheel: Path) -> list[str]:
    """Install the wheel into a new environment and read an image with it; returns one sentence for each failure."""
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
    """One sentence for each failed check of an environment in which the wheel is installed."""
    found = []
    command = programs / "mnist-cnn"
    looked = f"import importlib.util as u; print(*(name for name in {HEAVY!r} if u.find_spec(name)))"
    if heavy := said(programs / "python", "-c", looked, cwd=folder).strip():
        found.append(f"the base install contains {heavy}")
    if (text := said(command, "read", "digits.png", cwd=folder).strip()) != DIGITS:
        found.append(f"an image of {DIGITS} was predicted as {text!r}")
    checkup = json.loads(said(command, "doctor", "--json", cwd=folder))
    found += [f"doctor: {check['name']}: {check['found']}" for check in checkup["checks"] if check["state"] == "broken"]
    return found


def said(*words: object, cwd: Path | None = None) -> str:
    """Run a program of the new environment, isolated from this one, and return its stdout; exits if it fails."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    # A non-zero exit code alone is not an error here: `doctor` uses it to report problems, with details on stdout.
    done = subprocess.run(list(map(str, words)), cwd=cwd, env=outside, capture_output=True, text=True, check=False)
    if done.returncode and not done.stdout.strip():
        raise SystemExit(
            f"{' '.join(map(str, words[:4]))} … failed with exit code {done.returncode}:\n{done.stderr.strip()}"
        )
    return done.stdout


def without_hashes(pins: str) -> str:
    """The pinned versions in the format of pip constraints: name, version and marker."""
    lines = [line.rstrip(" \\") for line in pins.splitlines() if line and not line.startswith((" ", "#"))]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Build, check and test; exits with 1 and one sentence per failure."""
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
