"""An HTTPS server with ranges, and with the faults that real ones have."""

import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme

Fault = Callable[["Handler"], bool]
"""Answers a request in a special way; False leaves it to the server."""


class Site(ThreadingHTTPServer):
    """Files in memory by path, and one fault for each of the next requests of a path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[Fault]] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        """Path and headers of each request."""
        self.ranges = True
        self.scheme = "http"

    def url(self, path: str) -> str:
        return f"{self.scheme}://localhost:{self.server_address[1]}{path}"

    def handle_error(self, *_: Any) -> None:
        """Clients that go away are what some tests are about."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers)))
        path = self.path.partition("?")[0]
        faults = self.server.faults.get(path)
        if faults and faults.pop(0)(self):
            return
        if path not in self.server.files:
            self.answer(404)
            return
        body = self.server.files[path]
        tag = f'"{hash(body)}"'
        start = self._start(tag)
        headers = {"ETag": tag} if self.server.ranges else {}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        self.answer(206 if start else 200, body[start:], headers)

    def _start(self, tag: str) -> int:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not match or not self.server.ranges or self.headers.get("If-Range", tag) != tag:
            return 0
        return int(match[1])

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """The tests look at `seen`."""


def status(code: int, **headers: str) -> Fault:
    """Answer with a status and no body."""

    def fault(handler: Handler) -> bool:
        handler.answer(code, headers={name.replace("_", "-"): value for name, value in headers.items()})
        return True

    return fault


def cut_after(count: int) -> Fault:
    """Announce the whole file, send some of it, and close the connection."""

    def fault(handler: Handler) -> bool:
        body = handler.server.files[handler.path.partition("?")[0]]
        tag = f'"{hash(body)}"'
        start = handler._start(tag)
        handler.send_response(206 if start else 200)
        if handler.server.ranges:
            handler.send_header("ETag", tag)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        handler.send_header("Content-Length", str(len(body) - start))
        handler.end_headers()
        handler.wfile.write(body[start : start + count])
        handler.wfile.flush()
        handler.close_connection = True
        return True

    return fault


def nothing(_: Handler) -> bool:
    """No fault."""
    return False


class Held:
    """Sends some of a file, and the rest when it is let go."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.sent = threading.Event()
        self.go = threading.Event()

    def __call__(self, handler: Handler) -> bool:
        body = handler.server.files[handler.path]
        handler.send_response(200)
        handler.send_header("ETag", f'"{hash(body)}"')
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: self._count])
        handler.wfile.flush()
        self.sent.set()
        self.go.wait(60)
        handler.wfile.write(body[self._count :])
        return True


@contextmanager
def served(authority: trustme.CA | None = None) -> Iterator[Site]:
    """Run a site, over TLS when an authority is given."""
    site = Site()
    if authority:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(context)
        site.socket = context.wrap_socket(site.socket, server_side=True)
        site.scheme = "https"
    thread = threading.Thread(target=site.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield site
    finally:
        site.shutdown()
        thread.join()
        site.server_close()


def trusted(authority: trustme.CA, folder: Path) -> Path:
    """Write the certificate that clients are to trust."""
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return path
