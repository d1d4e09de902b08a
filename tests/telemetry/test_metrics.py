"""What Prometheus reads of the operator is what status says, and no longer than status says it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import REGISTRY, generate_latest

from serinus.api.status import Condition, MetricStatus, Phase, RevisionStatus, RolloutState, Status
from serinus.rollout.step import Event
from serinus.telemetry import metrics

KEY = ("shop", "recommender")
MODEL = {"namespace": "shop", "name": "recommender"}
RATE = MetricStatus(
    name="error-rate", outcome="Inconclusive", reason="NotProven", message="not yet",
    canary_requests=900, canary_errors=9, stable_requests=9000, stable_errors=45,
    canary_rate=0.01, canary_low=0.002, canary_high=0.03, stable_rate=0.005, stable_low=0.004, stable_high=0.006,
    evidence=3.5, threshold=100, proof=7.25, proof_threshold=20, dispersion=1.5,
)  # fmt: skip
QUERY = MetricStatus(name="p99", outcome="Pass", reason="WithinBounds", message="0.2 s", value=0.2)


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    metrics.forget(*KEY)


def shown(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"serinus_{name}", {**MODEL, **labels})


def publish(phase: Phase = Phase.STEPPING, *told: MetricStatus, **update: Any) -> None:
    rollout = RolloutState(phase=phase, hold=update.pop("hold", ""))
    metrics.publish(*KEY, Status(phase=phase, metrics=list(told), rollout=rollout, **update))


def series() -> int:
    return sum('name="recommender"' in line for line in generate_latest().decode().splitlines())


def test_phase_weight_and_blindness_are_those_of_status() -> None:
    publish(weight=25, hold="Blind")
    assert [phase for phase in Phase if shown("rollout_phase", phase=phase)] == [Phase.STEPPING]
    assert (shown("rollout_weight"), shown("analysis_blind")) == (25, 1)
    publish(Phase.STABLE)
    assert [phase for phase in Phase if shown("rollout_phase", phase=phase)] == [Phase.STABLE]
    assert (shown("rollout_weight"), shown("analysis_blind")) == (0, 0)


def condition(kind: str, status: str, reason: str = "Because") -> Condition:
    return Condition(type=kind, status=status, reason=reason)


def test_only_what_is_not_as_it_should_be_is_a_condition() -> None:
    well = [condition("Available", "True"), condition("Stalled", "False"), condition("Ready", "False")]
    unknown = condition("MetricsAvailable", "Unknown")
    publish(Phase.STABLE, conditions=[*well, unknown, condition("Degraded", "True", "NoReadyPods")])
    assert shown("rollout_condition", type="Degraded", reason="NoReadyPods") == 1
    assert shown("rollout_condition", type="Available", reason="Because") is None
    publish(Phase.STABLE, conditions=[condition("Available", "False", "NoReadyPods")])
    assert shown("rollout_condition", type="Available", reason="NoReadyPods") == 1
    publish(Phase.STABLE, conditions=[*well, unknown])
    assert "serinus_rollout_condition{" not in generate_latest().decode()


def test_live_revisions_are_named_with_their_side() -> None:
    stable, canary = (RevisionStatus(revision=name, image="a:1") for name in ("0123456789", "abcdef0123"))
    publish(Phase.STEPPING, stable=stable, canary=canary)
    assert shown("rollout_revision", side="stable", revision="0123456789") == 1
    assert shown("rollout_revision", side="canary", revision="abcdef0123") == 1
    publish(Phase.STABLE, stable=canary)
    assert shown("rollout_revision", side="stable", revision="abcdef0123") == 1
    assert shown("rollout_revision", side="canary", revision="abcdef0123") is None


def test_an_operator_that_follows_shows_no_model() -> None:
    metrics.lead()
    publish(Phase.STEPPING, RATE)
    assert REGISTRY.get_sample_value("serinus_leads") == 1
    metrics.follow()
    assert REGISTRY.get_sample_value("serinus_leads") == 0
    assert series() == 0


@pytest.mark.parametrize("name", ["evidence", "threshold", "proof", "proof_threshold", "dispersion"])
def test_every_number_of_a_test_is_there(name: str) -> None:
    publish(Phase.STEPPING, RATE)
    assert shown(f"analysis_{name}", metric="error-rate") == getattr(RATE, name)


@pytest.mark.parametrize("side", ["canary", "stable"])
def test_both_sides_are_there_with_their_interval(side: str) -> None:
    publish(Phase.STEPPING, RATE)
    for name in ("requests", "errors", "rate"):
        assert shown(f"analysis_{name}", metric="error-rate", side=side) == getattr(RATE, f"{side}_{name}")
    for end in ("low", "high"):
        found = shown("analysis_interval", metric="error-rate", side=side, end=end)
        assert found == getattr(RATE, f"{side}_{end}")


def test_the_outcome_that_is_has_a_one() -> None:
    publish(Phase.STEPPING, RATE, QUERY)
    for metric in (RATE, QUERY):
        found = {name: shown("analysis_outcome", metric=metric.name, outcome=name) for name in
                 ("Pass", "Fail", "Inconclusive", "Blind")}  # fmt: skip
        assert found == {name: float(name == metric.outcome) for name in found}


def test_what_a_metric_does_not_have_is_absent() -> None:
    publish(Phase.STEPPING, QUERY)
    assert shown("analysis_value", metric="p99") == 0.2
    assert shown("analysis_evidence", metric="p99") is None
    assert shown("analysis_rate", metric="p99", side="canary") is None


def test_the_last_rollouts_numbers_go_when_the_next_is_prepared() -> None:
    publish(Phase.STEPPING, RATE, QUERY)
    publish(Phase.ROLLED_BACK, RATE, QUERY)
    assert shown("analysis_evidence", metric="error-rate") == 3.5
    publish(Phase.PREPARING)
    assert shown("analysis_evidence", metric="error-rate") is None
    assert shown("analysis_outcome", metric="p99", outcome="Pass") is None
    assert shown("rollout_weight") == 0


def test_a_metric_that_is_taken_out_of_the_spec_goes() -> None:
    publish(Phase.STEPPING, RATE, QUERY)
    publish(Phase.STEPPING, RATE)
    assert shown("analysis_value", metric="p99") is None
    assert shown("analysis_proof", metric="error-rate") == 7.25


def test_nothing_is_left_of_a_model_that_is_gone() -> None:
    publish(Phase.STEPPING, RATE, QUERY)
    metrics.TRANSITIONS.count(*KEY, Event("StepPassed", "").reason)
    assert shown("transitions_total", reason="StepPassed") == 1
    assert series() > 20
    metrics.forget(*KEY)
    assert series() == 0
    metrics.forget(*KEY)
