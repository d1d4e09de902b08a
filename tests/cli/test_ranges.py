"""A past rollout out of Prometheus gives what a recording of it gives."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from serinus.cli.ranges import joined
from serinus.metrics.series import Series

from .scenes import START, Scene, record, simulate, told, write

SCENE = Scene(canary_errors=0.2, buckets=True)
STABLE, CANARY = "1111111111", "2222222222"
Labels = dict[str, str]


def series(scene: Scene) -> list[tuple[Labels, list[tuple[float, float]]]]:
    """The recording's counters as the pods' own series, with `up`."""
    found: dict[str, tuple[Labels, list[tuple[float, float]]]] = {}

    def add(labels: Labels, time: float, value: float) -> None:
        found.setdefault(json.dumps(labels), (labels, []))[1].append((time, value))

    for line in record(scene):
        if "pod" not in line:
            continue
        revision = STABLE if line["role"] == "stable" else CANARY
        pod = f"m-{revision}-{line['pod'][-1]}"
        own = {"job": "pods", "instance": f"{pod}:80", "namespace": "ns", "pod": pod}
        add({"__name__": "up", **own}, line["time"], 1)
        add(
            {"__name__": "http_requests_total", "status": "200", **own}, line["time"], line["requests"] - line["errors"]
        )
        add({"__name__": "http_requests_total", "status": "500", **own}, line["time"], line["errors"])
        for le, count in line.get("buckets", {}).items():
            add({"__name__": "http_request_duration_seconds_bucket", "le": le, **own}, line["time"], count)
    return list(found.values())


@dataclass
class Server:
    """Answers range selectors by the name of the family; `problem` is the body of an error instead."""

    held: list[tuple[Labels, list[tuple[float, float]]]]
    problem: str = ""
    asked: list[tuple[str, float]] = field(default_factory=list)

    def answer(self, form: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        expression, at = form["query"][0], float(form["time"][0])
        self.asked.append((expression, at))
        if self.problem:
            return 503, {"status": "error", "errorType": "unavailable", "error": self.problem}
        names = re.compile(re.search(r'__name__=~"([^"]+)"', expression)[1])  # type: ignore[index]
        width = float(re.search(r"\[(\d+)s\]$", expression)[1])  # type: ignore[index]
        pods = "envoy" not in expression
        result = []
        for labels, samples in self.held:
            values = [[time, str(value)] for time, value in samples if at - width < time <= at]
            if values and pods and names.fullmatch(labels["__name__"]):
                result.append({"metric": labels, "values": values})
        return 200, {"status": "success", "data": {"resultType": "matrix", "result": result}}


@contextlib.contextmanager
def serving(server: Server) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, body = server.answer(form)
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}"
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


MODEL = ("--namespace", "ns", "--name", "m", "--stable", STABLE, "--canary", CANARY)
SPAN = ("--start", str(START), "--end", str(SCENE.end))
WEIGHT = ("--weight", f"{SCENE.history:g}s={100 * SCENE.share:g}")


def test_a_range_gives_what_a_recording_gives(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("latency: {gating: false}\n")
    server = Server(series(SCENE))
    with serving(server) as address:
        ranged = simulate("--prometheus", address, *MODEL, *SPAN, *WEIGHT, "--step", "50s", "--policy", str(policy))
    recorded = simulate(write(tmp_path, record(SCENE)), "--policy", str(policy))
    assert ranged.exit_code == recorded.exit_code == 1
    for one, other in zip(told(ranged)[:-1], told(recorded)[:-1], strict=True):
        assert one["time"] == other["time"]
        assert one["metrics"]["error-rate"] == other["metrics"]["error-rate"]
    assert set(told(ranged)[-2]["metrics"]) == {"error-rate", "latency"}
    assert told(ranged)[-1]["time"] == told(recorded)[-1]["time"]


def test_it_asks_in_chunks_for_raw_samples_of_this_model_only() -> None:
    server = Server(series(SCENE))
    with serving(server) as address:
        simulate("--prometheus", address, *MODEL, *SPAN, *WEIGHT, "--step", "1m")
    pods = [(text, at) for text, at in server.asked if "envoy" not in text]
    assert [at for _, at in pods] == [START + 60, START + 120, START + 180]
    assert all(text.endswith("[60s]") and 'namespace="ns"' in text for text, _ in pods)
    assert len(server.asked) == 6, "the gateway is asked first"


def test_stable_alone_can_be_asked_for() -> None:
    server = Server(series(Scene(rps=200.0)))
    arguments = ("--namespace", "ns", "--name", "m", "--stable", STABLE, *SPAN, "--aa", "--runs", "3")
    with serving(server) as address:
        result = simulate("--prometheus", address, *arguments)
    assert told(result)[-1]["rolledBack"]["count"] == 0


def test_a_server_that_does_not_answer_is_told() -> None:
    with serving(Server([], problem="it is restarting")) as address:
        result = simulate("--prometheus", address, *MODEL, *SPAN, *WEIGHT)
    assert result.exit_code == 2
    assert "HTTP 503: unavailable: it is restarting" in result.stderr
    result = simulate("--prometheus", "http://127.0.0.1:1", *MODEL, *SPAN, *WEIGHT)
    assert result.exit_code == 2
    assert "cannot be reached" in result.stderr


def test_a_range_without_counters_is_told() -> None:
    with serving(Server([])) as address:
        result = simulate("--prometheus", address, *MODEL, *SPAN, *WEIGHT)
    assert result.exit_code == 2
    assert "there are no counters of requests and errors" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((*SPAN, "--weight", "60s"), "--weight: '60s' must be a time, =, and a percentage"),
        ((*SPAN, "--weight", "60s=101"), "--weight: '60s=101' must be"),
        ((*SPAN, "--weight", "noon=5"), "--weight: "),
        ((*SPAN, "--weight", "60s=0"), "--weight is missing"),
        (SPAN, "--weight is missing"),
        (("--start", "noon", "--end", "9"), '--start: time is "noon" but must be'),
        (("--start", "9", "--end", "9"), "--end must be after --start"),
        ((*SPAN, *WEIGHT, "--step", "0s"), "--step: '0s' must be longer than nothing"),
    ],
)
def test_a_wrong_option_is_named(arguments: tuple[str, ...], told: str) -> None:
    result = simulate("--prometheus", "http://127.0.0.1:1", *MODEL, *arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_weights_take_times_of_any_kind() -> None:
    with serving(Server(series(SCENE))) as address:
        found = [
            told(simulate("--prometheus", address, *MODEL, *SPAN, "--weight", f"{time}=10"))[-1]["time"]
            for time in ("60s", SCENE.anchor, "2026-05-28T20:27:40Z")
        ]
    assert len(set(found)) == 1


def test_chunks_that_overlap_are_joined() -> None:
    parts = [[Series({"a": "1"}, ((1.0, 5.0), (2.0, 6.0)))], [Series({"a": "1"}, ((2.0, 6.0), (3.0, 7.0)))], []]
    assert joined(parts) == [Series({"a": "1"}, ((1.0, 5.0), (2.0, 6.0), (3.0, 7.0)))]
