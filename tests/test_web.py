"""The web app without a server: the files written, the errors, and that it predicts what Python predicts."""

import base64
import csv
import hashlib
import importlib
import io
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from drawing import STROKES, grain, inked, lit, mask, ruled, shadow
from mnist_cnn import Reader
from mnist_cnn.cli import app
from mnist_cnn.errors import ArtifactError, ExportError
from mnist_cnn.reading.activations import onnx_watcher
from mnist_cnn.reading.explain import reasons
from mnist_cnn.reading.model_names import BUNDLED, onnx_file_of
from mnist_cnn.reading.normalise import crop_to_ink
from mnist_cnn.reading.picture import WORKING_SIDE
from mnist_cnn.reading.reading import Reading
from mnist_cnn.reading.weights import calibrated_classifier, with_temperature
from mnist_cnn.web import packages, site
from mnist_cnn.web.packages import Package
from mnist_cnn.web.site import export_web
from static_host import EXPLAIN, LOADED, SWITCHES, WATCH, chromium, hosted, reading_of

PAGE = Path(site.__file__).parent / "page"
# The pictures lie beside MNIST where they are at all.
PICTURES = Path(os.environ.get("MNIST_CNN_DATA", "nowhere")).parent / "pictures"
PATIENCE = 120_000  # milliseconds: a machine that does much else
SIZES = {
    "phone": {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True},
    "desktop": {"viewport": {"width": 1280, "height": 860}},
}


def integrity(content: bytes) -> str:
    return f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"


@pytest.fixture
def node_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with packages that are small, and pinned."""
    parts = {"onnxruntime-web": ["dist/ort.wasm.min.mjs", "dist/ort-wasm-simd-threaded.wasm"]}
    folder = tmp_path / "node_modules"
    for name, paths in parts.items():
        for path in paths:
            (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / name / path).write_bytes(path.encode())
    pins = [
        Package(name, "1.0.0", integrity(b""), {path: integrity(path.encode()) for path in paths})
        for name, paths in parts.items()
    ]
    monkeypatch.setattr(packages, "pinned", lambda: pins)
    return folder


def test_the_folder_has_all_that_it_names(node_modules: Path, tmp_path: Path) -> None:
    written = export_web(None, tmp_path / "a" / "page", node_modules)
    there = {str(path.relative_to(written.path)) for path in written.path.rglob("*") if path.is_file()}
    assert written.files == len(there)
    contents = json.loads((written.path / "contents.json").read_bytes())
    assert there == set(contents["files"]) | {"contents.json"}
    assert all((written.path / name).stat().st_size == size for name, size in contents["files"].items())
    assert set(contents["networks"]) == {"model.onnx", "finder.onnx", "segmenter.onnx", "recogniser.onnx"}
    for name, digest in contents["networks"].items():
        assert hashlib.sha256((written.path / name).read_bytes()).hexdigest() == digest
    for script in written.path.rglob("*.js"):
        for address in re.findall(r'from "(\./[^"]+|\.\./[^"]+)"', script.read_text()):
            assert (script.parent / address).is_file(), f"{script.name} imports {address}"
    assert (written.path / "model.onnx").read_bytes() == (BUNDLED / "model.onnx").read_bytes()
    assert {path.name for path in written.path.parent.iterdir()} == {"page"}


def test_another_model_alone_says_which_digit_it_is(node_modules: Path, tmp_path: Path) -> None:
    for model, name in [(None, "bundled"), (BUNDLED / "model.onnx", "another")]:
        written = export_web(model, tmp_path / name, node_modules).path
        weights = json.loads((written / "evidence.json").read_bytes())
        assert (weights["classes"] == [0, 0, 1]) == (name == "another")


def test_the_page_uses_no_other_host_and_no_eval(node_modules: Path, tmp_path: Path) -> None:
    page = (export_web(None, tmp_path / "page", node_modules).path / "index.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert "'unsafe-eval'" not in policy[1]
    assert re.findall(r"(?:https?:)?//[^' ]+", page.replace("http://www.w3.org/2000/svg", "")) == []
    addresses = [one for one in re.findall(r'(?:src|href)="([^"]*)"', page) if not one.startswith("data:")]
    assert sorted(addresses) == ["app.js", "card.json", "licences.txt", "style.css"]
    assert "server" not in page


def test_an_existing_folder_is_not_overwritten(node_modules: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"already exists: choose another folder with --output"):
        export_web(None, tmp_path, node_modules)


def test_a_modified_package_is_rejected(node_modules: Path, tmp_path: Path) -> None:
    (node_modules / "onnxruntime-web/dist/ort.wasm.min.mjs").write_text("another")
    with pytest.raises(ExportError, match=r"onnxruntime-web/dist/ort.wasm.min.mjs is not the pinned file"):
        export_web(None, tmp_path / "page", node_modules)
    assert not (tmp_path / "page").exists()


def test_a_folder_without_the_packages_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"cannot be read .*`npm install --ignore-scripts onnxruntime-web@"):
        export_web(None, tmp_path / "page", tmp_path)


def test_without_npm_one_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["export", "--to", "web"])
    assert done.exit_code == 1
    assert "npm is not installed, which is needed to fetch the packages of the page" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_npm_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'no such host' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(
        ExportError, match=r"npm cannot fetch onnxruntime-web@.* \(no such host\): check the internet connection"
    ):
        export_web(None, tmp_path / "page")


def test_a_damaged_model_is_rejected(node_modules: Path, tmp_path: Path) -> None:
    shutil.copytree(BUNDLED, tmp_path / "model")
    (tmp_path / "model" / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match="is damaged or was changed"):
        export_web(tmp_path / "model", tmp_path / "page", node_modules)


def mirrored() -> list[tuple[Path, Any]]:
    """The scripts that name the Python modules they mirror."""
    pairs = []
    for script in sorted((PAGE / "reading").glob("*.js")):
        names = re.findall(r"reading/(\w+)\.py", script.read_text().split("*/")[0])
        pairs += [(script, importlib.import_module(f"mnist_cnn.reading.{name}")) for name in names]
    return pairs


def constants(script: str) -> Iterator[tuple[str, Any]]:
    """The names and values of a script's constants that are numbers or lists of them."""
    number = r"[\d._]+"
    for names, values in re.findall(
        rf"^(?:export )?const (\S+|\[.*\]) = (\[?{number}(?:, {number})*\]?);", script, re.M
    ):
        value = json.loads(values.replace("_", ""))
        yield from zip(re.findall(r"\w+", names), value, strict=True) if "[" in names else [(names, value)]


