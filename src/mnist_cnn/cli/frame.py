"""What all commands have in common: help with examples, errors in one sentence, exit codes."""

import functools
import inspect
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn, ParamSpec

import typer

from mnist_cnn.errors import ExportFormatError, MnistCnnError, ReaderError, RecipeError

P = ParamSpec("P")


class Terminated(KeyboardInterrupt):
    """SIGTERM, taken like Ctrl-C."""


def command(add: Callable[..., Any], function: Callable[P, None], **about: Any) -> None:
    """Make a function a command; lines of its docstring that begin with "$ " are the examples that end its help."""
    lines = inspect.cleandoc(function.__doc__ or "").splitlines()
    examples = [line for line in lines if line.startswith("$ ")]
    text = "\n".join(line for line in lines if line not in examples).strip()
    add(help=text, epilog="\n".join(["Examples:", *examples]), **about)(in_sentences(function))


def in_sentences(function: Callable[P, None]) -> Callable[P, None]:
    """Turn the expected errors of a function into one sentence and an exit code."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except MnistCnnError as error:
            stop(str(error), 2 if isinstance(error, RecipeError | ReaderError | ExportFormatError) else 1)
        except OSError as error:  # what no room has put into words: a folder that may not be entered, say
            stop(f"{error.filename or 'the system'} refuses ({error.strerror}): check the path and its permissions.", 1)
        except Terminated:
            stop("stopped by SIGTERM.", 143)
        except KeyboardInterrupt:
            stop("stopped by Ctrl-C.", 130)

    return run


def given(context: typer.Context) -> set[str]:
    """The names of the parameters that stand on the command line."""
    return {name for name in context.params if str(context.get_parameter_source(name)).endswith("COMMANDLINE")}


def terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    """End as Ctrl-C does."""
    raise Terminated


def stop(sentence: str, code: int) -> NoReturn:
    """Say why, and end with this exit code."""
    typer.secho(f"mnist-cnn: {sentence}", err=True, fg="red")
    raise typer.Exit(code)
