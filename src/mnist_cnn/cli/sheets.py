"""Commands that read tables and forms."""

from pathlib import Path
from typing import Annotated

import typer

from mnist_cnn.cli.frame import stop
from mnist_cnn.cli.options import OUTPUT, Json, MinConfidence, Model, Quiet
from mnist_cnn.errors import ReaderError
from mnist_cnn.system import environment

SECONDS = 60.0  # for one scan, which is registered and read

Sheets = Annotated[list[str], typer.Argument(metavar="sheet", help="Images, folders, or - for standard input.")]


def table(
    sheets: Sheets,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="New .csv, .xlsx or .json file; images to check it by are written beside it.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    grid: Annotated[
        str | None,
        typer.Option(metavar="rows×columns", help="The size of the table, if it is known, such as 9x9 of a sudoku."),
    ] = None,
    review: Annotated[
        bool,
        typer.Option(
            "--review", help="Open a page to check doubtful cells and correct the CSV.", rich_help_panel=OUTPUT
        ),
    ] = False,
    model: Model = None,
    min_confidence: MinConfidence = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Read tables with numbers in their cells: photographed, scanned or drawn by hand. Blank cells stay blank.

    $ mnist-cnn table marks.jpg
    $ mnist-cnn table scans/ -o marks.csv
    $ mnist-cnn table scans/ -o marks.csv --review
    $ mnist-cnn table marks.jpg -o marks.xlsx
    $ mnist-cnn table sudoku.png --grid 9x9
    """
    from mnist_cnn.sheets.table import grid_of
    from mnist_cnn.terminal import tables

    try:
        size = None if grid is None else grid_of(grid)
    except ReaderError as error:
        stop(str(error), 2)
    is_whole = tables.read_sheets(
        sheets,
        model=model,
        min_confidence=min_confidence,
        grid=size,
        output=output,
        review=review,
        quiet=quiet,
        as_json=as_json,
    )
    if review and output and output.exists():
        show_review(output)
    if not is_whole:
        raise typer.Exit(1)


def form(
    template: Annotated[
        Path,
        typer.Argument(
            metavar="template", help="A template, as the page /template of `serve` makes it (docs/forms.md)."
        ),
    ],
    scans: Annotated[
        list[str], typer.Argument(metavar="scan", help="Scans or photographs, folders, or - for standard input.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="New .csv, .xlsx, .jsonl or .json file, one row per form.", rich_help_panel=OUTPUT
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue a run that was stopped: what it finished is not read again.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Worker processes, for many scans.")] = 1,
    model: Model = None,
    min_confidence: MinConfidence = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Read the fields of forms, scanned or photographed at any angle: one row per form.

    All pages of a TIFF are read. A scan that does not show the form of the template gives a row with an error.

    $ mnist-cnn form template.json scan.jpg
    $ mnist-cnn form template.json scans/ -o answers.csv --workers 4
    $ mnist-cnn form template.json scans/ -o answers.csv --resume
    $ mnist-cnn form template.json scans/ -o answers.xlsx
    """
    from mnist_cnn.bulk.local_reading import LocalReaders
    from mnist_cnn.bulk.reader_process import ReaderOptions
    from mnist_cnn.reading.model_names import path_of
    from mnist_cnn.sheets.template import FormTemplate
    from mnist_cnn.terminal import forms

    if resume and output is None:
        stop("--resume continues a run that writes a file: give its --output as well.", 2)
    if as_json and output is not None:
        stop("--json shows what --output writes: leave one out.", 2)
    known = FormTemplate.load(template)
    named_model = None if model is None else str(path_of(model))
    options = ReaderOptions(
        named_model, min_confidence, template=str(template), template_sha256=known.sha256, seconds=SECONDS
    )
    about = {"format": "mnist-cnn forms", "template": known.sha256, "model": named_model, "confidence": min_confidence}
    readers = LocalReaders(options, workers, by_fork=environment.own_process)
    if not forms.read_scans(
        readers, scans, known.names, about, output=output, resume=resume, quiet=quiet, as_json=as_json
    ):
        raise typer.Exit(1)


def review(
    values: Annotated[Path, typer.Argument(metavar="csv", help="CSV file that `table … --review` wrote.")],
) -> None:
    """Resume checking the doubtful cells of a CSV file on a page. Press Ctrl-C to stop; each answer is saved at once.

    $ mnist-cnn review marks.csv
    $ mnist-cnn adapt marks.review/labels.csv -o runs/mine
    """
    show_review(values)


def show_review(values: Path) -> None:
    """Serve the page of a review, open it where there is a screen, and say in the end how much is done."""
    from mnist_cnn.serving.review_app import serve_review
    from mnist_cnn.terminal import reviews

    begun = reviews.Review(reviews.require_csv(values))
    if len(begun):
        serve_review(begun, reviews.announce)
    typer.echo(reviews.summary(begun))
