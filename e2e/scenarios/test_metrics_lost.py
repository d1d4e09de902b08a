"""Two minutes without Prometheus in the middle of a rollout: it waits, and then goes on."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from load import Load
from scenarios.stand import GATEWAY_LAG, MARGIN, Model, metric, weight_history

PACE = {
    "replicas": 2,
    "route": {"timeout": "5s"},
    "rollout": {
        "steps": [{"weight": 20, "minDuration": "30s"}],  # not over before Prometheus is gone
        "drain": "2s",
        "watchAfterPromotion": "5s",
    },
    "analysis": {"minimumRequests": 30, "errorRate": {"margin": MARGIN}},
}
RATE = 100.0
OUTAGE = 120.0
NOTICED = 15.0
"""Seconds within which the operator must say that it sees nothing."""
MONITORING = ("--namespace", "monitoring")


@pytest.fixture
def prometheus(fresh: Model) -> Iterator[Callable[[int], None]]:
    """Stop and start Prometheus; its memory ends with its pod. It always runs when the test is over."""

    def scale(pods: int) -> None:
        fresh.site.kubectl(*MONITORING, "scale", "deployment/prometheus", f"--replicas={pods}")
        if pods:
            fresh.site.kubectl(*MONITORING, "rollout", "status", "deployment/prometheus", "--timeout=90s")
        else:
            fresh.site.kubectl(*MONITORING, "wait", "pods", "--all", "--for=delete", "--timeout=60s")

    yield scale
    scale(1)


def test_a_rollout_outlives_its_prometheus(
    fresh: Model, prometheus: Callable[[int], None], start_load: Callable[..., Load], report: dict[str, Any]
) -> None:
    fresh.apply("recommender/v1.yaml", **PACE)
    before = fresh.wait_stable()["stable"]["revision"]
    time.sleep(GATEWAY_LAG)
    load = start_load(fresh, RATE)
    with weight_history(fresh) as history:
        fresh.apply("recommender/v2.yaml", **PACE)
        status = fresh.wait("the first step", lambda s: s.get("weight") == 20)
        revision = status["canary"]["revision"]
        time.sleep(5)
        prometheus(0)
        stopped = time.time()
        fresh.wait("blind", lambda _: fresh.condition("MetricsAvailable").get("status") == "False", NOTICED)
        assert "AnalysisBlind" in fresh.events()
        report["seconds until a lost Prometheus was told"] = round(time.time() - stopped, 1)
        while (passed := time.time() - stopped) < OUTAGE:
            status = fresh.status
            assert (status["phase"], status["weight"]) == ("Stepping", 20), f"{passed:.0f} s without metrics: {status}"
            assert fresh.condition("MetricsAvailable")["status"] == "False"
            time.sleep(5)
        assert metric(status, "error-rate")["outcome"] == "Blind"
        pods = fresh.pods(revision)
        back = time.time()
        prometheus(1)
        fresh.wait("sight", lambda _: fresh.condition("MetricsAvailable").get("status") == "True")
        report["seconds until a new Prometheus was believed"] = round(time.time() - back, 1)
        fresh.wait_phase("Watching")
        report["seconds from the new Prometheus to the promotion"] = round(time.time() - back, 1)
        fresh.wait_stable()
    assert fresh.status["stable"]["revision"] == revision != before
    assert pods.items() <= fresh.pods(revision).items()
    shares = [weights.get(revision, 0) for _, weights in history.changes]
    assert shares == sorted(shares), "weight was taken back"
    assert not any(stopped < at < back for at, _ in history.changes), "the weight moved in the dark"
    assert [answer.as_dict() for answer in load.journal.failures()] == []
