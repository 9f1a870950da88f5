"""Commands that read images, adapt a model to them, and serve readings."""

import functools
import json
import os
from dataclasses import astuple
from pathlib import Path
from typing import Annotated

import typer

from mnist_cnn.cli import completion
from mnist_cnn.cli.frame import as_options, given, stop
from mnist_cnn.cli.options import (
    CLUSTER,
    OUTPUT,
    Images,
    Json,
    MinConfidence,
    Model,
    Quiet,
    Rectangle,
    Run,
    Single,
    Threads,
)
from mnist_cnn.system import environment
from mnist_cnn.terminal.new_files import Format


def read(
    context: typer.Context,
    images: Images,
    model: Model = None,
    single: Single = False,
    min_confidence: MinConfidence = None,
    region: Rectangle = None,
    workers: Annotated[int, typer.Option(help="Worker processes, for many images.")] = 1,
    annotate: Annotated[
        Path | None,
        typer.Option(
            help="Folder for copies of the images with boxes, digits and confidences.", rich_help_panel=OUTPUT
        ),
    ] = None,
    boxes: Annotated[
        bool,
        typer.Option("--boxes", help="What is in boxes drawn for digits: _ for an empty one, other for what is none."),
    ] = False,
    expect: Annotated[
        str | None,
        typer.Option(
            metavar="pattern",
            help="What each row holds: date, phone, 0-20, decimal(2), luhn, a regular expression … (docs/reading.md).",
        ),
    ] = None,
    digits_only: Annotated[
        bool,
        typer.Option(
            "--digits-only", help="Only digits, without marks and spaces between them.", rich_help_panel=OUTPUT
        ),
    ] = False,
    quiet: Quiet = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Also the confidence of each digit.", rich_help_panel=OUTPUT),
    ] = False,
    as_json: Json = False,
    format_: Annotated[
        Format | None,
        typer.Option("--format", help="How to show the results; CSV has a line per number.", rich_help_panel=OUTPUT),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            help="Read on a Ray cluster: local, auto, HOST:PORT or ray://HOST:PORT (docs/scale.md).",
            rich_help_panel=CLUSTER,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="New .csv, .jsonl or .json file for the results; with --ray a folder for Parquet.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    path_column: Annotated[
        str, typer.Option(help="Column of a Parquet file with the names of the images.", rich_help_panel=CLUSTER)
    ] = "path",
    bytes_column: Annotated[
        str, typer.Option(help="Column with the bytes of the images.", rich_help_panel=CLUSTER)
    ] = "bytes",
) -> None:
    """Read the digits in images: photos, scans or drawings. Digits that are too uncertain are shown as "?".

    All pages of a TIFF and all frames of an animation are read.

    $ mnist-cnn read photo.jpg
    $ mnist-cnn read form.jpg --region 120,80,600,200
    $ mnist-cnn read photo.jpg --verbose
    $ mnist-cnn read scans/ -o numbers.csv
    $ mnist-cnn read card.jpg --expect date
    $ mnist-cnn read scans/ --annotate drawn/ --min-confidence 0.9
    $ mnist-cnn read - --single --model fast < digit.png
    """
    from mnist_cnn.reading.patterns import pattern_of
    from mnist_cnn.reading.region import Region
    from mnist_cnn.terminal import readings

    rectangle = None if region is None else astuple(Region.parse(region))
    if ray and output:
        if others := given(context) & {"workers", "annotate", "verbose", "expect", "boxes", "digits_only", "format_"}:
            stop(f"{as_options(others)} cannot be given with --ray: leave it out.", 2)
        from mnist_cnn.bulk.ray_reading import read_on_cluster

        there = functools.partial(
            read_on_cluster,
            images,
            ray,
            output,
            path_column=path_column,
            bytes_column=bytes_column,
            model=model,
            min_confidence=min_confidence,
            single=single,
            region=rectangle,
        )
        raise typer.Exit(0 if readings.read_elsewhere(there, quiet=quiet, as_json=as_json) else 1)
    if named := given(context) & {"ray", "path_column", "bytes_column"}:
        stop(f"{as_options(named)}: give both --ray ADDRESS and --output FOLDER, or neither.", 2)
    from mnist_cnn.bulk.local_reading import LocalReaders
    from mnist_cnn.bulk.reader_process import ReaderOptions
    from mnist_cnn.reading.model_names import path_of

    form = form_of(output, format_, as_json=as_json)
    if boxes and expect is not None:
        stop("--boxes and --expect cannot be given together: leave one out.", 2)
    pattern = None if expect is None else pattern_of(expect)
    shown = readings.Shown(form, verbose, digits_only, pattern)
    named_model = None if model is None else str(path_of(model))
    options = ReaderOptions(named_model, min_confidence, single, bool(annotate), rectangle, boxes)
    readers = LocalReaders(options, workers, by_fork=environment.own_process)
    if not readings.read_each(readers, images, annotate=annotate, quiet=quiet, how=shown, output=output):
        raise typer.Exit(1)


