"""How reading looks on a terminal: results on stdout; progress, notes and images that cannot be read on stderr."""

import errno
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from rich.progress import Progress, track

from mnist_cnn.bulk.local_reading import LocalReaders
from mnist_cnn.bulk.ray_reading import Summary
from mnist_cnn.bulk.reader_process import FormResult, Result
from mnist_cnn.callbacks.progress import note, stderr
from mnist_cnn.errors import ImageError, ReaderError, RunError
from mnist_cnn.evaluation import labelled_images
from mnist_cnn.evaluation.labelled_images import EvaluatedImage, LabelledImage
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.reading.digit import Digit
from mnist_cnn.reading.patterns import Pattern
from mnist_cnn.reading.picture import Source, files_of
from mnist_cnn.reading.reader import Reader
from mnist_cnn.reading.reading import Reading
from mnist_cnn.system.files import ends_like_a_file, whole_file, write_whole
from mnist_cnn.terminal.new_files import Format, require_absent
from mnist_cnn.terminal.reading_formats import Add, written
from mnist_cnn.terminal.screen import show, stdout
from mnist_cnn.workflows.model import Model

if TYPE_CHECKING:
    from mnist_cnn.reading.explain import Explanation

STANDARD_INPUT = "-"
LONGEST_STEM = 230  # bytes: a name has room for 255, also for a page, a number and the suffix
BAD_NAME = {errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL}  # what systems say of a name that they do not take
RATIOS = {"precision": "precision", "recall": "recall", "F1": "f1"}
EMPTY = "_"  # an empty box
MANY = 20  # images: progress is shown from here on
T = TypeVar("T")
R = TypeVar("R", Result, FormResult)


@dataclass(frozen=True)
class Shown:
    """How readings are shown or written.

    `verbose` is with the confidence of each digit, `digits_only` without marks, and with a `pattern` what each row
    says if it fits that.
    """

    form: Format = Format.TEXT
    verbose: bool = False
    digits_only: bool = False
    pattern: Pattern | None = None


AS_READ = Shown()


def read_each(
    readers: LocalReaders,
    words: Sequence[str],
    *,
    annotate: Path | None,
    quiet: bool,
    how: Shown,
    output: Path | None = None,
) -> bool:
    """Read every page of every image and show it as it comes, or write it to a new file; False if any failed.

    What cannot be read does not stop the others. To `annotate` them, the readers must keep the pixels. Raises what
    `LocalReaders.start` raises, and ReaderError or RunError if `annotate` cannot be a folder, or the file not written.
    """
    stdout.only_prints = annotate is None and output is None
    require_folder(annotate)
    names, failed = expanded(words)
    sources: list[Source] = [sys.stdin.buffer.read() if name == STANDARD_INPUT else name for name in names]
    is_whole = not failed
    readers.start()
    alone = len(words) == 1 and len(names) == 1
    with closing(readers.read_pages(sources)) as results, destination(output, how, alone, quiet) as add:
        for name, error in failed:
            add(name, error)
        images = progress(by_image(results), "Reading", len(names), quiet)
        for name, result in ((name, page) for name, pages in zip(names, images, strict=True) for page in pages):
            add(name, result)
            if isinstance(result, ImageError):
                is_whole = False
                complain(str(result))
                continue
            if annotate and (failure := write_annotated(annotate, name, result)):
                is_whole = False
                complain(failure)
    return is_whole


def by_image(results: Iterable[R]) -> Iterator[Iterator[R]]:
    """The results of each image, page by page; those of one have to be taken before the next."""
    number = 0

    def image_of(result: R) -> int:
        nonlocal number
        number += result.page == 1
        return number

    return (pages for _, pages in groupby(results, image_of))


def read_elsewhere(read: Callable[..., Summary], *, quiet: bool, as_json: bool) -> bool:
    """Have images read into Parquet, and show the progress; False if any could not be read."""
    with Progress(console=stderr, transient=True, disable=quiet or not stderr.is_terminal) as bar:
        line = bar.add_task("Reading", total=None)
        summary = read(on_progress=lambda done, many: bar.update(line, completed=done, total=many))
    if as_json:
        show(json.dumps(asdict(summary)))
    else:
        pages = "page" if summary.failed == 1 else "pages"
        failed = f"; {summary.failed:,} {pages} could not be read (column error)" if summary.failed else ""
        show(f"Saved to {summary.output}: {summary.images:,} images{failed}")
    return not summary.failed