def test_a_script_has_the_same_constants_as_the_module_it_mirrors() -> None:
    compared = 0
    for script, module in mirrored():
        assert f"/{script.stem}.py" in script.read_text()
        for name, value in constants(script.read_text()):
            if hasattr(module, name):
                own = getattr(module, name)
                assert value == (list(own) if isinstance(own, tuple) else own), f"{script.name}: {name}"
                compared += 1
    assert compared > 60


# From here on in a real browser.

sync_api: Any = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page of the network that ships below it; MNIST_CNN_NODE_MODULES names packages to take."""
    named = os.environ.get("MNIST_CNN_NODE_MODULES")
    root = tmp_path_factory.mktemp("host")
    try:
        export_web(None, root / "below" / "page", Path(named) if named else None)
    except ExportError as error:
        pytest.skip(f"the npm packages of the page cannot be obtained: {error}")
    return root


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    with hosted(root) as at:
        yield f"{at}below/page/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not chromium():
        pytest.skip("no Chromium is on the PATH")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=SWITCHES, timeout=PATIENCE)
        yield started
        started.close()


class Visit:
    """One visit to the page, with everything that it asked for and complained about."""

    def __init__(self, browser: Any, size: str = "desktop") -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.context = browser.new_context(**SIZES[size])
        self.context.set_default_timeout(PATIENCE)
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page = self.context.new_page()
        self.page.on("console", lambda said: self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def end(self, address: str) -> None:
        self.context.close()
        assert [url for url in self.requests if not url.startswith((address, "blob:", "data:"))] == []
        assert self.complaints == []


@pytest.fixture(scope="module")
def page(browser: Any, address: str) -> Iterator[Any]:
    """The page, loaded; nothing may be asked of another host, or complained about."""
    visit = Visit(browser)
    visit.page.goto(address)
    visit.page.evaluate(LOADED)
    yield visit.page
    visit.end(address)


@pytest.fixture(params=SIZES)
def visit(request: pytest.FixtureRequest, browser: Any, address: str) -> Iterator[Visit]:
    visiting = Visit(browser, request.param)
    visiting.page.goto(address)
    yield visiting
    visiting.end(address)


def assert_same(read: Any, reading: Reading) -> list[float]:
    """What the page read is what Python reads: digits, boxes and probabilities; gives how far each 28×28 is apart.

    The finder computes in whole numbers of 8 bits. Where a sum lies in the middle between two, the last bits of floats
    decide, and they are not the same on two machines: then a box is a little elsewhere, and so is what is cut out.
    """
    assert read.get("problem") is None
    assert (read["text"], read["width"], read["height"]) == (reading.text, reading.width, reading.height)
    document = reading.to_dict()
    for key, parts in (("numbers", ("text", "value")), ("marks", ("text", "after"))):
        ours, theirs = ([[[one[part] for part in parts] for one in row] for row in of[key]] for of in (read, document))
        assert ours == theirs
    assert bool(read["note"]) == bool(reading.note)
    digits = [digit for row in read["rows"] for digit in row]
    pixel = max(1.0, max(reading.width, reading.height) / WORKING_SIDE)  # of what was read
    for digit, expected in zip(digits, reading.digits, strict=True):
        own = edges(**vars(expected.box))
        assert edges(**digit["box"]) == pytest.approx(own, abs=max(pixel, 0.05 * (own[3] - own[1])))
        assert digit["probabilities"] == pytest.approx(expected.probabilities, abs=5e-2)
        assert digit["non_digit_probability"] == pytest.approx(expected.non_digit_probability, abs=5e-2)
    pairs = zip(digits, reading.digits, strict=True)
    return [float(np.abs(pixels_of(digit["image"]) - expected.image).mean()) for digit, expected in pairs]


def pixels_of(text: str) -> np.ndarray:
    """The 28×28 of a document as integers, which may be subtracted."""
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(28, 28).astype(int)


def edges(left: int, top: int, width: int, height: int) -> list[int]:
    return [left, top, left + width, top + height]


def encoded(picture: np.ndarray, form: str = "PNG", **how: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, form, **how)
    return stream.getvalue()


def turned_jpeg() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(np.rot90(inked(mask("73", height=90, pen=8), 230, 40)), "JPEG", exif=exif, quality=95)


def white_on_nothing() -> np.ndarray:
    ink = mask("84", height=80, pen=8)
    return np.dstack([np.full((*ink.shape, 3), 255, np.uint8), ink])


def striped() -> np.ndarray:
    """A digit in MNIST's own size, light on dark, whose left and right are the negative."""
    image = cv2.resize(inked(mask("2", height=20, pen=3, margin=0.2), 0, 255), (28, 28), interpolation=cv2.INTER_AREA)
    image[:, :7], image[:, 21:] = 255 - image[:, :7], 255 - image[:, 21:]
    return image


