"""The documents that routes answer with: readings as JSON, and the schemas and errors that OpenAPI describes."""

import base64
import json
from itertools import chain
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from starlette.responses import Response

from mnist_cnn.reading.digit import Digit
from mnist_cnn.reading.reading import Reading
from mnist_cnn.serving.problems import MEDIA_TYPE

Probability = Annotated[float, Field(ge=0, le=1)]
Probabilities = Annotated[list[Probability], Field(min_length=10, max_length=10)]
Class = Annotated[int, Field(ge=0, le=9)]


class BoxModel(BaseModel):
    """The bounding box of a digit in pixels of the image, after EXIF rotation."""

    left: int
    top: int
    width: int
    height: int


class DigitModel(BaseModel):
    """One digit."""

    digit: Class | None = Field(description="the predicted digit; null if rejected (confidence below the threshold)")
    most_probable: Class = Field(description="the most probable digit, rejected or not")
    confidence: Probability = Field(description="the probability of the most probable digit")
    probabilities: Probabilities = Field(description="class probabilities of the digits 0 to 9")
    non_digit_probability: Probability = Field(
        description="the probability that this is not a digit: ten times the smallest class probability"
    )
    box: BoxModel
    image: str = Field(
        default="",
        description="only with images=true: the 28×28 input of the model as base64 of 784 bytes, row by row, "
        "white digit (255) on black (0)",
    )


class MarkModel(BaseModel):
    """A mark between digits or beside them."""

    text: str = Field(description="which mark: one of . , - + / : = × ÷ ( ) %")
    confidence: Probability
    after: int = Field(ge=0, description="how many digits of its row are before it")
    box: BoxModel


class NumberModel(BaseModel):
    """Digits that stand together, with the marks that belong to them."""

    text: str = Field(description="digits and marks, ? for rejected digits")
    value: str | None = Field(description="the value as a decimal number; null if it is ambiguous or no number")
    confidence: Probability = Field(description="the product of the confidences of its digits and marks")
    marks: list[MarkModel]
    box: BoxModel


class ExpectedModel(BaseModel):
    """What a row says if it fits a pattern."""

    text: str = Field(description="the most probable text that fits, or ? if probably none does")
    confidence: Probability


class ReadingModel(BaseModel):
    """The digits found in one image, in rows from top to bottom, each from left to right."""

    page: int = Field(ge=1, description="which page of the file this is, counted from 1")
    pages: int = Field(ge=1, description="how many pages or frames the file has; 1001 means more than a thousand")
    text: str = Field(
        description="digits and the marks between them, ? for rejected digits, numbers separated by a space, rows by a "
        "newline"
    )
    width: int = Field(description="width of the image in pixels, after EXIF rotation")
    height: int = Field(description="height of the image in pixels, after EXIF rotation")
    note: str = Field(description="why no digit was found; empty if there is one")
    numbers: list[list[NumberModel]] = Field(description="the numbers of each row")
    rows: list[list[DigitModel]]
    marks: list[list[MarkModel]] = Field(description="the marks of each row")
    candidates: list[DigitModel] = Field(description="what resembles a digit, but not enough, the most probable first")
    boxes: list[list[str | None]] = Field(
        default=[],
        description="only with boxes=true: what is in boxes drawn for digits, in rows; ? for a rejected digit, "
        "other for what is not a digit, null for an empty box",
    )
    expected: list[ExpectedModel] = Field(
        default=[], description="only with expect=PATTERN: the most probable text of each row that fits the pattern"
    )


class CellModel(BaseModel):
    """A cell of a table: where it is in it, counted from 1, over how many rows and columns it goes, what it holds."""

    row: int = Field(ge=1)
    column: int = Field(ge=1)
    rows: int = Field(ge=1)
    columns: int = Field(ge=1)
    kind: Literal["number", "blank", "dash", "other"] = Field(
        description="other is writing that is not a number; a dash is a single level stroke"
    )
    text: str = Field(description="what was read: digits and marks, ? for rejected digits; empty unless it is a number")
    value: str | None = Field(description="the value as a decimal number; null if it is ambiguous or no number")
    confidence: Probability
    doubtful: bool = Field(description="whether a person should look at it")
    writing: Literal["printed", "handwritten"] | None = Field(
        description="how the number is written; null where that is not plain, or there is no number"
    )
    corners: list[tuple[float, float]] = Field(
        min_length=4, max_length=4, description="in pixels of the image, from the upper left one clockwise"
    )


class TableModel(BaseModel):
    """A table on a sheet, its cells in the order of reading."""

    rows: int = Field(ge=1)
    columns: int = Field(ge=1)
    cells: list[CellModel]


class TablesModel(BaseModel):
    """The tables in one image, from the top."""

    tables: list[TableModel]


