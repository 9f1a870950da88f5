"""Experiment trackers that a person has: TensorBoard, Weights & Biases and MLflow, by their own callbacks for Keras.

Where they write to is theirs to say: `WANDB_MODE=offline`, `MLFLOW_TRACKING_URI`. The history
itself is in `history.csv`.
"""

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mnist_cnn.errors import MissingExtraError, RecipeError, RunError

LOGGERS = {"tensorboard": "tensorboard", "wandb": "wandb", "mlflow": "mlflow"}
PROJECT = "mnist-cnn"


def check(names: Sequence[str]) -> None:
    """Raise RecipeError for a logger that does not exist, and MissingExtraError for one that is not installed."""
    for name in names:
        if name not in LOGGERS:
            raise RecipeError(f"There is no logger {name!r}: choose one of {', '.join(LOGGERS)}.")
        if importlib.util.find_spec(LOGGERS[name]) is None:
            extra = "train" if name == "tensorboard" else name
            raise MissingExtraError(f'Logging to {name} needs a package: pip install "mnist-cnn[{extra}]".')


@contextmanager
def started(names: Sequence[str], folder: Path, config: dict[str, Any]) -> Iterator[list[Any]]:
    """Callbacks of these loggers for a run in a folder with this configuration; they are closed at the end.

    Raises RunError if one of them cannot start.
    """
    makers = {"wandb": wandb_callbacks, "mlflow": mlflow_callbacks}
    closing = []
    made: list[Any] = []
    try:
        for name in names:
            if maker := makers.get(name):
                try:
                    callbacks, close = maker(folder, config)
                except Exception as error:  # of another program, which raises what it likes
                    raise RunError(
                        f"Logging to {name} cannot start ({' '.join(str(error).split())[:200]}): leave --log {name} "
                        "out, or set it up."
                    ) from error
                made += callbacks
                closing.append(close)
        yield made
    finally:
        for close in closing:
            close()


def wandb_callbacks(folder: Path, config: dict[str, Any]) -> tuple[list[Any], Any]:
    """Weights & Biases: a run of the project mnist-cnn, named like the folder."""
    import wandb
    from wandb.integration.keras import WandbMetricsLogger

    name = folder.name.removesuffix(".partial")
    run = wandb.init(project=PROJECT, name=name, dir=str(folder.parent), config=config)
    return [WandbMetricsLogger()], run.finish


def mlflow_callbacks(folder: Path, config: dict[str, Any]) -> tuple[list[Any], Any]:
    """MLflow: a run of the experiment that is set, named like the folder."""
    import mlflow

    run = mlflow.start_run(run_name=folder.name.removesuffix(".partial"))
    mlflow.log_params(config)
    return [mlflow.keras.MlflowCallback(run)], mlflow.end_run
