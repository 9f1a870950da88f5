"""Everything that `--resume` needs: the settings of a run, and its state after the last complete epoch.

Keras' own means (`.keras` files, `BackupAndRestore`) lose the state of Dropout's random generator, so a resumed run
differs from an uninterrupted one. Here *all* variables are saved: `model.variables` has the generators' states.
"""

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_cnn.card import EPOCH, SEED, TEACHER, THREADS
from mnist_cnn.data import container
from mnist_cnn.errors import RecipeError, RunError
from mnist_cnn.system.files import DAMAGE, read_limited, write_whole
from mnist_cnn.system.schema import SCALAR, SHA256, AnyOf, Anything, Fields, Flag, ListOf, MapOf, Number, Text
from mnist_cnn.training.history import Epoch
from mnist_cnn.training.onnx_network import OnnxNetwork
from mnist_cnn.training.recipe import Recipe

if TYPE_CHECKING:
    import keras


SETTINGS = "run.json"
STATE = "state.npz"
BEST = "best.npz"  # weights, where the training stops early
LARGEST = 2**28  # bytes of either, unpacked; the state of the largest recipe has 14 million
WANTED = Fields(
    {
        "recipe": Fields({"name": Text()}),
        "seed": SEED,
        "threads": THREADS,
        "deterministic": Flag(),
        "tensorboard": Flag(),
        "data": Text(),
        "data_sha256": SHA256,
        "data_warning": AnyOf(Text(), or_null=True),
        "versions": MapOf(Text(1000)),
        "machine": MapOf(SCALAR),
        "inexact": ListOf(Text()),
    },
    {
        "devices": Number(1, 1024, whole=True),
        "ink": ListOf(Text()),
        "ink_sha256": AnyOf(SHA256, or_null=True),
        "preparation": MapOf(Anything()),
        "network": AnyOf(Text(), or_null=True),
        "init": AnyOf(Text(), or_null=True),
        "init_sha256": AnyOf(SHA256, or_null=True),
        "freeze": Flag(),
        "loggers": ListOf(Text()),
        "teacher": AnyOf(TEACHER, or_null=True),
    },
)


@dataclass(frozen=True)
class Settings:
    """What a run was asked to do, and on what machine and versions: enough to start it again."""

    recipe: Recipe
    seed: int
    threads: int
    deterministic: bool
    tensorboard: bool
    data: str
    data_sha256: str
    data_warning: str | None
    versions: dict[str, str]
    machine: dict[str, Any]
    inexact: list[str]  # why, after earlier interruptions, it is not bit-for-bit the uninterrupted run
    devices: int = 1
    ink: list[str] = field(default_factory=list)  # where it was read from
    ink_sha256: str | None = None
    preparation: dict[str, Any] = field(default_factory=dict)  # of images and labels, as a model card has it
    network: str | None = None  # file.py:function of a person's own network
    init: str | None = None  # the model whose weights it started from
    init_sha256: str | None = None  # of that model's card
    freeze: bool = False
    loggers: list[str] = field(default_factory=list)
    teacher: dict[str, str] | None = None  # the model whose probabilities it learns, as a model card has it

    def differences(self, now: "Settings") -> list[str]:
        """Why a run resumed with the settings `now` is not bit-for-bit the uninterrupted one; empty if it is."""
        pairs: list[tuple[str, Any, Any]] = [
            ("threads", self.threads, now.threads),
            *((name, old, now.machine.get(name)) for name, old in self.machine.items()),
            *((name, old, now.versions.get(name)) for name, old in self.versions.items()),
        ]
        changed = [f"{name} was {old} and is now {new}" for name, old, new in pairs if old != new]
        always = [] if self.deterministic else ["it was not started with --deterministic"]
        return list(dict.fromkeys([*always, *self.inexact, *changed]))


def save_settings(folder: Path, settings: Settings) -> None:
    """Write the settings of a run into its folder `checkpoint/`."""
    write_whole(folder / SETTINGS, json.dumps(asdict(settings), indent=2))


def settings_of(folder: Path) -> Settings:
    """The settings of a run; raises RunError if they are missing or damaged."""
    path = folder / SETTINGS
    try:
        document = json.loads(read_limited(path, LARGEST))
        if fault := WANTED.fault(document, ""):
            raise ValueError(fault)
        return Settings(**document | {"recipe": Recipe(**document["recipe"])})
    except (OSError, ValueError, TypeError, RecursionError, RecipeError) as error:
        raise RunError(f"{path} is missing or damaged, so the run cannot be resumed: train again.") from error


