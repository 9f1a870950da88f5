"""The Open Inference Protocol: by hand, and by the client that NVIDIA made for it."""

import json
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from drawing import mask
from mnist_cnn.reading.normalise import to_mnist
from mnist_cnn.reading.weights import calibrated_classifier
from serving import PATIENCE, Client, client_of

INFER = "/v2/models/digits/infer"
HEADER = "Inference-Header-Content-Length"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with client_of() as made:
        yield made


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.stack([to_mnist(mask(digit)) for digit in "0123456789"])


def asking(images: np.ndarray, **more: Any) -> dict[str, Any]:
    """A request in JSON."""
    tensor = {"name": "images", "datatype": "UINT8", "shape": list(images.shape), "data": images.tolist()}
    return {"inputs": [tensor]} | more


def test_what_there_is_is_told(client: Client) -> None:
    assert client.get("/v2").json()["extensions"] == ["binary_tensor_data"]
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    for path in ("/v2/models/digits", "/v2/models/digits/versions/1"):
        told = client.get(path).json()
        assert told["inputs"] == [{"name": "images", "datatype": "UINT8", "shape": [-1, 28, 28]}]
        assert told["outputs"] == [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]}]
        assert client.get(f"{path}/ready").json() == {"name": "digits", "ready": True}
    assert client.get("/v2/models/letters").status_code == 404


def test_json_is_classified_nested_or_flat(client: Client, images: np.ndarray) -> None:
    expected = calibrated_classifier()(images)
    nested = asking(images, id="42")
    flat = asking(images)
    flat["inputs"][0]["data"] = images.ravel().tolist()
    for document in (nested, flat):
        answer = client.post(INFER, json=document).json()
        (output,) = answer["outputs"]
        assert (output["name"], output["datatype"], output["shape"]) == ("probabilities", "FP32", [10, 10])
        assert np.allclose(np.reshape(output["data"], (10, 10)), expected, atol=1e-6)
        assert answer.get("id") == document.get("id")


def test_binary_tensors_go_both_ways(client: Client, images: np.ndarray) -> None:
    document = asking(images, parameters={"binary_data_output": True})
    tensor = document["inputs"][0]
    del tensor["data"]
    tensor["parameters"] = {"binary_data_size": images.nbytes}
    head = json.dumps(document).encode()
    answer = client.post(INFER, content=head + images.tobytes(), headers={HEADER: str(len(head))})
    length = int(answer.headers[HEADER])
    (output,) = json.loads(answer.content[:length])["outputs"]
    values = struct.unpack("<100f", answer.content[length:])
    assert output["parameters"] == {"binary_data_size": 400}
    assert np.allclose(np.reshape(values, (10, 10)), calibrated_classifier()(images), atol=1e-6)


