"""Commands that train a recipe over many seeds and compare."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from mnist_cnn.cli import completion
from mnist_cnn.cli.frame import given, stop
from mnist_cnn.cli.options import Data, Json, RecipeName, with_hyperparameters
from mnist_cnn.training.recipe import Recipe


@with_hyperparameters
def study(
    context: typer.Context,
    recipe: RecipeName = "classic",
    seeds: Annotated[int, typer.Option(help="How many seeds, counted from 0.")] = 5,
    data: Data = "auto",
    threads: Annotated[
        int | None, typer.Option(help="Threads for each seed; an equal share of the cores by default.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Seeds trained side by side.")] = 1,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The study's folder, also to go on with one; a new one in studies/ by default."
        ),
    ] = None,
    ray: Annotated[
        str | None, typer.Option(help="Train on a Ray cluster: local, auto, HOST:PORT or ray://HOST:PORT.")
    ] = None,
    deterministic: Annotated[bool, typer.Option("--deterministic", help="Same seed, same bits.")] = False,
    as_json: Json = False,
    **hyperparameters: Any,
) -> None:
    """Train a recipe over many seeds: mean accuracy, its spread, and a row a seed. `compare` compares two studies.

    $ mnist-cnn study --recipe fast --seeds 10 --output studies/fast
    $ mnist-cnn study --recipe fast --seeds 10 --dropout 0.2 --output studies/dropout
    $ mnist-cnn study compare studies/fast studies/dropout
    """
    if context.invoked_subcommand:
        if names := ", ".join(f"--{name.replace('_', '-')}" for name in sorted(given(context))):
            stop(f"{names} cannot stand before {context.invoked_subcommand}: leave that out.", 2)
        return
    if ray and "workers" in given(context):
        stop("A Ray cluster decides how many seeds it trains at a time: leave --workers out and give --threads.", 2)
    from mnist_cnn.callbacks.progress import note
    from mnist_cnn.study.run import run
    from mnist_cnn.terminal import screen
    from mnist_cnn.terminal import study as terminal_study

    watch = terminal_study.StudyProgress(note if as_json else screen.show)
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
            callback=watch,
        )
    except KeyboardInterrupt:
        if watch.folder:
            note(f"Go on later with the same command and --output {watch.folder}")
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
            help="A folder of `study` or of `train`, a study.json, or an .onnx file.",
            autocompletion=completion.comparable,
        ),
    ],
    b: Annotated[str, typer.Argument(help="Another of the same kind.", autocompletion=completion.comparable)],
    data: Annotated[
        str | None,
        typer.Option(
            help="What to judge two networks on; by default what they were trained on.",
            autocompletion=completion.data_sets,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether one of two studies, or of two networks, is better, or whether it may be chance.

    $ mnist-cnn study compare studies/fast studies/dropout
    $ mnist-cnn study compare runs/first runs/second/model.onnx --json
    """
    from mnist_cnn.callbacks.callback import CallbackList
    from mnist_cnn.study.compare import compare
    from mnist_cnn.terminal import screen
    from mnist_cnn.terminal import study as terminal_study

    comparison = compare(a, b, data, callbacks=CallbackList([screen.TerminalCallback()]))
    if as_json:
        typer.echo(json.dumps(comparison.to_dict()))
    else:
        terminal_study.show_comparison(comparison)
