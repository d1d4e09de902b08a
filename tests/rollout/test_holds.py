"""Blind is not bad, and too little is not enough: both hold, and a person says for how long."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from serinus.analysis import Verdict
from serinus.api.status import Phase
from serinus.rollout.machine import advance

from .support import (
    BLIND,
    FAIL,
    INCONCLUSIVE,
    NEW,
    NOW,
    OLD,
    PASS,
    UNDER_TEST,
    World,
    failed_revisions,
    reasons,
    seen,
    settle,
    spec,
    state,
)

KINDS = {"Blind": BLIND, "Inconclusive": INCONCLUSIVE}
AFTER = {"Blind": 900, "Inconclusive": 3600}


def policy(kind: str, what: str) -> Any:
    return spec(analysis={f"on{kind}": what})


@pytest.mark.parametrize("phase", [Phase.STEPPING, Phase.PROMOTING, Phase.WATCHING])
@pytest.mark.parametrize(("kind", "verdict"), KINDS.items())
def test_a_hold_is_remembered_with_its_time(phase: Phase, kind: str, verdict: Verdict) -> None:
    at = state(phase, since=NOW)
    step = advance(spec(), at, seen(at, verdict=verdict), NOW)
    assert (step.state.hold, step.state.hold_since) == (kind, NOW)
    assert reasons(step) == (["AnalysisBlind"] if kind == "Blind" else [])
    assert all(event.warning for event in step.events)

    ended = advance(spec(), step.state, seen(at, verdict=PASS), NOW + 5)
    assert (ended.state.hold, ended.state.hold_since) == ("", None)
    assert reasons(ended) == (["AnalysisResumed"] if kind == "Blind" else [])


@pytest.mark.parametrize(("kind", "verdict"), KINDS.items())
def test_by_default_a_step_is_held_for_ever_and_nothing_is_rolled_back(kind: str, verdict: Verdict) -> None:
    at = state(Phase.STEPPING)
    held = advance(spec(), at, seen(at, verdict=verdict), NOW).state
    assert held.hold == kind
    assert settle(spec(), held, seen(at, verdict=verdict), NOW + 1_000_000) == []


@pytest.mark.parametrize(("kind", "verdict"), KINDS.items())
@pytest.mark.parametrize("what", ["Hold", "Promote", "Rollback"])
def test_a_policy_acts_at_its_limit_and_not_before(kind: str, verdict: Verdict, what: str) -> None:
    wanted, at = policy(kind, what), state(Phase.STEPPING)
    held = advance(wanted, at, seen(at, verdict=verdict), NOW).state
    assert settle(wanted, held, seen(held, verdict=verdict), NOW + AFTER[kind] - 1) == []

    steps = settle(wanted, held, seen(held, verdict=verdict), NOW + AFTER[kind])
    first = [reason for step in steps for reason in reasons(step)][:1]
    assert first == {"Hold": [], "Promote": ["StepEndedByPolicy"], "Rollback": [f"{kind}TooLong"]}[what]
    assert (NEW in {name for step in steps for name in failed_revisions(step.state)}) == (what == "Rollback")


@pytest.mark.parametrize("kind", KINDS)
def test_the_policy_of_one_kind_does_not_act_on_the_other(kind: str) -> None:
    other = next(name for name in KINDS if name != kind)
    wanted, at = policy(other, "Rollback"), state(Phase.STEPPING, hold=kind, hold_since=NOW)
    assert settle(wanted, at, seen(at, verdict=KINDS[kind]), NOW + 100_000) == []


def test_nobody_is_exposed_while_the_metrics_cannot_be_read() -> None:
    world = World(spec(), state(Phase.STABLE), NEW, metrics_problem="Prometheus cannot be reached", verdict=None)
    world.run(5000)
    assert (world.state.phase, world.state.weight, world.state.hold) == (Phase.PREPARING, 0, "Blind")

    world.fixed = {}
    world.run(60)
    assert "AnalysisResumed" in world.events
    assert world.state.weight == 5


@pytest.mark.parametrize("weight", [5, 50])
def test_a_weight_is_not_raised_while_blind(weight: int) -> None:
    at = state(Phase.PROMOTING, weight=weight, weights=[])
    world = replace(seen(at, verdict=BLIND), service_revisions=frozenset({OLD}))
    assert {step.state.weight for step in settle(spec(), at, world)} == {weight}


def test_the_watch_does_not_end_while_blind_and_lasts_no_longer_for_want_of_requests() -> None:
    at = state(Phase.WATCHING)
    assert {step.state.weight for step in settle(spec(), at, seen(at, verdict=BLIND))} == {95}
    assert {step.state.weight for step in settle(spec(), at, seen(at, verdict=INCONCLUSIVE))} == {95, 100}


@pytest.mark.parametrize("phase", UNDER_TEST)
def test_an_unreadable_prometheus_is_blind_in_words(phase: Phase) -> None:
    at = state(phase, since=NOW)
    world = seen(at, metrics_problem="Prometheus: down", verdict=None, service_revisions=frozenset({OLD}))
    step = next(step for step in settle(spec(), at, world) if step.events)
    assert step.state.hold == "Blind"
    assert step.events[0].message == "Prometheus: down"


def test_a_verdict_on_a_weight_that_is_not_live_yet_holds_nothing() -> None:
    at = state(Phase.STEPPING, live_since=None)
    world = seen(at, verdict=BLIND, split=replace(seen(at).split, live=False))
    assert settle(spec(), at, world) == []


def test_blind_is_told_once_with_its_reason() -> None:
    world = World(spec(), state(Phase.STEPPING), NEW, verdict=BLIND)
    world.run(600)
    assert world.events == ["AnalysisBlind"]
    assert world.steps[0].events[0].message == "TargetDown: the proxy does not answer"


def test_a_hold_that_changes_its_reason_is_still_one_hold() -> None:
    """The limit counts from the first reason, and status shows the present one."""
    world = World(spec(), state(Phase.STEPPING), NEW, verdict=BLIND)
    world.run(60)
    since = world.state.hold_since
    world.fixed = {"verdict": replace(BLIND, reason="Stale")}
    world.run(60)
    world.fixed = {"verdict": PASS, "metrics_problem": "Prometheus: 503"}
    world.run(60)
    assert world.events == ["AnalysisBlind"]
    assert world.state.hold_since == since


def test_when_data_return_the_step_goes_on_with_the_time_it_had() -> None:
    world = World(spec(), state(Phase.STEPPING, live_since=NOW), NEW, verdict=BLIND)
    world.run(600)
    world.fixed = {}
    world.run(15)
    assert world.events == ["AnalysisBlind", "AnalysisResumed", "StepPassed", "WeightRaised"]


def test_a_failed_verdict_ends_a_blind_hold_at_once() -> None:
    world = World(spec(), state(Phase.STEPPING), NEW, verdict=BLIND)
    world.run(60)
    world.fixed = {"verdict": FAIL}
    world.tick(1)
    assert (world.state.phase, world.state.traffic) == (Phase.ROLLING_BACK, 0)


def test_by_policy_a_blind_step_ends_and_the_limit_counts_in_the_next_anew() -> None:
    world = World(policy("Blind", "Promote"), state(Phase.STEPPING, since=NOW), NEW, verdict=BLIND)
    world.run(910)
    assert world.events == ["AnalysisBlind", "StepEndedByPolicy", "AnalysisBlind"]
    assert (world.state.step, world.state.weight) == (1, 5)
    world.run(910)
    assert world.state.weight == 25


@pytest.mark.parametrize("phase", [Phase.STABLE, Phase.ROLLED_BACK, Phase.ROLLING_BACK])
def test_without_a_candidate_on_its_way_metrics_hold_nothing(phase: Phase) -> None:
    at = state(phase)
    target = NEW if phase is Phase.ROLLED_BACK else OLD
    world = seen(at, metrics_problem="Prometheus: down", verdict=None, target=target)
    assert all(step.state.hold == "" for step in settle(spec(), at, world))
