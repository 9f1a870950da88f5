"""The page's scripts, function by function: its image operations are those of OpenCV, its steps of reading Python's."""

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from drawing import grain, inked, mask
from mnist_cnn.reading import counterfactual, evidence, layout, view
from mnist_cnn.reading.colour import separate
from mnist_cnn.reading.crops import crops, ink_boxes
from mnist_cnn.reading.detector import peaks
from mnist_cnn.reading.drawing import drawing_of
from mnist_cnn.reading.evidence import Weights
from mnist_cnn.reading.glyph import glyph
from mnist_cnn.reading.nearest import outlines
from mnist_cnn.reading.octaves import Octaves
from mnist_cnn.reading.reading import Reading
from mnist_cnn.reading.recognised_lines import LEAST, Line, marks
from mnist_cnn.reading.sheet import sheet_of
from mnist_cnn.reading.text_lines import line_image, line_through
from page_scripts import Scripts, as_array, image_of, opened
from readings import row_of
from static_host import chromium
from test_sheet import photograph

sync_api: Any = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scripts() -> Iterator[Scripts]:
    if not chromium():
        pytest.skip("no Chromium is on the PATH")
    with sync_api.sync_playwright() as playwright, opened(playwright) as scripts:
        yield scripts


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def noise(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(0, 256, shape).astype(np.uint8)


def blots(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """A mask of connected parts of any form."""
    return (cv2.GaussianBlur(noise(rng, *shape), (0, 0), 1.5) > 132).astype(np.uint8)


def assert_nearly(found: np.ndarray, expected: np.ndarray, share: float) -> None:
    """All levels differ by one at most, and few do at all."""
    apart = np.abs(found - expected.astype(int))
    assert apart.max() <= 1
    assert (apart > 0).mean() <= share


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_areas_are_averaged_to_the_same_levels(scripts: Scripts, rng: np.random.Generator, channels: int) -> None:
    sizes = [((40, 60), (20, 30)), ((45, 60), (9, 20)), ((57, 31), (20, 13)), ((90, 7), (28, 3)), ((5, 1), (2, 1))]
    for (height, width), (down, across) in sizes:
        image = noise(rng, height, width, channels)[..., slice(None) if channels > 1 else 0]
        expected = cv2.resize(image, (across, down), interpolation=cv2.INTER_AREA)
        assert (scripts.image("pixels/resize.js", "byArea", image_of(image), across, down) == expected).all()


def test_curves_are_interpolated_to_nearly_the_same_levels(scripts: Scripts, rng: np.random.Generator) -> None:
    for (height, width), (down, across) in [
        ((20, 30), (40, 60)),
        ((7, 3), (20, 9)),
        ((31, 18), (80, 46)),
        ((1, 9), (2, 20)),
    ]:
        image = noise(rng, height, width)
        expected = cv2.resize(image, (across, down), interpolation=cv2.INTER_CUBIC)
        found = scripts.image("pixels/resize.js", "byCubic", image_of(image), across, down)
        # Where OpenCV is made without Intel's IPP, it rounds weights, and more of the levels differ.
        assert_nearly(found, expected, 0.08)


def test_what_is_wider_is_as_wide(scripts: Scripts, rng: np.random.Generator) -> None:
    ink = noise(rng, 40, 50) * (noise(rng, 40, 50) > 240)
    for side in (1, 3, 5):
        found = scripts.image("pixels/morphology.js", "dilatedBySquare", image_of(ink), side)
        assert (found == cv2.dilate(ink, np.ones((side, side), np.uint8))).all()
    for diameter in range(1, 14):
        found = scripts.image("pixels/morphology.js", "dilatedByDisc", image_of(ink), diameter)
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))
        assert (found == cv2.dilate(ink, disc)).all(), diameter


def test_connected_parts_are_the_same(scripts: Scripts, rng: np.random.Generator) -> None:
    for shape in [(40, 60), (1, 30), (30, 1), (17, 90)]:
        image = blots(rng, *shape)
        found = scripts.call("pixels/components.js", "components", image_of(image))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(image)
        pairs = set(zip(found["labels"], labels.ravel().tolist(), strict=True))
        assert len(pairs) == count == len({one for one, _ in pairs}) == len(found["areas"])
        assert sorted(found["areas"]) == sorted(stats[:, cv2.CC_STAT_AREA].tolist())


