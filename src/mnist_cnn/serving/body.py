"""A request's bytes come in, within limits of size and time; the pictures in them go out, not yet opened."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, TypeVar

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import FormParser, parse_options_header
from starlette.requests import ClientDisconnect, Request
from starlette.types import Scope

from mnist_cnn.serving.lane import GoneError, wait_for
from mnist_cnn.serving.problems import RETRY_AFTER, ProblemError
from mnist_cnn.serving.settings import BODIES, BODY, PICTURES, SENDING

T = TypeVar("T")
# The last is what curl and urllib say of bytes of which nobody told them what they are.
PICTURE_KINDS = ("image/", "application/octet-stream", "application/x-www-form-urlencoded")
TOO_LARGE = "This request may have {:g} MB, and it has more: shrink the picture, or send less at a time."


@dataclass(frozen=True)
class Upload:
    """A file of a request: its name, which is only repeated, and its bytes."""

    name: str
    body: bytes


class Budget:
    """Counts the bytes of all requests that are in memory, so that many large ones cannot fill it."""

    def __init__(self, limit: int = BODIES) -> None:
        self.left = limit

    def hold(self, scope: Scope, size: int) -> None:
        """Count bytes of a request; raises ProblemError 503 if they are too many together."""
        self.left -= size
        scope["state"]["held"] = scope["state"].get("held", 0) + size
        if self.left < 0:
            raise ProblemError(503, "Too many large requests at once: try again in a moment.", RETRY_AFTER)

    def release(self, scope: Scope) -> None:
        """Forget a request."""
        self.left += scope["state"].pop("held", 0)


async def result_for(request: Request, work: Awaitable[T]) -> T:
    """Wait for some work on behalf of a request whose body has been read. Raises as `wait_for`."""
    # What comes after the body is nothing more than that the client has left.
    return await wait_for(work, request.receive(), request.app.state.settings.seconds)


async def body_of(request: Request, limit: int = BODY) -> bytes:
    """All bytes of a request.

    Raises ProblemError: 413 for more than `limit`, before reading them where their number is known; 408 where they come
    too slowly; 415 where they are compressed; 503 where there are too many of all requests. Raises GoneError if the
    sender leaves.
    """
    headers = request.headers
    if headers.get("content-encoding", "identity") != "identity":
        raise ProblemError(415, "Compressed requests are not read: send it without Content-Encoding.")
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
        raise ProblemError(408, f"The request did not arrive within {SENDING:g} s: send it again.") from error
    except ClientDisconnect as error:
        raise GoneError from error
    return bytes(received)


async def picture_of(request: Request) -> bytes:
    """The one picture that a request brings, as its body or as the only file of a form. Raises as `body_of`."""
    kind = request.headers.get("content-type", "application/octet-stream")
    body = await body_of(request)
    if kind.startswith("multipart/form-data"):
        uploads = uploads_of(kind, body)
        if len(uploads) != 1:
            raise ProblemError(
                400, f"One picture is read here, and the form has {len(uploads)} files: use /v1/read/batch."
            )
        body = uploads[0].body
    elif not kind.startswith(PICTURE_KINDS):
        raise ProblemError(
            415,
            f"What comes as {kind!r:.100} is no picture: send one as image/png, application/octet-stream or in a "
            "multipart form.",
        )
    if not body:
        raise ProblemError(400, "The request is empty: send the bytes of a picture.")
    return body


async def pictures_of(request: Request) -> list[Upload]:
    """The pictures of a form. Raises ProblemError as `body_of`, and for anything but 1 to 64 files."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        raise ProblemError(415, "Several pictures come as the files of a form: send multipart/form-data.")
    uploads = uploads_of(kind, await body_of(request))
    if not uploads:
        raise ProblemError(400, f"This form has no file: send 1 to {PICTURES} pictures.")
    return uploads


def uploads_of(kind: str, body: bytes) -> list[Upload]:
    """The files of a form. Raises ProblemError 400 for what is no form, has other fields, or has more than 64 files."""
    boundary = parse_options_header(kind)[1].get(b"boundary")
    uploads: list[Upload] = []

    def keep(file: Any) -> None:
        if len(uploads) == PICTURES:
            raise ProblemError(400, f"This form has more than {PICTURES} files: send fewer at a time.")
        file.file_object.seek(0)
        name = (file.file_name or b"").decode("utf-8", "replace")
        uploads.append(Upload(name, file.file_object.read()))

    def refuse(field: Any) -> None:
        name = (field.field_name or b"").decode("utf-8", "replace")
        raise ProblemError(
            400, f"The field {name!r:.100} of this form is no file: send pictures as files, with their names."
        )

    # What is larger than MAX_MEMORY_FILE_SIZE would be written to disk.
    limits = {"MAX_MEMORY_FILE_SIZE": 2 * BODY}
    try:
        parser = FormParser("multipart/form-data", refuse, keep, boundary=boundary, config=limits)
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise ProblemError(
            400, "The form is damaged or has no boundary: send multipart/form-data as browsers do."
        ) from error
    return uploads