@contextmanager
def destination(output: Path | None, how: Shown, alone: bool, quiet: bool) -> Iterator[Add]:
    """Where results go: stdout, or a new file that is written whole; as text an error is only complained of."""
    if output is not None:
        try:
            with whole_file(output) as stream, written(stream.write, how.form, how.pattern, how.digits_only) as add:
                yield add
        except OSError as error:
            raise RunError(f"{output} cannot be written ({error.strerror}): name another file.") from error
    elif how.form is not Format.TEXT:
        with written(stdout.put, how.form, how.pattern, how.digits_only) as add:
            yield add
    else:

        def show_one(name: str, result: Result) -> None:
            if isinstance(result, Reading):
                show_reading(name, result, alone, quiet=quiet, how=how)

        yield show_one


def explain_each(
    reader: Reader, words: Sequence[str], *, single: bool, output: Path | None, quiet: bool, as_json: bool
) -> bool:
    """Explain every image, one line per digit; False if any could not be read, which does not stop the others.

    `output` is a new .png file for one image, or a folder. Raises ReaderError for a file and several images.
    """
    stdout.only_prints = output is None
    names, failed = expanded(words)
    documents: list[dict[str, Any]] = [{"path": name, "error": str(error)} for name, error in failed]
    one_file = output is not None and output.suffix.lower() == ".png" and not output.is_dir()
    if one_file:
        require_new(output)
        if len(names) > 1:
            raise ReaderError(f"{output} is one file for {len(names)} images: name a folder.")
    else:
        require_folder(output)
    results = done_each(names, "Explaining", partial(reader.explain, single=single), documents, quiet)
    for name, explanation in results:
        note_pages(name, explanation.reading, "explained", quiet)
        documents.append({"path": name, **explanation.to_dict()})
        if not as_json:
            show_explanation(name, explanation, len(words) == 1 and len(names) == 1, quiet)
        if output:
            write_explanation(output if one_file else free_name(output, name), explanation)
    if as_json:
        show(json.dumps({"images": documents}))
    return not any("error" in document for document in documents)


def note_pages(name: str, reading: Reading | None, done: str, quiet: bool) -> None:
    """Say that an image has other pages, where only the first is used."""
    if reading and reading.pages > 1 and not quiet:
        note(f"{name} has {reading.pages:,} pages: only the first is {done}")


def done_each(
    names: Sequence[str], what: str, work: Callable[[Source], T], documents: list[dict[str, Any]], quiet: bool
) -> Iterator[tuple[str, T]]:
    """Each image with the result of the work; one that cannot be read is named and goes to the documents."""
    for name in progress(names, what, len(names), quiet):
        source: Source = sys.stdin.buffer.read() if name == STANDARD_INPUT else name
        try:
            result = work(source)
        except ImageError as error:
            complain(str(error))
            documents.append({"path": name, "error": str(error)})
            continue
        yield name, result


def complain(sentence: str) -> None:
    """Say why an image could not be read, in the form of the program's errors, and continue."""
    stderr.print(f"mnist-cnn: {sentence}", markup=False, style="red")


def expanded(words: Sequence[str]) -> tuple[list[str], list[tuple[str, ImageError]]]:
    """The images that words name, folders opened; and words that name none with the reasons, which are shown."""
    names: list[str] = []
    failed: list[tuple[str, ImageError]] = []
    for word in words:
        try:
            names += [word] if word == STANDARD_INPUT else [str(file) for file in files_of(Path(word))]
        except ImageError as error:
            complain(str(error))
            failed.append((word, error))
    return names, failed


def progress(things: Iterable[T], what: str, many: int, quiet: bool) -> Iterable[T]:
    """Go through many things with a bar where stderr is a terminal, and with a line every tenth where it is not."""
    if quiet or many < MANY:
        return things
    return (
        track(things, what, many, console=stderr, transient=True) if stderr.is_terminal else tenths(things, what, many)
    )


def tenths(things: Iterable[T], what: str, many: int) -> Iterator[T]:
    """Print a line after every tenth of them."""
    for count, thing in enumerate(things, start=1):
        yield thing
        if count * 10 // many > (count - 1) * 10 // many:
            note(f"{what} {count:,} of {many:,}")


