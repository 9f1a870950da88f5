"""Load test of the server: requests per second, latency, memory over time, overload; and two other servers.

wrk (Debian's package of that name) generates the load on 32 keep-alive connections, a 280×280 drawing per request.
`mnist-cnn serve` is compared with LitServe and a plain FastAPI server (serving_litserve.py, serving_plain.py; they need
their packages), which process the same image with the same reader and model. Overload comes from a small client that
sends at a fixed rate regardless of responses, because wrk waits for them.
"""

import argparse
import asyncio
import base64
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mnist_cnn.reading.model_names import BUNDLED
from results import machine_line, write

CONNECTIONS = 32
PATIENCE = 300  # seconds to wait for a server to start
SCRIPT = """
wrk.method = "POST"
wrk.body = io.open("{body}", "rb"):read("*a")
{headers}
done = function(summary, latency, requests)
  io.write(string.format('{{"requests":%d,"seconds":%f,"refused":%d,"broken":%d,"p50":%f,"p99":%f,"longest":%f}}',
    summary.requests, summary.duration / 1e6, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
"""


@dataclass(frozen=True)
class Request:
    """The request that is sent repeatedly."""

    path: str
    headers: dict[str, str]
    body: bytes

    def wire(self) -> bytes:
        """The request as HTTP/1.1 bytes."""
        lines = [f"{name}: {value}\r\n" for name, value in self.headers.items()]
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(self.body)}\r\n{''.join(lines)}\r\n"
        )
        return head.encode() + self.body


def drawing() -> bytes:
    """A five of 280×280 pixels as a PNG, as from the web app's canvas."""
    canvas = np.full((280, 280), 255, np.uint8)
    points = np.array([(200, 60), (110, 62), (100, 135), (150, 125), (195, 150), (190, 200), (145, 225), (90, 210)])
    cv2.polylines(canvas, [points.astype(np.int32)], False, 0, 14, cv2.LINE_AA)
    return bytes(cv2.imencode(".png", canvas)[1].tobytes())


def tensor() -> Request:
    """One image for the Open Inference Protocol, with binary request and response."""
    image = {"name": "images", "datatype": "UINT8", "shape": [1, 28, 28], "parameters": {"binary_data_size": 784}}
    head = json.dumps({"inputs": [image], "parameters": {"binary_data_output": True}}).encode()
    length = {"Inference-Header-Content-Length": str(len(head))}
    return Request("/v2/models/digits/infer", length, head + bytes(784))


PICTURE = Request("/v1/read", {"Content-Type": "image/png"}, drawing())
# LitServe takes JSON.
ENCODED = json.dumps({"picture": base64.b64encode(PICTURE.body).decode()}).encode()
ASKED = {"plain": PICTURE, "litserve": Request("/v1/read", {"Content-Type": "application/json"}, ENCODED)}


@dataclass(frozen=True)
class Server:
    """A running server: its process id, its port, and the seconds until it accepted connections."""

    pid: int
    port: int
    started: float


@contextmanager
def serving(words: list[str]) -> Iterator[Server]:
    """Start a server on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.perf_counter()
    command = [sys.executable, *words, "--port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    with subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, **quiet) as server:  # type: ignore[call-overload]
        try:
            while not listens(port):
                if server.poll() is not None or time.perf_counter() > began + PATIENCE:
                    raise SystemExit(f"{' '.join(command)} did not start")
                time.sleep(0.02)
            yield Server(server.pid, port, time.perf_counter() - began)
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(20)
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)  # otherwise LitServe keeps running and uses half a core


def listens(port: int) -> bool:
    """Whether a port accepts connections."""
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def load(server: Server, request: Request, seconds: float) -> dict[str, float]:
    """Measure with wrk: requests per second, latency in ms, rejected and failed requests; and CPU ms per request."""
    used = processor_seconds(server.pid)
    with tempfile.TemporaryDirectory() as folder:
        body, script = Path(folder) / "body", Path(folder) / "script.lua"
        body.write_bytes(request.body)
        headers = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in request.headers.items())
        script.write_text(SCRIPT.format(body=body, headers=headers))
        words = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{int(seconds)}s", "--timeout", "10s", "-s", str(script)]
        done = subprocess.run(
            [*words, f"http://127.0.0.1:{server.port}{request.path}"], capture_output=True, text=True, check=True
        )
    measured = dict(json.loads(done.stdout[done.stdout.index("{") :]))
    used = 1000 * (processor_seconds(server.pid) - used) / max(measured["requests"], 1)
    return measured | {"rate": measured["requests"] / measured["seconds"], "processor": used}


def processor_seconds(pid: int) -> float:
    """CPU seconds used by a process and its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(processor_seconds(int(child)) for child in children)