def predict(
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="image", help="Image files, folders, ZIPs, or a table of pixels such as Kaggle's test.csv."
        ),
    ],
    model: Model = None,
    top_k: Annotated[int, typer.Option(help="Number of classes to give for each image.", rich_help_panel=OUTPUT)] = 1,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="New .csv or .jsonl file for the results.", rich_help_panel=OUTPUT),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Classify whole images with any saved model, also one of other classes than digits.

    Of a table of pixels the CSV is what Kaggle takes: ImageId, Label.

    $ mnist-cnn predict photos/ --model runs/animals --top-k 3
    $ mnist-cnn predict test.csv --model runs/kaggle -o submission.csv
    """
    from mnist_cnn.callbacks.progress import note
    from mnist_cnn.data.source import say_nothing
    from mnist_cnn.system.files import write_whole
    from mnist_cnn.terminal import screen
    from mnist_cnn.workflows import predict as workflow

    if output and (output.exists() or output.is_symlink()):
        stop(f"{output} already exists and nothing is overwritten: name another file.", 1)
    if output and output.suffix.lower() not in (".csv", ".jsonl"):
        stop(f"{output} ends with neither .csv nor .jsonl, the formats that are written: name another file.", 2)
    loaded = workflow.loaded(model)
    found = list(workflow.predictions(loaded, images, top_k, say_nothing if quiet else note))
    workflow.check_data(found)
    if output:
        tables = all(map(workflow.is_table, images))
        write_whole(output, workflow.written(found, output.suffix.lower(), of_table_only=tables))
    if as_json:
        typer.echo(json.dumps([one.to_dict() for one in found]))
    elif output:
        screen.show(f"{len(found):,} images classified: {output}")
    else:
        screen.show_predictions(found)
    if failed := sum(bool(one.error) for one in found):
        stop(f"{failed:,} of {len(found):,} images could not be read.", 1)


def form_of(output: Path | None, named: Format | None, *, as_json: bool) -> Format:
    """The format of the results: what is named, or what the name of their file says."""
    from mnist_cnn.terminal.reading_formats import suffix_of

    if as_json and named not in (None, Format.JSON):
        stop(f"--json and --format {named} contradict each other: leave one out.", 2)
    named = Format.JSON if as_json else named
    if not output:
        return named or Format.TEXT
    form = suffix_of(output)
    if named not in (None, form):
        stop(f"--format {named} and a file that ends with .{form} contradict each other: leave out --format.", 2)
    return form


def explain(
    images: Images,
    model: Model = None,
    single: Single = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="New .png file for a figure, or a folder for one per image.", rich_help_panel=OUTPUT
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Explain each prediction: evidence for and against, counterfactual, most similar training digits.

    $ mnist-cnn explain photo.jpg
    $ mnist-cnn explain digit.png --single -o explanation.png
    """
    from mnist_cnn.reading.reader import Reader
    from mnist_cnn.terminal import readings

    if not readings.explain_each(Reader(model), images, single=single, output=output, quiet=quiet, as_json=as_json):
        raise typer.Exit(1)


