"""HTTP servers on this machine that tests are talked to by, quiet about everything."""

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Request(BaseHTTPRequestHandler):
    """One request, of whatever method."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def body(self) -> bytes:
        """Return what came with it."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Answer."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _any(self) -> None:
        if self.server.stopped:  # over a connection that was kept open
            self.close_connection = True
            return
        self.server.handle(self)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _any  # noqa: N815 - the server's names

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


class Server(ThreadingHTTPServer):
    """Lets a function handle every request, each in a thread of its own."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, handle: Callable[[Request], None], port: int = 0, host: str = "127.0.0.1") -> None:
        self.handle = handle
        self.stopped = False
        super().__init__((host, port), Request)

    @property
    def address(self) -> str:
        """Return its URL."""
        return f"http://{self.server_address[0]}:{self.server_port}"

    def start(self) -> "Server":
        """Begin to answer."""
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Refuse connections, and answer nothing more over those that are open."""
        self.stopped = True
        self.shutdown()
        self.server_close()

    def handle_error(self, *_: Any) -> None:
        """Say nothing: the client went away."""