def resident(pid: int) -> float:
    """Resident memory of a process and its children, in MB."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return (int(own[1]) / 1024 if own else 0) + sum(resident(int(child)) for child in children)


class Asking(asyncio.Protocol):
    """One connection that sends requests on demand and records the status and seconds of each response."""

    def __init__(self, wire: bytes, answers: list[tuple[int, float]], free: list["Asking"]) -> None:
        self.wire, self.answers, self.free = wire, answers, free
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self.transport = transport

    def ask(self) -> None:
        """Send the request."""
        self.began = time.perf_counter()
        self.received = b""
        self.transport.write(self.wire)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Record a complete response and become available for the next request."""
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.I)
        if end and length and len(body) >= int(length[1]):
            self.answers.append((int(head[9:12]), time.perf_counter() - self.began))
            self.free.append(self)


async def overload(port: int, rate: float, seconds: float) -> dict[str, float]:
    """Send `rate` requests per second regardless of responses; returns a summary of the responses."""
    answers: list[tuple[int, float]] = []
    free: list[Asking] = []
    loop, wire, sent, most = asyncio.get_running_loop(), PICTURE.wire(), 0, 0
    began = time.perf_counter()
    while (now := time.perf_counter() - began) < seconds:
        while sent < now * rate:
            if free:
                free.pop().ask()
            elif most < 900:  # below the usual limit of open files
                most += 1
                asking = (await loop.create_connection(lambda: Asking(wire, answers, free), "127.0.0.1", port))[1]
                asking.ask()
            sent += 1
        await asyncio.sleep(0.002)
    await asyncio.sleep(2)
    taken = [took for status, took in answers if status == 200] or [float("nan")]
    refused = [took for status, took in answers if status == 503] or [float("nan")]
    return {
        "sent_a_second": rate,
        "accepted_a_second": len(taken) / seconds,
        "accepted_p99": 1000 * float(np.percentile(taken, 99)),
        "accepted_longest": 1000 * max(taken),
        "refused": len(refused),
        "refused_p50": 1000 * statistics.median(refused),
        "refused_p99": 1000 * float(np.percentile(refused, 99)),
        "other": sum(status not in (200, 503) for status, _ in answers),
    }


def show(name: str, measured: dict[str, float]) -> dict[str, float]:
    """Print one row."""
    print(f"{name:<28} " + "  ".join(f"{key} {value:,.1f}" for key, value in measured.items()), flush=True)
    return measured


def main() -> None:
    """Measure each server and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="duration of the load on each server")
    parser.add_argument("--overload-seconds", type=float, default=20)
    parser.add_argument("--memory-seconds", type=float, default=600)
    parser.add_argument(
        "--model", default=str(BUNDLED), help="a folder made by `train`, for all; rivals need model.keras"
    )
    parser.add_argument("--rivals", nargs="*", default=["litserve", "plain"], help="other servers to measure")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    options = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("wrk generates the load: install Debian's package wrk.")
    found: dict[str, object] = {}
    serve = ["-m", "mnist_cnn", "serve", "--model", options.model]
    for workers in options.workers:
        with serving([*serve, "--workers", str(workers)]) as server:
            load(server, PICTURE, 2)
            name = f"mnist-cnn, {workers} worker{'s' * (workers > 1)}"
            found[name] = show(name, {"started": server.started} | load(server, PICTURE, options.seconds))
            found[f"{name}, /v2"] = show(f"{name}, /v2", load(server, tensor(), options.seconds))
    for rival in options.rivals:
        words = [str(Path(__file__).with_name(f"serving_{rival}.py")), "--model", options.model]
        with serving(words) as server:
            load(server, ASKED[rival], 5)
            found[rival] = show(rival, {"started": server.started} | load(server, ASKED[rival], options.seconds))
    with serving(serve) as server:
        rate = load(server, PICTURE, 5)["rate"]
        found["overload"] = show("overload", asyncio.run(overload(server.port, 4 * rate, options.overload_seconds)))
        found["after overload"] = show("after overload", load(server, PICTURE, 5))
        memory = [resident(server.pid)]
        for _ in range(10):
            load(server, PICTURE, max(1, options.memory_seconds / 10))
            memory.append(resident(server.pid))
        found["memory"] = memory
        print("memory in MB over", options.memory_seconds, "s:", " ".join(f"{value:.1f}" for value in memory))
    print(machine_line())
    write("serving", {"options": vars(options) | {"model": Path(options.model).name}, "measured": found})


if __name__ == "__main__":
    main()
