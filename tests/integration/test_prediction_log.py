"""The real sidecar before the real Flask example, while the sink of its logs does what sinks do."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from cluster import venvs

from .stand import ROOT
from .waiting import eventually

HOUSE = json.dumps({"area": 70, "rooms": 3, "age": 12}).encode()
PRICE = {"price": 285.7}
HUGE = 100_000_000
CALLERS = 4


class Sink(ThreadingHTTPServer):
    """Takes batches of events, or hangs."""

    daemon_threads = True

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.answering = threading.Event()
        self.answering.set()
        super().__init__(("127.0.0.1", 0), _Taker)

    def handle_error(self, *_: Any) -> None:
        """Whoever posts does not wait for ever, and that is no error here."""

    def ids(self) -> set[str]:
        return {event["id"] for event in self.events if event["type"].endswith("response")}


class _Taker(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Sink

    def do_POST(self) -> None:
        events = json.loads(self.rfile.read(int(self.headers["content-length"])))
        assert self.headers["content-type"] == "application/cloudevents-batch+json"
        self.server.answering.wait()
        self.server.events += events
        self.send_response(202)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(command: list[str | Path], folder: Path, port: int, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, **env}, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: listens(port, process), f"{command[2]} listens", 120)
        yield process
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.answering.set()
        server.shutdown()
        thread.join()


def ask(port: int, identity: str, body: bytes = HOUSE) -> Any:
    """Ask once, without a retry."""
    connection = HTTPConnection("127.0.0.1", port, timeout=300)
    headers = {"content-type": "application/json", "x-request-id": identity}
    connection.request("POST", "/predict", body, headers)
    answer = connection.getresponse()
    document = json.loads(answer.read())
    connection.close()
    assert answer.status == 200
    return document


def load(port: int, name: str, count: int) -> set[str]:
    """Ask from all callers at once; every answer is the right one. The ids."""
    wanted = {f"{name}-{number}" for number in range(count)}
    with ThreadPoolExecutor(CALLERS) as callers:
        assert all(answer == PRICE for answer in callers.map(lambda identity: ask(port, identity), wanted))
    return wanted


def undelivered(port: int) -> float:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    found = re.search(
        r'^prediction_log_dropped_total\{destination="sink",reason="undelivered"\} (\S+)', text, re.MULTILINE
    )
    assert found
    return float(found[1])


def test_predictions_do_not_notice_what_a_sink_does(sink: Sink) -> None:
    model, port, metrics = free_port(), free_port(), free_port()
    flask: list[str | Path] = [sys.executable, "-m", "flask", "--app", "app", "run", "--port", str(model)]
    sidecar: list[str | Path] = [venvs.of(ROOT / "runtimes" / "server"), "-m", "serinus_server.sidecar"]
    env = {
        "SERINUS_HOST": "127.0.0.1",
        "SERINUS_PORT": str(port),
        "SERINUS_METRICS_PORT": str(metrics),
        "SERINUS_UPSTREAM_PORT": str(model),
        "SERINUS_LOG_SAMPLE": "1",
        "SERINUS_LOG_BATCH": "true",
        "SERINUS_LOG_SINK": f"http://127.0.0.1:{sink.server_port}/",
    }
    with (
        running(flask, ROOT / "examples" / "flask", model),
        running(sidecar, ROOT / "runtimes" / "server", metrics, **env),
        socket.create_connection(("127.0.0.1", port)) as slow,
    ):
        head = f"POST /predict HTTP/1.1\r\nHost: x\r\nX-Request-Id: slow\r\nContent-Type: application/json\r\nContent-Length: {len(HOUSE)}\r\n\r\n"
        slow.sendall(head.encode() + HOUSE[:1])  # and the rest much later

        asked = load(port, "heard", 100)
        eventually(lambda: asked <= sink.ids(), "all of them are logged", show=lambda: len(sink.events))

        sink.answering.clear()
        load(port, "hanging", 50)
        assert ask(port, "huge", b" " * (HUGE - len(HOUSE)) + HOUSE) == PRICE
        eventually(lambda: undelivered(metrics) > 0, "what the sink did not take is counted")

        sink.shutdown()
        sink.server_close()
        load(port, "gone", 50)

        slow.sendall(HOUSE[1:])
        assert b"285.7" in b"".join(iter(lambda: slow.recv(65536), b""))
