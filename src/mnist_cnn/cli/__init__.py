"""Words on the command line → one call → words on the screen; each command imports what it needs when it is called."""

import gc
import os
import signal
import sys
from typing import Annotated, Any

import typer

from mnist_cnn import __version__
from mnist_cnn.cli.datasets import data, download
from mnist_cnn.cli.frame import BY_CTRL_C, BY_SIGTERM, Group, code_at_end, code_of, command, terminate
from mnist_cnn.cli.images import adapt, explain, predict, read, score, serve
from mnist_cnn.cli.saved_models import doctor, export, info, label_errors, report
from mnist_cnn.cli.sheets import form, review, table
from mnist_cnn.cli.studies import compare_studies, study
from mnist_cnn.cli.training import evaluate, train, tune
from mnist_cnn.system import environment, streams

ABOUT = "Train an MNIST CNN in seconds, evaluate it rigorously, and recognise handwritten digits in photos and scans."
app = typer.Typer(
    cls=Group,
    help=ABOUT,
    epilog="`mnist-cnn COMMAND --help` ends with examples. `mnist-cnn doctor` checks the installation.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
study_group = typer.Typer()

for one in (
    train,
    evaluate,
    read,
    predict,
    data,
    table,
    form,
    review,
    explain,
    score,
    adapt,
    serve,
    export,
    report,
    label_errors,
    download,
):
    command(app.command, one)
command(app.command, tune)
command(study_group.callback, study, cls=Group, invoke_without_command=True)
command(study_group.command, compare_studies, name="compare")
app.add_typer(study_group, name="study")
for one in (info, doctor):
    command(app.command, one)


def main() -> None:
    """Run the command line."""
    streams.prepare()
    environment.own_process = True
    # Frameworks make objects by the hundred thousand as they start: looking for garbage among them is a tenth of that.
    gc.set_threshold(100_000, 50, 50)
    signal.signal(signal.SIGTERM, terminate)
    code: Any = 0
    try:
        app()
    except SystemExit as ended:
        code = ended.code
    except OSError as error:  # outside commands: of --help, say
        code = code_of(error)
    code = code_at_end(code)
    if code in (BY_CTRL_C, BY_SIGTERM):  # a framework's threads compute on, and may abort the process while Python ends
        os._exit(code)
    sys.exit(code)


@app.callback(invoke_without_command=True, help=ABOUT)
def top(
    version: Annotated[bool, typer.Option("--version", "-V", help="Show the version and exit.")] = False,
) -> None:
    """Print the version, or leave it to a command."""
    if version:
        typer.echo(f"mnist-cnn {__version__}")
        raise typer.Exit
