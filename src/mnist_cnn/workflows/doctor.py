"""Check the installation: versions, machine, data, folders, and reading ten digits. Prints nothing.

TensorFlow is not loaded; training is tried only on request, in a process of its own.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mnist_cnn import __version__, card
from mnist_cnn.data import container, contents, download, source
from mnist_cnn.errors import MnistCnnError
from mnist_cnn.system import environment
from mnist_cnn.workers import child_process

OK, NOTE, BROKEN = "ok", "note", "broken"
WEIGHTS = Path(__file__).parents[1] / "reading" / "weights"
DIGITS = "0123456789"
TRAINING_SECONDS = 600.0  # it takes 9 s of CPU time; 103 s on a core with ten other processes
USES = {
    "train": "to train and evaluate",
    "jax": "the fastest backend for `fast`",
    "ray": "to train on a cluster",
}  # of the extras


@dataclass(frozen=True)
class Check:
    """One check: its `state` ("ok", "note" or "broken"), what was `found`, and what to do (`advice`)."""

    name: str
    state: str
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Checkup:
    """All checks, in order."""

    checks: tuple[Check, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing is broken."""
        return all(check.state != BROKEN for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """The checkup as JSON."""
        return {"healthy": self.healthy, "checks": [asdict(check) for check in self.checks]}


def examine(training: bool = False) -> Checkup:
    """Run all checks, in a second or two; with `training` also train a small model, which takes longer."""
    checks: list[Callable[[], Iterator[Check]]] = [program, packages, machine, model, reading, backend, data, folders]
    return Checkup(tuple(check for one in [*checks, *([train] if training else [])] for check in one()))


def program() -> Iterator[Check]:
    """The program itself and its Python."""
    commit = environment.git_commit()
    from_where = f"commit {commit[:7]}" if commit else f"in {Path(__file__).parents[1]}"
    yield Check("program", OK, f"mnist-cnn {__version__} ({from_where}), Python {environment.versions()['python']}")


def packages() -> Iterator[Check]:
    """The packages of the base install must be installed and recent enough; an extra may be missing."""
    needed = {extra: least for extra, least in environment.requirements().items() if not extra or extra in USES}
    if not needed:
        yield Check("packages", NOTE, "mnist-cnn is not installed as a package, so its requirements are unknown")
    for extra, least in needed.items():
        there = {name: version for name in least if (version := environment.version_of(name))}
        missing = [name for name in least if name not in there]
        old = [
            f"{name} {there[name]} (older than {least[name]})"
            for name in there
            if environment.older(there[name], least[name])
        ]
        name = f"packages of [{extra}]" if extra else "packages"
        listed = ", ".join(f"{name} {version}" for name, version in there.items())
        install = f'pip install --upgrade "mnist-cnn[{extra}]"' if extra else "pip install --force-reinstall mnist-cnn"
        if old or (missing and not extra):
            wrong = [*old, *(f"{name} (not installed)" for name in missing)]
            yield Check(name, BROKEN, ", ".join(wrong), install)
        elif missing:
            rest = f"; installed: {listed}" if there else ""
            yield Check(name, NOTE, f"not installed: {', '.join(missing)}{rest}", f"{USES[extra]}: {install}")
        else:
            yield Check(name, OK, listed)


def machine() -> Iterator[Check]:
    """Processor, cores, memory, and environment variables that limit threads or GPUs."""
    here = environment.machine()
    limits = [
        f"{name}={os.environ[name]}" for name in ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES") if name in os.environ
    ]
    facts = [f"{here['processor']}, {here['cores']} cores for this process", environment.memory(), *limits]
    yield Check("machine", OK, ", ".join(fact for fact in facts if fact))


def model() -> Iterator[Check]:
    """The bundled model must be the one in its model card."""
    try:
        saved = card.read(WEIGHTS)
        card.verify_file(WEIGHTS, saved, card.ONNX_MODEL)
    except MnistCnnError as error:
        yield Check("model", BROKEN, str(error), "install it again: pip install --force-reinstall mnist-cnn")
        return
    accuracy = f"test accuracy {saved.evaluation['accuracy']:.2%}, {saved.parameters:,} parameters"
    yield Check("model", OK, f"bundled model {saved.recipe['name']}, {accuracy}; its SHA-256 is correct")


def reading() -> Iterator[Check]:
    """Read an image of ten handwritten digits."""
    began = time.monotonic()
    try:
        from mnist_cnn.reading.reader import Reader  # here, because OpenCV or ONNX Runtime may be broken

        text = Reader().read(ten_digits()).text
    except Exception as error:  # whatever a broken installation raises
        yield Check(
            "reading", BROKEN, f"{type(error).__name__}: {first_line(error)}", "install it again, or report this"
        )
        return
    if text == DIGITS:
        yield Check("reading", OK, f"an image of {DIGITS} read in {time.monotonic() - began:.1f} s")
    else:
        yield Check("reading", BROKEN, f"an image of {DIGITS} gave {text!r}", "install it again, or report this")


def ten_digits() -> bytes:
    """A PNG of the most typical bundled training image of each digit, dark on white, in a row."""
    import cv2
    import numpy as np

    from mnist_cnn.reading.nearest import index

    images, features = index()
    each = len(images) // len(DIGITS)
    kinds = features.reshape(len(DIGITS), each, -1)
    typical = [digit * each + int(np.argmax(kind @ kind.mean(axis=0))) for digit, kind in enumerate(kinds)]
    paper = 255 - np.pad(np.concatenate(images[typical], axis=1), 14)
    large = cv2.resize(paper, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".png", large)[1])


