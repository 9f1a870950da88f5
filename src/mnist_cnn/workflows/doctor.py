"""Is this installation whole? Looks at versions, machine, data and folders, and reads ten digits. Prints nothing.

Loads no TensorFlow; whether training works is tried only when that is asked for, in a process of its own.
"""

import json
import os
import subprocess
import sys
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

OK, NOTE, BROKEN = "ok", "note", "broken"
WEIGHTS = Path(__file__).parents[1] / "reading" / "weights"
DIGITS = "0123456789"
TRAINING_SECONDS = 600.0  # 9 s of processor time; 103 s on a core with ten other processes
USES = {"train": "to train and judge", "jax": "where `fast` is fastest", "ray": "to train on a cluster"}  # of extras


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: its `state` ("ok", "note" or "broken"), what was `found`, what to do (`advice`)."""

    name: str
    state: str
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Checkup:
    """All that was looked at, in order."""

    checks: tuple[Check, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing is broken."""
        return all(check.state != BROKEN for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """The checkup as JSON has it."""
        return {"healthy": self.healthy, "checks": [asdict(check) for check in self.checks]}


def examine(training: bool = False) -> Checkup:
    """Look at everything, in a second or two; with `training` also train a small network, which takes longer."""
    looks: list[Callable[[], Iterator[Check]]] = [program, packages, machine, network, reading, backend, data, folders]
    return Checkup(tuple(check for look in [*looks, *([train] if training else [])] for check in look()))


def program() -> Iterator[Check]:
    """The program itself and its Python."""
    commit = environment.git_commit()
    from_where = f"commit {commit[:7]}" if commit else f"in {Path(__file__).parents[1]}"
    yield Check("program", OK, f"mnist-cnn {__version__} ({from_where}), Python {environment.versions()['python']}")


def packages() -> Iterator[Check]:
    """What the light install needs must be there and not too old; an extra may be missing."""
    needed = {extra: least for extra, least in environment.requirements().items() if not extra or extra in USES}
    if not needed:
        yield Check("packages", NOTE, "mnist-cnn itself was never installed here, so what it needs is not known")
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
            rest = f"; there are {listed}" if there else ""
            yield Check(name, NOTE, f"not installed: {', '.join(missing)}{rest}", f"{USES[extra]}: {install}")
        else:
            yield Check(name, OK, listed)


def machine() -> Iterator[Check]:
    """Processor, cores, memory, and what limits threads from outside."""
    here = environment.machine()
    limits = [
        f"{name}={os.environ[name]}" for name in ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES") if name in os.environ
    ]
    facts = [f"{here['processor']}, {here['cores']} cores for this process", environment.memory(), *limits]
    yield Check("machine", OK, ", ".join(fact for fact in facts if fact))


def network() -> Iterator[Check]:
    """The network that ships is the one that its card vouches for."""
    try:
        kept = card.read(WEIGHTS)
        card.verify_file(WEIGHTS, kept, card.ONNX_MODEL)
    except MnistCnnError as error:
        yield Check("network", BROKEN, str(error), "install it again: pip install --force-reinstall mnist-cnn")
        return
    accuracy = f"{kept.evaluation['accuracy']:.2%} of its test images, {kept.parameters:,} parameters"
    yield Check("network", OK, f"recipe {kept.recipe['name']}, {accuracy}; its SHA-256 is right")


def reading() -> Iterator[Check]:
    """Ten digits that people wrote, as a picture, through the whole reader."""
    began = time.monotonic()
    try:
        from mnist_cnn.reading.reader import Reader  # here: OpenCV and ONNX Runtime may be what is broken

        text = Reader().read(ten_digits()).text
    except Exception as error:  # whatever a broken installation raises
        yield Check(
            "reading", BROKEN, f"{type(error).__name__}: {first_line(error)}", "install it again, or report this"
        )
        return
    if text == DIGITS:
        yield Check("reading", OK, f"a picture of {DIGITS} read in {time.monotonic() - began:.1f} s")
    else:
        yield Check(
            "reading", BROKEN, f"a picture of {DIGITS} was read as {text!r}", "install it again, or report this"
        )


def ten_digits() -> bytes:
    """A PNG: of the training digits that ship the most usual one of each, dark on white in a row."""
    import cv2
    import numpy as np

    from mnist_cnn.reading.nearest import index

    images, features = index()
    each = len(images) // len(DIGITS)
    kinds = features.reshape(len(DIGITS), each, -1)
    usual = [digit * each + int(np.argmax(kind @ kind.mean(axis=0))) for digit, kind in enumerate(kinds)]
    paper = 255 - np.pad(np.concatenate(images[usual], axis=1), 14)
    large = cv2.resize(paper, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".png", large)[1])


