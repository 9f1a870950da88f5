"""Commands that read tables and forms."""

import re
from pathlib import Path
from typing import Annotated

import typer

from mnist_cnn.cli.frame import stop
from mnist_cnn.cli.options import OUTPUT, Json, MinConfidence, Model, Quiet

GRID = re.compile(r"(\d{1,4})\s*[x×]\s*(\d{1,4})", re.IGNORECASE)

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
    from mnist_cnn.terminal import tables

    size = None
    if grid is not None:
        match = GRID.fullmatch(grid.strip())
        if not match:
            stop(f"--grid {grid} is not ROWSxCOLUMNS: write 9x9, say.", 2)
        size = int(match[1]), int(match[2])
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
