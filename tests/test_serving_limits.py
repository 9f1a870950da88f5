"""The server's limits, each from both sides: what just fits, and what is just too much."""

import asyncio
import json
import socket
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mnist_cnn.errors import ImageError
from mnist_cnn.serving import lane as lanes
from mnist_cnn.serving import settings
from mnist_cnn.serving.body import Budget, uploads_of
from mnist_cnn.serving.engine import FEW, Engine, Options
from mnist_cnn.serving.gate import line
from mnist_cnn.serving.lane import BusyError, Lane
from mnist_cnn.serving.open_inference import JSON_BODY
from mnist_cnn.serving.problems import ProblemError
from mnist_cnn.serving.request_metrics import Metrics
from mnist_cnn.serving.server import config_of
from mnist_cnn.serving.settings import BODY, Settings
from serving import PATIENCE, PNG, Client, Held, client_of

DOCUMENT = (Path(__file__).parents[1] / "docs" / "serving.md").read_text(encoding="utf-8")
DOCUMENT = " ".join(DOCUMENT.split())
INFER, LENGTH = "/v2/models/digits/infer", "Inference-Header-Content-Length"
OPTIONS = Options(single=True, min_confidence=0.5)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with client_of() as made:
        yield made


# The bytes of all requests that are in memory


def scope() -> dict[str, Any]:
    return {"state": {}}


def test_requests_share_a_budget_which_is_full_only_when_more_than_all_of_it_is_held() -> None:
    budget, one, other = Budget(100), scope(), scope()
    budget.hold(one, 30)
    budget.hold(one, 40)
    budget.hold(other, 30)
    with pytest.raises(ProblemError, match="Too many large requests at once") as caught:
        budget.hold(other, 1)
    assert (caught.value.status, caught.value.headers) == (503, {"Retry-After": "1"})
    budget.release(other)
    budget.hold(other, 30)
    budget.release(one)
    budget.release(one)  # which holds nothing any more
    budget.hold(other, 70)
    with pytest.raises(ProblemError):
        budget.hold(one, 1)


def test_twenty_five_requests_of_the_largest_size_fit_together_and_the_next_does_not() -> None:
    budget = Budget()
    for _ in range(25):
        budget.hold(scope(), BODY)
    with pytest.raises(ProblemError):
        budget.hold(scope(), BODY)


def test_what_a_request_holds_is_free_again_once_it_is_answered_refused_or_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    budget = Budget(1_000_000)
    monkeypatch.setattr("mnist_cnn.serving.app.Budget", lambda: budget)
    monkeypatch.setattr("mnist_cnn.serving.body.SENDING", PATIENCE)
    head = b"POST /v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 700000\r\n\r\n"
    with client_of() as client:
        ask = partial(client.post, "/v1/read", content=b"x" * 600_000, headers=PNG)
        for _ in range(3):
            assert ask().status_code == 415  # no picture, but all of it was taken in
        until(lambda: budget.left == 1_000_000)  # an answer may be there before its request is forgotten
        with socket.create_connection((client.base_url.host, client.base_url.port), PATIENCE) as slow:
            slow.sendall(head + b"x" * 600_000)
            until(lambda: budget.left == 400_000)
            answer = ask()
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            until(lambda: budget.left == 400_000)
            assert client.post("/v1/read", content=b"x" * 300_000, headers=PNG).status_code == 415  # this fits
        until(lambda: budget.left == 1_000_000)
        assert ask().status_code == 415


def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    ends = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


# The bytes of one request


def pieces(size: int) -> Iterator[bytes]:
    """So many bytes whose number is not told beforehand."""
    for start in range(0, size, 1_000_000):
        yield b"x" * min(1_000_000, size - start)


def test_a_request_may_have_ten_million_bytes_and_not_one_more(client: Client) -> None:
    for body in (b"x" * 10_000_000, pieces(10_000_000)):
        assert client.post("/v1/read", content=body, headers=PNG).status_code == 415
    assert client.post("/v1/read", content=pieces(10_000_001), headers=PNG).status_code == 413


