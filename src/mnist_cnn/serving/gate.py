"""What every request passes through: request ID, access control, security headers, access log and metrics."""

import hmac
import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mnist_cnn.serving.body import Budget
from mnist_cnn.serving.problems import BUSY, ProblemError, answer
from mnist_cnn.serving.request_metrics import Metrics

access = logging.getLogger("mnist_cnn.access")
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# Scripts, styles and images of this server only; no page of another site may put this one in a frame.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
# Needs no token: the web app, health checks and API docs. None of them reveals anything about other requests.
SCRIPTS = frozenset(f"/{name}.js" for name in ("app", "asking", "examples", "layers", "review", "template"))
PAGE = SCRIPTS | {"/", "/style.css", "/template", "/template.css"}
OPEN = PAGE | {"/healthz", "/v2/health/live", "/v2/health/ready", "/docs", "/openapi.json"}
PORT = re.compile(r":\d*$")


class Gate:
    """The outermost ASGI application: every request and response passes through it."""

    def __init__(self, app: ASGIApp, metrics: Metrics, budget: Budget) -> None:
        self.app, self.metrics, self.budget = app, metrics, budget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and its response back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = id_of(scope)
        # A copy, so that uvicorn still sees HEAD and sends no body.
        scope = {**scope, "state": {"request_id": request_id}, "method": scope["method"].replace("HEAD", "GET")}
        status, size = 0, 0

        async def pass_back(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                self.budget.release(scope)  # the body is used up, however long the client takes for the response
                add_headers(message, request_id)
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, pass_back)
        finally:
            self.budget.release(scope)
            seconds = time.perf_counter() - started
            self.metrics.count(route_of(scope), status, seconds)
            if access.isEnabledFor(logging.INFO):
                access.info(line(scope, request_id, status, size, seconds))


class Guard:
    """An ASGI application that lets only authorised requests through to another.

    A server that listens on this computer only accepts only `hosts`, its local names: that rejects a site whose name
    was made to point here (DNS rebinding), which the browser could not tell from this server.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None, token: str | None) -> None:
        self.app, self.hosts = app, hosts
        self.token = token.encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or reject it."""
        problem = self.rejection(scope) if scope["type"] == "http" else None
        await (answer(scope, problem) if problem else self.app)(scope, receive, send)

    def rejection(self, scope: Scope) -> ProblemError | None:
        """Why a request is rejected; None if it is not."""
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if self.hosts is not None and PORT.sub("", host) not in self.hosts:
            return ProblemError(400, f"Host name {host!r:.100} is not allowed: use localhost or 127.0.0.1.")
        if self.token is None or scope["path"] in OPEN:
            return None
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer" and hmac.compare_digest(given, self.token):
            return None
        sentence = "The bearer token is missing or wrong: send the header Authorization: Bearer TOKEN."
        return ProblemError(401, sentence, {"WWW-Authenticate": "Bearer"})


class LoadShedder:
    """An ASGI application that answers 503 before parsing a request whose queue is full, and passes others on.

    That halves the cost of a 503, which leaves an overloaded server more time for the requests it has accepted.
    `routes` maps a path to a function that tells whether its queue is full.
    """

    def __init__(self, app: ASGIApp, routes: Mapping[str, Callable[[], bool]]) -> None:
        self.app, self.routes = app, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or reject it."""
        full = self.routes.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if not full or not full():
            await self.app(scope, receive, send)
            return
        scope["shed_route"] = scope["path"]
        await answer(scope, BUSY)(scope, receive, send)


def id_of(scope: Scope) -> str:
    """The ID that the request brings, if it is valid, or a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return str(value, "ascii")
    return uuid.uuid4().hex


def add_headers(message: MutableMapping[str, Any], request_id: str) -> None:
    """Add the headers that all responses have. Caches must not store images or results."""
    headers = [*message["headers"], *HEADERS, (b"x-request-id", request_id.encode())]
    if not any(name == b"cache-control" for name, _ in headers):
        headers.append((b"cache-control", b"no-store"))
    message["headers"] = headers


def route_of(scope: Scope) -> str:
    """The route that answered, or "other": requests for random paths must not fill the metrics' memory."""
    return str(getattr(scope.get("route"), "path", scope.get("shed_route", "other")))


def line(scope: Scope, request_id: str, status: int, size: int, seconds: float) -> str:
    """One line of the access log. It has no query, no headers and no results."""
    return json.dumps(
        {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "request_id": request_id,
            "client": (scope.get("client") or ("",))[0],
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "bytes": size,
            "milliseconds": round(1000 * seconds, 1),
        }
    )