LINE = mask("2058", height=100, pen=9)
MADE = {
    "dark on light": encoded(inked(LINE, 235, 40)),
    "light on dark": encoded(inked(LINE, 30, 220)),
    "red on green": encoded(inked(LINE, (120, 160, 110), (190, 60, 60))),
    "rows": encoded(inked(mask("314/2058/67", height=70, pen=6), 240, 20)),
    "ruled paper": encoded(inked(LINE, ruled(LINE.shape, 36), 40)),
    "squared paper": encoded(inked(LINE, ruled(LINE.shape, 30, squared=True), 40)),
    "in a shadow, grainy": encoded(grain(lit(inked(LINE, 230, 60), shadow(LINE.shape)), 4)),
    "a sum": encoded(inked(mask("12.5+7-3=", height=70, pen=6, gap=0.2), 240, 20)),
    "touching": encoded(inked(mask("4703", height=90, pen=9, gap=-0.08), 240, 30)),
    "thin pen": encoded(inked(mask("196", height=160, pen=2), 240, 30)),
    "small": encoded(inked(mask("7", height=20, pen=3), 240, 30)),
    "cut out closely": encoded(crop_to_ink(mask("3", height=60, pen=11))),
    "a bitmap cut out closely": encoded(
        255 - np.where(crop_to_ink(mask("5", height=16, pen=3)) > 127, 255, 0).astype(np.uint8)
    ),
    "a large bitmap cut out closely": encoded(inked(crop_to_ink(mask("8", height=700, pen=120)), 200, 70)),
    "large": encoded(inked(mask("60", height=1500, pen=120), 240, 30)),
    "of MNIST's size, striped": encoded(striped()),
    "of MNIST's size, noisy": encoded(grain(cv2.resize(inked(mask("5"), 230, 20), (28, 28)), 50)),
    "palette": encoded(inked(LINE, 235, 40), "GIF"),
    "WebP": encoded(np.dstack([inked(LINE, 235, 40)] * 3), "WEBP", lossless=True),
    "turned by EXIF": turned_jpeg(),
    "white on nothing": encoded(white_on_nothing()),
    "blank": encoded(np.full((100, 200), 240, np.uint8)),
}


