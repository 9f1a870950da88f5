"""Writes a folder with the web app and the networks that run in the browser. Knows nothing of how images are read.

The page is that of `serve`. Of its files only the one that calls the server is replaced, by `page/asking.js`, which
calls `page/worker.js`. `page/reading/` is a port of `mnist_cnn.reading` to JavaScript, and `page/pixels/` of what it
needs of OpenCV.
"""

import base64
import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from mnist_cnn import __version__, card
from mnist_cnn.errors import ExportError
from mnist_cnn.reading.activations import names_of, watched_in
from mnist_cnn.reading.model_names import BUNDLED, card_text_of, onnx_file_of, path_of
from mnist_cnn.reading.nearest import INDEX
from mnist_cnn.reading.onnx_graph import more_outputs
from mnist_cnn.reading.weights import (
    EVIDENCE,
    FINDER,
    RECOGNISER,
    SEGMENTER,
    bundled_weights,
    calibrated_classifier,
)
from mnist_cnn.web.packages import contents

# Nothing from another host; WebAssembly, but no eval.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; worker-src 'self'; form-action 'none'; base-uri 'none'"
)
LICENCE = (
    "MIT License, Copyright (c) 2026 the mnist-cnn authors: the text is the same as that of the next licence.\n"
    "nearest.png: 1,000 training digits of MNIST (Yann LeCun, Corinna Cortes, Christopher J.C. Burges) in 16 grey "
    "levels, CC BY-SA 3.0."
)
# Changes to the page of `serve` where there is no server: pattern and replacement.
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
    ' <a href="docs">API docs</a>': "",
    "<footer>.*?</footer>": (
        "<footer>\n  <p>Images are processed in this browser and not sent anywhere. "
        '<a href="licences.txt">Licences</a></p>\n</footer>'
    ),
    "<noscript>.*?</noscript>": ('<noscript><p class="noscript">This page needs JavaScript.</p></noscript>'),
}


@dataclass(frozen=True)
class WebFolder:
    """A folder that was written: its path, and the number of its `files` and `bytes`."""

    path: Path
    files: int
    bytes: int


def export_web(model: str | Path | None, output: Path, packages: Path | None = None) -> WebFolder:
    """Write a folder `output`, completely or not at all, with the web app and `model`.

    `model` is as for Reader; `packages` is a `node_modules` folder to use instead of fetching with npm. Raises
    ArtifactError if the model cannot be loaded, and ExportError if `output` already exists, cannot be written, or the
    packages cannot be obtained.
    """
    if output.exists() or output.is_symlink():
        raise ExportError(f"{output} already exists: choose another folder with --output, or remove it first.")
    parts = {**page_parts(), **network_parts(model), **package_parts(packages)}
    parts["contents.json"] = contents_of(parts, temperature_of(model), activations_in(parts[card.ONNX_MODEL]))
    try:
        write_folder(output, parts)
    except OSError as error:
        raise ExportError(
            f"{output} cannot be written ({error.strerror}): choose another folder with --output."
        ) from error
    return WebFolder(output, len(parts), sum(map(len, parts.values())))


def page_parts() -> dict[str, bytes]:
    """The files of the page itself."""
    served = files("mnist_cnn.serving").joinpath("static")
    own = files("mnist_cnn.web").joinpath("page")
    return {
        "index.html": page_of(served.joinpath("index.html").read_text("utf-8")).encode(),
        "style.css": served.joinpath("style.css").read_bytes() + own.joinpath("loading.css").read_bytes(),
        **{name: served.joinpath(name).read_bytes() for name in ("app.js", "examples.js", "layers.js")},
        **dict(scripts(own)),
        INDEX.name: INDEX.read_bytes(),
    }


def page_of(served: str) -> str:
    """The page of `serve`, changed to work without a server."""
    page = served
    for there, instead in CHANGES.items():
        page, count = re.subn(there, lambda _, by=instead: by, page, flags=re.DOTALL)  # type: ignore[misc]
        if count != 1:
            raise ExportError(
                f"The page of `serve` contains {there!r} {count} times instead of once: reinstall mnist-cnn."
            )
    return page


def scripts(folder: Traversable, within: str = "") -> Iterator[tuple[str, bytes]]:
    """All scripts of a folder and its subfolders."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from scripts(entry, f"{within}{entry.name}/")
        elif entry.name.endswith(".js"):
            yield f"{within}{entry.name}", entry.read_bytes()


def network_parts(model: str | Path | None) -> dict[str, bytes]:
    """The model and its model card, if it has one, after verifying them; and what finds digits for it."""
    path = path_of(model)
    calibrated_classifier(path)  # raises ArtifactError if it is damaged
    weights = bundled_weights() if path == BUNDLED else bundled_weights().of_another_model()
    beside = {file.name: file.read_bytes() for file in (FINDER, SEGMENTER, RECOGNISER)}
    beside[EVIDENCE.name] = (json.dumps(asdict(weights), indent=1) + "\n").encode()
    return {card.ONNX_MODEL: onnx_file_of(path).read_bytes(), card.CARD: card_text_of(path), **beside}


def temperature_of(model: str | Path | None) -> float:
    """The temperature by which the logits of the model still have to be divided."""
    path = path_of(model)
    return card.read(path).outside_temperature if path.is_dir() else 1.0


def activations_in(network: bytes) -> dict[str, Any]:
    """The convolutions of a network whose activations the page shows, and what to append to it to get them."""
    watched = watched_in(network)
    return {
        "watched": [one._asdict() for one in watched],
        "outputs": base64.b64encode(more_outputs(names_of(watched))).decode(),
    }


def package_parts(packages: Path | None) -> dict[str, bytes]:
    """The files copied from npm packages, and all licences as one text."""
    taken = {Path(name).name: content for name, content in contents(packages).items()}
    runtime = files("onnxruntime")
    texts = [
        ("mnist-cnn", LICENCE),
        ("ONNX Runtime Web", runtime.joinpath("LICENSE").read_text("utf-8")),
        ("Third-party components of ONNX Runtime", runtime.joinpath("ThirdPartyNotices.txt").read_text("utf-8")),
    ]
    rule = "=" * 80
    taken_as_text = "\n\n".join(f"{rule}\n{name}\n{rule}\n\n{text.strip()}" for name, text in texts)
    return {**taken, "licences.txt": f"{taken_as_text}\n".encode()}


def contents_of(parts: dict[str, bytes], temperature: float, activations: dict[str, Any]) -> bytes:
    """A description of the folder: the sizes of its files, each network's SHA-256, and what to know of the model."""
    document = {
        "version": __version__,
        "temperature": temperature,
        "activations": activations,
        "networks": {name: hashlib.sha256(parts[name]).hexdigest() for name in sorted(parts) if name.endswith(".onnx")},
        "files": {name: len(content) for name, content in sorted(parts.items())},
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def write_folder(output: Path, parts: dict[str, bytes]) -> None:
    """Write all files into a temporary folder beside `output`, then rename it in one step."""
    output.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    try:
        for name, content in parts.items():
            path = beside / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        beside.chmod(0o755)  # the web server is seldom run by the user who wrote the files
        beside.rename(output)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
