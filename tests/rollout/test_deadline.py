"""`maxDuration`: from the first traffic to the promotion, and what `onInconclusive` makes of its end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from serinus.api.status import Phase, RolloutState
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.rollout.machine import advance

from .support import (
    BLIND,
    FAIL,
    INCONCLUSIVE,
    NEW,
    NOW,
    OLD,
    PASS,
    World,
    failed_revisions,
    pods,
    reasons,
    seen,
    settle,
    spec,
    state,
    weights,
)

HOUR = 3600.0
WHAT = ["Hold", "Promote", "Rollback"]


def limited(what: str = "Hold", **parts: Any) -> ModelDeploymentSpec:
    return spec(analysis={"onInconclusive": what, "maxDuration": "1h", "inconclusiveAfter": "500h"}, **parts)


def exposed(ago: float, phase: Phase = Phase.STEPPING, **update: Any) -> RolloutState:
    """Return a state whose first traffic was a while ago; its time at this weight is over."""
    share = {Phase.PREPARING: [5, 0], Phase.STEPPING: [5]}.get(phase, [5, 25, 50, 95])
    return state(phase, **{"weights": weights(*share, at=NOW - ago), **update})


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("verdict", [INCONCLUSIVE, PASS])
def test_the_policy_decides_when_the_time_is_over(what: str, verdict: Any) -> None:
    at = exposed(HOUR, hold="Inconclusive" if verdict is INCONCLUSIVE else "", hold_since=NOW - 10)
    step = advance(limited(what), at, seen(at, verdict=verdict), NOW)
    assert reasons(step) == ["MaxDurationExceeded"]
    assert all(event.warning for event in step.events)
    assert f"the 1h of analysis.maxDuration, and onInconclusive is {what}. {verdict.message}" in step.events[0].message
    rolled_back = what == "Rollback"
    assert (step.state.phase is Phase.ROLLING_BACK) == rolled_back
    assert (NEW in failed_revisions(step.state)) == rolled_back
    assert step.state.reason == ("MaxDurationExceeded" if rolled_back else "")


@pytest.mark.parametrize("what", WHAT)
def test_nothing_is_decided_before(what: str) -> None:
    at = exposed(HOUR - 1, hold="Inconclusive", hold_since=NOW - 10)
    assert settle(limited(what), at, seen(at, verdict=INCONCLUSIVE)) == []


@pytest.mark.parametrize("what", WHAT)
def test_without_a_limit_nothing_ends(what: str) -> None:
    at = exposed(500 * HOUR, hold="Inconclusive", hold_since=NOW - 10)
    wanted = spec(analysis={"onInconclusive": what, "inconclusiveAfter": "744h"})
    assert settle(wanted, at, seen(at, verdict=INCONCLUSIVE)) == []


def test_hold_stays_though_the_proof_comes_late_and_says_so_once() -> None:
    world = World(limited(), exposed(HOUR), NEW, verdict=INCONCLUSIVE)
    world.run(300)
    world.fixed = {}
    world.run(2 * HOUR, every=60)
    assert world.events == ["MaxDurationExceeded"]
    assert (world.state.phase, world.state.weight, world.state.overdue) == (Phase.STEPPING, 5, True)


@pytest.mark.parametrize("verb", ["promote", "abort"])
def test_a_person_ends_the_wait(verb: str) -> None:
    world = World(limited(), exposed(HOUR), NEW)
    world.run(60)
    world.fixed = {"command": f"{verb}/{NEW}/1"}
    world.run(200)
    assert world.state.overdue is False
    assert world.state.phase is (Phase.WATCHING if verb == "promote" else Phase.ROLLED_BACK)


def test_more_time_lets_a_rollout_go_on() -> None:
    world = World(limited(), exposed(HOUR), NEW)
    world.run(60)
    world.spec = spec(analysis={"maxDuration": "3h"})
    world.run(300)
    assert "StepPassed" in world.events
    assert world.state.overdue is False


def test_promote_goes_on_without_proof_through_the_steps_and_their_times() -> None:
    world = World(limited("Promote"), exposed(HOUR), NEW, verdict=INCONCLUSIVE)
    world.run(600)
    assert world.weights == [5, 25, 50, 95]
    assert world.events[:2] == ["MaxDurationExceeded", "StepEndedByPolicy"]
    assert world.events.count("MaxDurationExceeded") == 1
    assert world.state.phase is Phase.WATCHING


@pytest.mark.parametrize("what", WHAT)
def test_a_failed_verdict_is_taken_back_whatever_the_policy(what: str) -> None:
    at = exposed(HOUR)
    step = advance(limited(what), at, seen(at, verdict=FAIL), NOW)
    assert (reasons(step), step.state.phase) == (["ErrorRate"], Phase.ROLLING_BACK)


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("world", [{"verdict": BLIND}, {"metrics_problem": "Prometheus: 503"}], ids=["blind", "away"])
def test_while_blind_the_policy_for_blindness_has_the_word(what: str, world: dict[str, Any]) -> None:
    at = exposed(HOUR - 60)
    life = World(limited(what), at, NEW, **world)
    life.run(2 * HOUR, every=60)
    assert life.events == ["AnalysisBlind"]
    assert (life.state.phase, life.state.weight) == (Phase.STEPPING, 5)

    life.fixed = {"verdict": INCONCLUSIVE}
    life.run(20)
    assert life.events[1:3] == ["AnalysisResumed", "MaxDurationExceeded"]


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("who", ["command", "spec", "step"])
def test_a_pause_counts_and_nothing_is_decided_in_it(what: str, who: str) -> None:
    pause = {"spec": {"paused": True}, "step": {"steps": [{"weight": 5, "pause": True}, {"weight": 50}]}}.get(who, {})
    at = exposed(2 * HOUR, paused=who == "command", hold="Inconclusive", hold_since=NOW)
    assert settle(limited(what, rollout=pause), at, seen(at, verdict=INCONCLUSIVE)) == []
    if who == "spec":
        step = advance(limited(what), at, seen(at, verdict=INCONCLUSIVE), NOW)
        assert reasons(step) == ["MaxDurationExceeded"]


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("phase", [Phase.PROMOTING, Phase.WATCHING])
def test_a_promotion_that_has_begun_has_no_limit(what: str, phase: Phase) -> None:
    at = exposed(500 * HOUR, phase, since=NOW, live_since=NOW)
    assert settle(limited(what), at, seen(at)) == []


@pytest.mark.parametrize("what", WHAT)
def test_time_before_the_first_traffic_does_not_count(what: str) -> None:
    at = state(Phase.PREPARING, since=NOW - 2 * HOUR)
    away = settle(limited(what), at, seen(at, pods={NEW: pods(0, of=2)}, verdict=None))
    assert all(step.events == () for step in away)


def test_a_canary_that_lost_its_pods_keeps_its_clock() -> None:
    at = exposed(2 * HOUR, Phase.PREPARING)
    world = seen(at, verdict=INCONCLUSIVE)
    events = [reason for step in settle(limited(), at, world) for reason in reasons(step)]
    assert events == ["MaxDurationExceeded"]
    assert advance(limited("Rollback"), at, world, NOW).state.phase is Phase.ROLLING_BACK


@pytest.mark.parametrize("what", WHAT)
def test_a_canary_that_serves_alone_is_not_taken_back(what: str) -> None:
    at = exposed(2 * HOUR, takeover=True)
    world = replace(seen(at, verdict=INCONCLUSIVE), workloads={OLD: pods(0), NEW: pods(4)})
    assert {step.state.traffic for step in settle(limited(what), at, world)} <= {100}