APART = ("touching", "in a shadow, grainy", "rows")  # here the finder's 8 bits move a box by a pixel


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_what_is_drawn_by_code_is_read_as_python_reads_it(page: Any, reader: Reader, name: str) -> None:
    for single in (False, True):
        apart = assert_same(reading_of(page, MADE[name], single), reader.read(MADE[name], single))
        assert max(apart, default=0) < (16 if name in APART else 4)


@pytest.mark.slow
@pytest.mark.extended
def test_fifty_pictures_of_people_are_read_as_python_reads_them(page: Any, reader: Reader) -> None:
    if not (PICTURES / "labels.csv").is_file():
        pytest.skip("the pictures of people are not beside the file that MNIST_CNN_DATA names")
    with (PICTURES / "labels.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    chosen = rows[:: len(rows) // 50][:50]
    assert len(chosen) == 50
    apart = []
    for row in chosen:
        picture, single = (PICTURES / row["path"]).read_bytes(), row["layout"] == "single"
        apart += assert_same(reading_of(page, picture, single), reader.read(picture, single))
    assert np.mean(np.array(apart) < 0.1) > 0.85  # most are the same to the level
    assert np.mean(apart) < 2


@pytest.mark.slow
def test_the_reasons_are_those_of_python(page: Any, reader: Reader) -> None:
    image = reader.read(MADE["dark on light"]).digits[1].image
    given = page.evaluate(EXPLAIN, base64.b64encode(image.tobytes()).decode())
    expected = json.loads(json.dumps(reasons(reader.classify, image).to_dict()))
    assert np.array(given["importance"]) == pytest.approx(np.array(expected["importance"]), abs=1e-3)
    for name in ("digit", "runner_up"):
        assert given[name] == expected[name]
    for name in ("image", "removed", "added"):
        found, own = (pixels_of(one["counterfactual"][name]) for one in (given, expected))
        assert np.abs(found - own).max() < 20  # as far as strokes differ at the border (page/pixels/strokes.js)
    assert [one["image"] for one in given["neighbours"]] == [one["image"] for one in expected["neighbours"]]


@pytest.mark.slow
def test_the_layers_are_those_of_python(page: Any, reader: Reader) -> None:
    image = reader.read(MADE["dark on light"]).digits[1].image
    given = page.evaluate(WATCH, base64.b64encode(image.tobytes()).decode())["layers"]
    expected = [layer.to_dict() for layer in onnx_watcher(onnx_file_of(None))(image)]
    assert len(given) == 7
    for found, own in zip(given, expected, strict=True):
        for name in ("filters", "inputs", "height", "width", "kernel"):
            assert found[name] == own[name]
        pairs = zip(found["maps"], own["maps"], strict=True)
        # Of two maps whose highest activations are nearly the same, either may be the sixteenth.
        same = [(one, other) for one, other in pairs if one["filter"] == other["filter"]]
        assert len(same) >= 14
        for one, other in same:
            assert np.abs(bytes_of(one["image"]) - bytes_of(other["image"])).max() <= 2
            assert one["channels"] == other["channels"]
            assert np.array(one["kernels"]) == pytest.approx(np.array(other["kernels"]), abs=1e-3)


def bytes_of(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8).astype(int)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty (0 bytes): choose another file."),
        (b"1,2,3\n", "The file is not an image that this browser can decode: choose a PNG"),
        (encoded(np.zeros((40, 40), np.uint8), "TIFF"), "The file is in TIFF format, which this browser cannot decode"),
        (
            encoded(np.zeros((5, 5), np.uint8)),
            "The file is too small (5 × 5 pixels): it must be at least 8 × 3 pixels.",
        ),
        (MADE["rows"][:200], "The file is not an image that this browser can decode"),
    ],
    ids=["empty", "text", "TIFF", "tiny", "cut off"],
)
def test_what_is_not_an_image_gets_one_sentence(page: Any, content: bytes, sentence: str) -> None:
    assert reading_of(page, content)["problem"].startswith(sentence)


