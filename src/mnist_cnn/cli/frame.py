"""What all commands have in common: help with examples, errors in one sentence, exit codes."""

import contextlib
import functools
import inspect
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn, ParamSpec

import typer
from typer.core import TyperCommand, TyperGroup

from mnist_cnn.errors import ExportFormatError, MnistCnnError, ReaderError, RecipeError
from mnist_cnn.system import streams
from mnist_cnn.system.visible import visible

P = ParamSpec("P")
BY_CTRL_C, BY_SIGTERM = 130, 143  # exit codes of a program that was stopped
SHOW_CURSOR = "\x1b[?25h"
PATIENCE = 2.0  # seconds for a second Ctrl-C


class Terminated(KeyboardInterrupt):
    """SIGTERM, handled like Ctrl-C."""


class Command(TyperCommand):
    """A command whose flags and arguments have no type in its help."""

    def get_params(self, ctx: Any) -> list[Any]:
        """All arguments and options."""
        return without_types(super().get_params(ctx))


class Group(TyperGroup):
    """A group of commands whose flags and arguments have no type in its help.

    What it says of a wrong command line shows every character of it: a shell puts names of files there.
    """

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Read the options before the command."""
        with visible_errors():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Read the rest of the command line and run the command."""
        with visible_errors():
            return super().invoke(ctx)

    def get_params(self, ctx: Any) -> list[Any]:
        """All arguments and options."""
        return without_types(super().get_params(ctx))


@contextmanager
def visible_errors() -> Iterator[None]:
    """Let Typer's errors, the ones with a message, show every character."""
    try:
        yield
    except Exception as error:
        if isinstance(message := getattr(error, "message", None), str):
            error.message = visible(message, lines=True)  # type: ignore[attr-defined]
        raise


def without_types(parameters: list[Any]) -> list[Any]:
    """The parameters, without `<bool>` behind a flag and `<list[str]>` behind an argument."""
    for one in parameters:
        if getattr(one, "is_flag", False):
            one.metavar = ""
        elif one.param_type_name == "argument":
            one.display_type_rich = lambda ctx: ""  # noqa: ARG005  the signature that Typer calls
    return parameters


def command(add: Callable[..., Any], function: Callable[P, None], cls: type = Command, **about: Any) -> None:
    """Make a function a command; lines of its docstring that begin with "$ " are the examples that end its help."""
    lines = inspect.cleandoc(function.__doc__ or "").splitlines()
    examples = [line for line in lines if line.startswith("$ ")]
    text = "\n".join(line for line in lines if line not in examples).strip()
    add(help=text, epilog="\n".join(["Examples:", *examples]), cls=cls, **about)(in_sentences(function))


