"""A server of any kind, behind the proxy: what it does is in the path that it is asked for."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Upstream(ThreadingHTTPServer):
    """Answers as the path says, and waits where it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.reached = threading.Event()
        super().__init__(("127.0.0.1", 0), Answering)

    def hold(self) -> None:
        """Let the next one wait."""
        self.go_on.clear()
        self.reached.clear()

    def handle_error(self, *_: Any) -> None:
        """A caller that leaves is no error here."""


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def parse_request(self) -> bool:
        if self.raw_requestline.startswith(b"PRI * HTTP/2.0"):
            self._echo(b"h2:")
            return False
        return super().parse_request()

    def do_POST(self) -> None:
        getattr(self, self.path.partition("?")[0].strip("/").replace("-", "_"))()

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "500")
        self.end_headers()

    def do_GET(self) -> None:
        self.answer({"path": self.path})

    def read(self) -> int:
        """Read the body; its size."""
        if self.headers.get("transfer-encoding") == "chunked":
            size = 0
            while length := int(self.rfile.readline(), 16):
                size += len(self.rfile.read(length + 2)) - 2
            self.rfile.readline()
            return size
        left = total = int(self.headers["content-length"])
        while left:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        return total

    def answer(self, document: Any, status: int = 200, **headers: str) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        given = {"content-type": "application/json", "content-length": str(len(body)), **headers}
        for name, value in given.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def size(self) -> None:
        self.answer({"size": self.read(), "secret": 7})

    def named(self) -> None:
        self.read()
        self.answer({}, x_request_id="of-the-server")

    def failing(self) -> None:
        self.read()
        self.answer({"detail": "secret must not be 7"}, 500)

    def picture(self) -> None:
        self.read()
        self.send_response(200)
        self.send_header("content-type", "image/png")
        self.send_header("content-length", "3")
        self.end_headers()
        self.wfile.write(b"\x89PN")

    def held(self) -> None:
        self.read()
        self.server.reached.set()
        self.server.go_on.wait()
        self.answer({"held": True})

    def streamed(self) -> None:
        self.read()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\none, \r\n")
        self.server.go_on.wait()
        self.wfile.write(b"3\r\ntwo\r\n0\r\n\r\n")

    def until_the_end(self) -> None:
        self.read()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(b'{"until": "the end"}')
        self.close_connection = True

    def cut_off(self) -> None:
        self.read()
        self.send_response(200)
        self.send_header("content-length", "100")
        self.end_headers()
        self.wfile.write(b"0123456789")
        self.close_connection = True

    def silent(self) -> None:
        self.read()
        self.close_connection = True

    def upgraded(self) -> None:
        self.send_response(101)
        self.send_header("connection", "upgrade")
        self.send_header("upgrade", "websocket")
        self.end_headers()
        self._echo(b"ws:")

    def _echo(self, mark: bytes) -> None:
        """Say back what comes, with a mark; no HTTP any more."""
        while data := self.rfile.read1(65536):
            self.wfile.write(mark + data)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.go_on.set()
            server.shutdown()
            thread.join()
