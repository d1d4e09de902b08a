"""One request and its answer, as a bystander sees them."""

import time
from typing import Any

from serinus_server import ids
from serinus_server.logs.predictions import PredictionLog
from serinus_server.logs.record import Record
from serinus_server.sidecar.body import Body, Room

Headers = dict[bytes, bytes]
LONGEST_PATH = 1024
UNANSWERED = 502
"""What an answer is logged as that never came, or not whole: what a gateway makes of it."""


class Exchange:
    """A request that has begun."""

    __slots__ = ("_began", "_id", "_path", "_request", "_response", "_status", "method")

    def __init__(self, method: bytes, target: bytes, headers: Headers, limit: int, room: Room) -> None:
        self._began = time.perf_counter()
        self.method = method
        # What stands behind the question mark is data, and has no names that could be relied on.
        self._path = target.partition(b"?")[0][:LONGEST_PATH].decode("latin-1")
        self._id = ids.usable(headers.get(ids.HEADER))
        self._request = Body(headers, limit, room)
        self._response: Body | None = None
        self._status = 0

    def asked(self, data: bytes) -> None:
        """Look at a part of the request's body."""
        self._request.add(data)

    def begun(self, status: int, headers: Headers, body: Body | None) -> None:
        """Take the head of the answer, and what keeps its body; None if it is not to be logged."""
        self._status = status
        self._id = self._id or ids.usable(headers.get(ids.HEADER))
        self._response = body
        if body is None:
            self._request.forget()

    def answered(self, data: bytes) -> None:
        """Look at a part of the answer's body."""
        if self._response is not None:
            self._response.add(data)

    def forget(self) -> None:
        """Give back what is kept of it."""
        self._request.forget()
        if self._response is not None:
            self._response.forget()

    def log(self, log: PredictionLog, *, whole: bool) -> None:
        """Log it if it is to be; `whole` is False if the server went away before the answer's end."""
        if self._response is not None or not whole:
            log.offer(self._record(whole=whole))
        self.forget()

    def _record(self, *, whole: bool) -> Record:
        told: dict[str, Any] = {
            "id": (self._id or ids.new()).decode(),
            "path": self._path,
            "status": self._status if whole else UNANSWERED,
            "time": time.time(),  # noqa: TID251 - when it was answered
            "seconds": time.perf_counter() - self._began,
            "request": self._request.told(),
        }
        if whole and self._response is not None:
            return Record(**told, response=self._response.told())
        seen = self._response.size if self._response is not None else 0
        words = f"[cut off after {seen} bytes of a {self._status}]" if self._status else "[no answer]"
        return Record(**told, response=words)
