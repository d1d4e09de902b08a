"""The story of the README, under load all the while: nothing fails but what fails on purpose."""

import json
import time
from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest

from load import Load
from scenarios.stand import GATEWAY_LAG, Model, weight_history

FAST = {
    "route": {"timeout": "5s"},
    "rollout": {
        "steps": [{"weight": 10, "minDuration": "8s"}, {"weight": 50, "minDuration": "8s"}],
        "drain": "5s",
        "watchAfterPromotion": "15s",
    },
    "analysis": {"minimumRequests": 30, "errorRate": {"margin": 0.05}},  # v3 fails 5 % of its answers
}
RATE = 100.0


@pytest.fixture(scope="module")
def load(model: Model, start_load: Callable[..., Load]) -> Load:
    model.apply("recommender/v1.yaml", **FAST)
    model.wait_stable()
    time.sleep(GATEWAY_LAG)
    return start_load(model, RATE)


def nothing_failed(load: Load) -> None:
    failures = [answer.as_dict() for answer in load.journal.failures()]
    assert not failures, json.dumps(failures[:5])


@pytest.mark.usefixtures("load")
def test_first_deploy_has_no_canary(model: Model) -> None:
    status = model.status
    assert "canary" not in status
    assert model.events() == ["FirstRevisionServes"]
    assert model.route_weights() == {status["stable"]["revision"]: 100}
    assert len(status["stable"]["digests"]) == 1


def test_better_version_is_promoted_with_the_pods_it_was_tested_with(model: Model, load: Load) -> None:
    before = model.status["stable"]["revision"]
    with weight_history(model) as history:
        model.apply("recommender/v2.yaml", **FAST)
        status = model.wait("weight 10", lambda s: s.get("weight") == 10)
        revision = status["canary"]["revision"]
        tested = model.pods(revision)
        model.wait_phase("Watching")
        promoted = model.pods(revision)
        model.wait_stable()
    assert model.status["stable"]["revision"] == revision != before
    assert tested.items() <= promoted.items() == model.pods(revision).items()
    shares = [share for share, _ in groupby(weights.get(revision, 0) for _, weights in history.changes)]
    assert shares == [0, 10, 50, 95, 100]
    assert [past["revision"] for past in model.status["history"]] == [revision, before]
    assert model.pods(before) == {}
    nothing_failed(load)


def test_five_percent_errors_are_taken_back(model: Model, load: Load, report: dict[str, Any]) -> None:
    stable = model.status["stable"]["revision"]
    pods = model.pods(stable)
    began = time.time()
    model.apply("recommender/v3.yaml", **FAST)
    model.wait("the canary's traffic", lambda s: s.get("weight") == 10)
    status = model.wait("RolledBack", lambda s: s["phase"] == "RolledBack", patience=240)
    assert status["reason"] == "ErrorRateTooHigh"
    assert status["stable"]["revision"] == stable
    assert model.pods(stable) == pods
    assert model.route_weights() == {stable: 100}
    (metric,) = status["metrics"]
    assert metric["source"] == "Gateway"
    assert metric["evidence"] >= metric["threshold"]
    report["v3 seconds from apply to RolledBack"] = round(time.time() - began, 1)
    nothing_failed(load)


def test_total_failure_is_taken_back_at_once(model: Model, load: Load, report: dict[str, Any]) -> None:
    stable = model.status["stable"]["revision"]
    pods = model.pods(stable)
    with weight_history(model) as history:
        model.apply("recommender/v4.yaml", **FAST)
        status = model.wait(
            "RolledBack",
            lambda s: (
                s["phase"] == "RolledBack"
                and "v4" not in s["stable"]["image"]
                and s["observedGeneration"] == model.get()["metadata"]["generation"]
            ),
        )
    assert model.pods(stable) == pods
    assert status["reason"] == "ErrorRateTooHigh"
    failed = load.journal.first_injected("4")
    assert failed is not None
    safe = history.first(lambda weights: weights.get(stable) == 100, after=failed.ended)
    assert safe is not None
    report["v4 seconds from the first failed answer to weight 0"] = round(safe - failed.ended, 2)
    nothing_failed(load)


def test_failed_version_is_remembered(model: Model) -> None:
    generation = model.get()["metadata"]["generation"]
    model.kubectl("label", "modeldeployment", model.name, "touched=yes")
    model.kubectl("scale", "modeldeployment", model.name, "--replicas=2")
    status = model.wait("the new size", lambda s: s["observedGeneration"] > generation and s["stable"]["replicas"] == 2)
    assert status["phase"] == "RolledBack"
    degraded = model.condition("Degraded")
    assert (degraded["status"], degraded["reason"]) == ("True", "CanaryRolledBack")
    assert model.condition("Available")["status"] == "True"


def test_deletion_leaves_nothing_and_drops_nothing(model: Model, load: Load) -> None:
    model.kubectl("delete", "modeldeployment", model.name, "--wait=true")
    deadline = time.monotonic() + 90
    kinds = "httproutes,services,deployments,controllerrevisions,pods,endpointslices"
    while left := [item["metadata"]["name"] for item in model.list(kinds)]:
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.5)
    answers = load.journal.window()
    gone = next(answer.ended for answer in answers if answer.status == 404)
    wrong = [a.as_dict() for a in answers if not a.fault and a.kind not in {"200", "404"}]
    assert wrong == []
    late = [a.as_dict() for a in answers if a.started > gone + GATEWAY_LAG and a.status != 404]
    assert late == []
