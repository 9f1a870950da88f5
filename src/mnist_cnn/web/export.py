"""A network comes in; a folder with a page that reads with it in the browser goes out. Knows nothing of how it reads.

The page is that of `serve`. Of its files only the one that asks the server is another, `page/asking.js`, which lets
`page/worker.js` read. `page/reading/` says in JavaScript what `mnist_cnn.reading` says in Python.
"""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from mnist_cnn import __version__, card
from mnist_cnn.errors import ExportError
from mnist_cnn.reading.nearest import INDEX
from mnist_cnn.reading.weights import SHIPPED, calibrated_classifier
from mnist_cnn.web.packages import contents

# Nothing of another host; WebAssembly, but no script made of text.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; worker-src 'self'; form-action 'none'; base-uri 'none'"
)
LICENCE = (
    "MIT License, Copyright (c) 2026 the mnist-cnn authors: the text is that of the next licence.\n"
    "nearest.png: 1,000 training digits of MNIST (Yann LeCun, Corinna Cortes, Christopher J.C. Burges) in 16 levels of "
    "grey, CC BY-SA 3.0."
)
# What the page says or has differently where no server answers: what is there, what comes in its place.
CHANGES = {
    '<meta charset="utf-8">': (
        f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="referrer" content="no-referrer">'
    ),
    '<div id="trouble" role="alert"></div>': (
        '<div id="trouble" role="alert"></div>\n'
        '    <p id="loading" hidden>Loading <progress max="1" value="0" aria-label="Loading"></progress> '
        "<span></span></p>"
    ),
    '<form id="token-form" hidden>.*?</form>': '<form id="token-form" hidden><input id="token"></form>',
    "<footer>.*?</footer>": (
        "<footer>\n  <p>Pictures are read in this browser and sent nowhere. "
        'What reads: <a href="card.json">the network\'s card</a>, <a href="licences.txt">licences</a>.</p>\n</footer>'
    ),
    "<noscript>.*?</noscript>": (
        '<noscript><p class="noscript">This page draws and reads with JavaScript, which is off.</p></noscript>'
    ),
}


@dataclass(frozen=True)
class WebFolder:
    """A folder that was written: where, and how many `files` and `bytes` it has."""

    path: Path
    files: int
    bytes: int


def export_web(model: Path | None, output: Path, packages: Path | None = None) -> WebFolder:
    """Write a folder `output`, whole or not at all, with the page, what it needs, and the network `model`.

    `model` is as for Reader; `packages` is a `node_modules` folder where npm is not to fetch anything. Raises
    ArtifactError for a network that cannot be loaded, and ExportError if `output` already exists or cannot be
    written, or if the packages cannot be obtained.
    """
    if output.exists():
        raise ExportError(f"{output} is there already: name another folder with --output, or remove it first.")
    parts = {**page_parts(), **network_parts(model), **package_parts(packages)}
    parts["contents.json"] = contents_of(parts, temperature_of(model))
    try:
        write_folder(output, parts)
    except OSError as error:
        raise ExportError(
            f"{output} cannot be written ({error.strerror}): name another folder with --output."
        ) from error
    return WebFolder(output, len(parts), sum(map(len, parts.values())))


def page_parts() -> dict[str, bytes]:
    """The page's own files."""
    served = files("mnist_cnn.serving").joinpath("static")
    own = files("mnist_cnn.web").joinpath("page")
    return {
        "index.html": page_of(served.joinpath("index.html").read_text("utf-8")).encode(),
        "style.css": served.joinpath("style.css").read_bytes() + own.joinpath("loading.css").read_bytes(),
        "app.js": served.joinpath("app.js").read_bytes(),
        **dict(scripts(own)),
        INDEX.name: INDEX.read_bytes(),
    }


def page_of(served: str) -> str:
    """The page of the server as one that has none."""
    page = served
    for there, instead in CHANGES.items():
        page, count = re.subn(there, lambda _, by=instead: by, page, flags=re.DOTALL)  # type: ignore[misc]
        if count != 1:
            raise ExportError(f"The page of `serve` has {there!r} {count} times, not once: install mnist-cnn again.")
    return page


def scripts(folder: Traversable, within: str = "") -> Iterator[tuple[str, bytes]]:
    """All scripts of a folder and those within it."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from scripts(entry, f"{within}{entry.name}/")
        elif entry.name.endswith(".js"):
            yield f"{within}{entry.name}", entry.read_bytes()


def network_parts(model: Path | None) -> dict[str, bytes]:
    """The network, and its card if it has one, once it is known to be whole."""
    path = SHIPPED if model is None else model
    calibrated_classifier(path)  # raises what there is to raise
    if not path.is_dir():
        return {card.ONNX_MODEL: path.read_bytes(), card.CARD: b"{}\n"}
    return {name: (path / name).read_bytes() for name in (card.ONNX_MODEL, card.CARD)}


def temperature_of(model: Path | None) -> float:
    """What the logits of the network are still to be divided by."""
    path = SHIPPED if model is None else model
    return card.read(path).outside_temperature if path.is_dir() else 1.0


def package_parts(packages: Path | None) -> dict[str, bytes]:
    """What is copied of npm packages, and all licences as one text."""
    taken = {Path(name).name: content for name, content in contents(packages).items()}
    apache = taken.pop("LICENSE").decode()
    runtime = files("onnxruntime")
    texts = [
        ("mnist-cnn", LICENCE),
        ("ONNX Runtime Web", runtime.joinpath("LICENSE").read_text("utf-8")),
        ("OpenCV", apache),
        ("What is within ONNX Runtime", runtime.joinpath("ThirdPartyNotices.txt").read_text("utf-8")),
    ]
    rule = "=" * 80
    taken_as_text = "\n\n".join(f"{rule}\n{name}\n{rule}\n\n{text.strip()}" for name, text in texts)
    return {**taken, "licences.txt": f"{taken_as_text}\n".encode()}


def contents_of(parts: dict[str, bytes], temperature: float) -> bytes:
    """What the page must know about itself: the sizes of its files, and the network's temperature and SHA-256."""
    document = {
        "version": __version__,
        "temperature": temperature,
        "network": hashlib.sha256(parts[card.ONNX_MODEL]).hexdigest(),
        "files": {name: len(content) for name, content in sorted(parts.items())},
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def write_folder(output: Path, parts: dict[str, bytes]) -> None:
    """Write all files into a folder beside `output`, then put it there in one step."""
    output.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    try:
        for name, content in parts.items():
            path = beside / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        beside.chmod(0o755)  # a host of files is seldom the one who made them
        beside.rename(output)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