def show_reading(name: str, reading: Reading, alone: bool, *, quiet: bool, how: Shown = AS_READ) -> None:
    """What was read, one line per row; of several images or pages one line each, rows separated by a slash."""
    if reading.pages > 1:
        name, alone = f"{name}, page {reading.page}", False
    if not reading.digits and not quiet:
        note(f"{name}: no digits found ({reading.note})")
    if reading.boxes is not None:
        rows = [" ".join(EMPTY if entry is None else entry for entry in row) for row in reading.boxes]
    elif how.pattern:
        said = reading.expected(how.pattern)
        rows = [f"{one.text} ({one.confidence:.2%})" if how.verbose else one.text for one in said]
    else:
        texts = (reading.digits_text if how.digits_only else reading.text).splitlines()
        rows = [with_confidences(*one) for one in zip(texts, reading.rows, strict=True)] if how.verbose else texts
    if alone:
        show(*rows)
    else:
        stdout.write_line(f"{name}: {' / '.join(rows)}".rstrip())


def with_confidences(text: str, row: Sequence[Digit]) -> str:
    """The text of a row, and in brackets the most probable class of each digit with its confidence."""
    return f"{text} ({', '.join(f'{digit.digit}: {digit.confidence:.2%}' for digit in row)})"


def show_explanation(name: str, explanation: "Explanation", alone: bool, quiet: bool) -> None:
    """A sentence for each digit; of several images under a line with the digits."""
    if not alone or not explanation.reasons:
        show_reading(name, explanation.reading, alone, quiet=quiet)
    show(*(f"{'' if alone else '  '}{why.sentence}" for why in explanation.reasons))


def write_annotated(folder: Path, name: str, reading: Reading) -> str | None:
    """Write the image, which the reading has, with what was read, as a PNG of its name, numbered if it exists.

    Gives a sentence if this image has none, because the disk does not take such a name.
    """
    from mnist_cnn.reading.annotate import annotate

    try:
        page = reading.page if reading.pages > 1 else None
        write_png(free_name(folder, name, page), annotate(reading.source, reading.digits, reading.width))
    except RunError as error:
        if getattr(error.__cause__, "errno", None) not in BAD_NAME:
            raise
        return f"{name} has no annotated copy: the folder {folder} takes no file of this name; rename the image."
    return None


def write_explanation(path: Path, explanation: "Explanation") -> None:
    """Write the explanation of each digit as a PNG."""
    from mnist_cnn.reading.illustrate import illustrate

    write_png(path, illustrate(explanation))