def save(folder: Path, network: "OnnxNetwork | keras.Model", history: Sequence[Epoch], *others: "keras.Model") -> None:
    """Replace the state in the folder atomically by the model's, and by the weights of `others` that belong to it."""
    arrays: dict[str, Any] = {
        f"variable_{index}": array_of(variable) for index, variable in enumerate(variables(network, *others))
    }
    stream = io.BytesIO()
    np.savez(stream, history=np.array(json.dumps(list(history))), **arrays)
    write_whole(folder / STATE, stream.getvalue())


def restore(folder: Path, network: "OnnxNetwork | keras.Model", *others: "keras.Model") -> list[Epoch]:
    """Load the saved state into the model and its optimizer, and into `others` that were saved with it.

    Returns the history so far, empty if none was saved.

    Raises RunError if the state is damaged or of another model.
    """
    path = folder / STATE
    if not (path.exists() or path.is_symlink()):
        return []
    targets = variables(network, *others)
    try:
        history, arrays = read_state(path, len(targets))
        for variable, array in zip(targets, arrays, strict=True):
            if array.shape != tuple(variable.shape):  # before any of them is changed, on every framework
                raise ValueError(f"a variable of the shape {array.shape}")
        for variable, array in zip(targets, arrays, strict=True):
            assign(variable, array)
    except (OSError, KeyError, RecursionError, *DAMAGE) as error:
        raise RunError(f"{path} is damaged, so the run cannot be resumed: train again in another folder.") from error
    return history


def read_state(path: Path, count: int) -> tuple[list[Epoch], list[np.ndarray]]:
    """History and `count` arrays of a state; raises OSError, KeyError or one of DAMAGE.

    What a file declares is checked before it is unpacked: NumPy itself would first reserve a declared terabyte.
    """
    with zipfile.ZipFile(io.BytesIO(read_limited(path, LARGEST))) as archive:
        members = {one.filename.removesuffix(".npy"): one for one in archive.infolist()}
        container.check_size(path, sum(one.file_size for one in members.values()), LARGEST)
        if len(members) != count + 1:
            raise ValueError(f"{len(members)} members")
        names = ["history", *(f"variable_{index}" for index in range(count))]
        told, *arrays = (container.read_member(archive, members[name], name) for name in names)
    history: list[Epoch] = json.loads(str(told))
    if fault := ListOf(EPOCH).fault(history, "history"):
        raise ValueError(fault)
    return history, arrays


def save_best(folder: Path, network: "OnnxNetwork | keras.Model") -> None:
    """Keep the model's weights as the best so far, in place of any before."""
    stream = io.BytesIO()
    np.savez(stream, **{f"weight_{index}": value for index, value in enumerate(network.get_weights())})
    write_whole(folder / BEST, stream.getvalue())


def restore_best(folder: Path, network: "OnnxNetwork | keras.Model") -> None:
    """Load the best weights into the model; raises RunError if they are missing or damaged."""
    path = folder / BEST
    try:
        count = len(network.get_weights())
        with zipfile.ZipFile(io.BytesIO(read_limited(path, LARGEST))) as archive:
            members = {one.filename.removesuffix(".npy"): one for one in archive.infolist()}
            container.check_size(path, sum(one.file_size for one in members.values()), LARGEST)
            names = [f"weight_{index}" for index in range(count)]
            network.set_weights([container.read_member(archive, members[name], name) for name in names])
    except (OSError, KeyError, *DAMAGE) as error:
        raise RunError(f"{path} is missing or damaged, so the best weights are lost: train again.") from error


def array_of(variable: Any) -> np.ndarray:
    """A variable of Keras as an array; an array as it is."""
    if isinstance(variable, np.ndarray):
        return variable
    from keras import ops  # here, because it brings its framework with it

    return np.asarray(ops.convert_to_numpy(variable))


def assign(variable: Any, array: np.ndarray) -> None:
    """Give a variable of Keras, or an array, another value."""
    if isinstance(variable, np.ndarray):
        variable[...] = array
    else:
        variable.assign(array)


def variables(network: "OnnxNetwork | keras.Model", *others: "keras.Model") -> list[Any]:
    """All that training changes: weights, the states of the random generators, and the optimizer's variables."""
    if isinstance(network, OnnxNetwork):
        return network.variables
    network.optimizer.build(network.trainable_variables)
    more = [variable for other in others for variable in other.variables]
    return [*network.variables, *network.optimizer.variables, *more]
