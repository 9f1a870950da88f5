"""The web app and its files, the API docs, the health check and the metrics."""

import hashlib
import html
from importlib.resources import files
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mnist_cnn.serving.answers import as_json

TYPES = {
    "index.html": "text/html; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "asking.js": "text/javascript; charset=utf-8",
    "examples.js": "text/javascript; charset=utf-8",
    "layers.js": "text/javascript; charset=utf-8",
    "review.html": "text/html; charset=utf-8",
    "review.js": "text/javascript; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "template.html": "text/html; charset=utf-8",
    "template.js": "text/javascript; charset=utf-8",
    "template.css": "text/css; charset=utf-8",
}
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Page:
    """A file of the web app, loaded when the server starts; browsers revalidate it on each use."""

    def __init__(self, name: str) -> None:
        self.content = files("mnist_cnn.serving").joinpath("static", name).read_bytes()
        digest = hashlib.sha256(self.content).hexdigest()[:16]
        self.headers = {"Content-Type": TYPES[name], "Cache-Control": "no-cache", "ETag": f'"{digest}"'}

    async def __call__(self, request: Request) -> Response:
        """Answer with the file, or 304 if it has not changed."""
        if request.headers.get("if-none-match") == self.headers["ETag"]:
            return Response(status_code=304, headers=self.headers)
        return Response(self.content, headers=self.headers)


async def model_card(request: Request) -> Response:
    """Get the model card of the model: how it was trained and evaluated; an empty object if it has none."""
    return Response(request.app.state.card, media_type="application/json")


async def healthz() -> dict[str, str]:
    """Check the health of the server."""
    return {"status": "ok"}


async def metrics(request: Request) -> Response:
    """Get metrics in Prometheus' text format."""
    return Response(request.app.state.metrics.text(), headers={"Content-Type": METRICS_TYPE})


async def openapi(request: Request) -> Response:
    """The API as an OpenAPI document."""
    return as_json(request.app.openapi())


async def docs(request: Request) -> Response:
    """The API docs, generated from /openapi.json, without scripts and without anything from another host."""
    return Response(documentation(request.app.openapi()), media_type="text/html")


def documentation(document: dict[str, Any]) -> str:
    """An OpenAPI document as HTML: each operation with its parameters, request body and responses."""
    parts = [
        f"<h2><code>{method.upper()} {html.escape(path)}</code></h2>{operation_part(operation)}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = [
        f'<h3 id="{name}">{name}</h3><p>{html.escape(schema.get("description", ""))}</p>'
        f"<ul>{''.join(map(property_part, schema.get('properties', {}).items()))}</ul>"
        for name, schema in document["components"]["schemas"].items()
    ]
    title = html.escape(f"{document['info']['title']} {document['info']['version']}")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="style.css">'
        f'<link rel="icon" href="data:,"><article role="main"><h1>{title}</h1>'
        f'<p>{html.escape(document["info"]["description"])} OpenAPI document: <a href="openapi.json">openapi.json</a>. '
        f'Errors are application/problem+json: <a href="#ProblemModel">ProblemModel</a>.</p>{"".join(parts)}'
        f"<h2>Schemas</h2>{''.join(schemas)}</article></html>"
    )


def operation_part(operation: dict[str, Any]) -> str:
    """One operation."""
    rows = [
        f"<li><code>{html.escape(one['name'])}</code> ({one['in']}) {html.escape(one.get('description', ''))}</li>"
        for one in operation.get("parameters", [])
    ]
    taken = operation.get("requestBody", {}).get("content", {})
    rows += [f"<li>request body <code>{html.escape(kind)}</code></li>" for kind in taken]
    rows += [
        f"<li>{status}: {html.escape(answer['description'])}{schema_link(answer)}</li>"
        for status, answer in operation["responses"].items()
    ]
    return f"<p>{html.escape(operation.get('description', ''))}</p><ul>{''.join(rows)}</ul>"


def schema_link(answer: dict[str, Any]) -> str:
    """A link to the schema of a response."""
    for kind in answer.get("content", {}).values():
        if (name := kind.get("schema", {}).get("$ref", "").rpartition("/")[2]) not in ("", "ProblemModel"):
            return f', <a href="#{name}">{name}</a>'
    return ""


def property_part(entry: tuple[str, dict[str, Any]]) -> str:
    """One property of a schema."""
    name, schema = entry
    return f"<li><code>{html.escape(name)}</code> {html.escape(schema.get('description', ''))}</li>"