def test_distances_are_the_same(scripts: Scripts, rng: np.random.Generator) -> None:
    image = blots(rng, 50, 70)
    found = scripts.call("pixels/distances.js", "distances", image_of(image))
    expected = cv2.distanceTransform(image, cv2.DIST_L2, 3)
    assert np.array(found).reshape(50, 70) == pytest.approx(expected, abs=1e-3)


def test_blurs_and_their_best_threshold_are_the_same(scripts: Scripts, rng: np.random.Generator) -> None:
    for shape in [(40, 30), (9, 70), (5, 5)]:
        image = cv2.GaussianBlur(noise(rng, *shape), (0, 0), 2)
        assert (scripts.image("pixels/blur.js", "blurred", image_of(image), 5) == cv2.blur(image, (5, 5))).all()
        assert (
            scripts.call("pixels/threshold.js", "otsu", image_of(image))
            == cv2.threshold(image, 0, 1, cv2.THRESH_OTSU)[0]
        )


@pytest.mark.parametrize(
    ("paper", "ink"), [((120, 160, 110), (190, 60, 60)), ((250, 250, 250), (240, 230, 60)), (90, 20)]
)
def test_ink_of_a_colour_is_as_dark(scripts: Scripts, paper: Any, ink: Any) -> None:
    image = grain(inked(mask("35", height=160), paper, ink), 3)
    rgb = image if image.ndim == 3 else np.dstack([image] * 3)
    assert_nearly(scripts.image("reading/colour.js", "separate", image_of(rgb)), separate(rgb), 0.01)


def test_strokes_that_are_copied_are_those_that_opencv_draws(scripts: Scripts) -> None:
    keep, add = counterfactual.pieces()
    found = scripts.call("reading/counterfactual.js", "pieces")
    assert (np.array([one["keeps"] for one in found]).reshape(keep.shape) == keep).all()
    apart = np.abs(np.array([one["adds"] for one in found]).reshape(add.shape) - add.astype(int))
    assert apart[:, 1:-1, 1:-1].max() == 0
    assert apart.max() < 20  # where OpenCV cuts a line off at the border before it draws it


def test_octaves_and_crops_are_the_same(scripts: Scripts, rng: np.random.Generator) -> None:
    image = cv2.GaussianBlur(noise(rng, 211, 333), (0, 0), 3)
    octaves = Octaves(image)
    for octave in (1, 2, 3, -1):
        found = as_array(scripts.page.evaluate(OCTAVE, [image_of(image), octave]))
        assert_nearly(found, octaves.at(octave), 0.02)
    for left, top, width, height in [(-5, 3, 20, 30), (60.3, 70.8, 41.5, 33.1), (10, 20, 290, 180), (320, 200, 9, 14)]:
        box = [left, top, left + width, top + height]
        found = np.array(scripts.page.evaluate(CROP, [image_of(image), box]), np.uint8).reshape(64, 64, 2)
        assert_nearly(found, crops(octaves, np.array([box], float))[0], 0.01)


def test_boxes_around_ink_are_the_same(scripts: Scripts) -> None:
    box, ink = [10.0, 20.0, 41.0, 77.0], np.zeros((48, 48), np.float32)
    for size in (0, 9, 20):
        ink[10 : 10 + size, 15:24] = 0.7
        expected = ink_boxes(np.array([box]), ink[np.newaxis])[0]
        assert scripts.call("reading/crops.js", "inkBox", box, image_of(ink)) == pytest.approx(expected)


WITH_OCTAVES = """const { octavesOf } = await import("/reading/octaves.js");
    const data = Uint8Array.from(atob(image.text), (character) => character.charCodeAt(0));
    const octaves = octavesOf({ ...image, data });
    const listed = (one) => ({ ...one, data: Array.from(one.data) });"""