def free_name(folder: Path, name: str, page: int | None = None) -> Path:
    """The path of a PNG of an image's name in a folder, shortened if it is too long, numbered if it already exists."""
    stem = "standard-input" if name == STANDARD_INPUT else Path(name).stem
    while len(os.fsencode(stem)) > LONGEST_STEM:
        stem = stem[:-1]
    if page is not None:
        stem = f"{stem}-page-{page}"
    path, number = folder / f"{stem}.png", 1
    while path.exists() or path.is_symlink():
        path, number = folder / f"{stem}-{number}.png", number + 1
    return path


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write a PNG, and make its folder; raises RunError if the folder cannot be written."""
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


def evaluate_each(reader: Reader, labelled: Sequence[LabelledImage], *, quiet: bool) -> list[EvaluatedImage]:
    """Evaluate every labelled image; one that cannot be read is named."""
    evaluated: list[EvaluatedImage] = []
    for one in labelled_images.evaluate(reader, progress(labelled, "Reading", len(labelled), quiet)):
        evaluated.append(one)
        note_pages(str(one.image.path), one.reading, "read", quiet)
        if one.error:
            complain(one.error)
    return evaluated


def require_new(path: Path | None) -> None:
    """Raise RunError unless a new PNG file can be at this path, and ReaderError if it is not called like one."""
    if not path:
        return
    require_absent(path)
    if path.suffix.lower() != ".png":
        raise ReaderError(f"{path} does not end with .png, the only format that is written: name another file.")
    if path.parent.exists() and not path.parent.is_dir():
        raise RunError(f"{path.parent} is not a folder: name another file.")


def require_folder(path: Path | None) -> None:
    """Raise RunError if a folder cannot be at this path, and ReaderError if it is called like a file."""
    if not path:
        return
    if ends_like_a_file(path):
        raise ReaderError(f"{path} ends like a file, and would be a folder: name a folder.")
    if (path.exists() or path.is_symlink()) and not path.is_dir():
        raise RunError(f"{path} is not a folder: name another one.")


def write_errors(evaluated: Sequence[EvaluatedImage], path: Path) -> None:
    """Write a contact sheet of all errors."""
    from mnist_cnn.evaluation.misclassified import contact_sheet

    write_png(path, contact_sheet(evaluated))


def show_score(evaluated: Sequence[EvaluatedImage]) -> None:
    """All metrics: by layout, by kind within it, over sources, over digits, and with rejection; then of all images."""
    summary = labelled_images.summary(evaluated)
    for name, part in summary["layouts"].items():
        show_metrics(name, part)
        for kind, metrics in part["kinds"].items():
            if len(part["kinds"]) > 1:
                show_metrics(f"  {name}, {kind}", metrics)
    if len(summary["layouts"]) > 1:
        show_metrics("all images", summary["all"])
    for name, part in summary["layouts"].items():
        if part["images"]["count"] >= MANY:
            show(f"Selective accuracy of {name} images, the least confident rejected:")
            for point in part["rejection_curve"]:
                rest = Accuracy.from_dict(point)
                coverage, least = 1 - point["rejected"], point["min_confidence"]
                show(f"  {coverage:>4.0%} coverage (confidence of at least {least:.3f}): {rest}")


def show_metrics(name: str, metrics: dict[str, Any]) -> None:
    """One group: whole images, mean over its sources, its digits if they are more, what is not rejected, confidence."""
    whole = Accuracy.from_dict(metrics["images"])
    show(f"{name}: {whole}")
    if over := metrics["mean_over_sources"]:
        sources = f"{over['sources']} source{'' if over['sources'] == 1 else 's'}"
        low, high = over["confidence_interval"] or (None, None)
        interval = "no confidence interval" if low is None else f"95% CI {low:.2%} to {high:.2%}"
        show(f"  mean over {sources}: {over['accuracy']:.2%} ({interval})")
    if metrics["digits"] and metrics["digits"]["count"] != whole.count:
        show(f"  digits: {Accuracy.from_dict(metrics['digits'])}")
    show(f"  {ratios(metrics['digit_counts'])}")
    if metrics["accepted"]:
        show(f"  accepted: {Accuracy.from_dict(metrics['accepted'])}; rejected: {metrics['rejected']:,}")
    if metrics["single_digits"]:
        show_confidence(metrics["single_digits"])


def ratios(counts: dict[str, Any]) -> str:
    """Precision, recall and F1 of the digits; a dash for a ratio of nothing."""
    values = (f"{name} {'–' if counts[key] is None else f'{counts[key]:.2%}'}" for name, key in RATIOS.items())
    numbers = f"{counts['correct']:,} correct of {counts['predicted']:,} predicted and {counts['labelled']:,} labelled"
    return f"{', '.join(values)} of digits ({numbers})"


def show_confidence(single: dict[str, Any]) -> None:
    """How far the confidence can be trusted on images of one digit: errors at high confidence, and calibration."""
    high = single["high_confidence"]
    share = ""
    if high["count"]:
        low, top = high["confidence_interval"]
        share = f"; incorrect: {high['errors']:,} ({high['error_rate']:.2%}; 95% CI {low:.2%} to {top:.2%})"
    show(f"  confidence of at least {high['min_confidence']:.0%}: {high['count']:,} of {single['count']:,}{share}")
    if calibration := single["calibration"]:
        low, top = calibration["confidence_intervals"]["expected_calibration_error"]
        show(
            f"  expected calibration error: {calibration['expected_calibration_error']:.4f} (95% CI {low:.4f} to "
            f"{top:.4f}); Brier score: {calibration['brier_score']:.4f}; negative log-likelihood: "
            f"{calibration['negative_log_likelihood']:.4f}"
        )


def show_adapted(model: Model) -> None:
    """The accuracy before and after adapting: on the person's digits, held out, and on the test images."""
    about = model.card.evaluation["adaptation"]
    for name, compared in (("Held-out digits", about["held_out"]), ("Test images", about["test"])):
        for when in ("before", "after"):
            show(f"{name}, {when}: {Accuracy.from_dict(compared[when])}")
    show(f"Saved to {model.folder}: use it with --model {model.folder}")
