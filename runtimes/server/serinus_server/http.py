"""The little of HTTP that predicting needs, on bare ASGI."""

from collections.abc import Iterable
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from serinus_server import ids
from serinus_server.errors import RequestError

Headers = list[tuple[bytes, bytes]]


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return a request's header by its name in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return None


def request_id(scope: Scope) -> bytes:
    """Return the caller's id of the request, or a new one if there is none that could be echoed."""
    return ids.usable(header(scope, ids.HEADER)) or ids.new()


async def body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Read a request's body.

    Raises:
        RequestError: 413 as soon as it is known to be larger than the limit, 415 if it is compressed.
        ConnectionResetError: if the caller went away.
    """
    encoding = header(scope, b"content-encoding")
    if encoding and encoding != b"identity":
        raise RequestError(415, f"Content-Encoding {encoding.decode('latin-1')!r}: send the body as it is")
    length = header(scope, b"content-length")
    if length and int(length) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> RequestError:
    return RequestError(413, f"the request is larger than {limit} bytes (SERINUS_MAX_REQUEST_BYTES)")


async def respond(send: Send, status: int, content: bytes, headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Send a JSON document."""
    fixed = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *headers]})
    await send({"type": "http.response.body", "body": content})


def told(error: RequestError) -> bytes:
    """Write an error as all protocols have it: `error`, and where in the request it lies."""
    document: dict[str, Any] = {"error": str(error), **error.where}
    return orjson.dumps(document)
