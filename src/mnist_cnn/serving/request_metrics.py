"""Prometheus metrics of the server, for one process or for all its workers together."""

import os
import shutil
import tempfile
from collections.abc import Iterable

# Read by prometheus_client on import: where workers keep their counts, so that each can report those of all.
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
COUNTS = (1, 2, 4, 8, 16)


def share_between_workers() -> "tempfile.TemporaryDirectory[str]":
    """Let workers started from now on share their counts; clean the folder up when they have ended."""
    folder = tempfile.TemporaryDirectory(prefix="mnist-cnn-")
    os.environ[SHARED_FOLDER] = folder.name
    return folder


def remove_shared_folder() -> None:
    """Remove that folder, if there is one: what made it cannot do so any more."""
    if folder := os.environ.get(SHARED_FOLDER):
        shutil.rmtree(folder, ignore_errors=True)


class Metrics:
    """Metrics of requests, digits, queues and batches."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry = CollectorRegistry()
        self.requests = Counter(
            "mnist_cnn_requests", "Requests by route and status code.", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "mnist_cnn_request_duration_seconds",
            "Time from a request's head to the end of its response.",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.digits = Counter("mnist_cnn_digits", "Digits predicted, by digit.", ["digit"], registry=self.registry)
        self.rejected = Counter(
            "mnist_cnn_digits_rejected", "Digits rejected: confidence below the threshold.", registry=self.registry
        )
        self.waiting = Gauge(
            "mnist_cnn_queue_length",
            "Waiting tasks, by queue.",
            ["queue"],
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.batch_size = Histogram(
            "mnist_cnn_batch_size",
            "Small images and tensors processed in one batch.",
            buckets=COUNTS,
            registry=self.registry,
        )
        self.by_digit = [self.digits.labels(str(digit)) for digit in range(10)]

    def count(self, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self.requests.labels(route, status).inc()
        self.seconds.labels(route).observe(seconds)

    def count_digits(self, digits: Iterable[int | None]) -> None:
        """Count predicted digits; None stands for a rejected one."""
        for digit in digits:
            if digit is None:
                self.rejected.inc()
            else:
                self.by_digit[digit].inc()

    def text(self) -> bytes:
        """All metrics in Prometheus' text format, of all workers if there are several."""
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        if SHARED_FOLDER not in os.environ:
            return generate_latest(self.registry)
        shared = CollectorRegistry()
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
        return generate_latest(shared)