def backend() -> Iterator[Check]:
    """The framework that Keras would run on; it is not loaded."""
    there = {
        name: environment.version_of(name) or environment.version_of(f"{name}-cpu") for name in environment.FRAMEWORKS
    }
    listed = ", ".join(f"{name} {version}" for name, version in there.items() if version)
    if not listed:
        yield Check(
            "training", NOTE, "no framework is installed, so training is not possible", 'pip install "mnist-cnn[train]"'
        )
        return
    chosen, by = chosen_backend()
    if not there.get(chosen):
        advice = f"set KERAS_BACKEND to an installed one, or install {chosen}"
        yield Check(
            "training",
            BROKEN,
            f"Keras is set to run on {chosen} ({by}), which is not installed; installed: {listed}",
            advice,
        )
    else:
        yield Check("training", OK, f"Keras runs on {chosen} ({by}); installed: {listed}")


def chosen_backend() -> tuple[str, str]:
    """The framework that Keras is set to, and by what, as in keras/src/backend/config.py."""
    if name := os.environ.get("KERAS_BACKEND"):
        return name, "KERAS_BACKEND"
    file = keras_home() / "keras.json"
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["backend"]), str(file)
    except (OSError, ValueError, KeyError, TypeError):
        return "tensorflow", "its default"


def keras_home() -> Path:
    """The folder of Keras' settings and datasets."""
    return Path(os.path.expanduser(os.environ.get("KERAS_HOME", "~/.keras")))  # noqa: PTH111  the one that never raises


def data() -> Iterator[Check]:
    """The dataset that `train` would use now, verified; nothing is downloaded."""
    named = os.environ.get(source.VARIABLE)
    try:
        if named:
            dataset = source.mnist_from(named)
            yield Check(
                "data", OK, f"MNIST in {named}, {len(dataset.train):,} + {len(dataset.test):,} images, verified"
            )
        elif copy := download.keras_copy():
            contents.verified_mnist(container.read(copy), str(copy))
            yield Check("data", OK, f"MNIST in {copy}, verified")
        else:
            instead = (
                "; without a connection, scikit-learn's digits are used instead"
                if environment.version_of("scikit-learn")
                else ""
            )
            yield Check("data", NOTE, f"MNIST is not on this machine: the first `train` downloads it (11 MB){instead}")
    except MnistCnnError as error:
        elsewhere = f"set {source.VARIABLE} to a copy of MNIST, or unset it"
        yield Check("data", BROKEN, str(error), elsewhere if named else "delete that file; it is then downloaded again")


def folders() -> Iterator[Check]:
    """The folders for runs and for Keras' downloads must be writable."""
    for name, folder, advice in (
        ("runs", Path("runs").absolute(), "change to another folder, or choose one with --output"),
        (
            "cache",
            keras_home() / "datasets",
            f"set KERAS_HOME to another folder, or {source.VARIABLE} to a copy of MNIST",
        ),
    ):
        nearest = next(place for place in (folder, *folder.parents) if place.exists())
        try:
            with tempfile.TemporaryFile(dir=nearest) as probe:
                probe.write(bytes(4096))
        except OSError as error:
            yield Check(name, NOTE, f"{folder} cannot be written ({error.strerror})", advice)
        else:
            yield Check(name, OK, f"{folder} can be written")


def train() -> Iterator[Check]:
    """Smoke-test training in a process of its own, from data to report, in a temporary folder."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        words = ["train", "--data", "digits", "--epochs", "1", "--repeats", "1", "--output", str(Path(folder, "run"))]
        try:
            done = child_process.run([*child_process.command_line(), *words], timeout=TRAINING_SECONDS)
            said, failed = done.stderr.strip(), done.returncode != 0
        except subprocess.TimeoutExpired:
            said, failed = f"it was not complete after {TRAINING_SECONDS:g} seconds", True
    if failed:
        last = said.splitlines()[-1] if said else f"exit code {done.returncode}"
        yield Check(
            "smoke test", BROKEN, f"training failed: {last}", 'pip install --force-reinstall "mnist-cnn[train]"'
        )
    else:
        yield Check("smoke test", OK, f"a model was trained, evaluated and saved in {time.monotonic() - began:.0f} s")


def first_line(error: Exception) -> str:
    """The first line of an error."""
    return (str(error).strip() or "no reason given").splitlines()[0][:200]
