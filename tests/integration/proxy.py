"""A proxy in front of the API server that answers wrongly when a test asks for it."""

import http.client
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import yaml

from .control_plane import ControlPlane
from .loopback import Request, Server

Fault = Callable[[str, str], int]
"""From method and path to the status to answer with, 0 for the API server's own answer."""
REASONS = {409: "Conflict", 410: "Expired", 429: "TooManyRequests", 500: "InternalError"}
_EXPIRED = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}


def no_fault(_: str, __: str) -> int:
    return 0


class ApiProxy:
    """Plain HTTP in front of one API server, for one operator."""

    def __init__(self, plane: ControlPlane, home: Path) -> None:
        self.plane = plane
        self.fault: Fault = no_fault
        self.answered: Counter[tuple[str, int]] = Counter()
        """Requests by namespace and the status that was injected, 0 for none."""
        self._open = threading.Event()
        self._open.set()
        self._expired: set[str] = set()
        self._watches: set[socket.socket] = set()
        self._server = Server(self.handle)
        self.kubeconfig = home / "proxied-kubeconfig"
        config = yaml.safe_load(plane.kubeconfig.read_text())
        config["clusters"][0]["cluster"] = {"server": self._server.address}
        self.kubeconfig.write_text(yaml.safe_dump(config))

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self.cut_watches()
        self._server.stop()

    def cut_watches(self) -> None:
        """End every watch and let no new one begin until `expire`."""
        self._open.clear()
        for connection in list(self._watches):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def expire(self) -> None:
        """Let watches begin again: where one left off is too old by now."""
        self._expired = {"/"}
        self._open.set()

    def handle(self, request: Request) -> None:
        body = request.body() or None
        where = urlsplit(request.path)
        status = self.fault(request.command, where.path)
        self.answered[_namespace(where.path), status] += 1
        if status:
            answer = {"kind": "Status", "code": status, "reason": REASONS[status], "message": "as the test asked"}
            more = {"Retry-After": "1"} if status == 429 else {}
            request.reply(status, json.dumps(answer).encode(), {"Content-Type": "application/json", **more})
        elif "watch" in parse_qs(where.query):
            self._watch(request)
        else:
            self._forward(request, body)

    def _forward(self, request: Request, body: bytes | None) -> None:
        upstream = self.plane.connect(timeout=60)
        try:
            upstream.request(request.command, request.path, body, self._headers(request))
            answer = upstream.getresponse()
            request.reply(answer.status, answer.read(), {"Content-Type": answer.getheader("Content-Type", "")})
        except (OSError, http.client.HTTPException):
            request.close_connection = True
        finally:
            upstream.close()

    def _watch(self, request: Request) -> None:
        self._open.wait(60)
        kind = urlsplit(request.path).path
        request.close_connection = True
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Connection", "close")
        request.end_headers()
        if self._expired and kind not in self._expired and "resourceVersion" in parse_qs(urlsplit(request.path).query):
            self._expired.add(kind)
            request.wfile.write(json.dumps({"type": "ERROR", "object": _EXPIRED}).encode() + b"\n")
            return
        upstream = self.plane.connect(timeout=600)
        upstream.request("GET", request.path, headers=self._headers(request))
        answer = upstream.getresponse()
        ours = upstream.sock
        watched = {request.connection, *([ours] if ours else [])}
        self._watches |= watched
        try:
            while line := answer.readline():
                request.wfile.write(line)
                request.wfile.flush()
        except (OSError, ValueError, http.client.HTTPException):
            pass  # cut, or one of the two went away
        finally:
            self._watches -= watched
            upstream.close()

    def _headers(self, request: Request) -> dict[str, str]:
        accept = {"Accept": request.headers.get("Accept", "application/json")}
        return self.plane.headers(request.headers.get("Content-Type", "application/json")) | accept


def _namespace(path: str) -> str:
    _, _, rest = path.partition("/namespaces/")
    return rest.partition("/")[0]
