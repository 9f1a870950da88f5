"""Reads request bodies within limits of size and time, and finds the image files in them without decoding them."""

import asyncio
import base64
import binascii
import json
import re
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import FormParser, parse_options_header
from starlette.requests import ClientDisconnect, Request
from starlette.types import Scope

from mnist_cnn.serving.lane import GoneError, wait_for
from mnist_cnn.serving.problems import RETRY_AFTER, ProblemError
from mnist_cnn.serving.settings import BODIES, BODY, MAX_FILES, SENDING

T = TypeVar("T")
# The last is what curl and urllib send if no content type is given.
IMAGE_TYPES = ("image/", "application/octet-stream", "application/x-www-form-urlencoded")
DATA_URL = re.compile(rb"data:[^,]{0,200};base64,", re.IGNORECASE)
# JSON of a text has few of these; parsing a document of many would block all other requests.
STRUCTURE, MOST_STRUCTURE = (b"[", b"{", b",", b"\\u"), 100
SPACE = b" \t\r\n"  # `base64` breaks its lines
AS_TEXT = 'send {"image": …} with the base64 of an image file or a data URL (data:image/png;base64,…).'
TOO_LARGE = "The request body is larger than {:g} MB: shrink the image, or send fewer images at a time."


@dataclass(frozen=True)
class Upload:
    """A file in a request: its name, which is only echoed, and its bytes."""

    name: str
    body: bytes


class Budget:
    """Counts the bytes of all requests in memory, so that many large requests cannot fill it."""

    def __init__(self, limit: int = BODIES) -> None:
        self.left = limit

    def hold(self, scope: Scope, size: int) -> None:
        """Count bytes of a request; raises ProblemError 503 if all requests together exceed the limit."""
        self.left -= size
        scope["state"]["held"] = scope["state"].get("held", 0) + size
        if self.left < 0:
            raise ProblemError(503, "Too many large requests at once: retry in a second.", RETRY_AFTER)

    def release(self, scope: Scope) -> None:
        """Release the bytes of a request."""
        self.left += scope["state"].pop("held", 0)


async def result_for(request: Request, work: Awaitable[T]) -> T:
    """Await some work for a request whose body has been read. Raises as `wait_for`."""
    # After the body, the only possible message is that the client has disconnected.
    return await wait_for(work, request.receive(), request.app.state.settings.timeout)


async def body_of(request: Request, limit: int = BODY) -> bytes:
    """The complete body of a request.

    Raises ProblemError: 413 if it exceeds `limit` bytes, before reading where the length is known; 408 if it arrives
    too slowly; 415 if it is compressed; 503 if too many bytes of all requests are in memory. Raises GoneError if the
    client disconnects.
    """
    headers = request.headers
    if headers.get("content-encoding", "identity") != "identity":
        raise ProblemError(415, "Compressed requests are not supported: send the body without Content-Encoding.")
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > limit:
        raise ProblemError(413, TOO_LARGE.format(limit / 10**6))
    received = bytearray()
    try:
        async with asyncio.timeout(SENDING):
            async for chunk in request.stream():
                received += chunk
                request.app.state.budget.hold(request.scope, len(chunk))
                if len(received) > limit:
                    raise ProblemError(413, TOO_LARGE.format(limit / 10**6))
    except TimeoutError as error:
        raise ProblemError(408, f"The request body did not arrive within {SENDING:g} s: send it again.") from error
    except ClientDisconnect as error:
        raise GoneError from error
    return bytes(received)


async def image_from(request: Request) -> bytes:
    """The image in a request: its body, the only file of a multipart form, or as text. Raises as `body_of`.

    As text it is a data URL, or JSON with that or the base64 of the file.
    """
    kind = request.headers.get("content-type", "application/octet-stream")
    body = await body_of(request)
    if kind.startswith("multipart/form-data"):
        uploads = uploads_of(kind, body)
        if len(uploads) != 1:
            raise ProblemError(
                400,
                f"This endpoint takes one image, but the form has {len(uploads)} files: use /v1/read/batch.",
            )
        body = uploads[0].body
    elif kind.startswith("application/json"):
        body = file_in(text_in(body))
    elif DATA_URL.match(body):
        body = file_in(body)
    elif kind.startswith("text/plain"):
        raise ProblemError(400, f"The text is not a data URL of an image in base64: {AS_TEXT}")
    elif not kind.startswith(IMAGE_TYPES):
        raise ProblemError(
            415,
            f"Unsupported content type {kind!r:.100}: send an image as image/png, as application/octet-stream, as "
            "application/json or in a multipart form.",
        )
    if not body:
        raise ProblemError(400, "The request body is empty: send an image file.")
    return body


def text_in(body: bytes) -> bytes:
    """The text of a JSON document {"image": text}. Raises ProblemError 400."""
    image = None
    if sum(map(body.count, STRUCTURE)) <= MOST_STRUCTURE:
        with suppress(ValueError, RecursionError):
            document = json.loads(body)
            image = document.get("image") if isinstance(document, dict) else None
    if not isinstance(image, str):
        raise ProblemError(400, f"The request body is not JSON with an image: {AS_TEXT}")
    return image.encode("ascii", "replace")


def file_in(text: bytes) -> bytes:
    """The image file in a data URL, or in base64. Raises ProblemError 400."""
    start = DATA_URL.match(text)
    try:
        return base64.b64decode(text[start.end() if start else 0 :].translate(None, SPACE), validate=True)
    except binascii.Error as error:
        raise ProblemError(400, f"The image is not base64: {AS_TEXT}") from error


async def images_from(request: Request) -> list[Upload]:
    """The image files of a multipart form. Raises ProblemError as `body_of`, and for anything but 1 to 64 files."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        raise ProblemError(415, "A batch must be a multipart form: send the images as files in multipart/form-data.")
    uploads = uploads_of(kind, await body_of(request))
    if not uploads:
        raise ProblemError(400, f"The form contains no files: send 1 to {MAX_FILES} images.")
    return uploads


def uploads_of(kind: str, body: bytes) -> list[Upload]:
    """The files of a form. Raises ProblemError 400 for a malformed form, other fields, or more than 64 files."""
    boundary = parse_options_header(kind)[1].get(b"boundary")
    uploads: list[Upload] = []

    def keep(file: Any) -> None:
        if len(uploads) == MAX_FILES:
            raise ProblemError(400, f"The form has more than {MAX_FILES} files: send fewer at a time.")
        file.file_object.seek(0)
        name = (file.file_name or b"").decode("utf-8", "replace")
        uploads.append(Upload(name, file.file_object.read()))

    def reject(field: Any) -> None:
        name = (field.field_name or b"").decode("utf-8", "replace")
        raise ProblemError(
            400, f"The form field {name!r:.100} is not a file: send images as file fields with file names."
        )

    # Files larger than MAX_MEMORY_FILE_SIZE would be written to disk.
    limits = {"MAX_MEMORY_FILE_SIZE": 2 * BODY}
    try:
        parser = FormParser("multipart/form-data", reject, keep, boundary=boundary, config=limits)
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise ProblemError(
            400, "The multipart form is malformed or has no boundary: send valid multipart/form-data."
        ) from error
    return uploads
