"""Commands that train a network and judge it."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from mnist_cnn.cli import completion
from mnist_cnn.cli.frame import given, stop
from mnist_cnn.cli.options import Corruptions, Data, Json, RecipeName, with_hyperparameters
from mnist_cnn.training.recipe import Recipe


@with_hyperparameters
def train(
    context: typer.Context,
    recipe: RecipeName = "classic",
    data: Data = "auto",
    seed: Annotated[int, typer.Option(help="Decides first weights, order of images and dropout.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Threads to compute with; as many as cores by default.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder to keep it in; a new one in runs/ by default.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with a run that was stopped.", autocompletion=completion.stopped_runs)
    ] = None,
    deterministic: Annotated[bool, typer.Option("--deterministic", help="Same seed, same bits.")] = False,
    devices: Annotated[
        int, typer.Option(help="GPUs of this machine that share each batch, on TensorFlow (docs/scale.md).")
    ] = 1,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write TensorBoard's logs, too.")] = False,
    **hyperparameters: Any,
) -> None:
    """Train a network, judge it on the test images, keep it, and write its report.

    $ mnist-cnn train
    $ mnist-cnn train --recipe fast --seed 3 --output runs/quick
    $ mnist-cnn train --epochs 20 --dropout 0.4 --deterministic
    $ mnist-cnn train --resume runs/quick
    """
    from mnist_cnn.callbacks.progress import note
    from mnist_cnn.terminal import screen
    from mnist_cnn.workflows import train as workflow

    if resume and (others := given(context) - {"resume", "threads"}):
        names = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(others))
        stop(f"--resume goes on with the run's own settings, so {names} cannot be given with it: leave that out.", 2)
    progress = screen.TerminalCallback(summary=True)
    try:
        if resume:
            artifact = workflow.resume(resume, threads=threads, verbose=0, callbacks=[progress])
        else:
            artifact = workflow.train(
                Recipe(recipe, **hyperparameters),
                data,
                seed=seed,
                output=output,
                threads=threads,
                deterministic=deterministic,
                devices=devices,
                tensorboard=tensorboard,
                verbose=0,
                callbacks=[progress],
            )
    except KeyboardInterrupt:
        if progress.folder:
            note(f"Go on later with: mnist-cnn train --resume {progress.folder}")
        raise
    screen.show_kept(artifact.folder)


def evaluate(
    models: Annotated[
        list[Path],
        typer.Argument(
            metavar="model", help="Folders that `train` made, or .onnx files.", autocompletion=completion.networks
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            help="As for `train`; by default what the networks were trained on.", autocompletion=completion.data_sets
        ),
    ] = None,
    corruptions: Corruptions = False,
    as_json: Json = False,
) -> None:
    """Judge a network on test images: accuracy with its interval, confusion matrix, each digit.

    Several networks are judged as an ensemble, by the mean of their probabilities.

    $ mnist-cnn evaluate runs/quick
    $ mnist-cnn evaluate runs/quick --data digits --json
    $ mnist-cnn evaluate runs/first runs/second --corruptions
    """
    from mnist_cnn.callbacks.callback import CallbackList
    from mnist_cnn.terminal import screen
    from mnist_cnn.workflows import evaluate as workflow

    callbacks = CallbackList([screen.TerminalCallback()])
    evaluation, members, dataset = workflow.evaluate_each(models, data, callbacks)
    several = list(zip(map(str, models), members, strict=True)) if len(models) > 1 else []
    if as_json:
        about = {
            "name": dataset.name,
            "is_mnist": dataset.is_mnist,
            "sha256": dataset.sha256,
            "warning": dataset.warning,
        }
        each = [{"model": model, "evaluation": member.to_dict()} for model, member in several]
        judged: dict[str, object] = {"models": each} if several else {"model": str(models[0])}
        document = {**judged, "data": about, "evaluation": evaluation.to_dict()}
        if corruptions:
            document["corruptions"] = workflow.evaluate_corruptions(models, dataset, callbacks).to_dict()
        typer.echo(json.dumps(document))
        return
    for model, member in several:
        screen.show_accuracy(member.uncorrected, None, dataset, of=model)
    ensemble = f"the ensemble of {len(several)}" if several else ""
    screen.show_accuracy(evaluation.uncorrected, evaluation.corrected, dataset, of=ensemble)
    screen.show_confusion_matrix(evaluation)
    screen.show_digits(evaluation)
    screen.show_calibration(evaluation)
    if corruptions:
        screen.show_robustness(workflow.evaluate_corruptions(models, dataset, callbacks), dataset)