def score(
    labels: Annotated[
        Path,
        typer.Argument(
            metavar="labels",
            help="CSV with the columns path and label (docs/reading.md), or a folder or ZIP of folders 0 to 9.",
        ),
    ],
    model: Model = None,
    min_confidence: MinConfidence = None,
    errors: Annotated[
        Path | None, typer.Option(help="New .png file for a contact sheet of all errors.", rich_help_panel=OUTPUT)
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Evaluate `read` on labelled images: accuracy by group, precision and recall of digits, calibration.

    $ mnist-cnn score images/labels.csv
    $ mnist-cnn score digits.zip
    $ mnist-cnn score images/labels.csv --model runs/quick --errors errors.png
    """
    from mnist_cnn.evaluation import labelled_images
    from mnist_cnn.reading.reader import Reader
    from mnist_cnn.terminal import readings

    readings.require_new(errors)
    labelled = labelled_images.load(labels)
    evaluated = readings.evaluate_each(Reader(model, min_confidence), labelled, quiet=quiet)
    if errors:
        readings.write_errors(evaluated, errors)
    if as_json:
        typer.echo(json.dumps(labelled_images.summary(evaluated)))
    else:
        readings.show_score(evaluated)


def adapt(
    labels: Annotated[
        Path,
        typer.Argument(
            metavar="labels", help="CSV with the columns path and label, or a folder or ZIP of folders 0 to 9."
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="Model to adapt: a folder, robust, or a recipe (its newest run); by default robust.",
            autocompletion=completion.models,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed (folds, shuffling).")] = 0,
    threads: Threads = None,
    output: Run = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Adapt a model to one person's handwriting; save it if it reads held-out images better (docs/adapt.md).

    $ mnist-cnn adapt mine/labels.csv -o runs/mine
    $ mnist-cnn read photo.jpg --model runs/mine
    """
    from mnist_cnn.terminal import readings, screen
    from mnist_cnn.workflows.adaptation.adapt import adapt

    environment.require_training("Adapting a model")
    adapted = adapt(
        labels,
        model=model,
        output=output,
        seed=seed,
        threads=threads,
        verbose=0,
        callbacks=[screen.TerminalCallback(quiet=quiet)],
    )
    if as_json:
        about = adapted.card.evaluation["adaptation"]
        typer.echo(json.dumps({"model": str(adapted.folder), **{k: v for k, v in about.items() if k != "before"}}))
    else:
        readings.show_adapted(adapted)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all interfaces.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 for any free port.", min=0, max=65535)] = 8000,
    model: Model = None,
    min_confidence: MinConfidence = None,
    workers: Annotated[int, typer.Option(help="Worker processes.", min=1, max=256)] = 1,
    token: Annotated[
        str | None, typer.Option(help="Bearer token required for every request.", envvar="MNIST_CNN_TOKEN")
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(metavar="<str>", help="Allowed CORS origin, such as https://example.org; * for all."),
    ] = None,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="Log each request to stderr; by default only errors are logged.")
    ] = False,
) -> None:
    """Serve a web app to draw on and an HTTP API (docs/serving.md). Press Ctrl-C to stop.

    $ mnist-cnn serve
    $ mnist-cnn serve --host 0.0.0.0 --port 8080 --workers 2 --token secret
    """
    from mnist_cnn.callbacks.progress import warn
    from mnist_cnn.reading.model_names import path_of
    from mnist_cnn.reading.reader import MIN_CONFIDENCE
    from mnist_cnn.serving.server import serve
    from mnist_cnn.serving.settings import TOKEN, Settings

    settings = Settings(
        host,
        port,
        path_of(model),
        MIN_CONFIDENCE if min_confidence is None else min_confidence,
        workers,
        os.environ.get(TOKEN) if token is None else token,  # Typer takes a variable that is set and empty for none
        tuple(allow_origin or ()),
        access_log=access_log,
    )
    serve(settings, lambda address: typer.echo(f"Serving at {address} (press Ctrl-C to stop)"), warn)
