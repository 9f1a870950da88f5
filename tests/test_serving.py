"""The API under /v1, in this process: responses, and the error for each bad request."""

import base64
import io
import json
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from mnist_cnn import Reader, read_tables
from mnist_cnn.reading.activations import onnx_watcher
from mnist_cnn.reading.explain import reasons
from mnist_cnn.reading.model_names import BUNDLED, onnx_file_of
from serving import PATIENCE, PNG, Client, Held, client_of, image_of, text_of
from sheets import boxes
from sheets import table as table_of


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with client_of() as made:
        yield made


def problem(answer: Any, status: int) -> str:
    """The sentence of an error, which has the form of all errors."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document["title"]
    assert document["request_id"] == answer.headers["x-request-id"]
    assert document["error"] == document["detail"]
    assert "Traceback" not in answer.text
    sentence = str(document["detail"])
    assert sentence[0].isupper() or sentence[0].islower()
    assert sentence.endswith(".")
    return sentence


def png(image: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", image)[1].tobytes())


def test_an_image_is_read_as_read_does(client: Client) -> None:
    image = image_of("314/2058")
    answer = client.post("/v1/read", content=image, headers=PNG)
    assert answer.status_code == 200
    ours, theirs = answer.json(), json.loads(json.dumps(Reader().read(image).to_dict()))
    assert ours["text"] == "314\n2058"
    assert ours == theirs


def test_an_image_may_be_sent_in_a_form_or_without_a_type(client: Client) -> None:
    image = image_of("58")
    for answer in (
        client.post("/v1/read", files={"anything": ("x.png", image)}),
        client.post("/v1/read", content=image),
        client.post("/v1/read", content=image, headers={"Content-Type": "application/octet-stream"}),
    ):
        assert answer.json()["text"] == "58"


def test_an_image_may_be_sent_as_text(client: Client) -> None:
    image = image_of("58")
    plain = base64.b64encode(image).decode()
    lines = base64.encodebytes(image).decode()
    url = f"data:image/png;base64,{plain}"
    slashes = json.dumps({"image": url}).replace("/", "\\/")  # as some languages write them
    for answer in (
        *[client.post("/v1/read", json={"image": text, "name": "x"}) for text in (plain, lines, url)],
        client.post("/v1/read", content=slashes, headers={"Content-Type": "application/json; charset=utf-8"}),
        *[
            client.post("/v1/read", content=url, headers={"Content-Type": kind})
            for kind in ("text/plain", "application/octet-stream", "application/x-www-form-urlencoded")
        ],
    ):
        assert answer.json()["text"] == "58", answer.text


@pytest.mark.parametrize(
    ("kind", "body", "status", "sentence"),
    [
        ("application/json", "{", 400, "The request body is not JSON with an image: send"),
        ("application/json", "[" * 100_000, 400, "The request body is not JSON with an image: send"),
        ("application/json", "[" + "1," * 1_000_000 + "1]", 400, "The request body is not JSON with an image: send"),
        ("application/json", '{"image": "' + "\\u0041" * 500 + '"}', 400, "The request body is not JSON"),
        ("application/json", '{"image": 7}', 400, "The request body is not JSON with an image: send"),
        ("application/json", '{"picture": "abcd"}', 400, "The request body is not JSON with an image: send"),
        ("application/json", '{"image": "a"}', 400, "The image is not base64: send"),
        ("application/json", '{"image": "data:image/png,abc"}', 400, "The image is not base64: send"),
        ("application/json", '{"image": "\u00e4bcd"}', 400, "The image is not base64: send"),
        ("application/json", '{"image": "bm8gaW1hZ2U="}', 415, "The file is not a supported image file"),
        ("application/json", '{"image": ""}', 400, "The request body is empty: send an image file."),
        ("text/plain", "data:image/png,abc", 400, "The text is not a data URL of an image in base64: send"),
        ("text/plain", "data:;base64,", 400, "The request body is empty: send an image file."),
    ],
)
def test_text_that_is_no_image_gets_one_sentence(
    client: Client, kind: str, body: str, status: int, sentence: str
) -> None:
    answer = client.post("/v1/read", content=body.encode(), headers={"Content-Type": kind})
    assert problem(answer, status).startswith(sentence)


def test_the_layers_show_what_they_make_of_a_digit(client: Client) -> None:
    image = Reader().read(image_of("5")).digits[0].image
    answer = client.post("/v1/activations", json={"image": text_of(image)})
    assert answer.status_code == 200, answer.text
    expected = [layer.to_dict() for layer in onnx_watcher(onnx_file_of(None), 1)(image)]
    assert answer.json()["layers"] == json.loads(json.dumps(expected))
    assert len(expected) == 7
    assert problem(client.post("/v1/activations", json={"image": "abc"}), 422).startswith("image must be base64")
    with client_of(model=lambda images: np.full((len(images), 10), 0.1, np.float32)) as other:
        assert other.post("/v1/activations", json={"image": text_of(image)}).json() == {"layers": []}
        assert other.get("/card.json").json() == {}


def test_the_model_card_is_told(client: Client) -> None:
    assert client.get("/card.json").content == (BUNDLED / "card.json").read_bytes()
    with client_of(token="secret") as guarded:  # noqa: S106  it protects nothing
        assert guarded.get("/card.json").status_code == 401
        assert guarded.get("/card.json", headers={"Authorization": "Bearer secret"}).status_code == 200


def test_what_is_asked_is_done(client: Client) -> None:
    image = image_of("71")
    one = client.post("/v1/read?single=true", content=image, headers=PNG).json()
    assert [len(row) for row in one["rows"]] == [1]
    assert client.post("/v1/read?min_confidence=1", content=image, headers=PNG).json()["text"] == "??"
    seen = client.post("/v1/read?images=true", content=image, headers=PNG).json()["rows"][0]
    images = [np.frombuffer(base64.b64decode(digit["image"]), np.uint8).reshape(28, 28) for digit in seen]
    assert all((ours == digit.image).all() for ours, digit in zip(images, Reader().read(image).digits, strict=True))


def test_one_page_is_read_and_the_answer_says_how_many_there_are(client: Client) -> None:
    stream = io.BytesIO()
    pages = [Image.open(io.BytesIO(image_of(text))) for text in ("11", "22", "33")]
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    file = stream.getvalue()
    for query, text, page in (("", "11", 1), ("?page=1", "11", 1), ("?page=3", "33", 3)):
        answer = client.post(f"/v1/read{query}", content=file).json()
        assert (answer["text"], answer["page"], answer["pages"]) == (text, page, 3)
    answer = client.post("/v1/read/batch", files=[("files", ("a.tiff", file))]).json()["images"][0]
    assert (answer["text"], answer["page"], answer["pages"]) == ("11", 1, 3)
    assert problem(client.post("/v1/read?page=4", content=file), 422) == "The file has 3 pages: there is no page 4."
    assert problem(client.post("/v1/read?page=0", content=file), 422).startswith("Invalid page: ")


def test_a_region_of_an_image_is_read(client: Client) -> None:
    image = image_of("314/2058")
    whole = Reader().read(image)
    region = (0, 0, whole.width, whole.height // 2)
    for more in ("", "&single=false"):
        answer = client.post(f"/v1/read?region={','.join(map(str, region))}{more}", content=image, headers=PNG)
        assert answer.json() == json.loads(json.dumps(Reader().read(image, region=region).to_dict()))
    assert answer.json()["text"] == "314"
    said = problem(client.post("/v1/read?region=1,2,3", content=image), 422)
    assert said.startswith("A region is x,y,width,height: four whole numbers of pixels")
    said = problem(client.post("/v1/read?region=0,0,5000,9", content=image), 422)
    assert said.startswith("The region 0,0,5000,9 is not inside the file (")


def test_boxes_and_what_is_expected_are_said_if_they_are_asked_for(client: Client) -> None:
    content = png(boxes("80 14"))
    asked = client.post(r"/v1/read?boxes=true&expect=\d{4}", content=content, headers=PNG).json()
    assert asked["boxes"] == [["8", "0", None, "1", "4"]]
    [row] = asked["expected"]
    assert row["text"] == "8014"
    assert 0.5 <= row["confidence"] <= 1
    plain = client.post("/v1/read", content=content, headers=PNG).json()
    assert plain == {name: value for name, value in asked.items() if name not in ("boxes", "expected")}
    for pattern, sentence in (
        ("nonsense(", "nonsense("),
        ("9" * 201, "Invalid expect"),
        ("", "A pattern has 1 to 200"),
    ):
        assert sentence in problem(client.post("/v1/read", params={"expect": pattern}, content=content), 422)


def test_the_tables_of_an_image_are_read(client: Client) -> None:
    image = png(table_of([["1", "0"], ["", "75"], ["3", ""]]))
    answer = client.post("/v1/tables", content=image, headers=PNG).json()
    assert answer == json.loads(json.dumps({"tables": [one.to_dict() for one in read_tables(image)]}))
    [found] = answer["tables"]
    assert [cell["text"] for cell in found["cells"]] == ["1", "0", "", "75", "3", ""]
    assert client.post("/v1/tables", files={"image": ("a.png", image)}).json() == answer
    [strict] = client.post("/v1/tables?min_confidence=1", content=image, headers=PNG).json()["tables"]
    assert strict["cells"][0]["text"] == "?"
    [divided] = client.post("/v1/tables?grid=3x4", content=image, headers=PNG).json()["tables"]
    assert (divided["rows"], divided["columns"], len(divided["cells"])) == (3, 4, 12)
    assert client.post("/v1/tables", content=image_of("7"), headers=PNG).json() == {"tables": []}
    for grid, said in (("9", "A grid is given as rows and columns"), ("0x3", "A grid has 1 to 4,000 cells")):
        assert said in problem(client.post(f"/v1/tables?grid={grid}", content=image), 422)
    assert "there is no page 2" in problem(client.post("/v1/tables?page=2", content=image), 422)
    assert "not a supported image" in problem(client.post("/v1/tables", content=b"nonsense"), 415)


def test_the_servers_own_confidence_holds_where_none_is_named() -> None:
    with client_of(min_confidence=1.0) as strict:
        assert strict.post("/v1/read", content=image_of("7"), headers=PNG).json()["text"] == "?"


def test_a_batch_is_read_in_order_and_a_bad_image_stops_no_other(client: Client) -> None:
    files = [("files", (f"{text}.png", image_of(text))) for text in ("42", "17", "5")]
    files.insert(1, ("files", ("../../etc/passwd", b"nonsense")))
    documents = client.post("/v1/read/batch", files=files).json()["images"]
    assert [one.get("text") for one in documents] == ["42", None, "17", "5"]
    assert documents[1]["path"] == "../../etc/passwd"  # only repeated, never opened
    assert documents[1]["error"].startswith("The file is not a supported image file")


def test_a_prediction_is_explained(client: Client) -> None:
    image = Reader().read(image_of("7")).digits[0].image
    answer = client.post("/v1/explain", json={"image": text_of(image)}).json()
    assert (answer["digit"], len(answer["probabilities"])) == (7, 10)
    assert answer["runner_up"] == int(np.argsort(answer["probabilities"])[-2])
    importance = np.array(answer["importance"])
    assert importance.shape == (28, 28)
    assert importance.max() > 0.01
    why = reasons(Reader().classify, image).to_dict()
    assert {name: answer[name] for name in ("sentence", "neighbours")} == {
        name: why[name] for name in ("sentence", "neighbours")
    }
    assert np.allclose(answer["importance"], why["importance"], atol=1e-5)
    assert answer["counterfactual"].keys() == {"probabilities", "image", "removed", "added"}


def test_the_page_and_its_files_are_there_and_may_be_kept(client: Client) -> None:
    for path, kind in (
        *(("/", "html"), ("/app.js", "javascript"), ("/asking.js", "javascript"), ("/style.css", "css")),
        *(("/template", "html"), ("/template.js", "javascript"), ("/template.css", "css")),
    ):
        answer = client.get(path)
        assert answer.headers["content-type"].startswith(f"text/{kind}")
        again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert client.head(path).status_code == 200


def test_every_answer_has_the_headers_that_keep_browsers_safe(client: Client) -> None:
    for answer in (client.get("/"), client.get("/nowhere"), client.post("/v1/read"), client.get("/docs")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["x-request-id"]


def test_a_plain_request_id_is_kept_and_another_is_replaced(client: Client) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "a-1"}).headers["x-request-id"] == "a-1"
    assert client.get("/healthz", headers={"X-Request-ID": "a b"}).headers["x-request-id"] != "a b"


@pytest.mark.parametrize(
    ("ask", "status", "sentence"),
    [
        (lambda c: c.post("/v1/read", content=b"", headers=PNG), 400, "The request body is empty"),
        (lambda c: c.post("/v1/read", files=[("f", ("a", b"1")), ("f", ("b", b"2"))]), 400, "the form has 2 files"),
        (
            lambda c: c.post("/v1/read", content=b"x", headers={"Content-Type": "multipart/form-data"}),
            400,
            "The multipart form is malformed",
        ),
        (lambda c: c.post("/v1/read", data={"a": "1"}, files={"f": b"1"}), 400, "The form field 'a' is not a file"),
        (
            lambda c: c.post("/v1/read/batch", files=[("f", (str(i), b"1")) for i in range(65)]),
            400,
            "more than 64 files",
        ),
        (lambda c: c.get("/v1/nothing"), 404, "Not found: see /docs"),
        (lambda c: c.get("/../../etc/passwd"), 404, "Not found: see /docs"),
        (lambda c: c.get("/static/../app.py"), 404, "Not found: see /docs"),
        (lambda c: c.get("/v1/read"), 405, "GET is not allowed here: use POST."),
        (lambda c: c.delete("/"), 405, "DELETE is not allowed here: use GET."),
        (lambda c: c.post("/v1/read", content=b"x" * 10_000_001, headers=PNG), 413, "larger than 10 MB"),
        (lambda c: c.post("/v1/read", content=pieces(11), headers=PNG), 413, "larger than 10 MB"),
        (lambda c: c.post("/v1/read", content=b"nonsense", headers=PNG), 415, "The file is not a supported image file"),
        (lambda c: c.post("/v1/read", content=b"%PDF-1.7", headers=PNG), 415, "is in PDF format"),
        (lambda c: c.post("/v1/read", json={"a": 1}), 400, "The request body is not JSON with an image"),
        (lambda c: c.post("/v1/read", content=b"x", headers=PNG | {"Content-Encoding": "gzip"}), 415, "Compressed"),
        (lambda c: c.post("/v1/read/batch", content=b"x", headers=PNG), 415, "must be a multipart form"),
        (lambda c: c.post("/v1/read", content=image_of("5")[:200], headers=PNG), 422, "damaged or truncated"),
        (
            lambda c: c.post("/v1/read?min_confidence=2", content=b"x", headers=PNG),
            422,
            "Invalid min_confidence: input should be less than or equal to 1 (got '2')",
        ),
        (lambda c: c.post("/v1/read?single=perhaps", content=b"x", headers=PNG), 422, "Invalid single: "),
        (lambda c: c.post("/v1/explain", content=b"{"), 400, "The request body is not JSON"),
        (lambda c: c.post("/v1/explain", content=b"[" * 9_000), 400, "The request body is not JSON"),
        (lambda c: c.post("/v1/explain", json={"image": "AAAA"}), 422, "784 bytes"),
        (lambda c: c.post("/v1/explain", json=[1]), 422, "784 bytes"),
        (lambda c: c.post("/v1/explain", content=b" " * 10_001), 413, "larger than 0.01 MB"),
        (lambda c: c.get("/", headers={"Host": "evil.example"}), 400, "Host name 'evil.example' is not allowed"),
        (
            lambda c: c.get("/", headers={"Host": "127.0.0.1.evil.example:8000"}),
            400,
            "Host name '127.0.0.1.evil.example:8000' is not allowed",
        ),
    ],
)
def test_what_cannot_be_answered_gets_one_sentence(client: Client, ask: Any, status: int, sentence: str) -> None:
    assert sentence in problem(ask(client), status)


def pieces(count: int) -> Iterator[bytes]:
    """So many megabytes whose number is not told beforehand."""
    for _ in range(count):
        yield b"x" * 1_000_000


def bomb(width: int, height: int) -> bytes:
    """A small PNG that claims, and has, a great many pixels."""
    row = zlib.compress(bytes((width // 8 + 1) * 64), 9)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", row), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def test_a_decompression_bomb_is_rejected_before_it_is_decoded(client: Client) -> None:
    assert "megapixels" in problem(client.post("/v1/read", content=bomb(50_000, 50_000), headers=PNG), 413)
    documents = client.post("/v1/read/batch", files=[("f", ("b.png", bomb(20_000, 20_000)))]).json()["images"]
    assert "megapixels" in documents[0]["error"]


def test_a_token_is_asked_for_but_not_by_the_page() -> None:
    with client_of(token="Ünsecret", host="0.0.0.0") as guarded:  # noqa: S104, S106
        sentence = problem(guarded.post("/v1/read", content=image_of("5"), headers=PNG), 401)
        assert "Authorization: Bearer" in sentence
        for given in (b"Bearer wrong", b"Basic secret", b"Bearer", b""):
            answer = guarded.get("/metrics", headers={"Authorization": given})
            assert answer.headers["www-authenticate"] == "Bearer"
            problem(answer, 401)
        right = {"Authorization": "Bearer Ünsecret".encode()}
        assert guarded.post("/v1/read", content=image_of("5"), headers=PNG | right).json()["text"] == "5"
        for path in (
            "/",
            "/app.js",
            "/asking.js",
            "/style.css",
            "/template",
            "/template.js",
            "/template.css",
            "/healthz",
            "/v2/health/live",
            "/docs",
            "/openapi.json",
        ):
            assert guarded.get(path, headers={"Host": "any.example"}).status_code == 200


def test_other_sites_pages_may_ask_only_if_they_are_named() -> None:
    here, elsewhere = {"Origin": "https://here.example"}, {"Origin": "https://elsewhere.example"}
    with client_of(allow_origins=("https://here.example",), token="secret") as client:  # noqa: S106
        preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        asked = client.options("/v1/read", headers=here | preflight)
        assert asked.headers["access-control-allow-origin"] == "https://here.example"
        assert client.options("/v1/read", headers=elsewhere | preflight).status_code == 400
        # An error, too, is for the page to read.
        assert client.post("/v1/read", headers=here).headers["access-control-allow-origin"] == "https://here.example"
        assert "access-control-allow-origin" not in client.post("/v1/read", headers=elsewhere).headers


def test_a_full_queue_answers_503_at_once_and_recovers() -> None:
    held = Held()
    with client_of(model=held, queue_size=2) as client, ThreadPoolExecutor(3) as pool:
        held.armed = True
        tensor = {"inputs": [{"name": "images", "datatype": "UINT8", "shape": [1, 28, 28], "data": [0] * 784}]}
        first = pool.submit(client.post, "/v2/models/digits/infer", json=tensor)
        assert held.begun.wait(30)
        waiting = [pool.submit(client.post, "/v2/models/digits/infer", json=tensor) for _ in range(2)]
        while metric(client, 'mnist_cnn_queue_length{queue="small"}') < 2:
            pass
        answer = client.post("/v2/models/digits/infer", json=tensor)
        assert "The server is busy" in problem(answer, 503)
        assert answer.headers["retry-after"] == "1"
        nothing_of_it_is_looked_at = client.post("/v1/read", content=b"no picture", headers=PNG)
        assert "The server is busy" in problem(nothing_of_it_is_looked_at, 503)
        assert metric(client, 'mnist_cnn_requests_total{route="/v1/read",status="503"}') == 1
        held.go.set()
        assert [one.result().status_code for one in [first, *waiting]] == [200] * 3
        assert client.post("/v2/models/digits/infer", json=tensor).status_code == 200


def test_what_takes_too_long_is_given_up() -> None:
    held = Held()
    with client_of(model=held, timeout=0.3) as client:
        held.armed = True
        assert "timed out" in problem(client.post("/v1/read", content=image_of("5"), headers=PNG), 504)
        held.go.set()
        ends = time.monotonic() + PATIENCE
        while (answer := client.post("/v1/read", content=image_of("5"), headers=PNG)).status_code == 504:
            assert time.monotonic() < ends  # a machine that does much else takes more than 0.3 s
        assert answer.json()["text"] == "7"


def test_a_fault_of_ours_shows_nothing_of_itself(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr("mnist_cnn.serving.reading_routes.reading_document", fail)
    answer = client.post("/v1/read", content=image_of("5"), headers=PNG)
    assert "see the server log" in problem(answer, 500)
    assert "secret" not in answer.text


def test_an_error_in_a_batch_affects_no_other_image() -> None:
    calls: list[int] = []
    answering: list[bool] = []  # not yet: to begin with, the server reads something itself

    def fails_for_several(images: np.ndarray) -> np.ndarray:
        calls.append(len(images))
        if len(images) > 2 and answering:
            raise RuntimeError("too many")
        return np.tile(np.eye(10, dtype=np.float32)[7], (len(images), 1))

    with client_of(model=fails_for_several) as client, ThreadPoolExecutor(8) as pool:
        answering.append(True)
        answers = list(
            pool.map(lambda _: client.post("/v1/read?single=true", content=image_of("5"), headers=PNG), range(8))
        )
    assert [answer.json()["text"] for answer in answers] == ["7"] * 8


def metric(client: Client, name: str) -> float:
    """One count of /metrics; 0 where it is not there yet."""
    lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith(name)]
    return float(lines[0].rsplit(" ", 1)[1]) if lines else 0.0


def test_metrics_count_requests_digits_and_rejections(client: Client) -> None:
    names = [
        'mnist_cnn_requests_total{route="/v1/read",status="200"}',
        'mnist_cnn_digits_total{digit="4"}',
        "mnist_cnn_digits_rejected_total",
        'mnist_cnn_requests_total{route="other",status="404"}',
        'mnist_cnn_request_duration_seconds_count{route="/v1/read"}',
    ]
    before = [metric(client, name) for name in names]
    client.post("/v1/read", content=image_of("44"), headers=PNG)
    client.post("/v1/read?min_confidence=1", content=image_of("4"), headers=PNG)
    client.get("/what/people/try")
    assert [metric(client, name) - old for name, old in zip(names, before, strict=True)] == [2, 2, 1, 1, 2]


def test_the_documentation_names_every_route(client: Client) -> None:
    from mnist_cnn.serving import app

    assert client.get("/healthz").json() == {"status": "ok"}
    said, document = client.get("/docs").text, client.get("/openapi.json").json()
    listed = {(route.method.lower(), route.path) for route in app.ROUTES if route.listed}
    assert listed == {(method, path) for path, methods in document["paths"].items() for method in methods}
    for method, path in listed:
        assert f"{method.upper()} {path}" in said
    assert "<script" not in said
    assert "://" not in said.replace("http://127.0.0.1", "")


def test_ten_at_once_share_the_networks_calls(client: Client) -> None:
    before = metric(client, "mnist_cnn_batch_size_count"), metric(client, "mnist_cnn_batch_size_sum")
    barrier = threading.Barrier(10)

    def ask(index: int) -> str:
        barrier.wait(30)
        return str(client.post("/v1/read", content=image_of(str(index)), headers=PNG).json()["text"])

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(ask, range(10))) == [str(index) for index in range(10)]
    calls = metric(client, "mnist_cnn_batch_size_count") - before[0]
    assert metric(client, "mnist_cnn_batch_size_sum") - before[1] == 10
    assert calls <= 10