@pytest.mark.slow
def test_a_number_is_written_read_and_explained(visit: Visit) -> None:
    box = visit.page.locator("#sheet").bounding_box()
    tall = 0.6 * box["height"]
    for stroke in STROKES["5"]:
        points = [
            (box["x"] + 0.35 * box["width"] + 0.6 * tall * u, box["y"] + 0.2 * box["height"] + tall * v)
            for u, v in stroke
        ]
        visit.page.mouse.move(*points[0])
        visit.page.mouse.down()
        for point in points[1:]:
            visit.page.mouse.move(*point, steps=3)
        visit.page.mouse.up()
    sync_api.expect(visit.page.locator("#number")).to_have_text("5", timeout=PATIENCE)
    sync_api.expect(visit.page.locator("#boxes div")).to_have_count(1)
    sync_api.expect(visit.page.get_by_role("img", name="evidence for 5")).to_be_visible(timeout=PATIENCE)
    sync_api.expect(visit.page.locator("#neighbours canvas")).to_have_count(3)
    sync_api.expect(visit.page.locator("#strip canvas")).to_have_count(7, timeout=PATIENCE)
    sync_api.expect(visit.page.locator("#model")).to_have_text(re.compile(r"^Model: robust, \d\d\.\d\d% on MNIST"))
    sync_api.expect(visit.page.locator("#loading")).to_have_count(0)
    assert visit.page.locator("#sheet").bounding_box() == pytest.approx(
        box, abs=1
    )  # nothing moves under the pen when all is loaded


@pytest.mark.slow
def test_a_network_whose_temperature_is_outside_is_read_with_it(browser: Any, root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "below" / "page", tmp_path / "page")
    contents = json.loads((tmp_path / "page" / "contents.json").read_bytes())
    (tmp_path / "page" / "contents.json").write_text(json.dumps({**contents, "temperature": 3.0}))
    visit = Visit(browser)
    with hosted(tmp_path) as address:
        visit.page.goto(f"{address}page/")
        reader = Reader(with_temperature(calibrated_classifier(), 3.0))
        reader.is_bundled = True  # as the page takes it to be
        assert_same(reading_of(visit.page, MADE["thin pen"]), reader.read(MADE["thin pen"]))
        visit.end(address)


@pytest.mark.slow
def test_a_browser_without_webassembly_is_told(browser: Any, address: str) -> None:
    visit = Visit(browser)
    visit.page.add_init_script("delete globalThis.WebAssembly")
    visit.page.goto(address)
    sync_api.expect(visit.page.locator("#trouble")).to_have_text(
        re.compile("^This browser does not support WebAssembly")
    )
    visit.end(address)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model.onnx", "evidence.json"])
def test_a_host_that_lacks_a_file_is_named(browser: Any, address: str, name: str) -> None:
    visit = Visit(browser)
    visit.context.route(f"**/{name}", lambda route: route.fulfill(status=404, body=""))
    visit.page.goto(address)
    sentence = f"Cannot load {name}: the server returned HTTP 404."
    sync_api.expect(visit.page.locator("#trouble")).to_have_text(sentence, timeout=PATIENCE)
    visit.complaints.clear()  # the browser itself notes the 404
    visit.end(address)