IMAGE = np.zeros((1, 28, 28), np.uint8)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"inputs": []}, "one input tensor named images"),
        ({"inputs": [{}]}, "one input tensor named images"),
        ({"inputs": None}, "one input tensor named images"),
        ({"name": "letters"}, "takes (n, 28, 28) uint8 images"),
        ({"datatype": "FP64"}, "takes (n, 28, 28) uint8 images"),
        ({"datatype": ["FP32"]}, "one input tensor named images"),
        ({"datatype": "FP32", "data": [256.0] * 784}, "must be numbers from 0"),
        ({"datatype": "FP32", "data": [-0.1] * 784}, "must be numbers from 0"),
        ({"datatype": "FP32", "data": ["5"] * 784}, "must be numbers from 0"),
        ({"datatype": "FP32", "data": [None] * 784}, "must be numbers from 0"),
        ({"datatype": "FP32", "data": [10**400] * 784}, "must be numbers from 0"),
        ({"shape": [1, 28, 28, 3]}, "takes (n, 28, 28) uint8 images"),
        ({"shape": "28"}, "takes (n, 28, 28) uint8 images"),
        ({"shape": [28, True]}, "takes (n, 28, 28) uint8 images"),
        ({"shape": [1, 784]}, "takes (n, 28, 28) uint8 images"),
        ({"shape": [2, 28, 28]}, "does not match the number of pixels"),
        ({"shape": [-1, 28, 28]}, "does not match the number of pixels"),
        ({"shape": ["1", 28, 28]}, "takes (n, 28, 28) uint8 images"),
        ({"data": [0.5] * 784}, "must be integers from 0 to 255"),
        ({"data": [256] * 784}, "must be numbers from 0"),
        ({"data": ["a"] * 784}, "must be integers from 0 to 255"),
        ({"data": [[1], [2, 3]]}, "one input tensor named images"),
        ({"data": None}, "must be integers from 0 to 255"),
        ({"parameters": {"binary_data_size": 784}}, "does not match the number of pixels"),
        ({"id": {"a": 1}}, "The id must be a text (got {'a': 1})."),
        ({"outputs": [{"name": "logits"}]}, "Unknown output 'logits': the only output is probabilities."),
    ],
)
def test_what_is_not_as_the_metadata_say_gets_one_sentence(client: Client, change: Any, sentence: str) -> None:
    document = asking(IMAGE)
    if change.keys() & {"id", "inputs", "outputs"}:
        document |= change
    else:
        document["inputs"][0] |= change
    answer = client.post(INFER, json=document)
    assert answer.status_code == 400, answer.text
    assert sentence in answer.json()["error"]


def test_not_a_number_is_no_pixel(client: Client) -> None:
    document = json.dumps(asking(IMAGE)).replace("UINT8", "FP32").replace("[0, 0,", "[NaN, 0,", 1)
    answer = client.post(INFER, content=document)
    assert answer.status_code == 400
    assert "must be numbers from 0" in answer.json()["error"]


@pytest.mark.parametrize("shape", [(10, 28, 28), (10, 28, 28, 1)])
@pytest.mark.parametrize("binary", [False, True])
def test_floats_and_other_shapes_are_the_same_images(
    client: Client, images: np.ndarray, shape: tuple[int, ...], binary: bool
) -> None:
    expected = calibrated_classifier()(images)
    for pixels, kind in ((images, "UINT8"), (images.astype("<f4"), "FP32"), ((images / 255).astype("<f4"), "FP32")):
        document = asking(pixels.reshape(shape))
        document["inputs"][0]["datatype"] = kind
        head, headers = json.dumps(document).encode(), {}
        if binary:
            del document["inputs"][0]["data"]
            document["inputs"][0]["parameters"] = {"binary_data_size": pixels.nbytes}
            head = json.dumps(document).encode()
            headers = {HEADER: str(len(head))}
        answer = client.post(INFER, content=head + (pixels.tobytes() if binary else b""), headers=headers).json()
        assert np.allclose(np.reshape(answer["outputs"][0]["data"], (10, 10)), expected, atol=1e-6)


def test_one_image_needs_no_batch(client: Client, images: np.ndarray) -> None:
    answer = client.post(INFER, json=asking(images[3])).json()
    assert answer["outputs"][0]["shape"] == [1, 10]
    assert np.argmax(answer["outputs"][0]["data"]) == 3


# TensorFlow Serving

PREDICT = "/v1/models/digits:predict"


def test_rows_and_columns_are_predicted_as_by_tensorflow_serving(client: Client, images: np.ndarray) -> None:
    expected = calibrated_classifier()(images)
    rows, scaled = images.tolist(), (images[..., np.newaxis] / 255).tolist()
    for path in (PREDICT, "/v1/models/digits/versions/1:predict"):
        for document, answered in (
            ({"instances": rows}, "predictions"),
            ({"instances": scaled, "signature_name": "serving_default"}, "predictions"),
            ({"instances": scaled, "signature_name": ""}, "predictions"),
            ({"instances": [{"images": row} for row in rows]}, "predictions"),
            ({"inputs": rows}, "outputs"),
            ({"inputs": {"images": scaled}}, "outputs"),
        ):
            answer = client.post(path, json=document).json()
            assert list(answer) == [answered]
            assert np.allclose(answer[answered], expected, atol=1e-6)
    assert np.argmax(client.post(PREDICT, json={"instances": rows[4]}).json()["predictions"]) == 4