class NamedReadingModel(ReadingModel):
    """The digits found in one image of a batch."""

    path: str = Field(description="the file name, as sent")


class NamedErrorModel(BaseModel):
    """Why an image of a batch could not be read."""

    path: str = Field(description="the file name, as sent")
    error: str = Field(description="what is wrong and what to do, in one sentence")


class BatchModel(BaseModel):
    """The results for several images, in the order they were sent."""

    images: list[NamedReadingModel | NamedErrorModel]


class CounterfactualModel(BaseModel):
    """A small change after which the model predicts the runner-up. Images are base64 of 784 bytes."""

    probabilities: Probabilities = Field(description="class probabilities of the changed image")
    image: str = Field(description="the changed image")
    removed: str = Field(description="the ink removed")
    added: str = Field(description="the ink added")


class NeighbourModel(BaseModel):
    """One of the most similar training digits."""

    digit: Class = Field(description="its label")
    similarity: float = Field(description="cosine similarity of the outlines, up to 1")
    image: str = Field(description="base64 of 784 bytes")


class ReasonsModel(BaseModel):
    """The prediction for one 28×28 image, explained."""

    digit: Class = Field(description="the most probable digit")
    runner_up: Class = Field(description="the second most probable digit")
    probabilities: Probabilities = Field(description="class probabilities of the digits 0 to 9")
    importance: list[list[float]] = Field(
        description="occlusion map, 28×28: how much the confidence drops when the area around a pixel is hidden"
    )
    counterfactual: CounterfactualModel | None = Field(description="null if no small change makes it the runner-up")
    neighbours: list[NeighbourModel] = Field(description="the most similar training digits, most similar first")
    sentence: str = Field(description="the explanation in one sentence")


class FeatureMapModel(BaseModel):
    """What one filter of a layer found in an image."""

    filter: int = Field(ge=0, description="which filter of the layer, counted from 0")
    image: str = Field(description="base64 of a byte per pixel, 255 for the highest activation of the layer")
    channels: list[int] = Field(description="the input channels of the kernels")
    kernels: list[list[float]] = Field(description="the kernels with the largest weights, each row by row")


class LayerModel(BaseModel):
    """A convolutional layer: the feature maps with the highest activations."""

    filters: int = Field(ge=1, description="how many filters the layer has")
    inputs: int = Field(ge=1, description="how many input channels each of them has")
    height: int = Field(ge=1, description="height of a feature map")
    width: int = Field(ge=1, description="width of a feature map")
    kernel: tuple[int, int] = Field(description="rows and columns of a kernel")
    maps: list[FeatureMapModel] = Field(description="up to 16 of the feature maps, in the order of the filters")


class ActivationsModel(BaseModel):
    """The convolutional layers of the model, from its input on; empty if it has none, or its file is not known."""

    layers: list[LayerModel]


class ProblemModel(BaseModel):
    """An error as RFC 9457 defines it."""

    type: str
    title: str = Field(description="the name of the HTTP status")
    status: int = Field(description="the HTTP status code")
    detail: str = Field(description="what is wrong and what to do, in one sentence")
    instance: str = Field(description="the path of the request")
    request_id: str = Field(description="the ID of the request, also in the header X-Request-ID")
    error: str = Field(description="the same as detail, for clients of the Open Inference Protocol")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error responses of a route, for OpenAPI."""
    schema = {"schema": {"$ref": "#/components/schemas/ProblemModel"}}
    return {status: {"description": DESCRIPTIONS[status], "content": {MEDIA_TYPE: schema}} for status in statuses}


DESCRIPTIONS = {
    400: "the request is empty or malformed",
    401: "the bearer token is missing or wrong",
    404: "not found",
    408: "the request body arrived too slowly",
    413: "the request is larger than 10 MB, or the image larger than 100 megapixels",
    415: "not an image, or an unsupported format",
    422: "the image is damaged, or a parameter is invalid",
    503: "the server is busy: retry after the number of seconds in Retry-After",
    504: "the request timed out",
}


def as_json(document: Any, headers: dict[str, str] | None = None) -> Response:
    """A JSON response."""
    return Response(json.dumps(document, separators=(",", ":")), 200, headers, "application/json")


def reading_document(reading: Reading, images: bool) -> dict[str, Any]:
    """A reading as `read --json` prints it; with `images`, each digit and candidate also has its 28×28 input."""
    document = reading.to_dict()
    if images:
        entries = [*chain.from_iterable(document["rows"]), *document["candidates"]]
        for entry, digit in zip(entries, (*reading.digits, *reading.candidates), strict=True):
            entry["image"] = image_text(digit)
    return document


def image_text(digit: Digit) -> str:
    """The 28×28 input of a digit as base64."""
    return base64.b64encode(digit.image.tobytes()).decode()
