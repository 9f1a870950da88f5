"""Words on the command line → one call → words on the screen; each command imports what it needs when it is called."""

import functools
import gc
import inspect
import json
import signal
from collections.abc import Callable
from dataclasses import Field
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn, ParamSpec

import typer

from mnist_cnn import __version__, provenance
from mnist_cnn.errors import FormError, MnistCnnError, ReaderError, RecipeError
from mnist_cnn.training.recipe import Recipe, recipe_named, values_of

app = typer.Typer(
    help="Train a digit classifier in seconds, know exactly how good it is, and keep it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
P = ParamSpec("P")
PANEL = "Dials of the recipe"
Data = Annotated[str, typer.Option(help="auto, mnist, digits, or a file or folder of MNIST's form.")]
Model = Annotated[
    Path | None, typer.Option(help="A folder that `train` made, or an .onnx file; by default the one that ships.")
]
MinConfidence = Annotated[
    float | None, typer.Option(help="Digits less probable than this, from 0 to 1, are refused (0.5 by default).")
]
Corruptions = Annotated[
    bool, typer.Option("--corruptions", help="Also on images damaged in the 15 ways of MNIST-C (a minute or two).")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


class Terminated(KeyboardInterrupt):
    """SIGTERM, taken like Ctrl-C."""


def main() -> None:
    """Run the command line."""
    provenance.own_process = True
    # Frameworks make objects by the hundred thousand as they start: looking for garbage among them is a tenth of that.
    gc.set_threshold(100_000, 50, 50)
    signal.signal(signal.SIGTERM, _terminate)
    app()


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Make a function a command."""
    run = in_sentences(function)
    app.command()(run)
    return run


def in_sentences(function: Callable[P, None]) -> Callable[P, None]:
    """Turn the expected errors of a function into one sentence and an exit code."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except MnistCnnError as error:
            _stop(str(error), 2 if isinstance(error, RecipeError | ReaderError | FormError) else 1)
        except OSError as error:  # what no room has put into words: a folder that may not be entered, say
            _stop(
                f"{error.filename or 'the system'} refuses ({error.strerror}): check the path and its permissions.", 1
            )
        except Terminated:
            _stop("stopped by SIGTERM.", 143)
        except KeyboardInterrupt:
            _stop("stopped by Ctrl-C.", 130)

    return run


@app.callback(invoke_without_command=True)
def top(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Train a digit classifier in seconds, know exactly how good it is, and keep it."""
    if version:
        typer.echo(f"mnist-cnn {__version__}")
        raise typer.Exit


def with_dials(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for every dial of a recipe; it receives those as `**dials`, None where not given."""
    known = inspect.signature(function)
    options = [
        inspect.Parameter(dial.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option_for(dial))
        for dial in Recipe.dials()
    ]
    own = [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for one in known.parameters.values()
        if one.kind is not inspect.Parameter.VAR_KEYWORD
    ]

    @functools.wraps(function)
    def run(**kwargs: Any) -> None:
        function(**kwargs)

    run.__signature__ = known.replace(parameters=own + options)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in own + options}
    return run


def option_for(dial: Field[Any]) -> Any:
    """The type of a dial's option, with what the dial means and its range or its words."""
    kind: Any = dial.type
    meaning = dial.metadata["meaning"].rstrip(".")
    return Annotated[kind | None, typer.Option(help=f"{meaning} ({values_of(dial)}).", rich_help_panel=PANEL)]


@command
@with_dials
def train(
    context: typer.Context,
    recipe: Annotated[str, typer.Option(help="What to train; `mnist-cnn info` lists the recipes.")] = "classic",
    data: Data = "auto",
    seed: Annotated[int, typer.Option(help="Decides first weights, order of images and dropout.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Threads to compute with; as many as cores by default.")] = None,
    out: Annotated[Path | None, typer.Option(help="The folder to keep it in; a new one in runs/ by default.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with a run that was stopped.")] = None,
    deterministic: Annotated[bool, typer.Option("--deterministic", help="Same seed, same bits.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write TensorBoard's logs, too.")] = False,
    **dials: Any,
) -> None:
    """Train a network, judge it on the test images, keep it, and write its report."""
    from mnist_cnn import pipeline, terminal

    if resume and (others := _given(context) - {"resume", "threads"}):
        names = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(others))
        _stop(f"--resume goes on with the run's own settings, so {names} cannot be given with it: leave that out.", 2)
    watch = terminal.TerminalWatch()
    try:
        if resume:
            artifact = pipeline.resume(resume, threads=threads, watch=watch)
        else:
            artifact = pipeline.train(
                recipe_named(recipe).with_dials(**dials),
                data,
                seed=seed,
                out=out,
                threads=threads,
                deterministic=deterministic,
                tensorboard=tensorboard,
                watch=watch,
            )
    except KeyboardInterrupt:
        if watch.partial:
            terminal.note(f"Go on later with: mnist-cnn train --resume {watch.partial}")
        raise
    terminal.show_kept(artifact.folder)


@command
def evaluate(
    models: Annotated[list[Path], typer.Argument(metavar="model", help="Folders that `train` made, or .onnx files.")],
    data: Annotated[
        str | None, typer.Option(help="As for `train`; by default what the networks were trained on.")
    ] = None,
    corruptions: Corruptions = False,
    as_json: Json = False,
) -> None:
    """Judge a network on test images: accuracy with its interval, confusion matrix, each digit.

    Several networks are judged as an ensemble, by the mean of their probabilities.
    """
    from mnist_cnn import judging, terminal

    watch = terminal.TerminalWatch()
    evaluation, members, dataset = judging.judge_each(models, data, watch=watch)
    several = list(zip(map(str, models), members, strict=True)) if len(models) > 1 else []
    if as_json:
        about = {
            "name": dataset.name,
            "is_mnist": dataset.is_mnist,
            "sha256": dataset.sha256,
            "warning": dataset.warning,
        }
        each = [{"model": model, "evaluation": member.to_dict()} for model, member in several]
        judged: dict[str, object] = {"models": each} if several else {"model": str(models[0])}
        document = {**judged, "data": about, "evaluation": evaluation.to_dict()}
        if corruptions:
            document["corruptions"] = judging.judge_damaged(models, dataset, watch=watch).to_dict()
        typer.echo(json.dumps(document))
        return
    for model, member in several:
        terminal.show_accuracy(member.raw, None, dataset, of=model)
    ensemble = f"the ensemble of {len(several)}" if several else ""
    terminal.show_accuracy(evaluation.raw, evaluation.corrected, dataset, of=ensemble)
    terminal.show_confusion_matrix(evaluation)
    terminal.show_digits(evaluation)
    terminal.show_calibration(evaluation)
    if corruptions:
        terminal.show_robustness(judging.judge_damaged(models, dataset, watch=watch), dataset)


study_group = typer.Typer()
app.add_typer(study_group, name="study")


@study_group.callback(invoke_without_command=True)
@in_sentences
@with_dials
def study(
    context: typer.Context,
    recipe: Annotated[str, typer.Option(help="What to train; `mnist-cnn info` lists the recipes.")] = "classic",
    seeds: Annotated[int, typer.Option(help="How many seeds, counted from 0.")] = 5,
    data: Data = "auto",
    threads: Annotated[
        int | None, typer.Option(help="Threads for each seed; an equal share of the cores by default.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Seeds trained side by side.")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="The study's folder, also to go on with one; a new one in studies/ by default.")
    ] = None,
    ray: Annotated[
        str | None, typer.Option(help="Train on a Ray cluster: local, auto, HOST:PORT or ray://HOST:PORT.")
    ] = None,
    deterministic: Annotated[bool, typer.Option("--deterministic", help="Same seed, same bits.")] = False,
    as_json: Json = False,
    **dials: Any,
) -> None:
    """Train a recipe over many seeds: mean accuracy, its spread, and a row a seed. `compare` compares two studies."""
    if context.invoked_subcommand:
        if names := ", ".join(f"--{name.replace('_', '-')}" for name in sorted(_given(context))):
            _stop(f"{names} cannot stand before {context.invoked_subcommand}: leave that out.", 2)
        return
    if ray and "jobs" in _given(context):
        _stop("A Ray cluster decides how many seeds it trains at a time: leave --jobs out and give --threads.", 2)
    from mnist_cnn import terminal, terminal_study
    from mnist_cnn.study.run import run

    watch = terminal_study.TerminalStudyWatch(terminal.note if as_json else terminal.show)
    try:
        folder, made = run(
            recipe_named(recipe).with_dials(**dials),
            seeds,
            data,
            out=out,
            threads=threads,
            jobs=jobs,
            deterministic=deterministic,
            ray=ray,
            watch=watch,
        )
    except KeyboardInterrupt:
        if watch.folder:
            terminal.note(f"Go on later with the same command and --out {watch.folder}")
        raise
    if as_json:
        typer.echo(json.dumps(made.to_dict()))
    else:
        terminal_study.show_study(folder, made)
    if len(made.finished) < len(made.rows):
        raise typer.Exit(1)


