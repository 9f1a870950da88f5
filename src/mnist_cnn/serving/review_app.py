"""The page on which a person reviews doubtful cells, served on this computer only. Knows nothing of tables and files.

Requests for cells need a token that only the announced URL has, in its fragment, which browsers do not send: so neither
another page nor another person of this computer can see or write anything.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Sized
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from mnist_cnn.errors import ReaderError, RunError
from mnist_cnn.serving.answers import as_json
from mnist_cnn.serving.body import Budget, body_of
from mnist_cnn.serving.gate import Gate, Guard
from mnist_cnn.serving.pages import Page
from mnist_cnn.serving.problems import HANDLERS, ProblemError
from mnist_cnn.serving.request_metrics import Metrics
from mnist_cnn.serving.server import Announce, Announcing, config_of, listen
from mnist_cnn.serving.settings import Settings

BODY = 2000  # bytes of an answer
KIND = "application/json"


class Review(Sized, Protocol):
    """What is reviewed: as many cells as its length, counted from 1."""

    @property
    def document(self) -> dict[str, Any]:
        """All cells, and what was said of them."""

    def image(self, number: int) -> bytes:
        """The image of a cell, a PNG. Raises RunError."""

    def answer(self, number: int, kind: Any, text: str) -> None:
        """Write what a person says of a cell. Raises ReaderError and RunError."""


def serve_review(review: Review, announce: Announce) -> None:
    """Serve the page at any free port until Ctrl-C; `announce` is called with the URL. Raises ServerError."""
    token = secrets.token_urlsafe(24)
    host = "127.0.0.1"
    with listen(host, 0) as listener, suppress(KeyboardInterrupt):
        port = listener.getsockname()[1]
        app = review_app(review, Settings(host, port, token=token))
        ready = partial(announce, f"http://{host}:{port}/#{token}")
        Announcing(config_of(app), ready).run([listener])


def review_app(review: Review, settings: Settings) -> ASGIApp:
    """The application: the page and its files for everybody, cells and answers only with the token of the settings."""
    metrics, budget = Metrics(), Budget()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.writing = asyncio.Lock()
        yield

    app = Starlette(
        routes=[
            Route("/", Page("review.html").__call__),
            Route("/review.js", Page("review.js").__call__),
            Route("/style.css", Page("style.css").__call__),
            Route("/review/cells", cells),
            Route("/review/cells/{number:int}/image", image),
            Route("/review/cells/{number:int}", answer, methods=["POST"]),
        ],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
    for name, part in {"review": review, "settings": settings, "budget": budget}.items():
        setattr(app.state, name, part)
    return Gate(Guard(app, settings.hosts, settings.token), metrics, budget)


async def cells(request: Request) -> Response:
    """All cells, and what was said of them."""
    return as_json(request.app.state.review.document)


async def image(request: Request) -> Response:
    """The image of a cell."""
    review = request.app.state.review
    return Response(await done(partial(review.image, number_of(request))), media_type="image/png")


async def answer(request: Request) -> Response:
    """Write what a person says of a cell: {"kind": "number", "text": "12.5"}."""
    number = number_of(request)
    if request.headers.get("content-type", "").partition(";")[0].strip() != KIND:
        raise ProblemError(415, f"An answer must have the content type {KIND}.")
    try:
        document = json.loads(await body_of(request, BODY))
    except (ValueError, RecursionError) as error:
        raise ProblemError(400, "The request body is not JSON: send an object with the keys kind and text.") from error
    kind, text = (document.get(name) if isinstance(document, dict) else None for name in ("kind", "text"))
    if not isinstance(kind, str) or not isinstance(text, str):
        raise ProblemError(422, "kind and text must be texts.")
    async with request.app.state.writing:
        await done(partial(request.app.state.review.answer, number, kind, text))
    return as_json({"number": number})


def number_of(request: Request) -> int:
    """Which cell a request is about; raises ProblemError 404 if there is none of this number."""
    number, count = int(request.path_params["number"]), len(request.app.state.review)
    if not 1 <= number <= count:
        raise ProblemError(404, f"There is no cell {number}: the last is {count}.")
    return number


async def done(work: Callable[[], Any]) -> Any:
    """Do some work with files in a thread; raises ProblemError for what is expected to go wrong."""
    try:
        return await run_in_threadpool(work)
    except ReaderError as error:
        raise ProblemError(422, str(error)) from error
    except RunError as error:
        raise ProblemError(409, str(error)) from error
