"""How reading looks on a terminal: digits and reasons on stdout, progress, notes and what was not read on stderr."""

import io
import json
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from rich.progress import Progress, track

from mnist_cnn.bulk.ray_reading import Summary
from mnist_cnn.bulk.reader_process import Result
from mnist_cnn.callbacks.progress import note, stderr
from mnist_cnn.errors import ImageError, ReaderError, RunError
from mnist_cnn.evaluation import labelled_images
from mnist_cnn.evaluation.labelled_images import EvaluatedImage, LabelledImage
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.reading.picture import Source, files_of
from mnist_cnn.reading.reader import Reader
from mnist_cnn.reading.reading import Reading
from mnist_cnn.system.files import write_whole
from mnist_cnn.terminal.screen import in_numbers, show, stdout
from mnist_cnn.workflows.model import Model

if TYPE_CHECKING:
    from mnist_cnn.reading.explain import Explanation

STANDARD_INPUT = "-"
MANY = 20  # pictures: progress is shown from here on
T = TypeVar("T")


def read_each(
    read: Callable[[list[Source]], Generator[Result]], words: Sequence[str], *, annotate: Path | None, as_json: bool
) -> bool:
    """Read every picture and show it as it comes; False if any could not be read, which does not stop the others.

    `read` gives for each picture, in order, what was read or why it could not be.
    """
    names, failed = expanded(words)
    sources: list[Source] = [sys.stdin.buffer.read() if name == STANDARD_INPUT else name for name in names]
    is_whole = not failed
    printed = printed_list("images") if as_json else nullcontext(lambda _: None)
    with closing(read(sources)) as results, printed as add:
        for document in failed:
            add(document)
        for name, source, result in zip(names, sources, progress(results, "reading", len(names)), strict=True):
            if isinstance(result, ImageError):
                is_whole = False
                complain(str(result))
                add({"path": name, "error": str(result)})
                continue
            add({"path": name, **result.to_dict()})
            if not as_json:
                show_reading(name, result, alone=len(words) == 1 and len(names) == 1)
            if annotate:
                write_annotated(annotate, name, source, result)
    return is_whole


def read_elsewhere(read: Callable[..., Summary], *, as_json: bool) -> bool:
    """Have pictures read into Parquet, and say how far that is; False if any could not be read."""
    with Progress(console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        line = bar.add_task("reading", total=None)
        summary = read(on_progress=lambda done, many: bar.update(line, completed=done, total=many))
    if as_json:
        show(json.dumps(asdict(summary)))
    else:
        failed = f", {summary.failed:,} of which could not be read (column error)" if summary.failed else ""
        show(f"{summary.images:,} pictures in {summary.output}{failed}")
    return not summary.failed


@contextmanager
def printed_list(name: str) -> Iterator[Callable[[dict[str, Any]], object]]:
    """Print the JSON document {name: [...]}, each item as soon as it is added: a million readings fill no memory."""
    between = f'{{"{name}": ['

    def add(document: dict[str, Any]) -> None:
        nonlocal between
        stdout.file.write(between + json.dumps(document))
        between = ", "

    yield add
    stdout.file.write(f"{between if between != ', ' else ''}]}}\n")


def explain_each(reader: Reader, words: Sequence[str], *, single: bool, output: Path | None, as_json: bool) -> bool:
    """Explain every picture, a line a digit; False if any could not be read, which does not stop the others.

    `output` is a new .png file for one picture, or a folder. Raises ReaderError for a file and several pictures.
    """
    names, documents = expanded(words)
    one_file = output is not None and output.suffix.lower() == ".png" and not output.is_dir()
    if one_file:
        refuse_to_overwrite(output)
        if len(names) > 1:
            raise ReaderError(f"{output} is one file, and these are {len(names)} pictures: name a folder.")
    for name, _, explanation in done_each(names, "explaining", partial(reader.explain, single=single), documents):
        documents.append({"path": name, **explanation.to_dict()})
        if not as_json:
            show_explanation(name, explanation, alone=len(words) == 1 and len(names) == 1)
        if output:
            write_explanation(output if one_file else free_name(output, name), explanation)
    if as_json:
        show(json.dumps({"images": documents}))
    return not any("error" in document for document in documents)


def done_each(
    names: Sequence[str], what: str, work: Callable[[Source], T], documents: list[dict[str, Any]]
) -> Iterator[tuple[str, Source, T]]:
    """Each picture with what was made of it; one that cannot be read is named and goes to the documents."""
    for name in progress(names, what, len(names)):
        source: Source = sys.stdin.buffer.read() if name == STANDARD_INPUT else name
        try:
            result = work(source)
        except ImageError as error:
            complain(str(error))
            documents.append({"path": name, "error": str(error)})
            continue
        yield name, source, result


def complain(sentence: str) -> None:
    """Say what could not be read, as the program's last words would, and go on."""
    stderr.print(f"mnist-cnn: {sentence}", markup=False, style="red")


def expanded(words: Sequence[str]) -> tuple[list[str], list[dict[str, Any]]]:
    """The pictures that words name, folders opened; and documents of words that name none, with what is then shown."""
    names: list[str] = []
    failed: list[dict[str, Any]] = []
    for word in words:
        try:
            names += [word] if word == STANDARD_INPUT else [str(file) for file in files_of(Path(word))]
        except ImageError as error:
            complain(str(error))
            failed.append({"path": word, "error": str(error)})
    return names, failed


def progress(things: Iterable[T], what: str, many: int) -> Iterable[T]:
    """Go through many things with a bar where stderr is a terminal, and with a line every tenth where it is not."""
    if many < MANY:
        return things
    return (
        track(things, what, many, console=stderr, transient=True) if stderr.is_terminal else tenths(things, what, many)
    )


def tenths(things: Iterable[T], what: str, many: int) -> Iterator[T]:
    """Say after every tenth of them how many there were."""
    for count, thing in enumerate(things, start=1):
        yield thing
        if count * 10 // many > (count - 1) * 10 // many:
            note(f"{what} {count:,} of {many:,}")


def show_reading(name: str, reading: Reading, alone: bool) -> None:
    """The digits, a line for each row; of several pictures a line each, rows separated by a slash."""
    if not reading.digits:
        note(f"{name}: no digits found")
    if alone:
        show(*reading.text.splitlines())
    else:  # past Rich, which takes as long for a line as reading a small picture
        stdout.file.write(f"{name}: {reading.text.replace(chr(10), ' / ')}".rstrip() + "\n")


def show_explanation(name: str, explanation: "Explanation", alone: bool) -> None:
    """A sentence for each digit; of several pictures under a line with what was read in it."""
    if not alone or not explanation.reasons:
        show_reading(name, explanation.reading, alone)
    show(*(f"{'' if alone else '  '}{why.sentence}" for why in explanation.reasons))


def write_annotated(folder: Path, name: str, source: Source, reading: Reading) -> None:
    """Write the picture with boxes and digits as a PNG of its name; a second one of that name gets a number."""
    from mnist_cnn.reading.annotate import annotate

    write_png(free_name(folder, name), annotate(source, reading.digits))


def write_explanation(path: Path, explanation: "Explanation") -> None:
    """Write the reasons for each digit as a PNG."""
    from mnist_cnn.reading.illustrate import illustrate

    write_png(path, illustrate(explanation))


def free_name(folder: Path, name: str) -> Path:
    """A PNG of a picture's name in a folder, with a number where there is one already."""
    stem = "standard-input" if name == STANDARD_INPUT else Path(name).stem
    path, number = folder / f"{stem}.png", 1
    while path.exists():
        path, number = folder / f"{stem}-{number}.png", number + 1
    return path


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write a picture, and make its folder; raises RunError if that cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, png(pixels))
    except OSError as error:
        raise RunError(f"{path.parent} cannot be written to ({error.strerror}): name another folder.") from error