def test_the_status_is_that_of_tensorflow_serving(client: Client) -> None:
    told = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    for path in ("/v1/models/digits", "/v1/models/digits/versions/1"):
        assert client.get(path).json() == {"model_version_status": [told]}
    assert client.get("/v1/models/letters").status_code == 404


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is not a JSON object"),
        ("[" * 100_000, "is not a JSON object"),
        ("[1]", "is not a JSON object"),
        ("{}", "has to have either instances or inputs"),
        ('{"instances": [1], "inputs": [1]}', "has to have either instances or inputs"),
        ('{"instances": [[1, 2], [3]]}', "takes (n, 28, 28) uint8 images"),
        ('{"instances": []}', "takes (n, 28, 28) uint8 images"),
        ('{"instances": {"images": {"images": 1}}}', "takes (n, 28, 28) uint8 images"),
        ('{"instances": [{"images": 1}, 2]}', "takes (n, 28, 28) uint8 images"),
        ('{"instances": [[1]], "signature_name": "other"}', "Unknown signature 'other'"),
        ('{"instances": [[1]], "signature_name": null}', "Unknown signature None"),
        ('{"instances": [[1]], "signature_name": 0}', "Unknown signature 0"),
        (json.dumps({"inputs": np.full((1, 28, 28), 256).tolist()}), "must be numbers from 0"),
        (json.dumps({"inputs": np.full((1, 28, 28), "7").tolist()}), "must be numbers from 0"),
    ],
)
def test_what_cannot_be_predicted_gets_one_sentence(client: Client, content: str, sentence: str) -> None:
    answer = client.post(PREDICT, content=content)
    assert answer.status_code == 400, answer.text
    assert sentence in answer.json()["error"]


@pytest.mark.parametrize("length", ["-1", "x", "99999999", "10"])
def test_a_wrong_length_of_the_json_gets_one_sentence(client: Client, length: str) -> None:
    answer = client.post(INFER, content=json.dumps(asking(IMAGE)).encode(), headers={HEADER: length})
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


def test_a_known_client_works_unchanged(client: Client, images: np.ndarray) -> None:
    http = pytest.importorskip("tritonclient.http", reason="the package tritonclient[http] is not installed")
    expected = calibrated_classifier()(images)
    with http.InferenceServerClient(f"127.0.0.1:{client.base_url.port}", network_timeout=PATIENCE) as triton:
        assert triton.is_server_live()
        assert triton.is_server_ready()
        assert triton.is_model_ready("digits")
        assert triton.is_model_ready("digits", "1")
        assert not triton.is_model_ready("letters")
        assert triton.get_server_metadata()["name"] == "mnist-cnn"
        assert triton.get_model_metadata("digits")["name"] == "digits"
        for given in (True, False):
            tensor = http.InferInput("images", list(images.shape), "UINT8")
            tensor.set_data_from_numpy(images, binary_data=given)
            for outputs in (None, [http.InferRequestedOutput("probabilities", binary_data=not given)]):
                result = triton.infer("digits", [tensor], outputs=outputs, request_id="7")
                assert np.allclose(result.as_numpy("probabilities"), expected, atol=1e-6)
                assert result.get_response()["id"] == "7"
        wrong = http.InferInput("images", [1, 784], "UINT8")
        wrong.set_data_from_numpy(np.zeros((1, 784), np.uint8))
        with pytest.raises(Exception, match=r"takes \(n, 28, 28\) uint8 images"):
            triton.infer("digits", [wrong])
