"""A proxy in front of the API server that answers wrongly when a test asks for it."""

import http.client
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from .control_plane import ControlPlane

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
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                outer.handle(self)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any  # noqa: N815 - the server's names

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: Any) -> None:
                pass  # the operator went away

        self._server = Server(("127.0.0.1", 0), Handler)
        self.kubeconfig = home / "proxied-kubeconfig"
        config = yaml.safe_load(plane.kubeconfig.read_text())
        config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{self._server.server_port}"}
        self.kubeconfig.write_text(yaml.safe_dump(config))

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.cut_watches()
        self._server.shutdown()
        self._server.server_close()

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

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get("Content-Length") or 0)
        body = request.rfile.read(length) if length else None
        where = urlsplit(request.path)
        status = self.fault(request.command, where.path)
        self.answered[_namespace(where.path), status] += 1
        if status:
            answer = {"kind": "Status", "code": status, "reason": REASONS[status], "message": "as the test asked"}
            _reply(request, status, json.dumps(answer).encode(), {"Retry-After": "1"} if status == 429 else {})
        elif "watch" in parse_qs(where.query):
            self._watch(request)
        else:
            self._forward(request, body)

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes | None) -> None:
        upstream = self.plane.connect(timeout=60)
        try:
            upstream.request(request.command, request.path, body, self._headers(request))
            answer = upstream.getresponse()
            _reply(request, answer.status, answer.read(), {"Content-Type": answer.getheader("Content-Type", "")})
        except (OSError, http.client.HTTPException):
            request.close_connection = True
        finally:
            upstream.close()

    def _watch(self, request: BaseHTTPRequestHandler) -> None:
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

    def _headers(self, request: BaseHTTPRequestHandler) -> dict[str, str]:
        accept = {"Accept": request.headers.get("Accept", "application/json")}
        return self.plane.headers(request.headers.get("Content-Type", "application/json")) | accept


def _reply(request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
    request.send_response(status)
    for name, value in {"Content-Type": "application/json", **headers}.items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def _namespace(path: str) -> str:
    _, _, rest = path.partition("/namespaces/")
    return rest.partition("/")[0]
