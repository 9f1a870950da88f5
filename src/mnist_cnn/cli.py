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

from mnist_cnn import __version__, completion, provenance
from mnist_cnn.errors import FormError, MnistCnnError, ReaderError, RecipeError
from mnist_cnn.training.recipe import Recipe, recipe_named, values_of

app = typer.Typer(
    help="Train a digit classifier in seconds, know exactly how good it is, and keep it.",
    epilog="`mnist-cnn read --help` and the like end with examples; `mnist-cnn doctor` says whether all is there.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
P = ParamSpec("P")
PANEL = "Dials of the recipe"
RecipeName = Annotated[
    str, typer.Option(help="What to train; `mnist-cnn info` lists the recipes.", autocompletion=completion.recipes)
]
Data = Annotated[
    str,
    typer.Option(help="auto, mnist, digits, or a file or folder of MNIST's form.", autocompletion=completion.data_sets),
]
Model = Annotated[
    Path | None,
    typer.Option(
        help="A folder that `train` made, or an .onnx file; by default the one that ships.",
        autocompletion=completion.networks,
    ),
]
Kept = Annotated[Path, typer.Argument(help="A folder that `train` made.", autocompletion=completion.networks)]
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


def command(function: Callable[P, None], add: Callable[..., Any] = app.command, **about: Any) -> Callable[P, None]:
    """Make a function a command; lines of its docstring that begin with "$ " are the examples that end its help."""
    lines = inspect.cleandoc(function.__doc__ or "").splitlines()
    examples = [line for line in lines if line.startswith("$ ")]
    text = "\n".join(line for line in lines if line not in examples).strip()
    run = in_sentences(function)
    add(help=text, epilog="\n".join(["Examples:", *examples]), **about)(run)
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
    recipe: RecipeName = "classic",
    data: Data = "auto",
    seed: Annotated[int, typer.Option(help="Decides first weights, order of images and dropout.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Threads to compute with; as many as cores by default.")] = None,
    out: Annotated[Path | None, typer.Option(help="The folder to keep it in; a new one in runs/ by default.")] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with a run that was stopped.", autocompletion=completion.stopped_runs)
    ] = None,
    deterministic: Annotated[bool, typer.Option("--deterministic", help="Same seed, same bits.")] = False,
    devices: Annotated[
        int, typer.Option(help="GPUs of this machine that share each batch, on TensorFlow (docs/scale.md).")
    ] = 1,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write TensorBoard's logs, too.")] = False,
    **dials: Any,
) -> None:
    """Train a network, judge it on the test images, keep it, and write its report.

    $ mnist-cnn train
    $ mnist-cnn train --recipe fast --seed 3 --out runs/quick
    $ mnist-cnn train --epochs 20 --dropout 0.4 --deterministic
    $ mnist-cnn train --resume runs/quick
    """
    from mnist_cnn import pipeline
    from mnist_cnn.terminal import screen

    if resume and (others := _given(context) - {"resume", "threads"}):
        names = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(others))
        _stop(f"--resume goes on with the run's own settings, so {names} cannot be given with it: leave that out.", 2)
    watch = screen.TerminalWatch()
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
                devices=devices,
                tensorboard=tensorboard,
                watch=watch,
            )
    except KeyboardInterrupt:
        if watch.partial:
            screen.note(f"Go on later with: mnist-cnn train --resume {watch.partial}")
        raise
    screen.show_kept(artifact.folder)


