"""The table of routes and the application made from it. Knows nothing of sockets, processes and signals."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp

from mnist_cnn import __version__
from mnist_cnn.reading.model_names import card_text_of
from mnist_cnn.serving import open_inference, pages, reading_routes, tensorflow_serving
from mnist_cnn.serving.answers import (
    ActivationsModel,
    BatchModel,
    ProblemModel,
    ReadingModel,
    ReasonsModel,
    TablesModel,
    problems,
)
from mnist_cnn.serving.body import Budget
from mnist_cnn.serving.engine import Engine
from mnist_cnn.serving.gate import Gate, Guard, LoadShedder
from mnist_cnn.serving.problems import HANDLERS
from mnist_cnn.serving.request_metrics import Metrics
from mnist_cnn.serving.settings import Settings

ABOUT = "Recognises handwritten digits in images: predictions, confidences, bounding boxes and explanations."


@dataclass(frozen=True)
class Route:
    """A method and a path, the endpoint, the schema of its response, and what else OpenAPI describes."""

    method: str
    path: str
    endpoint: Callable[..., Any]
    schema: type | None = None
    errors: tuple[int, ...] = ()
    body: dict[str, Any] = field(default_factory=dict)
    listed: bool = True
    response: type[Response] = JSONResponse


BINARY = {"type": "string", "format": "binary"}
IMAGE = {"image/*": {"schema": BINARY}, "application/octet-stream": {"schema": BINARY}}
FORM = {
    "multipart/form-data": {
        "schema": {"type": "object", "required": ["image"], "properties": {"image": BINARY}},
    }
}
BATCH_FORM = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "required": ["images"],
            "properties": {"images": {"type": "array", "items": BINARY, "minItems": 1, "maxItems": 64}},
        }
    }
}
TEXT_IMAGE = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["image"],
            "properties": {"image": {"type": "string", "description": "base64 of an image file, or a data URL"}},
        }
    },
    "text/plain": {"schema": {"type": "string", "description": "a data URL of an image, in base64"}},
}
ONE_IMAGE = IMAGE | FORM | TEXT_IMAGE
MODEL = f"/v2/models/{open_inference.MODEL}"
TENSORFLOW = f"/v1/models/{open_inference.MODEL}"
INFERENCE = (400, 408, 413, 415, 503, 504)
READING = (400, 408, 413, 415, 422, 503, 504)
SEEN = reading_routes.EXPLAIN_REQUEST
ROUTES = [
    Route("GET", "/", pages.Page("index.html"), listed=False),
    Route("GET", "/app.js", pages.Page("app.js"), listed=False),
    Route("GET", "/asking.js", pages.Page("asking.js"), listed=False),
    Route("GET", "/examples.js", pages.Page("examples.js"), listed=False),
    Route("GET", "/layers.js", pages.Page("layers.js"), listed=False),
    Route("GET", "/style.css", pages.Page("style.css"), listed=False),
    Route("GET", "/template", pages.Page("template.html"), listed=False),
    Route("GET", "/template.js", pages.Page("template.js"), listed=False),
    Route("GET", "/template.css", pages.Page("template.css"), listed=False),
    Route("POST", "/v1/read", reading_routes.read, ReadingModel, READING, ONE_IMAGE),
    Route("POST", "/v1/read/batch", reading_routes.read_batch, BatchModel, READING, BATCH_FORM),
    Route("POST", "/v1/tables", reading_routes.tables, TablesModel, READING, ONE_IMAGE),
    Route("POST", "/v1/explain", reading_routes.explain, ReasonsModel, READING, SEEN),
    Route("POST", "/v1/activations", reading_routes.activations, ActivationsModel, READING, SEEN),
    Route("GET", "/v2", open_inference.server_metadata),
    Route("GET", "/v2/health/live", open_inference.live),
    Route("GET", "/v2/health/ready", open_inference.ready),
    *[
        route
        for path, listed in ((MODEL, True), (f"{MODEL}/versions/{open_inference.VERSION}", False))
        for route in (
            Route("GET", path, open_inference.model_metadata, listed=listed),
            Route("GET", f"{path}/ready", open_inference.model_ready, listed=listed),
            Route("POST", f"{path}/infer", open_inference.infer, None, INFERENCE, open_inference.REQUEST, listed),
        )
    ],
    *[
        route
        for path, listed in ((TENSORFLOW, True), (f"{TENSORFLOW}/versions/{open_inference.VERSION}", False))
        for route in (
            Route("GET", path, tensorflow_serving.status, listed=listed),
            Route(
                "POST",
                f"{path}:predict",
                tensorflow_serving.predict,
                None,
                INFERENCE,
                tensorflow_serving.REQUEST,
                listed,
            ),
        )
    ],
    Route("GET", "/card.json", pages.model_card),
    Route("GET", "/healthz", pages.healthz),
    Route("GET", "/metrics", pages.metrics, response=PlainTextResponse),
    Route("GET", "/docs", pages.docs, listed=False),
    Route("GET", "/openapi.json", pages.openapi, listed=False),
]


def make_app(settings: Settings) -> ASGIApp:
    """Make the application, which loads the model when it starts."""
    metrics, budget = Metrics(), Budget()
    engine = Engine(settings.model, settings.queue_size, metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        engine.start()
        yield
        engine.stop()

    app = FastAPI(
        title="mnist-cnn",
        version=__version__,
        description=ABOUT,
        openapi_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        exception_handlers=HANDLERS,
    )
    model_card = b"{}" if callable(settings.model) else card_text_of(settings.model)
    parts = {"settings": settings, "metrics": metrics, "budget": budget, "engine": engine, "card": model_card}
    for name, part in parts.items():
        setattr(app.state, name, part)
    for route in ROUTES:
        add(app, route)
    app.openapi = lambda: openapi_of(app)  # type: ignore[method-assign]
    shedding = LoadShedder(app, {"/v1/read": lambda: engine.small.full})
    guarded: ASGIApp = Guard(shedding, settings.hosts, settings.token)
    if settings.allow_origins:
        guarded = CORSMiddleware(
            guarded,
            allow_origins=settings.allow_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-Request-ID", open_inference.HEADER],
            expose_headers=["Retry-After", "X-Request-ID", open_inference.HEADER],
        )
    return Gate(guarded, metrics, budget)


def add(app: FastAPI, route: Route) -> None:
    """Add a route to the application and to its OpenAPI document."""
    body = {"requestBody": {"required": True, "content": route.body}} if route.body else None
    app.add_api_route(
        route.path,
        route.endpoint,
        methods=[route.method],
        response_model=route.schema,
        response_class=route.response,
        response_description="success",
        responses=problems(*route.errors),
        openapi_extra=body,
        include_in_schema=route.listed,
    )


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, generated once."""
    if not app.openapi_schema:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        document["components"]["schemas"]["ProblemModel"] = ProblemModel.model_json_schema()
        app.openapi_schema = document
    return app.openapi_schema
