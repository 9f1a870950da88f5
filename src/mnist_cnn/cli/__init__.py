"""Words on the command line → one call → words on the screen; each command imports what it needs when it is called."""

import gc
import signal
from typing import Annotated

import typer

from mnist_cnn import __version__
from mnist_cnn.cli.frame import command, terminate
from mnist_cnn.cli.networks import disputes, doctor, export, info, report
from mnist_cnn.cli.pictures import adapt, explain, read, score, serve
from mnist_cnn.cli.studies import compare_studies, study
from mnist_cnn.cli.training import evaluate, train
from mnist_cnn.system import environment

app = typer.Typer(
    help="Train a digit classifier in seconds, know exactly how good it is, and keep it.",
    epilog="`mnist-cnn read --help` and the like end with examples; `mnist-cnn doctor` says whether all is there.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
study_group = typer.Typer()

for one in (train, evaluate, read, explain, score, adapt, serve, export, report, disputes, doctor, info):
    command(app.command, one)
command(study_group.callback, study, invoke_without_command=True)
command(study_group.command, compare_studies, name="compare")
app.add_typer(study_group, name="study")


def main() -> None:
    """Run the command line."""
    environment.own_process = True
    # Frameworks make objects by the hundred thousand as they start: looking for garbage among them is a tenth of that.
    gc.set_threshold(100_000, 50, 50)
    signal.signal(signal.SIGTERM, terminate)
    app()


@app.callback(invoke_without_command=True)
def top(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Train a digit classifier in seconds, know exactly how good it is, and keep it."""
    if version:
        typer.echo(f"mnist-cnn {__version__}")
        raise typer.Exit