@study_group.command("compare")
@in_sentences
def compare_studies(
    a: Annotated[str, typer.Argument(help="A folder of `study` or of `train`, a study.json, or an .onnx file.")],
    b: Annotated[str, typer.Argument(help="Another of the same kind.")],
    data: Annotated[
        str | None, typer.Option(help="What to judge two networks on; by default what they were trained on.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether one of two studies, or of two networks, is better, or whether it may be chance."""
    from mnist_cnn import terminal, terminal_study
    from mnist_cnn.study.compare import compare

    comparison = compare(a, b, data, watch=terminal.TerminalWatch())
    if as_json:
        typer.echo(json.dumps(comparison.to_dict()))
    else:
        terminal_study.show_comparison(comparison)


@command
def read(
    pictures: Annotated[list[str], typer.Argument(metavar="picture", help="Files, folders, or - for standard input.")],
    model: Model = None,
    single: Annotated[bool, typer.Option("--single", help="There is one digit in each picture.")] = False,
    min_confidence: MinConfidence = None,
    annotate: Annotated[
        Path | None, typer.Option(help="A folder for the pictures with boxes and digits drawn on them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Read the digits in pictures: photos, scans or drawings. "?" stands where it is not sure enough."""
    from mnist_cnn import terminal_reading
    from mnist_cnn.reading.reader import Reader

    reader = Reader(model, min_confidence)
    if not terminal_reading.read_each(reader, pictures, single=single, annotate=annotate, as_json=as_json):
        raise typer.Exit(1)


@command
def explain(
    pictures: Annotated[list[str], typer.Argument(metavar="picture", help="Files, folders, or - for standard input.")],
    model: Model = None,
    single: Annotated[bool, typer.Option("--single", help="There is one digit in each picture.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="A file (.png) for a picture of the reasons, or a folder for one of each.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say why digits are read as they are: what counts most, what would make it another, what it resembles."""
    from mnist_cnn import terminal_reading
    from mnist_cnn.reading.reader import Reader

    if not terminal_reading.explain_each(Reader(model), pictures, single=single, out=out, as_json=as_json):
        raise typer.Exit(1)


@command
def score(
    labels: Annotated[Path, typer.Argument(help="A CSV with the columns path and label; see docs/reading.md.")],
    model: Model = None,
    min_confidence: MinConfidence = None,
    mistakes: Annotated[Path | None, typer.Option(help="A file for one picture of all mistakes (.png).")] = None,
    as_json: Json = False,
) -> None:
    """Say how well `read` does on labelled pictures: plain mean and mean over sources, by kind and layout."""
    from mnist_cnn import terminal_reading
    from mnist_cnn.evaluation import pictures
    from mnist_cnn.reading.reader import Reader

    terminal_reading.refuse_to_overwrite(mistakes)
    labelled = pictures.load(labels)
    judged = terminal_reading.judge_each(Reader(model, min_confidence), labelled)
    if mistakes:
        terminal_reading.write_mistakes(judged, mistakes)
    if as_json:
        typer.echo(json.dumps(pictures.summary(judged)))
    else:
        terminal_reading.show_score(judged)


@command
def adapt(
    labels: Annotated[Path, typer.Argument(help="A CSV with the columns path and label, as for `score`.")],
    model: Annotated[
        Path | None, typer.Option(help="A folder that `train` or `adapt` made; by default the network that ships.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The folder to keep it in; a new one in runs/ by default.")] = None,
    seed: Annotated[int, typer.Option(help="Decides what is held out together, and the order of images.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Threads to compute with; as many as cores by default.")] = None,
    as_json: Json = False,
) -> None:
    """Teach a network one person's digits by labelled pictures, and keep it if it reads them better (docs/adapt.md)."""
    from mnist_cnn import terminal, terminal_reading
    from mnist_cnn.adaptation.adapt import adapt
    from mnist_cnn.evaluation import pictures

    provenance.require_training("Adapting a network")
    labelled = pictures.load(labels)
    artifact = adapt(
        [one.path for one in labelled],
        [one.label for one in labelled],
        model=model,
        out=out,
        seed=seed,
        threads=threads,
        watch=terminal.TerminalWatch(),
    )
    if as_json:
        about = artifact.card.evaluation["adaptation"]
        typer.echo(json.dumps({"model": str(artifact.folder), **{k: v for k, v in about.items() if k != "before"}}))
    else:
        terminal_reading.show_adapted(artifact)


@command
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
    """Serve a page to draw on and an HTTP interface (docs/serving.md). Ctrl-C stops it."""
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


@command
def export(
    folder: Annotated[Path, typer.Argument(help="A folder that `train` made.")],
    to: Annotated[str, typer.Option(help="onnx, litert or saved_model.")],
    quantise: Annotated[
        str | None, typer.Option(help="int8, or for litert float16; by default float32 as it was trained.")
    ] = None,
    pixels: Annotated[
        str, typer.Option("--input", help="What it takes: uint8 or float32, either from 0 to 255.")
    ] = "uint8",
    out: Annotated[
        Path | None, typer.Option(help="The file (a folder for saved_model); by default named after the folder, here.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="What to check it on; by default what the network was trained on.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a network as a file for another place, checked against the original (docs/export.md)."""
    from mnist_cnn import terminal, terminal_export
    from mnist_cnn.exports import export

    watch = terminal.TerminalWatch()
    made = export(folder, to, quantise=quantise, pixels=pixels, out=out, data=data, watch=watch)
    if as_json:
        typer.echo(json.dumps({"path": str(made.path), **made.card}))
    else:
        terminal_export.show_export(made)


@command
def report(
    folder: Annotated[Path, typer.Argument(help="A folder that `train` made.")], corruptions: Corruptions = False
) -> None:
    """Make the report of a network again: one page, in its folder."""
    from mnist_cnn import pipeline, terminal

    terminal.show(str(pipeline.report(folder, corruptions=corruptions, watch=terminal.TerminalWatch())))


@command
def disputes(
    folder: Annotated[Path, typer.Argument(help="A folder that `train` made.")],
    folds: Annotated[int, typer.Option(help="Networks to train, each on all training images but its part.")] = 5,
    recipe: Annotated[
        str | None, typer.Option(help="What to train; by default `fast` with twelve epochs of distorted images.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides the parts and the networks.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Threads to compute with; as many as cores by default.")] = None,
    as_json: Json = False,
) -> None:
    """Rank the labels that are probably wrong, of training and test images; the report of the folder shows them."""
    from mnist_cnn import terminal
    from mnist_cnn.disputes import USUAL, find

    trained = recipe_named(recipe) if recipe else USUAL
    found = find(folder, trained, folds=folds, seed=seed, threads=threads, watch=terminal.TerminalWatch())
    if as_json:
        typer.echo(json.dumps({name: one.to_dict() for name, one in found.items()}))
    else:
        terminal.show_disputes(folder, found)


@command
def info(
    folder: Annotated[Path | None, typer.Argument(help="A folder that `train` made, or a file in it.")] = None,
    as_json: Json = False,
) -> None:
    """Show the card of a network; without one, the recipes and their dials."""
    from mnist_cnn import terminal
    from mnist_cnn.artifact import store
    from mnist_cnn.training.recipe import RECIPES

    if folder is None and as_json:
        typer.echo(json.dumps({name: recipe.to_dict() for name, recipe in RECIPES.items()}))
    elif folder is None:
        terminal.show_recipes()
    else:
        artifact = store.load(folder.parent if folder.is_file() else folder)
        if as_json:
            typer.echo(artifact.card.to_json(), nl=False)
        else:
            terminal.show_card(artifact.folder, artifact.card)


def _given(context: typer.Context) -> set[str]:
    """The names of the parameters that stand on the command line."""
    return {name for name in context.params if str(context.get_parameter_source(name)).endswith("COMMANDLINE")}


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated


def _stop(sentence: str, code: int) -> NoReturn:
    typer.secho(f"mnist-cnn: {sentence}", err=True, fg="red")
    raise typer.Exit(code)
