"""The story of the README and everything else that happens to a model, under load all the while.

The load begins before the first pod and ends after the last. Nothing fails but what fails
on purpose, and the gateway counts the same.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import pytest

from load import Load
from scenarios import transitions
from scenarios.stand import Model, weight_history
from scenarios.transitions import CREATE, DELETE, RATE, SPEC, Ledger


@pytest.fixture(scope="module")
def counted_before(model: Model) -> Counter[str]:
    """What the gateway had answered before all this."""
    return transitions.gateway_answers(model.site)


@pytest.fixture(scope="module")
def ledger(model: Model, start_load: Callable[..., Load], counted_before: Counter[str]) -> Ledger:
    assert counted_before is not None, "the count comes before the load"
    return Ledger(start_load(model, RATE))


@pytest.fixture(autouse=True)
def nothing_is_dropped(ledger: Ledger) -> Iterator[None]:
    """Hold every test to it."""
    yield
    ledger.check()


def test_create(model: Model, ledger: Ledger) -> None:
    ledger.begin(CREATE)
    transitions.create(model)
    status = model.status
    assert "canary" not in status
    assert model.events() == ["FirstRevisionServes"]
    assert model.route_weights() == {status["stable"]["revision"]: 100}
    assert len(status["stable"]["digests"]) == 1


def test_scale_up_and_down(model: Model, ledger: Ledger) -> None:
    for transition, pods in (("scale up", 3), ("scale down", 2)):
        ledger.begin(transition)
        transitions.scale(model, pods)


def test_promotion_with_the_pods_it_was_tested_with_over_a_killed_operator_and_an_upgrade(
    model: Model, ledger: Ledger
) -> None:
    before = model.status["stable"]["revision"]
    with weight_history(model) as history:
        ledger.begin("first step")
        model.apply("recommender/v2.yaml", **SPEC)
        revision = model.wait("weight 10", lambda s: s.get("weight") == 10)["canary"]["revision"]
        tested = model.pods(revision)
        ledger.begin("operator restart")
        transitions.restart_operator(model.site)
        ledger.begin("second step")
        model.wait("weight 50", lambda s: s["weight"] >= 50)
        ledger.begin("promote")
        model.wait_phase("Watching")
        promoted = model.pods(revision)
        ledger.begin("chart upgrade")
        transitions.upgrade_chart(model.site)
        ledger.begin("end of the watch")
        model.wait_stable()
    assert model.status["stable"]["revision"] == revision != before
    assert tested.items() <= promoted.items() == model.pods(revision).items()
    shares = [share for share, _ in groupby(weights.get(revision, 0) for _, weights in history.changes)]
    assert shares == [0, 10, 50, 95, 100]
    assert model.events().count("WeightRaised") == 4
    assert [past["revision"] for past in model.status["history"]] == [revision, before]
    model.wait("the old pods have left", lambda _: model.pods(before) == {})


def test_total_failure_is_taken_back_at_once(model: Model, ledger: Ledger, report: dict[str, Any]) -> None:
    stable = model.status["stable"]["revision"]
    pods = model.pods(stable)
    ledger.begin("roll back")
    with weight_history(model) as history:
        model.apply("recommender/v4.yaml", **SPEC)
        status = model.wait_phase("RolledBack")
    assert model.pods(stable) == pods
    assert status["reason"] == "ErrorRateTooHigh"
    assert status["stable"]["revision"] == stable
    failed = ledger.load.journal.first_injected("4")
    assert failed is not None
    safe = history.first(lambda weights: weights.get(stable) == 100, after=failed.ended)
    assert safe is not None
    report["v4 seconds from the first failed answer to weight 0"] = round(safe - failed.ended, 2)


def test_failed_version_is_remembered(model: Model) -> None:
    generation = model.get()["metadata"]["generation"]
    model.kubectl("label", "modeldeployment", model.name, "touched=yes")
    model.kubectl("scale", "modeldeployment", model.name, "--replicas=3")
    status = model.wait("the new size", lambda s: s["observedGeneration"] > generation and s["stable"]["replicas"] == 3)
    assert status["phase"] == "RolledBack"
    degraded = model.condition("Degraded")
    assert (degraded["status"], degraded["reason"]) == ("True", "CanaryRolledBack")
    assert model.condition("Available")["status"] == "True"


def test_five_percent_errors_are_taken_back(model: Model, ledger: Ledger, report: dict[str, Any]) -> None:
    stable = model.status["stable"]["revision"]
    lenient = {**SPEC, "analysis": {**SPEC["analysis"], "errorRate": {"margin": 0.05}}}  # v3 fails 5 % of its answers
    ledger.begin("roll back of a version that fails now and then")
    began = time.time()
    model.apply("recommender/v3.yaml", **lenient)
    model.wait("the canary's traffic", lambda s: s.get("weight") == 10)
    status = model.wait_phase("RolledBack", patience=240)
    assert status["reason"] == "ErrorRateTooHigh"
    assert status["stable"]["revision"] == stable
    assert model.route_weights() == {stable: 100}
    (metric,) = status["metrics"]
    assert metric["source"] == "Gateway"
    assert metric["evidence"] >= metric["threshold"]
    report["v3 seconds from apply to RolledBack"] = round(time.time() - began, 1)


def test_a_canary_that_is_deleted_comes_back_and_is_aborted(model: Model, ledger: Ledger) -> None:
    ledger.begin("first step of another canary")
    revision = transitions.held_canary(model, "deleted")
    ledger.begin("delete of a canary")
    transitions.delete_canary(model, revision)
    ledger.begin("abort")
    model.command("abort", revision)
    status = model.wait_phase("RolledBack")
    assert (status["reason"], "canary" in status) == ("Aborted", False)


def test_deletion_leaves_nothing(model: Model, ledger: Ledger) -> None:
    ledger.begin(DELETE)
    transitions.delete(model)


def test_the_gateway_counted_the_same(model: Model, ledger: Ledger, counted_before: Counter[str]) -> None:
    ledger.load.stop()
    gateway = transitions.gateway_answers(model.site) - counted_before
    assert gateway == transitions.client_answers(ledger.load), ledger.counts()
