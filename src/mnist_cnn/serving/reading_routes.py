"""The interface of our own: pictures in, digits out; and why."""

import base64
import binascii
import json
from typing import Annotated, Any

import numpy as np
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from mnist_cnn.errors import ImageError
from mnist_cnn.reading.reader import MIN_CONFIDENCE
from mnist_cnn.reading.reading import Reading
from mnist_cnn.serving.answers import as_json, reading_document
from mnist_cnn.serving.body import body_of, picture_of, pictures_of, result_for
from mnist_cnn.serving.engine import Question
from mnist_cnn.serving.problems import ProblemError

IMAGE = 28 * 28
EXPLAIN_BODY = 10_000  # bytes: the base64 of 784 bytes is 1,048
EXPLAIN_TAKES = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["image"],
            "properties": {
                "image": {
                    "type": "string",
                    "pattern": "^[A-Za-z0-9+/]{1046}==$",
                    "description": "base64 of 784 bytes, row by row, ink 255: as v1/read?images=true gives it",
                }
            },
        }
    }
}
Single = Annotated[bool, Query(description="There is one digit in each picture.")]
MinConfidence = Annotated[
    float | None,
    Query(ge=0, le=1, description=f"Digits less probable than this are refused ({MIN_CONFIDENCE} by default)."),
]
Images = Annotated[bool, Query(description="Give the 28×28 that the network saw of each digit, too.")]


async def read(
    request: Request, single: Single = False, min_confidence: MinConfidence = None, images: Images = False
) -> Response:
    """Read the digits in one picture."""
    question = question_of(request, single, min_confidence)
    body = await picture_of(request)
    reading = await result_for(request, request.app.state.engine.read(body, question))
    count(request, reading)
    return as_json(reading_document(reading, images))


async def read_batch(
    request: Request, single: Single = False, min_confidence: MinConfidence = None, images: Images = False
) -> Response:
    """Read the digits in each of up to 64 pictures, the files of a form."""
    question = question_of(request, single, min_confidence)
    uploads = await pictures_of(request)
    bodies = [upload.body for upload in uploads]
    results = await result_for(request, request.app.state.engine.read_all(bodies, question))
    documents: list[dict[str, Any]] = []
    for upload, result in zip(uploads, results, strict=True):
        if isinstance(result, Reading):
            count(request, result)
            documents.append({"path": upload.name, **reading_document(result, images)})
        elif isinstance(result, ImageError):
            documents.append({"path": upload.name, "error": str(result)})
        else:
            raise result
    return as_json({"pictures": documents})


async def explain(request: Request) -> Response:
    """Say what the network thinks of one 28×28, where it looked, what would make it another, and what is like it."""
    image = image_of(await body_of(request, EXPLAIN_BODY))
    reasons = await result_for(request, request.app.state.engine.explain(image))
    return as_json(reasons.to_dict())


def question_of(request: Request, single: bool, min_confidence: float | None) -> Question:
    """What is asked of a picture, with the server's own confidence where none is named."""
    return Question(single, request.app.state.settings.min_confidence if min_confidence is None else min_confidence)


def count(request: Request, reading: Reading) -> None:
    """Count what was read."""
    request.app.state.metrics.count_digits(None if digit.rejected else digit.digit for digit in reading.digits)


def image_of(body: bytes) -> np.ndarray:
    """The 28×28 of a request {"image": base64 of 784 bytes}; raises ProblemError 400 or 422."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProblemError(400, "This is not JSON: send an object with the member image.") from error
    image = document.get("image") if isinstance(document, dict) else None
    try:
        pixels = base64.b64decode(image, validate=True) if isinstance(image, str) else b""
    except (binascii.Error, ValueError):
        pixels = b""
    if len(pixels) != IMAGE:
        raise ProblemError(422, "image must be the base64 of 784 bytes, 28 rows of 28, ink 255: as reading gives it.")
    return np.frombuffer(pixels, np.uint8).reshape(28, 28)
