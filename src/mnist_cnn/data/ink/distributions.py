"""Where datasets of digital ink are published, and their download: whole and verified, or not at all."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mnist_cnn.data.download import Remote, about_the_file, get
from mnist_cnn.data.ink.collection import EXPECTED, Ink, load_ink
from mnist_cnn.errors import DataError
from mnist_cnn.system.files import make_whole

TOLERANCE = 0.05  # by which a copy that is not the one known here may have more or fewer characters


@dataclass(frozen=True)
class Distribution:
    """A dataset as its authors publish it.

    `file` is the name that it gets here. `sha256` and the numbers of `digits` and `others` are those of the characters
    that `load_ink` reads from the copy known here. `credit` says whose it is and under which licence.
    """

    title: str
    remote: Remote
    file: str
    sha256: str
    digits: int
    others: int
    credit: str


PEN_DIGITS = Distribution(
    title="Pen-Digits",
    remote=Remote(
        "https://archive.ics.uci.edu/static/public/81/pen+based+recognition+of+handwritten+digits.zip",
        "Pen-Digits (1.7 MB)",
        64 * 2**20,
        600.0,
    ),
    file="pendigits.zip",
    sha256="92d7b5f905d59f6ccd1de6c14471d29f727c1680df54592e0441de25622c6210",
    digits=10_992,
    others=0,
    credit=(
        "E. Alpaydin, F. Alimoglu: Pen-Based Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998, "
        "https://doi.org/10.24432/C5MG6K, CC BY 4.0."
    ),
)
UNIPEN = Distribution(
    title="UNIPEN train_r01_v07",
    remote=Remote(
        "https://zenodo.org/records/1195803/files/unipen-CDROM-train_r01_v07.tgz?download=1",
        "UNIPEN train_r01_v07",
        2**30,
        3600.0,
    ),
    file="unipen-CDROM-train_r01_v07.tgz",
    sha256="b2ed58067d51a96f5d6ee86b9b7b6bf0b90d6529d4dddfdcfba0237c75930ba3",
    digits=15_302,
    others=97_967,
    credit=(
        "International Unipen Foundation: UNIPEN train_r01_v07, 1999, https://doi.org/10.5281/zenodo.1195803, CC BY "
        "4.0 (the CD of 1999 itself allowed research, and forbade commercial distribution of the data)."
    ),
)
DISTRIBUTIONS = {"pendigits": PEN_DIGITS, "unipen": UNIPEN}


def fetch_ink(name: str, folder: Path, say: Callable[[str], None], warn: Callable[[str], None]) -> tuple[Path, Ink]:
    """Download "pendigits" or "unipen" into a folder, which is made if it is missing; returns the file and its ink.

    The file is read before it gets its name, and gets it only if it is the dataset. A file that already has that name
    is read as well, instead of a download, and never replaced. `warn` is told if the characters are not exactly those
    of the copy known here, which may be another correction of the same dataset.

    Raises DataError, one sentence, if the download fails or gives something else, or something else has the name of
    the file; OSError if the folder cannot be made or written.
    """
    wanted = DISTRIBUTIONS[name]
    path = folder / wanted.file
    if path.exists() or path.is_symlink():
        say(f"{path} is already here: it is checked and not downloaded again")
        try:
            return path, verified(path, wanted, say, warn)
        except DataError as error:
            raise DataError(
                f"{path} already exists and is not {wanted.title} ({error}): move it away, or name another folder."
            ) from error
    found: list[Ink] = []

    def fill(part: Path) -> None:
        get(wanted.remote, part, say)
        say(f"Checking {wanted.title} …")
        try:
            found.append(verified(part, wanted, say, warn))
        except DataError as error:
            raise DataError(f"what was downloaded is not {wanted.title}: {error}") from error

    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    say(f"Downloading {wanted.remote.what} from {wanted.remote.url} …")
    try:
        make_whole(path, fill)
    except DataError as error:
        with suppress(OSError):
            if is_new:
                folder.rmdir()
        raise DataError(
            f"{wanted.title} could not be downloaded ({error}): try again later, or save "
            f"{wanted.remote.url} as {path} by other means."
        ) from error
    return path, found[0]


def verified(path: Path, wanted: Distribution, say: Callable[[str], None], warn: Callable[[str], None]) -> Ink:
    """The ink of a file; raises DataError, a phrase, if it is another dataset or only a part of it."""
    try:
        ink = load_ink([path], say)
    except DataError as error:
        raise DataError(about_the_file(error, path).removesuffix(f": {EXPECTED}")) from error
    digits, others = len(ink.digits), len(ink.others)
    counts = ((digits, wanted.digits), (others, wanted.others))
    if ink.sources != (wanted.title,) or any(abs(has - known) > TOLERANCE * known for has, known in counts):
        raise DataError(
            f"it has {digits:,} digits and {others:,} other characters of {', '.join(ink.sources)}, and "
            f"{wanted.digits:,} and {wanted.others:,} are expected"
        )
    if ink.sha256 != wanted.sha256:
        warn(
            f"{wanted.title} as published is not the copy known here: it has {digits:,} digits and {others:,} other "
            f"characters, which differ from the {wanted.digits:,} and {wanted.others:,} of that copy. It can be used, "
            "but results with it may differ as well."
        )
    return ink
