"""Commands that train a model and evaluate it."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from mnist_cnn.cli import completion
from mnist_cnn.cli.frame import EndEarly, as_options, ended_at_once, given, stop
from mnist_cnn.cli.options import (
    NAMES,
    OUTPUT,
    Channels,
    ClassNames,
    Corruptions,
    Data,
    Deterministic,
    EvaluationData,
    ImageSize,
    Invert,
    Json,
    Quiet,
    RecipeName,
    Run,
    Seed,
    Teacher,
    Threads,
    names_of,
    with_hyperparameters,
)


@with_hyperparameters
def train(
    context: typer.Context,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="Architecture and hyperparameters, as `info` lists them; by default classic, or that of --init.",
            autocompletion=completion.recipes,
        ),
    ] = None,
    data: Data = "auto",
    image_size: ImageSize = 28,
    channels: Channels = 1,
    invert: Invert = False,
    class_names: ClassNames = None,
    init: Annotated[
        str | None,
        typer.Option(help="Saved model to fine-tune on these data.", autocompletion=completion.models),
    ] = None,
    freeze: Annotated[bool, typer.Option("--freeze", help="With --init: train only the last layer.")] = False,
    network: Annotated[
        str | None,
        typer.Option(metavar="file.py:function", help="Your own network: a function that builds a Keras model."),
    ] = None,
    teacher: Teacher = None,
    max_seconds: Annotated[
        float | None, typer.Option(help="End the training after so many seconds, with what the last epoch left.")
    ] = None,
    seed: Seed = 0,
    threads: Threads = None,
    devices: Annotated[
        int, typer.Option(help="GPUs of this machine to split each batch over (TensorFlow only; docs/scale.md).")
    ] = 1,
    deterministic: Deterministic = False,
    ink: Annotated[
        list[Path],
        typer.Option(
            metavar="<path>",
            help="Digital ink (all but classic, fast, best, tiny), as `mnist-cnn download` fetches it; repeatable.",
        ),
    ] = [],  # noqa: B006  Typer's way to say "none"
    resume: Annotated[
        Path | None, typer.Option(help="Resume a run that was stopped.", autocompletion=completion.resumable_runs)
    ] = None,
    output: Run = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write TensorBoard logs.", rich_help_panel=OUTPUT)
    ] = False,
    log: Annotated[
        list[str],
        typer.Option(
            metavar="<name>", help="Tracker to log to: tensorboard, wandb, mlflow; repeatable.", rich_help_panel=OUTPUT
        ),
    ] = [],  # noqa: B006  as above
    quiet: Quiet = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            help="Also precision, recall and F1 of each digit, and the calibration.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    **hyperparameters: Any,
) -> None:
    """Train a model, evaluate it on the test images, save it, and write a report.

    $ mnist-cnn train
    $ mnist-cnn train --recipe fast --seed 3 -o runs/quick
    $ mnist-cnn train --epochs 20 --dropout 0.4 --deterministic
    $ mnist-cnn train --data photos/ --image-size 64 --channels 3 --early-stopping 3
    $ mnist-cnn train --data kaggle/ --recipe best
    $ mnist-cnn train --init runs/quick --data mine.csv --freeze
    $ mnist-cnn train --recipe tiny --parameters 2000 --teacher runs/best
    $ mnist-cnn train --recipe robust --ink ink/
    $ mnist-cnn train --recipe finder --ink ink/
    $ mnist-cnn train --recipe segmenter --ink ink/
    $ mnist-cnn train --recipe recogniser --ink ink/
    $ mnist-cnn train --resume runs/quick
    """
    from mnist_cnn.terminal import screen
    from mnist_cnn.workflows import train as workflow

    if resume and (others := given(context) - {"resume", "threads", "quiet", "verbose", "max_seconds"}):
        stop(f"--resume keeps the settings of the run: leave {as_options(others)} out.", 2)
    progress = screen.TerminalCallback(quiet=quiet, summary=True, verbose=verbose)
    early = EndEarly()
    advice = lambda: f"Resume with: mnist-cnn train --resume {progress.folder}" if progress.folder else ""  # noqa: E731
    with ended_at_once(advice, early):
        if resume:
            model = workflow.resume(
                resume, threads=threads, max_seconds=max_seconds, verbose=0, callbacks=[progress, early]
            )
        else:
            model = workflow.train(
                recipe,
                data,
                seed=seed,
                output=output,
                threads=threads,
                deterministic=deterministic,
                devices=devices,
                tensorboard=tensorboard,
                log=log,
                ink=ink,
                image_size=image_size,
                channels=channels,
                invert=invert,
                class_names=names_of(class_names),
                init=init,
                freeze=freeze,
                network=network,
                teacher=teacher,
                max_seconds=max_seconds,
                verbose=0,
                callbacks=[progress, early],
                **hyperparameters,
            )
    screen.show_saved(model.folder, model.card)


@with_hyperparameters
def tune(
    recipe: RecipeName = "classic",
    data: Data = "auto",
    trials: Annotated[int, typer.Option(help="Number of trials that the study shall have.")] = 20,
    workers: Annotated[int, typer.Option(help="Worker processes.")] = 1,
    image_size: ImageSize = 28,
    channels: Channels = 1,
    invert: Invert = False,
    class_names: ClassNames = None,
    seed: Seed = 0,
    threads: Threads = None,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Folder of the study; an existing one is resumed.", rich_help_panel=OUTPUT),
    ] = Path("tuned"),
    quiet: Quiet = False,
    as_json: Json = False,
    **hyperparameters: Any,
) -> None:
    """Search for hyperparameters on the validation images, with Optuna (docs/data.md).

    Hyperparameters that are given are fixed; the others of the search are in the documentation.

    $ mnist-cnn tune --recipe fast --trials 30 --epochs 5
    $ mnist-cnn tune --data photos/ --trials 50 --workers 2 -o tuned/photos
    """
    from mnist_cnn.terminal import screen
    from mnist_cnn.workflows.tune import PAGE
    from mnist_cnn.workflows.tune import tune as search

    tuned = search(
        recipe,
        data,
        trials=trials,
        workers=workers,
        seed=seed,
        threads=threads,
        output=output,
        image_size=image_size,
        channels=channels,
        invert=invert,
        class_names=names_of(class_names),
        verbose=0,
        callbacks=[screen.TerminalCallback(quiet=quiet)],
        **hyperparameters,
    )
    if as_json:
        typer.echo(json.dumps(tuned.to_dict()))
        return
    screen.show(
        f"Best validation accuracy: {tuned.accuracy:.2%} of {len(tuned.trials)} trials",
        f"Train with it: {tuned.command}",
        f"Report: {tuned.folder / PAGE}",
    )


def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(metavar="model", help=f"Models: {NAMES}.", autocompletion=completion.models),
    ],
    data: EvaluationData = None,
    corruptions: Corruptions = False,
    quiet: Quiet = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also the layers of each model.", rich_help_panel=OUTPUT)
    ] = False,
    as_json: Json = False,
) -> None:
    """Evaluate a model on test images: accuracy, confusion matrix, precision and recall, calibration.

    Several models are evaluated as an ensemble: the mean of their probabilities.

    $ mnist-cnn evaluate runs/quick
    $ mnist-cnn evaluate robust --corruptions
    $ mnist-cnn evaluate runs/quick --data digits --json
    $ mnist-cnn evaluate runs/first runs/second
    """
    from mnist_cnn.callbacks.callback import CallbackList
    from mnist_cnn.terminal import screen
    from mnist_cnn.workflows import evaluate as workflow

    callbacks = CallbackList([screen.TerminalCallback(quiet=quiet)])
    evaluation, members, dataset = workflow.evaluate_each(models, data, callbacks)
    several = list(zip(models, members, strict=True)) if len(models) > 1 else []
    if as_json:
        about = {
            "name": dataset.name,
            "is_mnist": dataset.is_mnist,
            "sha256": dataset.sha256,
            "warning": dataset.warning,
        }
        each = [{"model": model, "evaluation": member.to_dict()} for model, member in several]
        named: dict[str, object] = {"models": each} if several else {"model": models[0]}
        document = {**named, "data": about, "evaluation": evaluation.to_dict()}
        if corruptions:
            document["corruptions"] = workflow.evaluate_corruptions(models, dataset, callbacks).to_dict()
        typer.echo(json.dumps(document))
        return
    if verbose:
        for model in models:
            screen.show_layers(model, workflow.opened(model))
    for model, member in several:
        screen.show_accuracy(member.uncorrected, None, dataset, of=model)
    ensemble = f"the ensemble of {len(several)}" if several else ""
    screen.show_accuracy(evaluation.uncorrected, evaluation.corrected, dataset, of=ensemble)
    screen.show_confusion_matrix(evaluation)
    screen.show_digits(evaluation)
    screen.show_calibration(evaluation)
    if corruptions:
        screen.show_robustness(workflow.evaluate_corruptions(models, dataset, callbacks), dataset)
