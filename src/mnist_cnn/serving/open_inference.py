"""The Open Inference Protocol, version 2: tensors in, tensors out, as JSON or binary.

As in KServe's specification and Triton's binary tensor extension: a request is JSON; if a tensor has the parameter
`binary_data_size`, its bytes follow the JSON, whose length is in the header Inference-Header-Content-Length.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from mnist_cnn import __version__
from mnist_cnn.serving.answers import as_json
from mnist_cnn.serving.body import body_of, result_for
from mnist_cnn.serving.problems import ProblemError
from mnist_cnn.serving.settings import BODY
from mnist_cnn.serving.tensors import SIDE, TAKEN, TYPES, images_in, is_taken

MODEL, VERSION = "digits", "1"
INPUT, OUTPUT = "images", "probabilities"
HEADER = "Inference-Header-Content-Length"
JSON_BODY = 1_000_000  # bytes of JSON: parsing more would block all other requests
LONGEST_ID = 1000  # characters, which the response repeats
PIXEL = {"type": "integer", "minimum": 0, "maximum": 255}
TENSOR = {
    "type": "object",
    "required": ["name", "datatype", "shape", "data"],
    "properties": {
        "name": {"const": INPUT},
        "datatype": {"enum": list(TYPES)},
        "shape": {
            "enum": [[1, 28, 28], [1, 28, 28, 1], [28, 28]],
            "description": "[n, 28, 28], [n, 28, 28, 1] or [28, 28]; n = 1 in this schema",
        },
        "data": {"type": "array", "items": PIXEL, "minItems": 784, "maxItems": 784},
    },
}
REQUEST = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["inputs"],
            "properties": {
                "id": {"type": "string", "maxLength": LONGEST_ID},
                "inputs": {"type": "array", "items": TENSOR, "minItems": 1, "maxItems": 1},
            },
        }
    },
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
}


@dataclass(frozen=True)
class Inference:
    """One request: its ID, the images (n, 28, 28) uint8, and whether the response is binary."""

    id: str
    images: np.ndarray
    binary: bool


async def server_metadata() -> dict[str, Any]:
    """Get the name, version and extensions of the server."""
    return {"name": "mnist-cnn", "version": __version__, "extensions": ["binary_tensor_data"]}


async def live() -> dict[str, bool]:
    """Check that the server is running."""
    return {"live": True}


async def ready() -> dict[str, bool]:
    """Check that the server is ready for requests."""
    return {"ready": True}


async def model_metadata() -> dict[str, Any]:
    """Get the inputs and outputs of the model."""
    return {
        "name": MODEL,
        "versions": [VERSION],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": INPUT, "datatype": "UINT8", "shape": [-1, 28, 28]}],
        "outputs": [{"name": OUTPUT, "datatype": "FP32", "shape": [-1, 10]}],
    }


async def model_ready() -> dict[str, Any]:
    """Check that the model is ready."""
    return {"name": MODEL, "ready": True}


async def infer(request: Request) -> Response:
    """Classify 28×28 images that look like MNIST's: white digit (255) on black (0). Returns class probabilities.

    FP32 tensors range from 0 to 255 as well, or from 0 to 1.
    """
    length = request.headers.get(HEADER)
    body = await body_of(request, BODY if length else JSON_BODY)
    inference = inference_of(body, length)
    probabilities = await result_for(request, request.app.state.engine.probabilities(inference.images))
    return answer(inference, probabilities)


def inference_of(body: bytes, length: str | None) -> Inference:
    """Parse a request; raises ProblemError 400 if it does not follow the protocol or the model's metadata."""
    if length is not None and not (length.isdecimal() and int(length) <= len(body)):
        raise ProblemError(400, f"{HEADER} must be the number of bytes of JSON in the request (got {length!r:.100}).")
    end = len(body) if length is None else min(int(length), JSON_BODY)
    try:
        document = json.loads(body[:end])
        (tensor,) = document["inputs"]
        images = images_of(tensor, body[end:])
        wanted = {entry["name"]: flag(entry, "binary_data") for entry in document.get("outputs") or []}
        binary = flag(document, "binary_data_output")
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ProblemError(
            400, f"This is not an Open Inference Protocol request with one input tensor named {INPUT}: see /docs."
        ) from error
    if unknown := [name for name in wanted if name != OUTPUT]:
        names = ", ".join(map(repr, unknown))
        raise ProblemError(400, f"Unknown output {names:.100}: the only output is {OUTPUT}.")
    own_id = document.get("id", "")
    if not isinstance(own_id, str):
        raise ProblemError(400, f"The id must be a text (got {own_id!r:.100}).")
    if len(own_id) > LONGEST_ID:
        raise ProblemError(400, f"The id has {len(own_id):,} characters: it may have up to {LONGEST_ID:,}.")
    return Inference(own_id, images, bool(wanted.get(OUTPUT) or (wanted.get(OUTPUT) is None and binary)))


def flag(entry: dict[str, Any], name: str) -> bool | None:
    """A boolean parameter of a request or an output; None if it is missing."""
    value = (entry.get("parameters") or {}).get(name)
    return None if value is None else bool(value)


def images_of(tensor: dict[str, Any], rest: bytes) -> np.ndarray:
    """The images (n, 28, 28) uint8 of the input tensor; raises ProblemError 400, or as NumPy and dict do."""
    name, kind, shape = tensor["name"], tensor["datatype"], tensor["shape"]
    if name != INPUT or kind not in TYPES or not is_taken(shape):
        raise ProblemError(
            400,
            f"{MODEL} takes {TAKEN}, as one UINT8 or FP32 tensor named {INPUT} (got {name!r:.50}, {kind!r:.50}, "
            f"{shape!r:.100}).",
        )
    size = (tensor.get("parameters") or {}).get("binary_data_size")
    pixels = numbers_of(tensor["data"], kind) if size is None else np.frombuffer(rest, TYPES[kind])
    count = 1 if len(shape) == 2 else shape[0]
    if pixels.size != count * SIDE * SIDE or (size is not None and size != len(rest)):
        raise ProblemError(400, f"Shape {shape!r:.100} does not match the number of pixels received ({pixels.size}).")
    return images_in(pixels)


def numbers_of(data: Any, kind: str) -> np.ndarray:
    """Pixels from JSON, a flat list or nested lists; ProblemError 400 for fractions that are said to be bytes."""
    values = np.asarray(data)
    if values.size and kind == "UINT8" and values.dtype.kind not in "iu":
        raise ProblemError(400, "Pixels of a UINT8 tensor must be integers from 0 to 255: send fractions as FP32.")
    return values.astype(np.float64) if kind == "FP32" and values.dtype.kind in "iu" else values


def answer(inference: Inference, probabilities: np.ndarray) -> Response:
    """The response: probabilities as JSON, or as little-endian float32 after the JSON."""
    output: dict[str, Any] = {"name": OUTPUT, "datatype": "FP32", "shape": list(probabilities.shape)}
    document = {"model_name": MODEL, "model_version": VERSION, "outputs": [output]}
    if inference.id:
        document["id"] = inference.id
    if not inference.binary:
        output["data"] = probabilities.ravel().tolist()
        return as_json(document)
    content = probabilities.astype("<f4").tobytes()
    output["parameters"] = {"binary_data_size": len(content)}
    head = json.dumps(document).encode()
    return Response(head + content, 200, {HEADER: str(len(head))}, "application/octet-stream")
