"""Versions whose answers are all right, and late: taken back on latency, wherever it is read."""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from load import Load
from scenarios.stand import GATEWAY_LAG, MARGIN, Manifest, Model, metric

PACE: Manifest = {
    "replicas": 2,
    "route": {"timeout": "5s"},
    "runtime": {"metrics": {"requests": "http_requests_total", "latency": "http_request_duration_seconds"}},
    "rollout": {"steps": [{"weight": 20, "minDuration": "3s"}], "drain": "2s"},
    "analysis": {"minimumRequests": 30, "errorRate": {"margin": MARGIN}, "latency": {}},
}
RATE = 100.0
SLOWER = [{"name": "FAULT_DELAY_RATE", "value": "1"}, {"name": "FAULT_DELAY_SECONDS", "value": "0.1"}]
MEAN = """
sum(rate(http_request_duration_seconds_sum{namespace="$namespace", pod=~"$name-$revision-.+"}[20s]))
/ sum(rate(http_request_duration_seconds_count{namespace="$namespace", pod=~"$name-$revision-.+"}[20s]))
"""


@pytest.fixture(scope="module")
def load(model: Model, start_load: Callable[..., Load]) -> Load:
    model.apply("recommender/v1.yaml", **PACE)
    model.wait_stable()
    time.sleep(GATEWAY_LAG)
    return start_load(model, RATE)


@pytest.fixture
def taken_back(model: Model, load: Load, report: dict[str, Any]) -> Callable[..., Manifest]:
    """Apply a version, see it taken back and nothing else, and return the status."""

    def play(version: int, what: str, analysis: Manifest | None = None, env: Sequence[Manifest] = ()) -> Manifest:
        stable = model.status["stable"]["revision"]
        pods = model.pods(stable)
        pace = {**PACE, "analysis": {**PACE["analysis"], **(analysis or {})}}
        pace["runtime"] = {**PACE["runtime"], "env": list(env)}
        model.apply(f"recommender/v{version}.yaml", **pace)
        model.wait("the canary's traffic", lambda s: s.get("weight") == 20)
        began = time.time()
        status = model.wait_phase("RollingBack", "RolledBack")
        report[f"{what}: seconds from the first weight to the rollback"] = round(time.time() - began, 1)
        status = model.wait_phase("RolledBack")
        assert status["stable"]["revision"] == stable
        assert model.route_weights() == {stable: 100}
        assert model.pods(stable) == pods
        failures = [answer.as_dict() for answer in load.journal.failures()]
        assert not failures, json.dumps(failures[:5])
        return status

    return play


def named(what: str) -> Sequence[Manifest]:
    """Make a version of its own of one that was taken back already."""
    return [{"name": "TRIED", "value": what}]


def test_a_slow_tail(taken_back: Callable[..., Manifest]) -> None:
    status = taken_back(5, "v5, the gateway's histogram")
    assert status["reason"] == "TooSlow"
    latency = metric(status, "latency")
    assert (latency["outcome"], latency["source"]) == ("Fail", "Gateway")
    assert latency["evidence"] >= latency["threshold"]
    # One answer in ten is 0.3 s late, so these are the bounds that the tail is over.
    assert latency["bound"] in {0.01, 0.025, 0.05, 0.1, 0.25}
    assert latency["canaryRate"] > latency["stableRate"]
    assert metric(status, "error-rate")["outcome"] != "Fail"


def test_all_of_it_slow(taken_back: Callable[..., Manifest]) -> None:
    status = taken_back(6, "v6, the gateway's histogram")
    assert status["reason"] == "TooSlow"
    assert metric(status, "latency")["source"] == "Gateway"


def test_seen_by_the_pods_own_histograms(taken_back: Callable[..., Manifest]) -> None:
    pods = {"latency": {"source": "Pods"}}
    status = taken_back(5, "v5, the pods' histograms", analysis=pods, env=named("pods"))
    assert status["reason"] == "TooSlow"
    latency = metric(status, "latency")
    assert (latency["outcome"], latency["source"]) == ("Fail", "Pods")
    assert latency["canaryRequests"] > 0


def test_an_objective_is_missed(taken_back: Callable[..., Manifest]) -> None:
    # So tolerant a comparison never fails: the objective alone is what v5 misses.
    lax = {"delta": 0.5, "margin": 0.9, "objective": {"share": 0.99, "within": "250ms"}}
    status = taken_back(5, "v5, 99 % within 250 ms", analysis={"latency": lax}, env=named("objective"))
    missed = metric(status, "latency-objective")
    assert (missed["outcome"], missed["bound"]) == ("Fail", 0.25)
    assert status["reason"] == missed["reason"]
    assert metric(status, "latency")["outcome"] != "Fail"


def test_a_query_compares_both_versions(taken_back: Callable[..., Manifest]) -> None:
    # v2 is judged by its errors and by this query, not by a histogram.
    query = {"name": "mean-seconds", "query": MEAN.strip(), "compare": "Ratio", "max": 5, "failures": 2}
    analysis = {"latency": None, "metrics": [{**query, "interval": "5s"}]}
    status = taken_back(2, "v2 made slow, a query", analysis=analysis, env=SLOWER)
    compared = metric(status, "mean-seconds")
    assert compared["outcome"] == "Fail"
    assert status["reason"] == compared["reason"]


def test_a_good_version_is_promoted(model: Model, load: Load, report: dict[str, Any]) -> None:
    pace = {**PACE, "rollout": {**PACE["rollout"], "watchAfterPromotion": "5s"}}
    model.apply("recommender/v2.yaml", **pace)
    began = time.time()
    model.wait_phase("Watching", patience=240)
    report["v2, judged by latency too: seconds from apply to its promotion"] = round(time.time() - began, 1)
    assert model.wait_stable()["stable"]["image"].endswith(":2.0.0")
    assert load.journal.failures() == []