@command
def evaluate(
    models: Annotated[
        list[Path],
        typer.Argument(
            metavar="model", help="Folders that `train` made, or .onnx files.", autocompletion=completion.networks
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            help="As for `train`; by default what the networks were trained on.", autocompletion=completion.data_sets
        ),
    ] = None,
    corruptions: Corruptions = False,
    as_json: Json = False,
) -> None:
    """Judge a network on test images: accuracy with its interval, confusion matrix, each digit.

    Several networks are judged as an ensemble, by the mean of their probabilities.

    $ mnist-cnn evaluate runs/quick
    $ mnist-cnn evaluate runs/quick --data digits --json
    $ mnist-cnn evaluate runs/first runs/second --corruptions
    """
    from mnist_cnn import judging
    from mnist_cnn.terminal import screen

    watch = screen.TerminalWatch()
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
        screen.show_accuracy(member.raw, None, dataset, of=model)
    ensemble = f"the ensemble of {len(several)}" if several else ""
    screen.show_accuracy(evaluation.raw, evaluation.corrected, dataset, of=ensemble)
    screen.show_confusion_matrix(evaluation)
    screen.show_digits(evaluation)
    screen.show_calibration(evaluation)
    if corruptions:
        screen.show_robustness(judging.judge_damaged(models, dataset, watch=watch), dataset)


study_group = typer.Typer()
app.add_typer(study_group, name="study")