def in_sentences(function: Callable[P, None]) -> Callable[P, None]:
    """Turn the expected errors of a function into one sentence and an exit code."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except MnistCnnError as error:
            stop(str(error), 2 if isinstance(error, RecipeError | ReaderError | ExportFormatError) else 1)
        except OSError as error:  # for which no room has a sentence: a folder that may not be entered, say
            raise typer.Exit(code_of(error)) from error
        except Terminated:
            stop("stopped by SIGTERM.", BY_SIGTERM)
        except KeyboardInterrupt:
            stop("stopped by Ctrl-C.", BY_CTRL_C)

    return run


def code_of(error: OSError) -> int:
    """The exit code for what the system says; a sentence is said, but to a reader that has ended, as in `| head`."""
    if not streams.kept_from_printing(error):
        say(sentence_of(error))
    elif isinstance(error, BrokenPipeError):
        return streams.READER_GONE
    else:
        say(about_stdout(error))
    return 1


def sentence_of(error: OSError) -> str:
    """What the system says, in a sentence with the advice that fits."""
    place, reason = error.filename or "A file", error.strerror or error
    if error.errno in streams.FULL:
        return f"{place} cannot be written ({reason}): make room there, then try again."
    return f"{place} cannot be accessed ({reason}): check the path and its permissions."


def about_stdout(error: OSError) -> str:
    """The sentence for a standard output that cannot be written."""
    return f"Standard output cannot be written ({error.strerror}): make room there, or send it elsewhere."


def code_at_end(code: Any) -> Any:
    """The exit code of the program, which is `code` unless not everything could be printed; that is said here."""
    error, went_on = streams.unprinted()
    if error is None or code:
        return code
    if isinstance(error, BrokenPipeError):
        return code if went_on else streams.READER_GONE
    say(about_stdout(error))
    return 1


def given(context: typer.Context) -> set[str]:
    """The names of the parameters that stand on the command line."""
    return {name for name in context.params if str(context.get_parameter_source(name)).endswith("COMMANDLINE")}


def as_options(names: set[str]) -> str:
    """Names of parameters as they are written on the command line."""
    return ", ".join(f"--{name.rstrip('_').replace('_', '-')}" for name in sorted(names))


def terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    """End as Ctrl-C does."""
    raise Terminated


class EndEarly:
    """A callback by which a second Ctrl-C ends the training with what there is, instead of the program.

    It has the methods of `mnist_cnn.Callback` that it needs; that room is imported when a command is called.
    """

    def __init__(self) -> None:
        self.model: Any = None
        self.is_training = self.is_asked = False

    def set_model(self, model: Any) -> None:
        """Keep the model."""
        self.model = model

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002  Keras' signature
        """From now on there is something to end."""
        self.is_training = True

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002  Keras' signature
        """End the training if that was asked for."""
        if self.is_asked:
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002  Keras' signature
        """It has ended."""
        self.is_training = False

    def is_asked_for(self) -> bool:
        """Ask a person who has pressed Ctrl-C, for some seconds, to press it again."""
        if not self.is_training or self.is_asked:
            return False

        def asked(_number: int, _frame: FrameType | None) -> None:
            self.is_asked = True

        earlier = signal.signal(signal.SIGINT, asked)
        tell(f"\nPress Ctrl-C again within {PATIENCE:g} seconds to end the training with what there is.\n")
        end = time.monotonic() + PATIENCE
        while not self.is_asked and time.monotonic() < end:
            time.sleep(0.05)
        signal.signal(signal.SIGINT, earlier)
        if self.is_asked:
            tell("Ending: the last whole epoch is evaluated and saved.\n")
        return self.is_asked


def tell(text: str) -> None:
    """Write to stderr from within a signal's handler, where a stream may be held by what was interrupted."""
    with contextlib.suppress(OSError):
        os.write(2, text.encode())


@contextmanager
def ended_at_once(advice: Callable[[], str], early: EndEarly | None = None) -> Iterator[None]:
    """Within, Ctrl-C and SIGTERM give advice, if there is any, and end the program where it is.

    With `early`, a second Ctrl-C ends only the training.

    An exception could be raised while a framework's native code calls Python, which aborts the program. Nothing is lost
    without one: files are whole at any moment, and processes that work for this one end with it.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT and early and early.is_asked_for():
            return
        name, code = ("Ctrl-C", BY_CTRL_C) if number == signal.SIGINT else ("SIGTERM", BY_SIGTERM)
        lines = [line for line in (advice(), f"mnist-cnn: stopped by {name}.") if line]
        if sys.stderr.isatty():
            lines[0] = f"{SHOW_CURSOR}\n{lines[0]}"  # a progress bar hides the cursor, and is not ended
        with contextlib.suppress(OSError):
            os.write(2, "".join(f"{line}\n" for line in lines).encode())  # what was interrupted may hold a stream
        os._exit(code)

    earlier = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def stop(sentence: str, code: int) -> NoReturn:
    """Say why, and end with this exit code."""
    say(sentence)
    raise typer.Exit(code)


def say(sentence: str) -> None:
    """Say why something did not happen; quietly if nobody can be told."""
    with contextlib.suppress(OSError):
        typer.secho(f"mnist-cnn: {visible(sentence)}", err=True, fg="red")