def png(pixels: np.ndarray) -> bytes:
    """The bytes of a PNG file."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def judge_each(reader: Reader, labelled: Sequence[LabelledImage]) -> list[EvaluatedImage]:
    """Judge every labelled picture; what could not be opened is named."""
    judged: list[EvaluatedImage] = []
    for one in labelled_images.evaluate(reader, progress(labelled, "reading", len(labelled))):
        judged.append(one)
        if one.error:
            complain(one.error)
    return judged


def refuse_to_overwrite(path: Path | None) -> None:
    """Raise RunError if there is something at this path."""
    if path and (path.exists() or path.is_symlink()):
        raise RunError(f"{path} is there already and nothing is overwritten: name another file.")


def write_mistakes(judged: Sequence[EvaluatedImage], path: Path) -> None:
    """Write all mistakes as one picture."""
    from mnist_cnn.evaluation.misclassified import contact_sheet

    try:
        write_whole(path, png(contact_sheet(judged)))
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}): name another file.") from error


def show_score(judged: Sequence[EvaluatedImage]) -> None:
    """All numbers: by layout, by kind within it, over sources, digits of longer ones, and what refusing brings."""
    summary = labelled_images.summary(judged)
    for name, part in summary["layouts"].items():
        show_figures(name, part)
        for kind, figures in part["kinds"].items():
            if len(part["kinds"]) > 1:
                show_figures(f"  {name}, {kind}", figures)
    for name, part in summary["layouts"].items():
        if part["images"]["count"] >= MANY:
            show(f"Refusing the least sure pictures, {name}:")
            for point in part["rejection_curve"]:
                kept = in_numbers(Accuracy.from_dict(point))
                show(f"  {point['rejected']:>4.0%} refused (below {point['min_confidence']:.3f}): {kept}")


def show_figures(name: str, figures: dict[str, Any]) -> None:
    """One group: whole pictures, the mean over its sources, its digits if they are more, and what is accepted."""
    whole = Accuracy.from_dict(figures["images"])
    show(f"{name}: {in_numbers(whole)}")
    if over := figures["mean_over_sources"]:
        sources = f"{over['sources']} source{'' if over['sources'] == 1 else 's'}"
        interval = over["confidence_interval"]
        said = (
            f"95% confidence interval {interval[0]:.2%} to {interval[1]:.2%}" if interval else "no confidence interval"
        )
        show(f"  mean over {sources} {over['accuracy']:.2%} ({said})")
    if figures["digits"] and figures["digits"]["count"] != whole.count:
        show(f"  digits {in_numbers(Accuracy.from_dict(figures['digits']))}")
    if figures["accepted"]:
        accepted = in_numbers(Accuracy.from_dict(figures["accepted"]))
        show(f"  {figures['rejected']} refused; of the rest {accepted}")


def show_adapted(model: Model) -> None:
    """What adapting has changed: the person's digits, held out, and the test images, before and after."""
    about = model.card.evaluation["adaptation"]
    for name, compared in (("Held-out digits", about["held_out"]), ("Test images", about["test"])):
        for when in ("before", "after"):
            show(f"{name}, {when}: {in_numbers(Accuracy.from_dict(compared[when]))}")
    show(f"Kept in {model.folder}: give it to `read`, `score` or `serve` with --model")