OCTAVE = f"async ([image, octave]) => {{ {WITH_OCTAVES} return listed(octaves.at(octave)); }}"
CROP = f"""async ([image, box]) => {{ {WITH_OCTAVES}
    const {{ closeAndWide }} = await import("/reading/crops.js");
    return Array.from(closeAndWide(octaves, box)); }}"""
LINE_IMAGE = f"""async ([image, line, width]) => {{ {WITH_OCTAVES}
    const {{ lineImage }} = await import("/reading/text_lines.js");
    return listed(lineImage(octaves, line, width)); }}"""
LINE = [(90, 60, 112, 100), (150, 62, 172, 101), (320, 58, 340, 97)]  # boxes of digits


@pytest.mark.parametrize("height", [18, 60, 500])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.25])
def test_a_plain_drawing_is_the_same(scripts: Scripts, height: int, share: float) -> None:
    for index, digit in enumerate("0258"):
        colours = (255, 0) if index % 2 else (20, 230)
        image = inked(mask(digit, height=height, pen=max(1, int(share * height))), *colours)
        found, expected = scripts.call("reading/drawing.js", "drawingOf", image_of(image)), drawing_of(image)
        assert (found is None) == (expected is None)
        if expected:
            assert found["box"] == expected.box.tolist()
            assert np.abs(as_array(found["glyph"]) - expected.glyph).max() <= 1


def test_a_straight_stroke_is_the_same(scripts: Scripts) -> None:
    image = np.zeros((280, 280), np.uint8)
    image[40:240, 120:150] = 255
    expected = drawing_of(image)
    assert expected
    found = scripts.call("reading/drawing.js", "drawingOf", image_of(image))
    assert np.abs(as_array(found["glyph"]) - expected.glyph).max() <= 1


def test_what_is_no_plain_drawing_is_none(scripts: Scripts) -> None:
    for image in (inked(mask("47"), 255, 0), grain(inked(mask("4"), 230, 40), 3), inked(mask("4"), 255, 240)):
        assert drawing_of(image) is None
        assert scripts.call("reading/drawing.js", "drawingOf", image_of(image)) is None


def test_ink_becomes_the_same_28x28(scripts: Scripts) -> None:
    for pen in (1, 2, 4, 8):
        ink = cv2.GaussianBlur(mask("3", height=30, pen=pen, margin=0.1), (0, 0), 0.7)[:48, :48] / np.float32(255)
        ink = np.pad(ink, [(0, 48 - ink.shape[0]), (0, 48 - ink.shape[1])]).astype(np.float32)
        assert np.abs(scripts.image("reading/glyph.js", "glyph", image_of(ink)) - glyph(ink)).max() <= 1
    assert not scripts.image("reading/glyph.js", "glyph", image_of(np.zeros((48, 48), np.float32))).any()


def test_a_sheet_and_other_views_are_the_same(scripts: Scripts) -> None:
    straight, askew = photograph()[0], photograph(12, 0.15)[0]
    assert scripts.call("reading/sheet.js", "sheetOf", image_of(straight)) is None
    found, expected = scripts.call("reading/sheet.js", "sheetOf", image_of(askew)), sheet_of(askew)
    assert expected
    own = {"grey": image_of(straight), "back": np.eye(3).ravel().tolist()}
    views = [(found, expected)]
    for name, by in [("turned", 1), ("turned", 2), ("turned", 3), ("levelled", 0.4), ("levelled", -0.7)]:
        views.append((scripts.call("reading/view.js", name, own, by), getattr(view, name)(view.as_it_is(straight), by)))
    for one, other in views:
        assert_nearly(as_array(one["grey"]), other.grey, 0.01)
        box = scripts.call("reading/view.js", "boxBack", [30, 40, 50, 80], {"back": one["back"]})
        assert box == pytest.approx(other.boxes_back(np.array([[30.0, 40, 50, 80]]))[0], abs=1e-3)


def random_boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    corner = rng.uniform(0, 1, (count, 2)) * (300, 150)
    return np.concatenate([corner, corner + rng.uniform(0.4, 1, (count, 2)) * (25, 40)], axis=1)


