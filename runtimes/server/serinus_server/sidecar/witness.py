"""Reads what passes on a connection, without a say in it.

What it cannot read (HTTP/2 and with it gRPC, a WebSocket once it is open, what is no HTTP at all) is passed on all
the same and counted.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import httptools

from serinus_server.logs.predictions import PredictionLog
from serinus_server.sidecar.body import Body, Room
from serinus_server.sidecar.exchange import Exchange, Headers

LONGEST_HEAD = 65536
_END_OF_HEAD = b"\r\n\r\n"


class Unreadable(Exception):  # noqa: N818 - a state of a connection
    """From here on a connection cannot be read."""


class Witness:
    """Follows the requests of one connection and their answers."""

    def __init__(self, log: PredictionLog, limit: int, room: Room, unreadable: Callable[[], None]) -> None:
        """Take the log, the largest body that is kept, the room for all, and what counts connections that end unread."""
        self._log = log
        self._unreadable = unreadable
        self._exchanges: deque[Exchange] = deque()
        self._requests = Requests(self._exchanges, limit, room)
        self._responses = Responses(self._exchanges, limit, room, log)
        self._reading = True
        self._tunnel = False

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited, as far as it is known."""
        return bool(self._exchanges) or self._tunnel

    def asked(self, data: bytes) -> None:
        """Read what a caller sent."""
        self._feed(self._requests.feed, data)

    def answered(self, data: bytes) -> None:
        """Read what the server sent."""
        self._feed(self._responses.feed, data)

    def caller_left(self) -> None:
        """Forget what nobody waits for."""
        self._stop()
        self._tunnel = False

    def server_left(self) -> None:
        """Log what was not answered; an answer without a length has ended."""
        if self._exchanges and self._responses.ends_with_connection:
            self._exchanges.popleft().log(self._log, whole=True)
        while self._exchanges:
            self._exchanges.popleft().log(self._log, whole=False)
        self._reading = self._tunnel = False

    def _feed(self, feed: Callable[[bytes], None], data: bytes) -> None:
        if not self._reading:
            return
        try:
            feed(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, Unreadable):
            self._stop()
            self._tunnel = True
            self._unreadable()

    def _stop(self) -> None:
        while self._exchanges:
            self._exchanges.popleft().forget()
        self._reading = False


class Requests:
    """Reads what callers send: the callbacks of a parser."""

    def __init__(self, exchanges: deque[Exchange], limit: int, room: Room) -> None:
        self._exchanges = exchanges
        self._limit = limit
        self._room = room
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: Headers = {}
        self._current: Exchange | None = None
        self._left = 0

    def feed(self, data: bytes) -> None:
        """Read on."""
        while data:
            if self._left:
                part, data = data[: self._left], data[self._left :]
                self._left -= len(part)
                self.on_body(part)
                continue
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # A server may decline, and go on as before; if it does not, its answer says so. The parser leaves
                # the body unread.
                data = data[upgrade.args[0] :]
                self._parser = httptools.HttpRequestParser(self)
            else:
                return

    def on_url(self, part: bytes) -> None:
        """Take a part of the address."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Begin an exchange."""
        method: bytes = self._parser.get_method()
        if method == b"CONNECT" or (method == b"HEAD" and self._exchanges):
            raise Unreadable
        if self._parser.should_upgrade():
            if b"transfer-encoding" in self._headers:
                raise Unreadable
            self._left = int(self._headers.get(b"content-length", b"0"))
        self._current = Exchange(method, self._target, self._headers, self._limit, self._room)
        self._exchanges.append(self._current)
        self._target, self._headers = b"", {}

    def on_body(self, data: bytes) -> None:
        """Take a part of a body; the exchange may be over before, if the server did not want it."""
        if self._current is not None and self._current in self._exchanges:
            self._current.asked(data)

    def on_message_complete(self) -> None:
        """End a request; what came as trailers is none of the next one's."""
        self._headers = {}
        if not self._left:
            self._current = None


class Responses:
    """Reads what the server sends: the callbacks of a parser."""

    def __init__(self, exchanges: deque[Exchange], limit: int, room: Room, log: PredictionLog) -> None:
        self._exchanges = exchanges
        self._limit = limit
        self._room = room
        self._log = log
        self._parser: Any = httptools.HttpResponseParser(self)
        self._headers: Headers = {}
        self._status = 0
        self._head = b""

    @property
    def ends_with_connection(self) -> bool:
        """Whether an answer has begun that has no length of its own."""
        framed = b"content-length" in self._headers or b"transfer-encoding" in self._headers
        return self._status >= 200 and not framed

    def feed(self, data: bytes) -> None:
        """Read on."""
        while data and self._exchanges and self._exchanges[0].method == b"HEAD":
            data = self._bodiless(data)
        if data:
            self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Begin an answer; one from 100 on is not the last."""
        self._status = self._parser.get_status_code()
        if self._status >= 200:
            self._begin()

    def on_body(self, data: bytes) -> None:
        """Take a part of a body."""
        self._exchanges[0].answered(data)

    def on_message_complete(self) -> None:
        """End an answer."""
        if self._status >= 200:
            self._exchanges.popleft().log(self._log, whole=True)
        self._status, self._headers = 0, {}

    def _begin(self) -> None:
        if not self._exchanges:
            raise Unreadable  # an answer to nothing
        body = Body(self._headers, self._limit, self._room) if self._log.wants(self._status) else None
        self._exchanges[0].begun(self._status, self._headers, body)

    def _bodiless(self, data: bytes) -> bytes:
        """Read the answer to a HEAD, which tells a length and has no body; return what comes behind it."""
        self._head += data
        head, found, rest = self._head.partition(_END_OF_HEAD)
        if not found:
            if len(self._head) > LONGEST_HEAD:
                raise Unreadable
            return b""
        self._head = b""
        self._status = int(head.split(b" ", 2)[1])
        if self._status >= 200:
            self._begin()
            self._exchanges.popleft().log(self._log, whole=True)
        self._status = 0
        return rest
