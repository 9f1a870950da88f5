"""Commands that train a recipe with many seeds and compare."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from mnist_cnn.cli import completion
from mnist_cnn.cli.frame import as_options, given, stop
from mnist_cnn.cli.options import (
    CLUSTER,
    OUTPUT,
    Channels,
    ClassNames,
    Data,
    Deterministic,
    EvaluationData,
    ImageSize,
    Invert,
    Json,
    Quiet,
    RecipeName,
    Teacher,
    names_of,
    with_hyperparameters,
)
from mnist_cnn.training.recipe import Recipe


@with_hyperparameters
def study(
    context: typer.Context,
    recipe: RecipeName = "classic",
    seeds: Annotated[int, typer.Option(help="Number of seeds, counted from 0.")] = 5,
    data: Data = "auto",
    image_size: ImageSize = 28,
    channels: Channels = 1,
    invert: Invert = False,
    class_names: ClassNames = None,
    teacher: Teacher = None,
    threads: Annotated[
        int | None, typer.Option(help="CPU threads per seed; by default an equal share of the cores.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Worker processes: seeds trained in parallel.")] = 1,
    deterministic: Deterministic = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder of the study, also to resume one; by default a new one in studies/.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
    ray: Annotated[
        str | None,
        typer.Option(
            help="Train on a Ray cluster: local, auto, HOST:PORT or ray://HOST:PORT.", rich_help_panel=CLUSTER
        ),
    ] = None,
    **hyperparameters: Any,
) -> None:
    """Train a recipe with many seeds: mean accuracy, standard deviation, and a row per seed. `compare` compares two.

    $ mnist-cnn study --recipe fast --seeds 10 -o studies/fast
    $ mnist-cnn study --recipe fast --seeds 10 --dropout 0.2 -o studies/dropout
    $ mnist-cnn study --recipe tiny --parameters 2000 --teacher runs/best
    $ mnist-cnn study --data photos/ --image-size 64 --channels 3 --seeds 5
    $ mnist-cnn study compare studies/fast studies/dropout
    """
    if context.invoked_subcommand:
        if names := given(context):
            stop(f"{as_options(names)} cannot stand before {context.invoked_subcommand}: leave it out.", 2)
        return
    if ray and "workers" in given(context):
        stop("A Ray cluster decides how many seeds it trains in parallel: leave --workers out and give --threads.", 2)
    from mnist_cnn.callbacks.progress import note
    from mnist_cnn.study.run import run
    from mnist_cnn.terminal import screen
    from mnist_cnn.terminal import study as terminal_study
    from mnist_cnn.training import backend

    chosen = hyperparameters.get("backend", backend.WITHOUT_KERAS)
    if chosen != backend.WITHOUT_KERAS and not ray:  # a cluster has packages of its own
        backend.prefer(chosen, required=True)
    progress = terminal_study.StudyProgress(note if as_json else screen.show, quiet=quiet)
    try:
        folder, made = run(
            Recipe(recipe, **hyperparameters),
            seeds,
            data,
            output=output,
            threads=threads,
            workers=workers,
            deterministic=deterministic,
            ray=ray,
            image_size=image_size,
            channels=channels,
            invert=invert,
            class_names=names_of(class_names),
            teacher=teacher,
            callback=progress,
        )
    except KeyboardInterrupt:
        if progress.folder:
            note(f"Resume with the same command and --output {progress.folder}")
        raise
    if as_json:
        typer.echo(json.dumps(made.to_dict()))
    else:
        terminal_study.show_study(folder, made)
    if len(made.finished) < len(made.rows):
        raise typer.Exit(1)


def compare_studies(
    a: Annotated[
        str,
        typer.Argument(
            help="A study (folder or study.json), or a model (folder, .onnx file or name).",
            autocompletion=completion.comparable,
        ),
    ],
    b: Annotated[str, typer.Argument(help="Another study, or another model.", autocompletion=completion.comparable)],
    data: EvaluationData = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Test whether the difference between two studies, or between two models, is statistically significant.

    $ mnist-cnn study compare studies/fast studies/dropout
    $ mnist-cnn study compare runs/first robust
    $ mnist-cnn study compare runs/first runs/second/model.onnx --json
    """
    from mnist_cnn.callbacks.callback import CallbackList
    from mnist_cnn.study.compare import compare
    from mnist_cnn.terminal import screen
    from mnist_cnn.terminal import study as terminal_study

    comparison = compare(a, b, data, callbacks=CallbackList([screen.TerminalCallback(quiet=quiet)]))
    if as_json:
        typer.echo(json.dumps(comparison.to_dict()))
    else:
        terminal_study.show_comparison(comparison)
