"""Prediction logs: what is in them, what never is, and that nobody waits for them."""

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import models
from serinus_server.logs.events import BATCH_BYTES, parted
from serinus_server.logs.handover import Handover
from serinus_server.logs.outbox import BYTES, ENTRIES, Outbox
from serinus_server.logs.posts import Posts
from serinus_server.logs.record import REDACTED, Record, Redactor
from serving import ROW, logs, running, serve


class Sink(ThreadingHTTPServer):
    """Takes events and keeps them."""

    daemon_threads = True

    def __init__(self) -> None:
        self.events: list[tuple[dict[str, str], Any]] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), Taker)

    def wait_for(self, count: int) -> None:
        while len(self.events) < count:
            time.sleep(0.01)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/events"


class Taker(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Sink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.events.append(({**headers, ":path": self.path}, json.loads(body)))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def sink() -> Iterator[Sink]:
    with Sink() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def named(tmp_path: Path) -> Path:
    features, target = load_iris(return_X_y=True, as_frame=True)
    features.columns = ["a", "b", "c", "d"]
    return models.dumped(LogisticRegression(max_iter=500).fit(features, target), tmp_path / "model.skops")


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_lines_on_stdout(iris: Path) -> None:
    with running(iris, SERINUS_LOG_STDOUT="true", SERINUS_LOG_SAMPLE="1", SERINUS_MODEL_VERSION="7") as server:
        server.wait_until_ready()
        httpx.post(
            f"{server.url}/predict", content=b'{"data":\n[[5.1, 3.5, 1.4, 0.2]]}', headers={"x-request-id": "r1"}
        )
        httpx.post(f"{server.url}/predict", content=b"[[1", headers={"x-request-id": "r2"})
        _, out, _ = server.stop()
    good, bad = lines(out)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00", good.pop("time"))
    assert 0 < good.pop("seconds") < 60
    assert good == {
        "id": "r1",
        "model": "model",
        "version": "7",
        "path": "/predict",
        "status": 200,
        "request": {"data": [ROW]},
        "response": {"prediction": [0], "model_name": "model", "model_version": "7"},
    }
    assert (bad["id"], bad["status"], bad["request"]) == ("r2", 400, "[[1")
    assert "not JSON" in bad["response"]["error"]


def test_only_errors_without_a_sample(iris: Path) -> None:
    with sink() as taking:
        client = serve(iris, log_sink=taking.url)
        for body in ([ROW], [ROW[:3]], [ROW]):
            client.post("/predict", json=body)
        taking.wait_for(2)
    assert [asked["ce-status"] for asked, _ in taking.events] == ["400", "400"]


def test_events_in_the_format_of_kserve(iris: Path) -> None:
    with sink() as taking:
        client = serve(iris, log_sink=taking.url, log_sample=1, namespace="shop", model_version="7")
        client.post("/v1/models/iris:predict", json={"instances": [ROW]}, headers={"x-request-id": "r1"})
        taking.wait_for(2)
    (asked, request), (answered, response) = taking.events
    attributes = {name.removeprefix("ce-"): value for name, value in asked.items() if name.startswith("ce-")}
    assert attributes.pop("time").endswith("+00:00")
    assert attributes == {
        "specversion": "1.0",
        "id": "r1",
        "type": "org.kubeflow.serving.inference.request",
        "source": "/models/iris/versions/7",
        "inferenceservicename": "iris",
        "namespace": "shop",
        "component": "predictor",
        "modelversion": "7",
        "status": "200",
    }
    assert (asked["content-type"], asked[":path"]) == ("application/json", "/events")
    assert (answered["ce-type"], answered["ce-id"]) == ("org.kubeflow.serving.inference.response", "r1")
    assert (request, response) == ({"instances": [ROW]}, {"predictions": [0]})


def test_events_in_batches_for_a_sink_that_takes_them(iris: Path) -> None:
    with sink() as taking:
        client = serve(iris, log_sink=taking.url, log_sample=1, log_batch=True, model_version="7")
        client.post("/predict", json=[ROW], headers={"x-request-id": "r1"})
        taking.wait_for(1)
    ((headers, batch),) = taking.events
    assert headers["content-type"] == "application/cloudevents-batch+json"
    assert "ce-id" not in headers
    for event, kind, data in zip(batch, ("request", "response"), ([ROW], {"prediction": [0]}), strict=True):
        known = {key: event[key] for key in ("specversion", "id", "type", "datacontenttype", "status")}
        assert known == {
            "specversion": "1.0",
            "id": "r1",
            "type": f"org.kubeflow.serving.inference.{kind}",
            "datacontenttype": "application/json",
            "status": "200",
        }
        assert event["data"] == data or event["data"].items() >= data.items()


def test_batches_have_a_size_that_sinks_take() -> None:
    sizes = [10, 10, BATCH_BYTES, 10, BATCH_BYTES - 10, 1]
    records = [Record("r", "/predict", 200, 0.0, 0.0, bytes(size), b"") for size in sizes]
    parts = [[record.size for record in part] for part in parted(records)]
    assert parts == [[10, 10], [BATCH_BYTES], [10, BATCH_BYTES - 10], [1]]


def test_of_a_large_body_the_size_is_logged(iris: Path) -> None:
    with sink() as taking:
        client = serve(iris, log_sink=taking.url, log_sample=1, log_max_bytes=30)
        client.post("/predict", json=[ROW])
        taking.wait_for(2)
    (_, request), (_, response) = taking.events
    assert request == [ROW]
    assert re.fullmatch(r"\[\d+ bytes\]", response)


def dropped(text: str, reason: str) -> float:
    found = re.search(
        rf'^prediction_log_dropped_total{{destination="sink",reason="{reason}"}} (\S+)', text, re.MULTILINE
    )
    return float(found[1]) if found else 0.0


def test_what_a_sink_does_not_take_is_counted(iris: Path) -> None:
    with sink() as taking:
        taking.status = 500
        client = serve(iris, log_sink=taking.url, log_sample=1)
        assert client.post("/predict", json=[ROW]).status_code == 200
        while not dropped(client.get("/metrics").text, "undelivered"):
            time.sleep(0.01)
    assert taking.events


ANSWERS = {
    "an answer each, then closed": b"HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
    "an answer that ends with the connection": b"HTTP/1.0 200 OK\r\n\r\nok",
    "closed without a word of it": b"HTTP/1.1 204 No Content\r\n\r\n",
    "in chunks, after a word that it will come": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    ),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_sink_may_close_connections_when_it_likes(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        asked: list[bytes] = []
        serving = threading.Thread(target=answered, args=(listening, answer, 3, asked))
        serving.start()
        posts = Posts(f"http://127.0.0.1:{listening.getsockname()[1]}/events?a=b")
        codes = [posts.post(b"%d" % number, {"ce-id": "r"}) for number in range(3)]
        posts._connection.close()
        serving.join()
    assert codes == [int(answer.rpartition(b"HTTP/1.")[2][2:5])] * 3
    assert [request.rpartition(b"\r\n\r\n")[2] for request in asked] == [b"0", b"1", b"2"]
    assert asked[0].startswith(b"POST /events?a=b HTTP/1.1\r\nhost: 127.0.0.1:")


def answered(listening: socket.socket, answer: bytes, times: int, asked: list[bytes]) -> None:
    """Take a connection, read a request to its end and answer, as often as that."""
    for _ in range(times):
        connection, _ = listening.accept()
        with connection:
            request = b""
            while not re.search(rb"content-length: 1\r\n\r\n.", request):
                request += connection.recv(65536)
            asked.append(request)
            connection.sendall(answer)


@pytest.mark.parametrize("answer", [b"", b"220 mail.example.com ready\r\n"], ids=["none", "not HTTP"])
def test_a_sink_that_does_not_answer_is_an_error(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=answered, args=(listening, answer, 1, []))
        serving.start()
        with pytest.raises(OSError, match=r"without an answer|no HTTP"):
            Posts(f"http://127.0.0.1:{listening.getsockname()[1]}/").post(b"0", {})
        serving.join()


class Deaf:
    """A destination that takes its time until it is let go."""

    threads = 1
    at_once = 1
    gather_seconds = 0.0

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.lost = 0
        self.written: list[Record] = []

    def write(self, records: list[Record]) -> None:
        self.let_go.wait()
        self.written += records

    def dropped(self, count: int) -> None:
        self.lost += count


@pytest.mark.parametrize(("size", "kept"), [(10, ENTRIES), (BYTES // 8, 8)], ids=["many", "large"])
def test_what_there_is_no_room_for_is_dropped_and_counted(size: int, kept: int) -> None:
    deaf = Deaf()
    outbox = Outbox(deaf)
    record = Record("r", "/predict", 200, 0.0, 0.0, bytes(size), b"")
    for _ in range(kept + 100):
        outbox.offer(record)  # it comes back although nobody writes
    assert deaf.lost >= 99  # one may be in the writer's hands
    deaf.let_go.set()
    outbox.close(60)
    assert len(deaf.written) == kept + 100 - deaf.lost


class DeafPipe:
    """A pipe that nobody reads until it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.lost = 0
        self.written: list[bytes] = []

    def write(self, records: list[bytes]) -> None:
        self.let_go.wait()
        self.written += records

    def dropped(self, count: int) -> None:
        self.lost += count


@pytest.mark.parametrize(("size", "kept"), [(10, ENTRIES), (BYTES // 8, 8)], ids=["many", "large"])
def test_what_the_other_process_does_not_read_is_dropped_and_counted(size: int, kept: int) -> None:
    deaf = DeafPipe()
    handover = Handover(deaf)
    offered = 2 * kept + 100
    for _ in range(offered):
        handover.offer(bytes(size))  # it comes back although nobody reads
    assert deaf.lost >= 100  # as many again may be in the hands of the thread
    deaf.let_go.set()
    handover.close(60)
    assert len(deaf.written) == offered - deaf.lost


def test_the_process_that_writes_is_started_anew(iris: Path) -> None:
    with sink() as taking:
        client = serve(iris, log_sink=taking.url, log_sample=1)
        for number in (1, 2):
            client.post("/predict", json=[ROW])
            taking.wait_for(2 * number)
            logs[-1]._writer._process.kill()
            logs[-1]._writer._process.wait()
        assert not dropped(client.get("/metrics").text, "undelivered")


SHORT = [[1, 2, 3]]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", {"data": [[1, 2, 3, 4], [1, 2, 3, 4]]}),
        ("/predict", [[1, 2, 3, 4]]),
        ("/predict", [{"a": 1, "b": 2, "c": 3, "d": 4}]),
        ("/predict", SHORT),
        ("/predict", [[1, 2, 3, "2"]]),
        ("/v1/models/iris:predict", {"instances": [[1, 2, 3, 4]]}),
        (
            "/v2/models/iris/infer",
            {"inputs": [{"name": "x", "shape": [2, 4], "datatype": "FP64", "data": [1, 2, 3, 4] * 2}]},
        ),
        (
            "/v2/models/iris/infer",
            {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP64", "data": [[1, 2, 3, 4]]}]},
        ),
        (
            "/v2/models/iris/infer",
            {"inputs": [{"name": n, "shape": [1], "datatype": "INT64", "data": [v]} for v, n in enumerate("abcd", 1)]},
        ),
    ],
)
def test_a_redacted_column_is_in_no_log(named: Path, path: str, body: Any) -> None:
    """The secret is 2: no other number here has that digit."""
    with sink() as taking:
        client = serve(named, log_sink=taking.url, log_sample=1, log_redact="b")
        client.post(path, json=body)
        taking.wait_for(2)
    (_, request), (_, response) = taking.events
    assert REDACTED in json.dumps(request)
    assert 2 not in values(request)
    assert "2" not in re.sub(r'"(model_version|shape)": [^,}]*', "", json.dumps(response.get("error", "")))
    assert {1, 3} & values(request) or body == SHORT


def values(document: Any) -> set[Any]:
    """Every number and string in a document but shapes and names."""
    if isinstance(document, dict):
        return set().union(
            *(values(value) for key, value in document.items() if key not in ("shape", "name", "datatype"))
        )
    if isinstance(document, list):
        return set().union(*map(values, document))
    return {document}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"prediction": [1]}, {"prediction": REDACTED}),
        (
            {"outputs": [{"name": "prediction", "shape": [1], "data": [1]}]},
            {"outputs": [{"name": "prediction", "shape": [1], "data": REDACTED}]},
        ),
        ({"error": "row 0, column 'b': 'x'", "column": "b"}, {"error": REDACTED, "column": "b"}),
        (3, 3),
    ],
)
def test_named_fields_are_redacted(document: Any, expected: Any) -> None:
    assert Redactor(frozenset({"prediction", "b"}), ["a", "b"]).document(document) == expected


def test_what_is_no_json_is_not_shown_where_names_are_redacted() -> None:
    assert Redactor(frozenset({"b"}), ["a", "b"]).body(b'{"b": 3', valid=False) == REDACTED
