"""Injected faults: marked for the client, counted by the model, and the two agree."""

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

Serve = Callable[..., Any]
ANSWERED = 'http_requests_total{method="GET",path="/recommend",status="%d"}'


def test_the_client_and_the_model_count_the_same_faults(serve: Serve) -> None:
    service = serve(error_rate=0.05).start()
    replies = [service.get(f"/recommend?user_id={user_id}") for user_id in range(1, 1001)]
    marked = [reply for reply in replies if reply.headers.get("x-injected-fault") == "1"]
    assert all(reply.status_code == 500 for reply in marked)
    assert all(reply.status_code == 200 for reply in replies if reply not in marked)
    # Random by request; 10 and 120 are more than five standard deviations away from 50.
    assert 10 < len(marked) < 120
    assert service.metric("injected_faults_total") == len(marked)
    assert service.metric(ANSWERED % 500) == len(marked)
    assert service.metric(ANSWERED % 200) == len(replies) - len(marked)


def test_a_total_failure_fails_every_request_but_not_the_probes(serve: Serve) -> None:
    service = serve(error_rate=1).start()
    replies = [
        service.get("/recommend?user_id=1"),
        service.get("/recommend?user_id=malformed"),
        service.post("/predict", json={"user_ids": [1]}),
        service.get("/nowhere"),
    ]
    for reply in replies:
        assert (reply.status_code, reply.headers["x-injected-fault"]) == (500, "1")
        assert reply.json() == {"detail": "this version fails on purpose"}
    assert service.metric("injected_faults_total") == len(replies)
    assert service.metric(ANSWERED % 500) == 2
    assert service.get("/healthz").status_code == service.get("/readyz").status_code == 200


def test_a_healthy_version_injects_nothing(serve: Serve) -> None:
    service = serve().start()
    reply = service.get("/recommend?user_id=1")
    assert not [name for name in reply.headers if name.startswith("x-injected")]
    assert service.metric("injected_faults_total") == service.metric("injected_delays_total") == 0


def test_a_slow_version_answers_late_and_correctly(serve: Serve) -> None:
    service = serve(delay_rate=1, delay_seconds=0.06).start()
    started = time.perf_counter()
    reply = service.get("/recommend?user_id=1")
    assert time.perf_counter() - started >= 0.06
    assert (reply.status_code, reply.headers["x-injected-delay"]) == (200, "1")
    assert "x-injected-fault" not in reply.headers
    assert service.metric("injected_delays_total") == 1
    assert service.metric("injected_faults_total") == 0
    bucket = 'http_request_duration_seconds_bucket{le="%s",method="GET",path="/recommend"}'
    assert (service.metric(bucket % "0.05"), service.metric(bucket % "10.0")) == (0, 1)


def test_a_version_may_be_slow_and_broken(serve: Serve) -> None:
    reply = serve(error_rate=1, delay_rate=1, delay_seconds=0.01).start().get("/recommend?user_id=1")
    assert reply.status_code == 500
    assert (reply.headers["x-injected-fault"], reply.headers["x-injected-delay"]) == ("1", "1")


def test_a_version_may_be_good_at_first(serve: Serve) -> None:
    service = serve(error_rate=1, after_seconds=2).start()
    assert service.get("/recommend?user_id=1").status_code == 200
    time.sleep(2)
    assert service.get("/recommend?user_id=1").status_code == 500


def test_faults_come_from_the_environment(recommender: SimpleNamespace) -> None:
    faults = recommender.faults.Faults
    assert faults.from_env({}) == faults.from_env({"FAULT_RATE": ""}) == faults()
    env = {"FAULT_RATE": "0.05", "FAULT_DELAY_RATE": "1", "FAULT_DELAY_SECONDS": "2.5"}
    assert faults.from_env(env) == faults(error_rate=0.05, delay_rate=1, delay_seconds=2.5)
    assert faults.from_env({**env, "FAULT_AFTER_SECONDS": "60"}).after_seconds == 60


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FAULT_RATE", "1.01"),
        ("FAULT_RATE", "-0.1"),
        ("FAULT_RATE", "5%"),
        ("FAULT_RATE", "nan"),
        ("FAULT_DELAY_RATE", "2"),
        ("FAULT_DELAY_SECONDS", "-1"),
        ("FAULT_DELAY_SECONDS", "inf"),
        ("FAULT_AFTER_SECONDS", "later"),
    ],
)
def test_an_impossible_fault_is_refused_by_name(recommender: SimpleNamespace, name: str, value: str) -> None:
    with pytest.raises(ValueError, match="expected a number from 0") as refusal:
        recommender.faults.Faults.from_env({name: value})
    assert f"{name}={value!r}" in str(refusal.value)