def test_json_of_tensors_may_have_a_million_bytes_and_binary_tensors_ten(client: Client) -> None:
    document = tensor(np.zeros((1, 28, 28), np.uint8))
    assert client.post(INFER, content=json.dumps(document).ljust(1_000_000)).status_code == 200
    assert client.post(INFER, content=json.dumps(document).ljust(1_000_001)).status_code == 413
    for size, status in ((1_000_000, 200), (1_000_001, 400)):  # nor more of it before a binary tensor
        body = json.dumps(document).rjust(size)
        assert client.post(INFER, content=body, headers={LENGTH: str(size)}).status_code == status
    images = np.zeros((12_754, 28, 28), np.uint8)
    large = tensor(images, data=None, parameters={"binary_data_size": images.nbytes})
    head = json.dumps(large | {"parameters": {"binary_data_output": True}}).encode()
    assert BODY - 784 < len(head) + images.nbytes <= BODY
    with client_of(model=nines) as quick:
        answer = quick.post(INFER, content=head + images.tobytes(), headers={LENGTH: str(len(head))})
    assert answer.status_code == 200
    assert answer.content.endswith(nines(images).tobytes())


def tensor(images: np.ndarray, **more: Any) -> dict[str, Any]:
    data = images.ravel().tolist() if "data" not in more else None
    entry = {"name": "images", "datatype": "UINT8", "shape": list(images.shape), "data": data}
    return {"inputs": [{name: value for name, value in (entry | more).items() if value is not None}]}


def nines(images: np.ndarray) -> np.ndarray:
    """A network that always says 9."""
    return np.tile(np.eye(10, dtype=np.float32)[9], (len(images), 1))


def test_what_explains_takes_ten_thousand_bytes(client: Client) -> None:
    assert client.post("/v1/explain", content=b" " * 10_000).status_code == 400  # no JSON, but all of it was read
    assert client.post("/v1/explain", content=b" " * 10_001).status_code == 413


def test_a_form_may_have_sixty_four_files(client: Client) -> None:
    files = [("files", (str(index), b"no picture")) for index in range(64)]
    assert len(client.post("/v1/read/batch", files=files).json().popitem()[1]) == 64