def test_rows_and_numbers_are_the_same(scripts: Scripts, rng: np.random.Generator) -> None:
    for count in [0, 1, 2, 3, 5, *range(8, 30, 3)]:
        boxes = random_boxes(rng, count)
        assert scripts.call("reading/layout.js", "rows", boxes.tolist()) == layout.rows(boxes)
        assert scripts.call("reading/layout.js", "wideGaps", boxes.tolist(), 20) == layout.wide_gaps(boxes, 20)
        assert scripts.call("reading/layout.js", "falling", boxes.tolist()) == pytest.approx(layout.falling(boxes))
    block = np.array([(25 * column, 50 * row) for row in range(3) for column in range(3)], float)
    corners = np.concatenate([block, block + np.array([250, 22])])
    apart = np.concatenate([corners, corners + np.array([18, 30])], axis=1)
    assert scripts.call("reading/layout.js", "rows", apart.tolist()) == layout.rows(apart)
    lefts = 30.0 * np.arange(8)
    askew = np.stack([lefts, 0.5 * lefts, lefts + 18, 0.5 * lefts + 25], axis=1)
    assert scripts.call("reading/layout.js", "falling", askew.tolist()) == pytest.approx(layout.falling(askew)) != 0


def test_evidence_is_weighed_alike(scripts: Scripts, rng: np.random.Generator) -> None:
    weights = Weights(
        (1.0, 0.5, 2.0),
        (1.0, 0.3, 0.4, 0.5, 0.2, -0.1),
        (1.0, 0.1, 0.2, 0.2, 0.3, 4.0, 3.0, -1.0, -2.0),
        (0.9, 0.3),
        (0.8, 0.3, -0.2, -0.1, 0.2),
        (0.9, 0.6, -0.4),
    )
    call: Callable[..., Any] = lambda name, *given: scripts.call("reading/evidence.js", name, *given)  # noqa: E731
    for count in (0, 1, 2, 15):
        boxes, scores, seconded = random_boxes(rng, count), rng.random((count, 10)), rng.random(count)
        segmented, classified = rng.dirichlet(np.ones(11), count), rng.dirichlet(np.ones(10), count)
        marks = rng.dirichlet(np.ones(13), count)[:, 1:]
        alone = evidence.alone(scores, seconded, segmented, marks.sum(axis=1), classified)
        own = [
            call("alone", {"scores": one.tolist(), "seconded": two}, three.tolist(), its.tolist(), four.tolist())
            for one, two, three, its, four in zip(scores, seconded.tolist(), segmented, marks, classified, strict=True)
        ]
        assert np.array(own).reshape(alone.shape) == pytest.approx(alone)
        exists = call("existence", own, boxes.tolist(), vars(weights))
        assert exists == pytest.approx(evidence.existence(alone, boxes, weights))
        lined = rng.dirichlet(np.full(24, 0.2), len(boxes))
        ten = rng.dirichlet(np.full(10, 0.2), len(boxes))
        candidates = [{"exists": one, "digits": some} for one, some in zip(exists, ten.tolist(), strict=True)]
        found = call("inLine", candidates, lined.tolist(), vars(weights))
        sure, shares = evidence.in_line(np.array(exists), ten, lined, weights)
        assert [one["exists"] for one in found] == pytest.approx(sure)
        assert np.array([one["digits"] for one in found]).reshape(-1, 10) == pytest.approx(shares)
        assert call("onPage", exists, vars(weights)) == pytest.approx(evidence.on_page(np.array(exists), weights))
        digits = evidence.of_digits((scores, segmented[:, :-1], classified), weights)
        for index in range(count):
            witnesses = [one[index].tolist() for one in (scores, segmented[:, :-1], classified)]
            assert call("ofDigits", witnesses, vars(weights)) == pytest.approx(digits[index])


