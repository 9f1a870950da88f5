"""TensorFlow Serving's REST API: predictions for images in JSON, in its row and its column format.

(https://www.tensorflow.org/tfx/serving/api_rest, "Predict API" and "Model status API")
"""

import json
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from mnist_cnn.serving.answers import as_json
from mnist_cnn.serving.body import body_of, result_for
from mnist_cnn.serving.open_inference import INPUT, JSON_BODY, MODEL, VERSION
from mnist_cnn.serving.problems import ProblemError
from mnist_cnn.serving.tensors import SHAPES, SIDE, TAKEN, images_in, is_taken

SIGNATURE = "serving_default"
SIGNATURES = [SIGNATURE, ""]  # an empty name asks for the default one, as in TensorFlow Serving
ROW = {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 255}, "minItems": SIDE, "maxItems": SIDE}
IMAGE = {"type": "array", "items": ROW, "minItems": SIDE, "maxItems": SIDE}
REQUEST = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["instances"],
            "properties": {
                "signature_name": {"enum": SIGNATURES},
                "instances": {"type": "array", "items": IMAGE, "minItems": 1},
            },
        }
    }
}
WANTED = f'send {{"instances": […]}} or {{"inputs": […]}} with images of shape {SHAPES}: see /docs.'


async def status() -> dict[str, Any]:
    """Get the status of the model, as TensorFlow Serving tells it."""
    available = {"version": VERSION, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    return {"model_version_status": [available]}


async def predict(request: Request) -> Response:
    """Classify 28×28 images that look like MNIST's: white digit (255) on black (0). Returns class probabilities.

    In row format, `instances` gives `predictions`; in column format, `inputs` gives `outputs`. Pixels may also range
    from 0 to 1.
    """
    images, answered = images_of(await body_of(request, JSON_BODY))
    probabilities = await result_for(request, request.app.state.engine.probabilities(images))
    return as_json({answered: probabilities.tolist()})


def images_of(body: bytes) -> tuple[np.ndarray, str]:
    """The (n, 28, 28) uint8 images of a request, and under which key they are answered; raises ProblemError 400."""
    try:
        document = json.loads(body)
        rows, columns = document.get("instances"), document.get("inputs")
        signature = document.get("signature_name", SIGNATURE)
    except (ValueError, RecursionError, AttributeError) as error:
        raise ProblemError(400, f"The request body is not a JSON object: {WANTED}") from error
    if signature not in SIGNATURES:
        raise ProblemError(400, f"Unknown signature {signature!r:.100}: the only one is {SIGNATURE}.")
    if (rows is None) == (columns is None):
        raise ProblemError(400, f"The request has to have either instances or inputs: {WANTED}")
    return array_of(columns if rows is None else unnamed(rows)), "outputs" if rows is None else "predictions"


def unnamed(rows: Any) -> Any:
    """Instances without the name of the input that each may have."""
    if isinstance(rows, list) and rows and all(isinstance(row, dict) and row.keys() == {INPUT} for row in rows):
        return [row[INPUT] for row in rows]
    return rows


def array_of(values: Any) -> np.ndarray:
    """The (n, 28, 28) uint8 images in nested lists, or in an object that names them; raises ProblemError 400."""
    if isinstance(values, dict) and values.keys() == {INPUT}:
        values = values[INPUT]
    try:
        pixels = np.asarray(values)
        shape = pixels.shape
    except (ValueError, OverflowError):  # lists of several lengths, or a number beyond all types
        shape = ()
    if not is_taken(shape):
        raise ProblemError(400, f"{MODEL} takes {TAKEN} (got an array of shape {shape!r:.100}): {WANTED}")
    return images_in(pixels)
