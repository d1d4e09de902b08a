"""The proxy before a server: what passes is what was sent, and what is logged is what passed."""

import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from upstream import Upstream, upstream

LIMIT = 1000
HUGE = 100_000_000


@dataclass
class Proxy:
    """A proxy in a process of its own."""

    process: subprocess.Popen[bytes]
    port: int
    metrics_port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_bytes().splitlines()]

    def line(self, identity: str) -> dict[str, Any]:
        """Wait for what is logged of a request."""
        while not (found := [line for line in self.lines() if line["id"] == identity]):
            time.sleep(0.02)
        return found[0]

    def metric(self, name: str) -> float:
        text = httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text
        found = re.search(rf"^{re.escape(name)} (\S+)", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port))


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@contextmanager
def proxy(target: int, log: Path, **env: str) -> Iterator[Proxy]:
    """Start a proxy and wait until its metrics say that it listens."""
    port, metrics_port = free_ports(2)
    settings = {
        "SERINUS_HOST": "127.0.0.1",
        "SERINUS_PORT": str(port),
        "SERINUS_METRICS_PORT": str(metrics_port),
        "SERINUS_UPSTREAM_PORT": str(target),
        "SERINUS_LOG_STDOUT": "true",
        "SERINUS_LOG_SAMPLE": "1",
        **env,
    }
    with log.open("wb") as out:
        command = [sys.executable, "-m", "serinus_server.sidecar"]
        process = subprocess.Popen(command, cwd=Path(__file__).parents[1], env={**os.environ, **settings}, stdout=out)
    made = Proxy(process, port, metrics_port, log)
    try:
        while True:
            assert process.poll() is None
            try:
                socket.create_connection(("127.0.0.1", metrics_port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        yield made
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.fixture(scope="module")
def server() -> Iterator[Upstream]:
    with upstream() as found:
        yield found


@pytest.fixture(scope="module")
def before(server: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    log = tmp_path_factory.mktemp("log") / "stdout"
    env = {"SERINUS_LOG_MAX_BYTES": str(LIMIT), "SERINUS_LOG_REDACT": "secret", "SERINUS_MODEL_VERSION": "7"}
    with proxy(server.server_port, log, **env) as found:
        yield found


def post(before: Proxy, path: str, identity: str = "", **given: Any) -> httpx.Response:
    headers = {"x-request-id": identity} if identity else {}
    return httpx.post(before.url + path, timeout=600, headers=headers | given.pop("headers", {}), **given)


def test_a_prediction_is_logged(before: Proxy) -> None:
    answer = post(before, "/size?user=5", "plain", json={"a": [1, 2], "deep": {"secret": 3}})
    assert answer.json() == {"size": 31, "secret": 7}
    line = before.line("plain")
    assert 0 < line.pop("seconds") < 600
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "id": "plain",
        "model": "model",
        "version": "7",
        "path": "/size",
        "status": 200,
        "request": {"a": [1, 2], "deep": {"secret": "[redacted]"}},
        "response": {"size": 31, "secret": "[redacted]"},
    }


def test_an_id_is_the_caller_s_or_the_server_s(before: Proxy) -> None:
    post(before, "/named", json={})
    assert before.line("of-the-server")["status"] == 200
    post(before, "/named", "of-the-caller", json={})
    assert before.line("of-the-caller")["status"] == 200


def test_an_error_tells_nothing_where_names_are_redacted(before: Proxy) -> None:
    assert post(before, "/failing", "failing", json={"b": 1}).json() == {"detail": "secret must not be 7"}
    line = before.line("failing")
    assert (line["status"], line["request"], line["response"]) == (500, {"b": 1}, "[redacted]")


@pytest.mark.parametrize(
    ("identity", "given", "words"),
    [
        ("not-json", {"content": b"{secret: 7"}, "[redacted]"),
        ("large", {"content": b"1" * (LIMIT + 1)}, f"[{LIMIT + 1} bytes]"),
        ("picture", {"content": b"\x89PN", "headers": {"content-type": "image/png"}}, "[3 bytes of image/png]"),
        ("zipped", {"content": b"\x1f\x8b", "headers": {"content-encoding": "gzip"}}, "[2 bytes, gzip]"),
        ("chunked", {"content": iter([b'{"a":', b" 1}"])}, {"a": 1}),
        ("empty", {}, None),
        ("expecting", {"json": {"a": 1}, "headers": {"expect": "100-continue"}}, {"a": 1}),
    ],
)
def test_what_is_logged_of_a_body(before: Proxy, identity: str, given: dict[str, Any], words: Any) -> None:
    assert post(before, "/size", identity, **given).status_code == 200
    assert before.line(identity)["request"] == words


def test_what_is_no_text_is_told_by_its_size(before: Proxy) -> None:
    assert post(before, "/picture", "painted", json={}).content == b"\x89PN"
    assert before.line("painted")["response"] == "[3 bytes of image/png]"


def test_100_megabytes_pass_and_are_not_kept(before: Proxy) -> None:
    blocks = (bytes(1_000_000) for _ in range(HUGE // 1_000_000))
    assert post(before, "/size", "huge", content=blocks, headers={"content-length": str(HUGE)}).json()["size"] == HUGE
    assert before.line("huge")["request"] == f"[{HUGE} bytes]"
    status = Path(f"/proc/{before.process.pid}/status").read_text()
    assert int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) < 150_000  # type: ignore[index]


def test_an_answer_streams(before: Proxy, server: Upstream) -> None:
    server.go_on.clear()
    with httpx.stream("POST", f"{before.url}/streamed", json={}, headers={"x-request-id": "stream"}) as answer:
        parts = answer.iter_raw()
        assert next(parts) == b"one, "  # the server waits for us
        server.go_on.set()
        assert b"".join(parts) == b"two"
    assert before.line("stream")["response"] == "[redacted]"


def test_an_answer_may_end_with_its_connection(before: Proxy) -> None:
    assert post(before, "/until-the-end", "until", json={}).json() == {"until": "the end"}
    assert before.line("until")["response"] == {"until": "the end"}


def test_what_was_not_answered_is_logged_as_an_error(before: Proxy) -> None:
    for path, words in (("cut-off", "[cut off after 10 bytes of a 200]"), ("silent", "[no answer]")):
        with pytest.raises(httpx.RemoteProtocolError):
            post(before, f"/{path}", path, json={})
        line = before.line(path)
        assert (line["status"], line["response"]) == (502, words)


def request(path: str, identity: str, method: str = "POST", body: bytes = b"{}", more: str = "") -> bytes:
    head = (
        f"{method} /{path} HTTP/1.1\r\nHost: x\r\nX-Request-Id: {identity}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    )
    return head.encode() + body


def test_a_connection_is_used_again_also_after_a_head(before: Proxy) -> None:
    with httpx.Client(base_url=before.url) as client:
        assert client.head("/x", headers={"x-request-id": "head"}).headers["content-length"] == "500"
        client.post("/size", json={"n": 2}, headers={"x-request-id": "after-head"})
    assert (before.line("head")["status"], before.line("head")["response"]) == (200, None)
    assert before.line("after-head")["request"] == {"n": 2}


def test_requests_that_do_not_wait_for_answers(before: Proxy) -> None:
    with before.connect() as caller:
        caller.sendall(b"".join(request("size", f"piped-{n}", body=b"%d" % n) for n in range(3)))
        seen = b""
        while seen.count(b'"secret": 7}') < 3:
            seen += caller.recv(65536)
    assert [before.line(f"piped-{n}")["request"] for n in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("opening", "mark", "greeted"),
    [
        (
            request("upgraded", "ws", body=b"", more="Connection: Upgrade\r\nUpgrade: websocket\r\n"),
            b"ws:",
            b"\r\n\r\n",
        ),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"h2:", b""),
    ],
    ids=["websocket", "http2"],
)
def test_what_is_no_http_1_passes_and_is_counted(before: Proxy, opening: bytes, mark: bytes, greeted: bytes) -> None:
    known = before.metric("prediction_log_unread_connections_total")
    with before.connect() as caller:
        caller.sendall(opening)
        seen = b""
        while greeted not in seen:
            seen += caller.recv(65536)
        caller.sendall(b"\x00\xffdata")
        while b"\x00\xffdata" not in seen:
            seen += caller.recv(65536)
        assert mark in seen
    assert before.metric("prediction_log_unread_connections_total") == known + 1


def test_a_server_that_declines_an_upgrade_is_read_on(before: Proxy) -> None:
    with before.connect() as caller:
        more = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
        caller.sendall(request("size", "h2c", more=more) + request("size", "h2c-next"))
        seen = b""
        while seen.count(b'"secret": 7}') < 2:
            seen += caller.recv(65536)
    assert (before.line("h2c")["status"], before.line("h2c-next")["status"]) == (200, 200)


def test_a_caller_who_breaks_off_is_not_logged(before: Proxy, server: Upstream) -> None:
    server.hold()
    with before.connect() as caller:
        caller.sendall(request("held", "impatient"))
        server.reached.wait()
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # it closes by a reset
    post(before, "/size", "meanwhile", json={})
    server.go_on.set()
    post(before, "/size", "later", json={})
    before.line("later")
    assert "impatient" not in [line["id"] for line in before.lines()]


def test_errors_are_logged_without_a_sample(server: Upstream, tmp_path: Path) -> None:
    with proxy(server.server_port, tmp_path / "log", SERINUS_LOG_SAMPLE="0") as before:
        post(before, "/size", "good", json={})
        post(before, "/failing", "bad", json={"a": 1})
        line = before.line("bad")
        assert (line["request"], line["response"]) == ({"a": 1}, {"detail": "secret must not be 7"})
        assert len(before.lines()) == 1


def test_a_server_that_is_not_there_is_as_if_nobody_listened(tmp_path: Path) -> None:
    with proxy(free_ports(1)[0], tmp_path / "log") as before, pytest.raises(httpx.TransportError):
        post(before, "/size", json={})


def test_requests_in_flight_are_answered_and_logged_after_sigterm(server: Upstream, tmp_path: Path) -> None:
    server.hold()
    with proxy(server.server_port, tmp_path / "log") as before, before.connect() as idle, before.connect() as caller:
        caller.sendall(request("held", "last"))
        server.reached.wait()
        before.process.send_signal(signal.SIGTERM)
        assert idle.recv(1) == b""  # what is idle is closed, and what is not is waited for
        server.go_on.set()
        assert b'"held": true' in b"".join(iter(lambda: caller.recv(65536), b""))
        assert before.process.wait() == 0
        assert [line["id"] for line in before.lines()] == ["last"]


def test_a_wrong_setting_ends_it_with_a_reason() -> None:
    command = [sys.executable, "-m", "serinus_server.sidecar"]
    env = {**os.environ, "SERINUS_LOG_SAMPLE": "2"}
    done = subprocess.run(command, cwd=Path(__file__).parents[1], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "SERINUS_LOG_SAMPLE='2': Input should be less than or equal to 1" in done.stderr
    assert "SERINUS_UPSTREAM_PORT=None: Field required" in done.stderr
    assert "Traceback" not in done.stderr