def test_no_file_of_a_form_is_written_to_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a file was written")

    for name in ("NamedTemporaryFile", "TemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    body = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\n\r\n%b\r\n--b--\r\n' % (b"x" * BODY)
    (upload,) = uploads_of("multipart/form-data; boundary=b", body)
    assert (upload.name, len(upload.body)) == ("a.png", BODY)


@pytest.mark.parametrize(("size", "answer"), [(65_536, b"HTTP/1.1 200"), (65_537, b"HTTP/1.1 400")])
def test_a_head_may_have_sixty_four_kibibytes_until_its_end_has_come(client: Client, size: int, answer: bytes) -> None:
    start = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "
    with socket.create_connection((client.base_url.host, client.base_url.port), PATIENCE) as connection:
        connection.sendall(start + b"y" * (size - len(start)))
        if answer.endswith(b"200"):
            time.sleep(0.3)  # so that the end is not taken in together with what comes before it
            connection.sendall(b"\r\n\r\n")
        assert connection.recv(12) == answer


@pytest.mark.parametrize(("length", "kept"), [(1, True), (64, True), (65, False)])
def test_a_request_id_may_have_sixty_four_characters(client: Client, length: int, kept: bool) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": "a" * length})
    assert (answer.headers["x-request-id"] == "a" * length) is kept


# Two lanes: small images are read together, and large ones beside them


def in_engine(use: Callable[[Engine], Awaitable[Any]], network: Callable[[np.ndarray], np.ndarray], places: int) -> Any:
    """What a coroutine does with an engine that has started."""

    async def run() -> Any:
        engine = Engine(network, places, Metrics())
        engine.start()
        try:
            return await use(engine)
        finally:
            engine.stop()

    return asyncio.run(run())


class Witness:
    """A network that notes how many images it is shown, and in which lane."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.seen.append((threading.current_thread().name, len(images)))
        return nines(images)

    def after_start(self) -> list[tuple[str, int]]:
        """What was seen by lanes, without what the engine reads as it starts."""
        return [one for one in self.seen if one[0] != "MainThread"]


@pytest.mark.parametrize(("images", "lane"), [(1, "small"), (8, "small"), (9, "large")])
def test_tensors_of_eight_images_are_still_small(images: int, lane: str) -> None:
    network = Witness()
    found = in_engine(lambda engine: engine.probabilities(np.zeros((images, 28, 28), np.uint8)), network, 4)
    assert found.shape == (images, 10)
    assert network.after_start() == [(lane, images)]


@pytest.mark.parametrize(("height", "lane"), [(1_100, "small"), (1_101, "large")])
def test_images_of_more_than_one_million_one_hundred_thousand_pixels_are_large(height: int, lane: str) -> None:
    page = np.full((height, 1_000), 255, np.uint8)
    page[200:800, 480:520] = 0
    body = cv2.imencode(".png", page)[1].tobytes()
    network = Witness()
    reading = in_engine(lambda engine: engine.read(body, OPTIONS), network, 4)
    assert reading.text == "9"
    assert network.after_start() == [(lane, 1)]


def held(images: int) -> np.ndarray:
    return np.zeros((images, 28, 28), np.uint8)


@pytest.mark.parametrize(("images", "places"), [(1, 3), (9, 6)])
def test_as_many_wait_as_there_are_places_and_twice_as_many_large_ones(images: int, places: int) -> None:
    network = Held()

    async def use(engine: Engine) -> int:
        network.armed = True
        tasks = [asyncio.ensure_future(engine.probabilities(held(images)))]
        await asyncio.to_thread(network.begun.wait, PATIENCE)
        tasks += [asyncio.ensure_future(engine.probabilities(held(images))) for _ in range(places)]
        try:
            with pytest.raises(BusyError):
                await asyncio.wait_for(engine.probabilities(held(images)), 3)
        finally:
            network.go.set()
        return len(await asyncio.gather(*tasks))

    assert in_engine(use, network, places=3) == places + 1


def test_a_large_one_is_answered_before_the_next_is_begun() -> None:
    permits = threading.Semaphore(0)

    def network(images: np.ndarray) -> np.ndarray:
        if threading.current_thread().name != "MainThread":  # which is where the engine starts
            assert permits.acquire(timeout=PATIENCE)
        return nines(images)

    async def use(engine: Engine) -> None:
        tasks = [asyncio.ensure_future(engine.probabilities(held(9))) for _ in range(4)]
        try:
            for task in tasks:
                await asyncio.sleep(0)
                permits.release()
                await asyncio.wait_for(asyncio.shield(task), 10)
        finally:
            permits.release(4)

    in_engine(use, network, places=3)


def test_a_batch_needs_a_place_for_each_of_its_images() -> None:
    async def use(engine: Engine) -> list[Any]:
        with pytest.raises(BusyError):
            await engine.read_all([b""] * 7, OPTIONS)
        return list(await engine.read_all([b""] * 6, OPTIONS))

    results = in_engine(use, nines, places=3)
    assert [type(result) for result in results] == [ImageError] * 6


def test_sixteen_small_ones_are_read_together_and_each_gets_its_own_answer() -> None:
    sizes: list[int] = []
    begun, go = threading.Event(), threading.Event()

    def network(images: np.ndarray) -> np.ndarray:
        if begun.is_set():
            sizes.append(len(images))
        elif images[0, 0, 0] == 255:
            begun.set()
            assert go.wait(PATIENCE)
        return np.eye(10, dtype=np.float32)[images[:, 0, 0] % 10]

    async def use(engine: Engine) -> list[np.ndarray]:
        first = asyncio.ensure_future(engine.probabilities(np.full((1, 28, 28), 255, np.uint8)))
        await asyncio.to_thread(begun.wait, PATIENCE)
        tensors = [np.full((1 + index % 3, 28, 28), index, np.uint8) for index in range(20)]
        others = [asyncio.ensure_future(engine.probabilities(images)) for images in tensors]
        await asyncio.sleep(0)
        go.set()
        await first
        return list(await asyncio.gather(*others))

    answers = in_engine(use, network, places=64)
    assert [answer.argmax(axis=1).tolist() for answer in answers] == [[i % 10] * (1 + i % 3) for i in range(20)]
    assert sizes == [sum(1 + index % 3 for index in range(16)), sum(1 + index % 3 for index in range(16, 20))]


# How many a lane lets in


@pytest.mark.parametrize(
    ("pace", "room"),
    [(0.0, 64), (0.001, 64), (0.6 / 64, 64), (0.6 / 48, 48), (0.6 / 33, 33), (0.6 / 32, 32), (0.1, 32), (10.0, 32)],
)
def test_a_lane_has_room_for_what_can_be_done_in_time_but_for_two_rounds_at_least(pace: float, room: int) -> None:
    engine = Engine(nines, 64, Metrics())
    engine.small.pace = engine.large.pace = pace * (1 - 1e-9)  # so that rounding takes no place away
    assert engine.small.room() == room
    assert engine.large.room() == 128


def test_a_lane_is_full_when_its_room_is() -> None:
    lane: Lane[int, int] = Lane("numbers", lambda numbers: numbers, 3, 1, lambda _: None)
    lane.jobs.extend([lanes.Job(1, None)] * 2)  # type: ignore[arg-type]
    assert not lane.full
    lane.jobs.append(lanes.Job(1, None))  # type: ignore[arg-type]
    assert lane.full


def test_the_pace_of_a_lane_goes_a_fifth_of_the_way_to_that_of_the_latest_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = count()
    monkeypatch.setattr(lanes.time, "perf_counter", lambda: float(next(clock)))  # so each round takes a second
    paces: list[float] = []

    async def use() -> None:
        lane: Lane[int, int] = Lane("numbers", lambda numbers: numbers, 64, 2, lambda _: None)
        lane.start()
        for numbers in ([1], [1, 2], [1]):
            assert await lane.do_all(numbers) == numbers
            paces.append(lane.pace)
        lane.stop()

    asyncio.run(use())
    assert paces == pytest.approx([0.2, 0.2 + 0.2 * 0.3, 0.26 + 0.2 * 0.74])


# Times


def test_an_idle_connection_is_closed_and_only_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_cnn.serving.server.IDLE", 1.0)
    with client_of() as client:
        place = client.base_url.host, client.base_url.port
        with socket.create_connection(place, PATIENCE) as idle:
            idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while not answer.endswith(b'{"status":"ok"}'):
                answer += idle.recv(65_536)
            began = time.monotonic()
            assert idle.recv(1) == b""
            assert 0.5 < time.monotonic() - began < 8  # before the time for another request's head would be over


def test_the_times_and_the_queue_are_those_that_uvicorn_is_told() -> None:
    one, two = config_of(lambda: None), config_of(lambda: None, workers=2)
    for config in (one, two):
        assert (config.timeout_keep_alive, config.timeout_graceful_shutdown) == (15, 11)
        assert config.backlog == 1
    assert (one.factory, two.factory) == (False, True)


TOLD = Settings()


@pytest.mark.parametrize(
    "phrase",
    [
        f"the body did not arrive within {settings.SENDING:g} s",
        f"request head must arrive within {settings.SENDING:g} s",
        f"not finished within {TOLD.timeout:g} s",
        f"idle connection is closed after {settings.IDLE:g} s",
        f"finishes the requests in progress ({settings.STOPPING:g} s at most)",
        f"first queue has {TOLD.queue_size} places, but as few as {2 * settings.BATCH_SIZE} if more could not be "
        f"processed within {settings.WAIT:g} s",
        f"Small images (up to {settings.SMALL / 10**6:g} megapixels) and tensors of up to {FEW} images",
        f"up to {JSON_BODY / 10**6:g} MB, a request with a binary tensor up to {BODY / 10**6:g} MB",
        f"{settings.BODIES / 10**6:g} MB of requests are in memory",
        f"a form with 1 to {settings.MAX_FILES} files",
    ],
)
def test_the_limits_are_the_documented_ones(phrase: str) -> None:
    assert phrase in DOCUMENT


def test_the_api_documents_the_limits_and_what_each_endpoint_may_answer(client: Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    form = paths["/v1/read/batch"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    (files,) = form["properties"].values()
    assert (files["minItems"], files["maxItems"]) == (1, settings.MAX_FILES)
    reading = {"200", "400", "408", "413", "415", "422", "503", "504"}
    for path in ("/v1/read", "/v1/read/batch", "/v1/explain"):
        assert reading <= paths[path]["post"]["responses"].keys()
    assert reading - {"422"} <= paths[INFER]["post"]["responses"].keys()


# The log


def test_a_line_of_the_log_says_who_asked_for_what_and_how_long_it_took() -> None:
    asked = {"client": ("192.0.2.7", 4711), "method": "POST", "path": "/v1/read", "query_string": b"secret"}
    document = json.loads(line(asked, "id", 200, 1234, 0.01264))
    del document["time"]
    assert document == {
        "request_id": "id",
        "client": "192.0.2.7",
        "method": "POST",
        "path": "/v1/read",
        "status": 200,
        "bytes": 1234,
        "milliseconds": 12.6,
    }
    assert json.loads(line(asked | {"client": None}, "id", 200, 0, 0.0))["client"] == ""