@pytest.mark.parametrize(
    "written",
    ["12.50", "-42 7", "12/05/2024", "3+4=7", "85%", "(030)123-456", "1,234 1,234,567", "1.234,56", ".5 -.5%", "12. 3"],
)
def test_numbers_and_their_values_are_the_same(scripts: Scripts, written: str) -> None:
    row = row_of(written)
    document = Reading((row,), 1000, 60).to_dict()
    digits = [{"probabilities": list(one.probabilities), "box": vars(one.box), "image": [0] * 784} for one in row]
    marks = [
        {"text": one.text, "confidence": one.confidence, "box": vars(one.box), "after": one.after} for one in row.marks
    ]
    rows = {"rows": [{"digits": digits, "marks": marks, "possibleMarks": []}], "candidates": []}
    read = scripts.call("reading/reading.js", "documentOf", rows, {"width": 1000, "height": 60}, 0.5)
    assert (read["text"], read["marks"]) == (document["text"], document["marks"])
    for one, other in zip(read["numbers"][0], document["numbers"][0], strict=True):
        assert one.pop("confidence") == pytest.approx(other.pop("confidence"))
        assert one == other


def test_the_image_of_a_line_is_the_same(scripts: Scripts, rng: np.random.Generator) -> None:
    page = cv2.GaussianBlur(noise(rng, 200, 400), (0, 0), 3)
    large = [(40, 30, 150, 190), (180, 20, 330, 180)]  # of which a half is taken
    for boxes, slope in ((LINE, 0.08), (LINE[:1], 0.0), (large, -0.1)):
        sure = boxes[:2]
        line = line_through(np.array(boxes, float), np.array(sure, float), slope, 2.0)
        found = scripts.call(
            "reading/text_lines.js", "lineThrough", list(map(list, boxes)), list(map(list, sure)), slope, 2.0
        )
        assert [found[name] for name in line._fields] == pytest.approx(list(line))
        found = as_array(scripts.page.evaluate(LINE_IMAGE, [image_of(page), line._asdict(), line.width]))
        assert_nearly(found, line_image(Octaves(page), line), 0.1)


def test_marks_of_a_line_are_the_same(scripts: Scripts, rng: np.random.Generator) -> None:
    boxes = np.array(LINE, float)
    where = line_through(boxes, boxes, 0.05, 4.0)
    columns = rng.dirichlet(np.full(24, 0.05), -(-where.width // 4))
    given = {"where": where._asdict(), "columns": columns.tolist()}
    found = scripts.call("reading/recognised_lines.js", "marks", given, boxes.tolist())
    line = Line(where, columns)
    said = [scripts.call("reading/recognised_lines.js", "saidOf", given, box) for box in boxes.tolist()]
    assert np.array(said) == pytest.approx(line.of(boxes))
    expected = marks(line, boxes)
    assert len(found) == len(expected) > 3
    for one, other in zip(found, expected, strict=True):
        assert (one["text"], one["after"]) == (other.text, other.after)
        assert one["confidence"] == pytest.approx(other.probability)
        assert one["box"] == pytest.approx(other.box.tolist())
    threshold = 'async () => (await import("/reading/recognised_lines.js")).LEAST'
    assert scripts.page.evaluate(threshold) == LEAST


def test_peaks_of_the_finder_are_the_same(scripts: Scripts, rng: np.random.Generator) -> None:
    places = rng.normal(-4, 2, (20, 30, 14)).astype(np.float32)
    places[..., 10:12] = rng.uniform(1, 5, (20, 30, 2))
    boxes, scores = peaks(places)
    found = scripts.call("reading/detector.js", "peaks", image_of(places))
    assert np.array([one["box"] for one in found]) == pytest.approx(boxes, abs=1e-4)
    assert np.array([one["scores"] for one in found]) == pytest.approx(scores)


def test_outlines_are_the_same(scripts: Scripts) -> None:
    images = np.stack([cv2.resize(mask(digit, pen=9), (28, 28), interpolation=cv2.INTER_AREA) for digit in "0237"])
    sheet = np.tile(np.concatenate(images, axis=0), (3, 1))[: 10 * 28]
    found = scripts.call("reading/nearest.js", "indexOf", image_of(sheet))["features"]
    assert np.array(found[:4]) == pytest.approx(outlines(images), abs=1e-4)
