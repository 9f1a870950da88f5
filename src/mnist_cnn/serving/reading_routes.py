"""The endpoints under /v1: read images, explain predictions, and show what is inside the network."""

import base64
import binascii
import json
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from mnist_cnn.errors import ImageError, ReaderError
from mnist_cnn.reading.file_pages import MOST
from mnist_cnn.reading.patterns import LONGEST, pattern_of
from mnist_cnn.reading.reading import Reading
from mnist_cnn.reading.region import Region
from mnist_cnn.serving.answers import as_json, reading_document
from mnist_cnn.serving.body import body_of, image_from, images_from, result_for
from mnist_cnn.serving.problems import ProblemError, of_image
from mnist_cnn.serving.work import Options, ReadAsExpected, TablesTask
from mnist_cnn.sheets.table import grid_of

IMAGE = 28 * 28
EXPLAIN_BODY = 10_000  # bytes: the base64 of 784 bytes is 1,048
EXPLAIN_REQUEST = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["image"],
            "properties": {
                "image": {
                    "type": "string",
                    "pattern": "^[A-Za-z0-9+/]{1046}==$",
                    "description": "base64 of 784 bytes, as /v1/read?images=true returns it",
                }
            },
        }
    }
}
Single = Annotated[bool, Query(description="Treat each image as a single digit.")]
MinConfidence = Annotated[
    float | None,
    Query(ge=0, le=1, description="Confidence threshold: digits below it are rejected; by default the server's own."),
]
Images = Annotated[bool, Query(description="Also return the 28×28 input of the model for each digit.")]

PageNumber = Annotated[
    int, Query(ge=1, le=MOST, description="Page of a TIFF or frame of an animation to read, counted from 1.")
]
Rectangle = Annotated[
    str | None,
    Query(
        description="Read only this part of the image: x,y,width,height in pixels of the image after EXIF rotation. "
        "Boxes are still in pixels of the whole image.",
        examples=["120,80,600,200"],
    ),
]

Boxes = Annotated[
    bool, Query(description="Also return what is in each box that is drawn for a digit; null for an empty one.")
]
Expect = Annotated[
    str | None,
    Query(
        max_length=LONGEST,
        description="Also return the most probable text of each row that fits a pattern: date, phone, 0-20, "
        "decimal(2), luhn or a regular expression (docs/reading.md).",
        examples=["date"],
    ),
]

GridSize = Annotated[
    str | None,
    Query(
        max_length=LONGEST,
        description="Rows and columns of the largest table, if you know them: some of its lines may then be missing.",
        examples=["9x9"],
    ),
]


async def read(
    request: Request,
    single: Single = False,
    min_confidence: MinConfidence = None,
    images: Images = False,
    page: PageNumber = 1,
    region: Rectangle = None,
    boxes: Boxes = False,
    expect: Expect = None,
) -> Response:
    """Read the digits in one image: the request body, or the only file of a multipart form.

    Of a TIFF with several pages, or an animation, one page is read, by default the first; `pages` in the response says
    how many there are.
    """
    plain = replace(options_of(request, single, min_confidence), page=page, region=region_of(region))
    options = replace(plain, boxes=boxes, expect=pattern_in(expect))
    body = await image_from(request)
    result = await result_for(request, request.app.state.engine.read(body, options))
    reading, expected = result if isinstance(result, ReadAsExpected) else (result, ())
    count(request, reading)
    said = {"expected": [one.to_dict() for one in expected]} if options.expect else {}
    return as_json(reading_document(reading, images) | said)


async def read_batch(
    request: Request, single: Single = False, min_confidence: MinConfidence = None, images: Images = False
) -> Response:
    """Read the digits in each of up to 64 images, the files of a multipart form; of each the first page."""
    options = options_of(request, single, min_confidence)
    uploads = await images_from(request)
    bodies = [upload.body for upload in uploads]
    results = await result_for(request, request.app.state.engine.read_all(bodies, options))
    documents: list[dict[str, Any]] = []
    for upload, result in zip(uploads, results, strict=True):
        if isinstance(result, Reading):
            count(request, result)
            documents.append({"path": upload.name, **reading_document(result, images)})
        elif isinstance(result, ImageError):
            documents.append({"path": upload.name, "error": of_image(result).detail})
        else:
            raise result
    return as_json({"images": documents})


async def tables(
    request: Request, min_confidence: MinConfidence = None, page: PageNumber = 1, grid: GridSize = None
) -> Response:
    """Read the tables in one image: the request body, or the only file of a multipart form.

    Of a TIFF with several pages one is read, by default the first.
    """
    least = request.app.state.settings.min_confidence if min_confidence is None else min_confidence
    size = grid_in(grid)
    task = TablesTask(await image_from(request), least, page, size)
    return as_json({"tables": await result_for(request, request.app.state.engine.tables(task))})


async def explain(request: Request) -> Response:
    """Explain the prediction for one 28×28 image: occlusion map, counterfactual and most similar training digits."""
    image = decoded_image(await body_of(request, EXPLAIN_BODY))
    reasons = await result_for(request, request.app.state.engine.explain(image))
    return as_json(reasons.to_dict())


async def activations(request: Request) -> Response:
    """Show what each convolutional layer makes of one 28×28 image: its strongest feature maps and their filters."""
    image = decoded_image(await body_of(request, EXPLAIN_BODY))
    return as_json({"layers": await result_for(request, request.app.state.engine.activations(image))})


def options_of(request: Request, single: bool, min_confidence: float | None) -> Options:
    """How to read an image; the confidence threshold is the server's own unless the request sets one."""
    return Options(single, request.app.state.settings.min_confidence if min_confidence is None else min_confidence)


def region_of(text: str | None) -> Region | None:
    """The region in a text; raises ProblemError 422 if it is malformed."""
    try:
        return None if text is None else Region.parse(text)
    except ReaderError as error:
        raise ProblemError(422, str(error)) from error


def grid_in(text: str | None) -> tuple[int, int] | None:
    """Rows and columns in a text; raises ProblemError 422 if it is malformed."""
    try:
        return None if text is None else grid_of(text)
    except ReaderError as error:
        raise ProblemError(422, str(error)) from error


def pattern_in(text: str | None) -> str:
    """A pattern that was checked, or nothing; raises ProblemError 422 if it is none."""
    try:
        if text is not None:
            pattern_of(text)
    except ReaderError as error:
        raise ProblemError(422, str(error)) from error
    return text or ""


def count(request: Request, reading: Reading) -> None:
    """Count the digits of a reading."""
    request.app.state.metrics.count_digits(None if digit.rejected else digit.digit for digit in reading.digits)


def decoded_image(body: bytes) -> np.ndarray:
    """The 28×28 image of a request {"image": base64 of 784 bytes}; raises ProblemError 400 or 422."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProblemError(400, "The request body is not JSON: send an object with the key image.") from error
    image = document.get("image") if isinstance(document, dict) else None
    try:
        pixels = base64.b64decode(image, validate=True) if isinstance(image, str) else b""
    except (binascii.Error, ValueError):
        pixels = b""
    if len(pixels) != IMAGE:
        raise ProblemError(
            422, "image must be base64 of 784 bytes (28 rows of 28 pixels), as /v1/read?images=true returns it."
        )
    return np.frombuffer(pixels, np.uint8).reshape(28, 28)
