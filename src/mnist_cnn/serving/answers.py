"""What the routes answer: readings as JSON, and what OpenAPI says of all answers and errors."""

import base64
import json
from typing import Annotated, Any

from pydantic import BaseModel, Field
from starlette.responses import Response

from mnist_cnn.reading.reading import Digit, Reading
from mnist_cnn.serving.problems import MEDIA_TYPE

Probability = Annotated[float, Field(ge=0, le=1)]
Ten = Annotated[list[Probability], Field(min_length=10, max_length=10)]


class BoxModel(BaseModel):
    """Where a digit is, in pixels of the upright picture."""

    left: int
    top: int
    width: int
    height: int


class DigitModel(BaseModel):
    """One digit; `digit` is null where it is refused. `image` is base64 of 784 bytes, row by row, ink 255."""

    digit: Annotated[int, Field(ge=0, le=9)] | None
    most_probable: Annotated[int, Field(ge=0, le=9)]
    confidence: Probability
    probabilities: Ten
    non_digit_probability: Probability = Field(description="ten times the smallest class probability")
    box: BoxModel
    image: str = Field(default="", description="only where images=true")


class ReadingModel(BaseModel):
    """What was read in one picture: rows from the top, digits from left to right."""

    text: str = Field(description="digits, ? where refused, rows separated by a newline")
    width: int
    height: int
    rows: list[list[DigitModel]]


class NamedReadingModel(ReadingModel):
    """What was read in one of several pictures."""

    path: str


class NamedErrorModel(BaseModel):
    """Why one of several pictures could not be read."""

    path: str
    error: str


class BatchModel(BaseModel):
    """What was read in several pictures, in their order."""

    pictures: list[NamedReadingModel | NamedErrorModel]


class CounterfactualModel(BaseModel):
    """A small change that makes it the runner-up; images are base64 of 784 bytes, `removed` and `added` its ink."""

    probabilities: Ten
    image: str
    removed: str
    added: str


class NeighbourModel(BaseModel):
    """A training digit that is like it, how much, and its image, base64 of 784 bytes."""

    digit: Annotated[int, Field(ge=0, le=9)]
    similarity: float
    image: str


class ReasonsModel(BaseModel):
    """What the network thinks of one 28×28, and why; `importance` is what hiding a place costs the confidence."""

    digit: Annotated[int, Field(ge=0, le=9)]
    runner_up: Annotated[int, Field(ge=0, le=9)]
    probabilities: Ten
    importance: list[list[float]]
    counterfactual: CounterfactualModel | None = Field(description="null where no small change makes it the runner-up")
    neighbours: list[NeighbourModel]
    sentence: str = Field(description="all of it in words")


class ProblemModel(BaseModel):
    """An error, as RFC 9457 has it; `detail` is a sentence for a person."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    error: str


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's words for the errors of a route."""
    schema = {"schema": {"$ref": "#/components/schemas/ProblemModel"}}
    return {status: {"description": WHY[status], "content": {MEDIA_TYPE: schema}} for status in statuses}


WHY = {
    400: "the request is empty or damaged",
    401: "the token is missing or wrong",
    404: "there is nothing of this name",
    408: "the request came too slowly",
    413: "the request has more than 10 MB, or the picture more than 100 megapixels",
    415: "this is no picture, or of a kind that is not read",
    422: "the picture is damaged, or a parameter is out of its range",
    503: "there is as much to do already as is taken; try again after Retry-After seconds",
    504: "this took too long",
}


def as_json(document: Any, headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON."""
    return Response(json.dumps(document, separators=(",", ":")), 200, headers, "application/json")


def reading_document(reading: Reading, images: bool) -> dict[str, Any]:
    """A reading as `read --json` gives it; with what the network saw, if wished."""
    document = reading.to_dict()
    if images:
        for row, digits in zip(document["rows"], reading.rows, strict=True):
            for entry, digit in zip(row, digits, strict=True):
                entry["image"] = image_text(digit)
    return document


def image_text(digit: Digit) -> str:
    """The 28×28 of a digit as base64."""
    return base64.b64encode(digit.image.tobytes()).decode()
