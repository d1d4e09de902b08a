"""The recommender over HTTP: answers, refusals, readiness and what it tells Prometheus."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

Serve = Callable[..., Any]


def test_a_known_user_gets_new_items_best_first(serve: Serve, recommender: SimpleNamespace, model_path: Path) -> None:
    answer = serve(version="7").start().post("/predict", json={"user_ids": [3, 1], "k": 4}).json()
    assert answer["model_version"] == "7"
    assert [one["user_id"] for one in answer["recommendations"]] == [3, 1]
    model = recommender.model.Recommender.load(model_path)
    for one in answer["recommendations"]:
        assert one["source"] == "personal"
        scores = [item["score"] for item in one["items"]]
        assert len(scores) == 4
        assert scores == sorted(scores, reverse=True)
        columns = [int(np.flatnonzero(model.item_ids == item["item_id"])[0]) for item in one["items"]]
        assert not model.bought[one["user_id"] - 1, columns].any()


def test_an_unknown_user_gets_popular_items_marked_as_such(
    serve: Serve, recommender: SimpleNamespace, model_path: Path
) -> None:
    answer = serve().start().get("/recommend?user_id=1&user_id=999999999999999999999&k=3").json()
    known, stranger = answer["recommendations"]
    assert (known["source"], stranger["source"]) == ("personal", "popular")
    model = recommender.model.Recommender.load(model_path)
    popular = model.item_ids[np.argsort(-model.bought.mean(axis=0), kind="stable")[:3]]
    assert [item["item_id"] for item in stranger["items"]] == popular.tolist()


def test_both_routes_answer_alike(serve: Serve) -> None:
    service = serve().start()
    posted = service.post("/predict", json={"user_ids": [1, 2]})
    assert posted.status_code == 200
    assert posted.json() == service.get("/recommend?user_id=1&user_id=2").json()


@pytest.mark.parametrize("value", ["abc", "1.5", "0", "-1", ""])
def test_a_malformed_id_in_the_query_is_named(serve: Serve, value: str) -> None:
    reply = serve().start().get("/recommend", params={"user_id": ["1", value]})
    assert reply.status_code == 422
    (problem,) = reply.json()["detail"]
    assert (problem["field"], problem["value"]) == ("query.user_id.1", repr(value))
    assert problem["message"]


@pytest.mark.parametrize(
    ("written", "shown"), [('"7"', "'7'"), ("true", "True"), ("null", "None"), ("0", "0"), ("NaN", "nan")]
)
def test_a_malformed_id_in_the_body_is_named(serve: Serve, written: str, shown: str) -> None:
    reply = (
        serve()
        .start()
        .post(
            "/predict",
            content=f'{{"user_ids": [1, {written}]}}',
            headers={"content-type": "application/json"},
        )
    )
    assert reply.status_code == 422
    (problem,) = reply.json()["detail"]
    assert (problem["field"], problem["value"]) == ("body.user_ids.1", shown)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"user_ids": []}, "body.user_ids"),
        ({"user_ids": [1] * 257}, "body.user_ids"),
        ({}, "body.user_ids"),
        ({"user_ids": [1], "k": 0}, "body.k"),
        ({"user_ids": [1], "k": 101}, "body.k"),
    ],
)
def test_too_little_and_too_much_is_refused(serve: Serve, body: dict[str, object], field: str) -> None:
    reply = serve().start().post("/predict", json=body)
    assert reply.status_code == 422
    assert reply.json()["detail"][0]["field"] == field


def test_a_refusal_quotes_no_more_than_helps(serve: Serve) -> None:
    reply = serve().start().post("/predict", json={"user_ids": ["x" * 100_000]})
    assert reply.status_code == 422
    assert len(reply.content) < 1000


def test_asking_for_more_than_there_is_gives_what_there_is(recommender: SimpleNamespace, model_path: Path) -> None:
    model = recommender.model.Recommender.load(model_path)
    assert len(model.recommend(1, k=10_000)) == int((~model.bought[0]).sum())


def test_ready_means_loaded_alive_does_not(serve: Serve) -> None:
    service = serve()
    assert service.get("/healthz").status_code == 200
    assert service.get("/readyz").status_code == 503
    early = service.get("/recommend?user_id=1")
    assert (early.status_code, early.headers["retry-after"]) == (503, "1")
    service.start()
    assert service.get("/readyz").status_code == 200
    assert service.get("/recommend?user_id=1").status_code == 200


def test_a_missing_model_stops_the_start_and_is_named(serve: Serve, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"no-model\.npz"):
        serve(path=tmp_path / "no-model.npz").start()


def test_every_reply_carries_the_version(serve: Serve) -> None:
    healthy, broken = serve(version="2").start(), serve(version="2", error_rate=1).start()
    replies = [
        healthy.get("/recommend?user_id=1"),
        healthy.get("/recommend?user_id=x"),
        healthy.get("/nowhere"),
        healthy.get("/predict"),
        healthy.get("/healthz"),
        healthy.get("/readyz"),
        healthy.get("/metrics"),
        broken.get("/recommend?user_id=1"),
    ]
    assert [reply.status_code for reply in replies] == [200, 422, 404, 405, 200, 200, 200, 500]
    assert {reply.headers["x-model-version"] for reply in replies} == {"2"}


def test_an_unexpected_error_is_counted_and_carries_the_version(
    serve: Serve, recommender: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = serve(version="2").start()
    monkeypatch.setattr(recommender.model.Recommender, "recommend", lambda *_: 1 / 0)
    reply = service.get("/recommend?user_id=1")
    assert (reply.status_code, reply.headers["x-model-version"]) == (500, "2")
    assert "x-injected-fault" not in reply.headers
    assert service.metric('http_requests_total{method="GET",path="/recommend",status="500"}') == 1


def test_metrics_label_routes_and_never_what_a_client_wrote(serve: Serve) -> None:
    service = serve(version="2").start()
    for user_id in range(1, 4):
        service.get(f"/recommend?user_id={user_id}")
    service.get("/recommend?user_id=sentinel")
    service.post("/predict", json={"user_ids": [1]})
    service.get("/sentinel/1")
    service.request("SENTINEL", "/recommend")
    assert "sentinel" not in service.get("/metrics").text.lower()
    expected = {
        'http_requests_total{method="GET",path="/recommend",status="200"}': 3,
        'http_requests_total{method="GET",path="/recommend",status="422"}': 1,
        'http_requests_total{method="POST",path="/predict",status="200"}': 1,
        'http_requests_total{method="GET",path="unmatched",status="404"}': 1,
        'http_requests_total{method="other",path="/recommend",status="405"}': 1,
        'http_request_duration_seconds_count{method="GET",path="/recommend"}': 4,
        'http_request_duration_seconds_bucket{le="10.0",method="GET",path="/recommend"}': 4,
        'model_info{version="2"}': 1,
        "injected_faults_total": 0,
    }
    assert {series: service.metric(series) for series in expected} == expected


def test_calls_of_the_cluster_are_no_model_traffic(serve: Serve) -> None:
    service = serve().start()
    for path in ("/healthz", "/readyz", "/metrics"):
        assert service.get(path).status_code == 200
    assert "http_requests_total{" not in service.get("/metrics").text
    assert "http_request_duration_seconds_count{" not in service.get("/metrics").text


@pytest.fixture
def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def test_sigterm_lets_the_request_in_flight_finish(examples: Path, model_path: Path, free_port: int) -> None:
    env = {
        **os.environ,
        "MODEL_PATH": str(model_path),
        "PORT": str(free_port),
        "FAULT_DELAY_RATE": "1",
        "FAULT_DELAY_SECONDS": "1",
    }
    command = [sys.executable, str(examples / "recommender" / "server.py")]
    with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as server:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", free_port, timeout=10)
            wait_until_ready(connection)
            connection.request("GET", "/recommend?user_id=1")
            time.sleep(0.3)
            server.send_signal(signal.SIGTERM)
            reply = connection.getresponse()
            assert (reply.status, reply.getheader("x-injected-delay")) == (200, "1")
            assert reply.read()
            connection.close()
            # uvicorn ends itself by the signal it was sent, once everything is closed.
            assert server.wait(timeout=10) in {0, -signal.SIGTERM}
        finally:
            server.kill()


def wait_until_ready(connection: http.client.HTTPConnection) -> None:
    for _ in range(400):
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().read() == b'{"status":"ready"}':
                return
        except ConnectionError:
            connection.close()
        time.sleep(0.05)
    pytest.fail("the server was not ready within 20 seconds")
