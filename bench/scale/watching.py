"""One kind of object, followed as a controller does: a list, then a watch."""

import contextlib
import http.client
import socket
import threading
from collections.abc import Callable
from typing import Any

import orjson

from tests.integration.control_plane import ControlPlane
from tests.integration.kube import Kube, Manifest, RefusedError, path

Key = tuple[str, str]
"""Namespace and name."""
Take = Callable[[Key, Manifest | None], None]
"""Told about each object as it is now, with None when it is gone."""


class Watch(threading.Thread):
    """Tells of every object and each of its changes, in a thread of its own, until stopped."""

    def __init__(self, plane: ControlPlane, plural: str, take: Take, **query: str) -> None:
        super().__init__(daemon=True, name=f"watch-{plural}")
        self._plane, self._plural, self._take, self._query = plane, plural, take, query
        self._connection: http.client.HTTPSConnection | None = None
        self._known: set[Key] = set()
        self._ended = False
        self.listed = threading.Event()

    def run(self) -> None:
        """List and watch, again when the API server ends the watch."""
        while not self._ended:
            with contextlib.suppress(OSError, ValueError, AttributeError, RefusedError, http.client.HTTPException):
                self._follow(self._list())

    def stop(self) -> None:
        """End the thread."""
        self._ended = True
        if self._connection and self._connection.sock:
            with contextlib.suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)
        self.join(5)

    def _list(self) -> str:
        found = Kube(self._plane).call("GET", path(self._plural, **self._query))
        gone = self._known - {_key(item) for item in found["items"]}
        for item in found["items"]:
            self._tell("ADDED", item)
        for key in gone:
            self._known.discard(key)
            self._take(key, None)
        self.listed.set()
        return str(found["metadata"]["resourceVersion"])

    def _follow(self, version: str) -> None:
        self._connection = self._plane.connect(timeout=3600)
        where = path(self._plural, watch="true", resourceVersion=version, **self._query)
        self._connection.request("GET", where, headers=self._plane.headers())
        answer = self._connection.getresponse()
        while not self._ended and (line := answer.readline()):
            event = orjson.loads(line)
            if event["type"] == "ERROR":
                return
            self._tell(event["type"], event["object"])

    def _tell(self, kind: str, item: Manifest) -> None:
        key = _key(item)
        if kind == "DELETED":
            self._known.discard(key)
            self._take(key, None)
        else:
            self._known.add(key)
            self._take(key, item)


class Table:
    """What is kept of each object of a kind."""

    def __init__(self, plane: ControlPlane, plural: str, keep: Callable[[Manifest], Any], **query: str) -> None:
        self.rows: dict[Key, Any] = {}
        self._keep = keep
        self._watch = Watch(plane, plural, self._take, **query)
        self._watch.start()
        self._watch.listed.wait(60)

    def stop(self) -> None:
        """Follow no longer."""
        self._watch.stop()

    def _take(self, key: Key, item: Manifest | None) -> None:
        if item is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = self._keep(item)


def _key(item: Manifest) -> Key:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]