def backend() -> Iterator[Check]:
    """The framework that Keras would run on. Nothing of it is loaded."""
    there = {
        name: environment.version_of(name) or environment.version_of(f"{name}-cpu") for name in environment.FRAMEWORKS
    }
    listed = ", ".join(f"{name} {version}" for name, version in there.items() if version)
    if not listed:
        yield Check(
            "training", NOTE, "no framework is installed, so nothing can be trained", 'pip install "mnist-cnn[train]"'
        )
        return
    chosen, by = chosen_backend()
    if not there.get(chosen):
        advice = f"set KERAS_BACKEND to one of those, or install {chosen}"
        yield Check(
            "training",
            BROKEN,
            f"Keras is to run on {chosen} ({by}), which is not installed; there are {listed}",
            advice,
        )
    else:
        yield Check("training", OK, f"Keras runs on {chosen} ({by}); there are {listed}")


def chosen_backend() -> tuple[str, str]:
    """The framework that Keras is set to, and what sets it, as keras/src/backend/config.py finds it."""
    if name := os.environ.get("KERAS_BACKEND"):
        return name, "KERAS_BACKEND"
    file = keras_home() / "keras.json"
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["backend"]), str(file)
    except (OSError, ValueError, KeyError, TypeError):
        return "tensorflow", "its default"


def keras_home() -> Path:
    """The folder where Keras keeps its settings and data sets."""
    return Path(os.path.expanduser(os.environ.get("KERAS_HOME", "~/.keras")))  # noqa: PTH111  the one that never raises


def data() -> Iterator[Check]:
    """Which data `train` would take now, verified; nothing is downloaded."""
    named = os.environ.get(source.VARIABLE)
    try:
        if named:
            dataset = source.mnist_from(named)
            yield Check(
                "data", OK, f"MNIST in {named}, {len(dataset.train):,} + {len(dataset.test):,} images as they should be"
            )
        elif copy := download.keras_copy():
            contents.verified_mnist(container.read(copy), str(copy))
            yield Check("data", OK, f"MNIST in {copy}, as it should be")
        else:
            instead = (
                "; without a network scikit-learn's digits take its place"
                if environment.version_of("scikit-learn")
                else ""
            )
            yield Check("data", NOTE, f"MNIST is not here: the first `train` downloads it (11 MB){instead}")
    except MnistCnnError as error:
        elsewhere = f"set {source.VARIABLE} to a copy of MNIST, or unset it"
        yield Check("data", BROKEN, str(error), elsewhere if named else "remove that file: it is downloaded again")


def folders() -> Iterator[Check]:
    """Where things are written: what is trained, and what Keras downloads."""
    for name, folder, else_where in (
        ("runs", Path("runs").absolute(), "go to another folder, or name one with --output"),
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
            yield Check(name, NOTE, f"{folder} cannot be written ({error.strerror})", else_where)
        else:
            yield Check(name, OK, f"{folder} can be written")


def train() -> Iterator[Check]:
    """Train for a moment in a process of its own, from data to report, in a folder that goes again."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        words = ["train", "--data", "digits", "--epochs", "1", "--repeats", "1", "--output", str(Path(folder, "run"))]
        try:
            done = subprocess.run(
                [sys.executable, "-m", "mnist_cnn", *words],
                capture_output=True,
                text=True,
                timeout=TRAINING_SECONDS,
                check=False,
            )
            said, failed = done.stderr.strip(), done.returncode != 0
        except subprocess.TimeoutExpired:
            said, failed = f"it was not done after {TRAINING_SECONDS:g} seconds", True
    if failed:
        last = said.splitlines()[-1] if said else f"exit code {done.returncode}"
        yield Check("trial", BROKEN, f"training failed: {last}", 'pip install --force-reinstall "mnist-cnn[train]"')
    else:
        yield Check(
            "trial", OK, f"a network was trained, judged, kept and exported in {time.monotonic() - began:.0f} s"
        )


def first_line(error: Exception) -> str:
    """What an exception says first."""
    return (str(error).strip() or "no reason given").splitlines()[0][:200]
