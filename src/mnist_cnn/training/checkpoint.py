"""Everything that `--resume` needs: what a run was asked to do, and its state after the last whole epoch.

Keras' own ways (`.keras` files, `BackupAndRestore`) lose the state of Dropout's random generator, so that a resumed run
differs from one that was never stopped. Here *all* variables are kept: `model.variables` has the generators' states.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_cnn.errors import RecipeError, RunError
from mnist_cnn.system.files import DAMAGE, write_whole
from mnist_cnn.training.history import Epoch
from mnist_cnn.training.recipe import Recipe

if TYPE_CHECKING:
    import keras

SETTINGS = "run.json"
STATE = "state.npz"


@dataclass(frozen=True)
class Settings:
    """What a run was asked to do and where it began: enough to begin it again."""

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
    inexact: list[str]  # why, after earlier interruptions, the bits are not what they would have been
    devices: int = 1

    def differences(self, now: "Settings") -> list[str]:
        """What keeps a run that goes on under `now` from giving the same bits; empty if nothing does."""
        pairs: list[tuple[str, Any, Any]] = [
            ("threads", self.threads, now.threads),
            *((name, old, now.machine.get(name)) for name, old in self.machine.items()),
            *((name, old, now.versions.get(name)) for name, old in self.versions.items()),
        ]
        changed = [f"{name} was {old} and is now {new}" for name, old, new in pairs if old != new]
        always = [] if self.deterministic else ["it was not started with --deterministic"]
        return list(dict.fromkeys([*always, *self.inexact, *changed]))


def begin(folder: Path, settings: Settings) -> None:
    """Write down, in the folder `checkpoint/` of a run, what the run was asked to do."""
    write_whole(folder / SETTINGS, json.dumps(asdict(settings), indent=2))


def settings_of(folder: Path) -> Settings:
    """What the run was asked to do; raises RunError if that is missing or damaged."""
    path = folder / SETTINGS
    try:
        document = json.loads(path.read_bytes())
        return Settings(**document | {"recipe": Recipe(**document["recipe"])})
    except (OSError, ValueError, TypeError, KeyError, RecipeError) as error:
        raise RunError(f"{path} is missing or damaged, so the run cannot go on: train again.") from error


def save(folder: Path, network: "keras.Model", history: Sequence[Epoch]) -> None:
    """Replace the state in the folder, in one step, by the network's."""
    from keras import ops  # here, because it brings its framework with it

    arrays: dict[str, Any] = {
        f"variable_{index}": ops.convert_to_numpy(variable) for index, variable in enumerate(variables(network))
    }
    stream = io.BytesIO()
    np.savez(stream, history=np.array(json.dumps(list(history))), **arrays)
    write_whole(folder / STATE, stream.getvalue())


def restore(folder: Path, network: "keras.Model") -> list[Epoch]:
    """Put the saved state into the network and its optimizer and give the history so far (empty if none was saved).

    Raises RunError if the state is damaged or of another network.
    """
    path = folder / STATE
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as state:
            history: list[Epoch] = json.loads(str(state["history"]))
            arrays = [state[f"variable_{index}"] for index in range(len(state.files) - 1)]
        for variable, array in zip(variables(network), arrays, strict=True):
            variable.assign(array)
    except FileNotFoundError:
        return []
    except (OSError, KeyError, *DAMAGE) as error:
        raise RunError(f"{path} is damaged, so the run cannot go on: train again in another folder.") from error
    return history


def variables(network: "keras.Model") -> list[Any]:
    """All that training changes: weights, the random generators' states, and the optimizer's memory."""
    network.optimizer.build(network.trainable_variables)
    return [*network.variables, *network.optimizer.variables]
