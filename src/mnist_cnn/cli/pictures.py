"""Commands that read pictures, learn from them, and let others send them."""

import functools
import json
from pathlib import Path
from typing import Annotated

import typer

from mnist_cnn.cli import completion
from mnist_cnn.cli.frame import given, stop
from mnist_cnn.cli.options import Json, MinConfidence, Model
from mnist_cnn.system import environment


def read(
    context: typer.Context,
    pictures: Annotated[list[str], typer.Argument(metavar="picture", help="Files, folders, or - for standard input.")],
    model: Model = None,
    single: Annotated[bool, typer.Option("--single", help="There is one digit in each picture.")] = False,
    min_confidence: MinConfidence = None,
    annotate: Annotated[
        Path | None, typer.Option(help="A folder for the pictures with boxes and digits drawn on them.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that read side by side, for many pictures.")] = 1,
    ray: Annotated[
        str | None,
        typer.Option(help="Read on a Ray cluster: local, auto, HOST:PORT or ray://HOST:PORT (docs/scale.md)."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="With --ray: a new folder for the results, in Parquet.")
    ] = None,
    path_column: Annotated[str, typer.Option(help="With --ray: the column of a Parquet file with names.")] = "path",
    bytes_column: Annotated[str, typer.Option(help="With --ray: the column with pictures' bytes.")] = "bytes",
    as_json: Json = False,
) -> None:
    """Read the digits in pictures: photos, scans or drawings. "?" stands where it is not sure enough.

    $ mnist-cnn read photo.jpg
    $ mnist-cnn read scans/ --json
    $ mnist-cnn read scans/ --annotate drawn/ --min-confidence 0.9
    $ mnist-cnn read - --single --model runs/quick < digit.png
    """
    from mnist_cnn.terminal import readings

    if ray and output:
        if names := ", ".join(f"--{name}" for name in sorted(given(context) & {"workers", "annotate"})):
            stop(f"{names} cannot be given with --ray: leave that out.", 2)
        from mnist_cnn.bulk.ray_reading import read_on_cluster

        there = functools.partial(
            read_on_cluster,
            pictures,
            ray,
            output,
            path_column=path_column,
            bytes_column=bytes_column,
            model=model,
            min_confidence=min_confidence,
            single=single,
        )
        raise typer.Exit(0 if readings.read_elsewhere(there, as_json=as_json) else 1)
    if named := given(context) & {"ray", "output", "path_column", "bytes_column"}:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(named))
        stop(f"{names} needs --ray ADDRESS and --output FOLDER beside it: give both, or neither.", 2)
    from mnist_cnn.bulk.local_reading import read_in_parallel

    reading = functools.partial(
        read_in_parallel, workers=workers, model=model, min_confidence=min_confidence, single=single
    )
    if not readings.read_each(reading, pictures, annotate=annotate, as_json=as_json):
        raise typer.Exit(1)


def explain(
    pictures: Annotated[list[str], typer.Argument(metavar="picture", help="Files, folders, or - for standard input.")],
    model: Model = None,
    single: Annotated[bool, typer.Option("--single", help="There is one digit in each picture.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A file (.png) for a picture of the reasons, or a folder for one of each."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say why digits are read as they are: what counts most, what would make it another, what it resembles.

    $ mnist-cnn explain photo.jpg
    $ mnist-cnn explain digit.png --single --output reasons.png
    """
    from mnist_cnn.reading.reader import Reader
    from mnist_cnn.terminal import readings

    if not readings.explain_each(Reader(model), pictures, single=single, output=output, as_json=as_json):
        raise typer.Exit(1)


def score(
    labels: Annotated[Path, typer.Argument(help="A CSV with the columns path and label; see docs/reading.md.")],
    model: Model = None,
    min_confidence: MinConfidence = None,
    mistakes: Annotated[Path | None, typer.Option(help="A file for one picture of all mistakes (.png).")] = None,
    as_json: Json = False,
) -> None:
    """Say how well `read` does on labelled pictures: plain mean and mean over sources, by kind and layout.

    $ mnist-cnn score pictures/labels.csv
    $ mnist-cnn score pictures/labels.csv --model runs/quick --mistakes mistakes.png
    """
    from mnist_cnn.evaluation import labelled_images
    from mnist_cnn.reading.reader import Reader
    from mnist_cnn.terminal import readings

    readings.refuse_to_overwrite(mistakes)
    labelled = labelled_images.load(labels)
    judged = readings.judge_each(Reader(model, min_confidence), labelled)
    if mistakes:
        readings.write_mistakes(judged, mistakes)
    if as_json:
        typer.echo(json.dumps(labelled_images.summary(judged)))
    else:
        readings.show_score(judged)


def adapt(
    labels: Annotated[Path, typer.Argument(help="A CSV with the columns path and label, as for `score`.")],
    model: Annotated[
        Path | None,
        typer.Option(
            help="A folder that `train` or `adapt` made; by default the network that ships.",
            autocompletion=completion.networks,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder to keep it in; a new one in runs/ by default.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides what is held out together, and the order of images.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Threads to compute with; as many as cores by default.")] = None,
    as_json: Json = False,
) -> None:
    """Teach a network one person's digits by labelled pictures, and keep it if it reads them better (docs/adapt.md).

    $ mnist-cnn adapt mine/labels.csv --output runs/mine
    $ mnist-cnn read photo.jpg --model runs/mine
    """
    from mnist_cnn.evaluation import labelled_images
    from mnist_cnn.terminal import readings, screen
    from mnist_cnn.workflows.adaptation.adapt import adapt

    environment.require_training("Adapting a network")
    labelled = labelled_images.load(labels)
    artifact = adapt(
        [one.path for one in labelled],
        [one.label for one in labelled],
        model=model,
        output=output,
        seed=seed,
        threads=threads,
        verbose=0,
        callbacks=[screen.TerminalCallback()],
    )
    if as_json:
        about = artifact.card.evaluation["adaptation"]
        typer.echo(json.dumps({"model": str(artifact.folder), **{k: v for k, v in about.items() if k != "before"}}))
    else:
        readings.show_adapted(artifact)


def serve(
    host: Annotated[
        str, typer.Option(help="The address to listen at; 0.0.0.0 is every one of this computer.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 is any that is free.", min=0, max=65535)] = 8000,
    model: Model = None,
    workers: Annotated[int, typer.Option(help="Processes that read side by side.", min=1, max=256)] = 1,
    token: Annotated[
        str | None, typer.Option(help="What each request must bring to be answered.", envvar="MNIST_CNN_TOKEN")
    ] = None,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="A site whose pages may ask, such as https://example.org; * is every one.")
    ] = None,
    min_confidence: MinConfidence = None,
) -> None:
    """Serve a page to draw on and an HTTP interface (docs/serving.md). Ctrl-C stops it.

    $ mnist-cnn serve
    $ mnist-cnn serve --host 0.0.0.0 --port 8080 --workers 2 --token secret
    """
    from mnist_cnn.reading.reader import MIN_CONFIDENCE
    from mnist_cnn.serving.server import serve
    from mnist_cnn.serving.settings import Settings

    settings = Settings(
        host,
        port,
        model,
        MIN_CONFIDENCE if min_confidence is None else min_confidence,
        workers,
        token,
        tuple(allow_origin or ()),
    )
    serve(settings, lambda address: typer.echo(f"Serving at {address} (Ctrl-C stops)"))