@functools.partial(command, add=study_group.callback, invoke_without_command=True)
@with_dials
def study(
    context: typer.Context,
    recipe: RecipeName = "classic",
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
    """Train a recipe over many seeds: mean accuracy, its spread, and a row a seed. `compare` compares two studies.

    $ mnist-cnn study --recipe fast --seeds 10 --out studies/fast
    $ mnist-cnn study --recipe fast --seeds 10 --dropout 0.2 --out studies/dropout
    $ mnist-cnn study compare studies/fast studies/dropout
    """
    if context.invoked_subcommand:
        if names := ", ".join(f"--{name.replace('_', '-')}" for name in sorted(_given(context))):
            _stop(f"{names} cannot stand before {context.invoked_subcommand}: leave that out.", 2)
        return
    if ray and "jobs" in _given(context):
        _stop("A Ray cluster decides how many seeds it trains at a time: leave --jobs out and give --threads.", 2)
    from mnist_cnn.study.run import run
    from mnist_cnn.terminal import screen
    from mnist_cnn.terminal import study as terminal_study

    watch = terminal_study.TerminalStudyWatch(screen.note if as_json else screen.show)
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
            screen.note(f"Go on later with the same command and --out {watch.folder}")
        raise
    if as_json:
        typer.echo(json.dumps(made.to_dict()))
    else:
        terminal_study.show_study(folder, made)
    if len(made.finished) < len(made.rows):
        raise typer.Exit(1)


@functools.partial(command, add=study_group.command, name="compare")
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
    from mnist_cnn.study.compare import compare
    from mnist_cnn.terminal import screen
    from mnist_cnn.terminal import study as terminal_study

    comparison = compare(a, b, data, watch=screen.TerminalWatch())
    if as_json:
        typer.echo(json.dumps(comparison.to_dict()))
    else:
        terminal_study.show_comparison(comparison)


@command
def read(
    context: typer.Context,
    pictures: Annotated[list[str], typer.Argument(metavar="picture", help="Files, folders, or - for standard input.")],
    model: Model = None,
    single: Annotated[bool, typer.Option("--single", help="There is one digit in each picture.")] = False,
    min_confidence: MinConfidence = None,
    annotate: Annotated[
        Path | None, typer.Option(help="A folder for the pictures with boxes and digits drawn on them.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Processes that read side by side, for many pictures.")] = 1,
    ray: Annotated[
        str | None,
        typer.Option(help="Read on a Ray cluster: local, auto, HOST:PORT or ray://HOST:PORT (docs/scale.md)."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="With --ray: a new folder for the results, in Parquet.")] = None,
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
    from mnist_cnn.terminal import reading as terminal_reading

    if ray and out:
        if names := ", ".join(f"--{name}" for name in sorted(_given(context) & {"jobs", "annotate"})):
            _stop(f"{names} cannot be given with --ray: leave that out.", 2)
        from mnist_cnn.bulk.cluster import read_on_cluster

        there = functools.partial(
            read_on_cluster,
            pictures,
            ray,
            out,
            path_column=path_column,
            bytes_column=bytes_column,
            model=model,
            min_confidence=min_confidence,
            single=single,
        )
        raise typer.Exit(0 if terminal_reading.read_elsewhere(there, as_json=as_json) else 1)
    if named := _given(context) & {"ray", "out", "path_column", "bytes_column"}:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(named))
        _stop(f"{names} needs --ray ADDRESS and --out FOLDER beside it: give both, or neither.", 2)
    from mnist_cnn.bulk.processes import read_in_parallel

    reading = functools.partial(read_in_parallel, jobs=jobs, model=model, min_confidence=min_confidence, single=single)
    if not terminal_reading.read_each(reading, pictures, annotate=annotate, as_json=as_json):
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
    """Say why digits are read as they are: what counts most, what would make it another, what it resembles.

    $ mnist-cnn explain photo.jpg
    $ mnist-cnn explain digit.png --single --out reasons.png
    """
    from mnist_cnn.reading.reader import Reader
    from mnist_cnn.terminal import reading as terminal_reading

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
    """Say how well `read` does on labelled pictures: plain mean and mean over sources, by kind and layout.

    $ mnist-cnn score pictures/labels.csv
    $ mnist-cnn score pictures/labels.csv --model runs/quick --mistakes mistakes.png
    """
    from mnist_cnn.evaluation import pictures
    from mnist_cnn.reading.reader import Reader
    from mnist_cnn.terminal import reading as terminal_reading

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
        Path | None,
        typer.Option(
            help="A folder that `train` or `adapt` made; by default the network that ships.",
            autocompletion=completion.networks,
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The folder to keep it in; a new one in runs/ by default.")] = None,
    seed: Annotated[int, typer.Option(help="Decides what is held out together, and the order of images.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Threads to compute with; as many as cores by default.")] = None,
    as_json: Json = False,
) -> None:
    """Teach a network one person's digits by labelled pictures, and keep it if it reads them better (docs/adapt.md).

    $ mnist-cnn adapt mine/labels.csv --out runs/mine
    $ mnist-cnn read photo.jpg --model runs/mine
    """
    from mnist_cnn.adaptation.adapt import adapt
    from mnist_cnn.evaluation import pictures
    from mnist_cnn.terminal import reading as terminal_reading
    from mnist_cnn.terminal import screen

    provenance.require_training("Adapting a network")
    labelled = pictures.load(labels)
    artifact = adapt(
        [one.path for one in labelled],
        [one.label for one in labelled],
        model=model,
        out=out,
        seed=seed,
        threads=threads,
        watch=screen.TerminalWatch(),
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


@command
def export(
    to: Annotated[str, typer.Option(help="onnx, litert, saved_model, or web: a page that reads in the browser.")],
    folder: Annotated[
        Path | None,
        typer.Argument(help="A folder that `train` made; for web also an .onnx file, or nothing: the one that ships."),
    ] = None,
    quantise: Annotated[
        str | None, typer.Option(help="int8, or for litert float16; by default float32 as it was trained.")
    ] = None,
    pixels: Annotated[
        str, typer.Option("--input", help="What it takes: uint8 or float32, either from 0 to 255.")
    ] = "uint8",
    out: Annotated[
        Path | None,
        typer.Option(help="The file (a folder for saved_model and web); by default named after the folder, here."),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="What to check it on; by default what the network was trained on.")
    ] = None,
    packages: Annotated[
        Path | None, typer.Option(help="For web: a node_modules folder to take its packages from, instead of npm.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a network as a file for another place, checked against the original, or as a page for any host of files.

    $ mnist-cnn export runs/quick --to onnx --quantise int8
    $ mnist-cnn export runs/quick --to litert --quantise float16 --out digits.tflite
    $ mnist-cnn export runs/quick --to saved_model
    $ mnist-cnn export --to web --out page
    """
    if to == "web":
        if quantise or data or pixels != "uint8":
            _stop("--quantise, --input and --data are not for web: leave them out.", 2)
        _export_web(folder, out or Path("web"), packages, as_json)
        return
    if folder is None or packages:
        _stop("Name a folder that `train` made; the one that ships, and --packages, are for --to web only.", 2)
    from mnist_cnn.exports import export
    from mnist_cnn.terminal import exports as terminal_export
    from mnist_cnn.terminal import screen

    watch = screen.TerminalWatch()
    made = export(folder, to, quantise=quantise, pixels=pixels, out=out, data=data, watch=watch)
    if as_json:
        typer.echo(json.dumps({"path": str(made.path), **made.card}))
    else:
        terminal_export.show_export(made)


def _export_web(folder: Path | None, out: Path, packages: Path | None, as_json: bool) -> None:
    """Write the page that reads in the browser."""
    from mnist_cnn.web.export import export_web

    written = export_web(folder, out, packages)
    if as_json:
        typer.echo(json.dumps({"path": str(written.path), "files": written.files, "bytes": written.bytes}))
    else:
        typer.echo(f"{written.path}: {written.files} files, {written.bytes / 1e6:.1f} MB, for any host of files")


@command
def report(
    folder: Kept,
    corruptions: Corruptions = False,
) -> None:
    """Make the report of a network again: one page, in its folder.

    $ mnist-cnn report runs/quick
    $ mnist-cnn report runs/quick --corruptions
    """
    from mnist_cnn import pipeline
    from mnist_cnn.terminal import screen

    screen.show(str(pipeline.report(folder, corruptions=corruptions, watch=screen.TerminalWatch())))


@command
def disputes(
    folder: Kept,
    folds: Annotated[int, typer.Option(help="Networks to train, each on all training images but its part.")] = 5,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="What to train; by default `fast` with twelve epochs of distorted images.",
            autocompletion=completion.recipes,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides the parts and the networks.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Threads to compute with; as many as cores by default.")] = None,
    as_json: Json = False,
) -> None:
    """Rank the labels that are probably wrong, of training and test images; the report of the folder shows them.

    $ mnist-cnn disputes runs/quick
    $ mnist-cnn disputes runs/quick --folds 3 --json
    """
    from mnist_cnn.disputes import USUAL, find
    from mnist_cnn.terminal import screen

    trained = recipe_named(recipe) if recipe else USUAL
    found = find(folder, trained, folds=folds, seed=seed, threads=threads, watch=screen.TerminalWatch())
    if as_json:
        typer.echo(json.dumps({name: one.to_dict() for name, one in found.items()}))
    else:
        screen.show_disputes(folder, found)


@command
def doctor(
    training: Annotated[
        bool, typer.Option("--training", help="Also train a small network for a moment, in a process of its own.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look over this installation: versions, data, folders, the network that ships, and reading itself.

    Exit code 1 if anything is broken; each such line says what to do.

    $ mnist-cnn doctor
    $ mnist-cnn doctor --training
    $ mnist-cnn doctor --json
    """
    from mnist_cnn.doctor import examine
    from mnist_cnn.terminal import screen

    checkup = examine(training=training)
    if as_json:
        typer.echo(json.dumps(checkup.to_dict()))
    else:
        screen.show_checkup(checkup)
    if not checkup.healthy:
        raise typer.Exit(1)


@command
def info(
    folder: Annotated[
        Path | None,
        typer.Argument(help="A folder that `train` made, or a file in it.", autocompletion=completion.networks),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the card of a network; without one, the recipes and their dials.

    $ mnist-cnn info
    $ mnist-cnn info runs/quick --json
    """
    from mnist_cnn.artifact import store
    from mnist_cnn.terminal import screen
    from mnist_cnn.training.recipe import RECIPES

    if folder is None and as_json:
        typer.echo(json.dumps({name: recipe.to_dict() for name, recipe in RECIPES.items()}))
    elif folder is None:
        screen.show_recipes()
    else:
        artifact = store.load(folder.parent if folder.is_file() else folder)
        if as_json:
            typer.echo(artifact.card.to_json(), nl=False)
        else:
            screen.show_card(artifact.folder, artifact.card)


def _given(context: typer.Context) -> set[str]:
    """The names of the parameters that stand on the command line."""
    return {name for name in context.params if str(context.get_parameter_source(name)).endswith("COMMANDLINE")}


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated


def _stop(sentence: str, code: int) -> NoReturn:
    typer.secho(f"mnist-cnn: {sentence}", err=True, fg="red")
    raise typer.Exit(code)
