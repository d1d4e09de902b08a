"""Object stores as processes of their own, and a connection to them that breaks."""

import json
import socket
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen


@dataclass
class Store:
    """A server that keeps buckets as folders."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    environ: dict[str, str] = field(default_factory=dict)

    def upload(self, bucket: str, key: str, body: bytes) -> None:
        """Put an object by Google's JSON API, which takes any key."""
        with suppress(HTTPError):  # there already
            self._ask("POST", "/storage/v1/b", json.dumps({"name": bucket}).encode())
        self._ask("POST", f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(key, safe='')}", body)

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object by Google's JSON API."""
        self._ask("DELETE", f"/storage/v1/b/{bucket}/o/{quote(key, safe='')}")

    def _ask(self, method: str, path: str, body: bytes | None = None) -> None:
        headers = {"Content-Type": "application/json"}
        urlopen(Request(f"http://127.0.0.1:{self.port}{path}", body, headers, method=method)).close()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody listens."""
    while True:
        assert process.poll() is None, f"{process.args} ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return


class Cutter:
    """Passes connections on, and cuts the first ones that bring more than so many bytes."""

    def __init__(self, port: int, after: int, times: int) -> None:
        self._upstream = port
        self._after = after
        self._times = times
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._upstream))
            threading.Thread(target=self._pass, args=(client, server, None), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, self._after), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, limit: int | None) -> None:
        count = 0
        try:
            while chunk := source.recv(65536):
                sink.sendall(chunk)
                count += len(chunk)
                if limit is not None and count > limit and self.cuts < self._times:
                    self.cuts += 1
                    break
        except OSError:
            pass
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
