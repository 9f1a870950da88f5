"""Turns exceptions into application/problem+json responses (RFC 9457): one clear sentence, never a traceback."""

import json
import logging
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from mnist_cnn.errors import ImageError, ImageFormatError, ImageTooLargeError
from mnist_cnn.serving.lane import BusyError, GoneError, TooSlowError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = {"Retry-After": "1"}
GONE = 499  # in log and metrics only: the client has disconnected
log = logging.getLogger("mnist_cnn.error")


class ProblemError(Exception):
    """A request that fails: an HTTP status, and a sentence that says why and what to do."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, dict(headers or {})


BUSY = ProblemError(503, "The server is busy: retry in a second.", RETRY_AFTER)


def answer(scope: Scope, problem: ProblemError) -> Response:
    """The response for a problem. `error` is where clients of the Open Inference Protocol look for the message."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "instance": scope["path"],
        "request_id": id_of(scope),
        "error": problem.detail,
    }
    return Response(json.dumps(document), problem.status, problem.headers, MEDIA_TYPE)


def of_image(error: ImageError) -> ProblemError:
    """The problem for an image that cannot be read."""
    kinds = {ImageTooLargeError: 413, ImageFormatError: 415}
    sentence = str(error)
    return ProblemError(kinds.get(type(error), 422), sentence[0].upper() + sentence[1:])


def of_parameters(errors: list[Any]) -> ProblemError:
    """The problem for invalid parameters."""
    first = errors[0]
    return ProblemError(
        422, f"Invalid {first['loc'][-1]}: {first['msg'][0].lower()}{first['msg'][1:]} (got {first['input']!r:.100})."
    )


def problem_of(request: Request, error: Exception) -> ProblemError:
    """The problem for an exception; for an unexpected one it only points to the server's log."""
    match error:
        case ProblemError():
            return error
        case ImageError():
            return of_image(error)
        case RequestValidationError():
            return of_parameters(list(error.errors()))
        case BusyError():
            return BUSY
        case TooSlowError():
            return ProblemError(504, "The request timed out: retry later, or send fewer images.", RETRY_AFTER)
        case HTTPException(status_code=405):
            allowed = dict(error.headers or {})
            names = allowed.get("Allow", "").replace(", ", " or ")
            return ProblemError(405, f"{request.method} is not allowed here: use {names}.", allowed)
        case HTTPException():
            return ProblemError(404, "Not found: see /docs for the available endpoints.")
    return ProblemError(500, f"Internal server error: see the server log for request {id_of(request.scope)}.")


async def on_error(request: Request, error: Exception) -> Response:
    """Answer an exception that a route raised."""
    if isinstance(error, GoneError):
        return Response(status_code=GONE)
    problem = problem_of(request, error)
    if problem.status == 500:
        log.error("request %s failed", id_of(request.scope), exc_info=error)
    return answer(request.scope, problem)


def id_of(scope: Scope) -> str:
    """The ID of a request."""
    return str(scope["state"]["request_id"])


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = dict.fromkeys(
    (ProblemError, ImageError, RequestValidationError, HTTPException, BusyError, TooSlowError, GoneError, Exception),
    on_error,
)
