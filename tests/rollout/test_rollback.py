"""Every reason to take a candidate back, and what is remembered of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serinus.analysis import Outcome, Verdict
from serinus.api.status import MAX_FAILED, Phase
from serinus.rollout.exposure import behind_service, split
from serinus.rollout.machine import advance
from serinus.rollout.step import MAX_WEIGHTS, Step
from serinus.traffic.split import SeenSplit

from .support import (
    EXPOSED,
    FAIL,
    NEW,
    NEWER,
    NOW,
    OLD,
    UNDER_TEST,
    UNDER_WAY,
    World,
    failed_revisions,
    failure,
    last,
    pods,
    reasons,
    replicas,
    seen,
    settle,
    spec,
    state,
    weights,
)  # fmt: skip

CRASH = {"pods": {NEW: pods(3, of=4, restarts=3, problem="model: CrashLoopBackOff")}}
LATE = {"pods": {NEW: pods(1, of=4, problem="Unschedulable: no GPU")}}


def taken_back(step: Step, reason: str) -> None:
    assert (step.state.phase, step.state.traffic) == (Phase.ROLLING_BACK, 0)
    assert reasons(step) == [reason]
    assert split(step.state).percent == ((OLD, 100), (NEW, 0))


@pytest.mark.parametrize("phase", UNDER_TEST)
@pytest.mark.parametrize(
    "verdict", [FAIL, Verdict(Outcome.FAIL, "Threshold", "p99 is 3 s", "p99")], ids=["error rate", "threshold"]
)
def test_a_verdict_takes_all_traffic_back_in_one_look(phase: Phase, verdict: Verdict) -> None:
    at = state(phase)
    step = advance(spec(), at, seen(at, verdict=verdict), NOW)
    taken_back(step, verdict.reason)
    assert verdict.message in step.state.message
    assert failed_revisions(step.state) == {NEW}


@pytest.mark.parametrize("phase", UNDER_TEST)
@pytest.mark.parametrize("also", ["paused", "spec paused", "shortage", "pods back", "command", "blind", "superseded"])
def test_nothing_stands_in_the_way_of_a_failed_verdict(phase: Phase, also: str) -> None:
    wanted = spec(rollout={"paused": also == "spec paused"})
    at = state(phase, paused=also == "paused", short_since=NOW - 5 if also == "pods back" else None)
    world = seen(at, verdict=FAIL)
    world = {
        "shortage": replace(world, workloads={OLD: pods(4), NEW: pods(1)}),
        "command": replace(world, command=f"promote/{NEW}/1"),
        "blind": replace(world, metrics_problem="Prometheus cannot be reached"),
        "superseded": replace(world, target=NEWER),
    }.get(also, world)
    taken_back(advance(wanted, at, world, NOW), "ErrorRate")


@pytest.mark.parametrize("phase", UNDER_TEST)
def test_three_restarts_of_a_container_are_enough(phase: Phase) -> None:
    at = state(phase)
    taken_back(advance(spec(), at, seen(at, **CRASH), NOW), "CrashLooping")
    two = {"pods": {NEW: pods(3, restarts=2)}}
    assert advance(spec(), at, seen(at, **two), NOW).state.phase is not Phase.ROLLING_BACK


@pytest.mark.parametrize("phase", UNDER_WAY)
def test_pods_that_are_not_ready_in_time_end_the_rollout(phase: Phase) -> None:
    at = state(phase, short_since=NOW - 600)
    step = advance(spec(), at, seen(at, **LATE), NOW)
    taken_back(step, "ProgressDeadlineExceeded")
    assert "no GPU" in step.state.message
    assert "1 of" in step.state.message


@pytest.mark.parametrize("phase", UNDER_WAY)
def test_the_deadline_counts_from_the_first_missing_pod_and_forgets_when_all_are_back(phase: Phase) -> None:
    at = state(phase, weight=0 if phase is Phase.PREPARING else 5, live_since=NOW, since=NOW)
    short = advance(spec(), at, seen(at, **LATE), NOW).state
    assert short.short_since == NOW
    assert advance(spec(), short, seen(at, **LATE), NOW + 599).state.phase is phase

    back = advance(spec(), short, seen(at), NOW + 599).state
    assert back.short_since is None
    again = advance(spec(), back, seen(at, **LATE), NOW + 700).state
    assert again.short_since == NOW + 700


def test_a_promoted_revision_has_no_progress_deadline() -> None:
    at = state(Phase.WATCHING, short_since=NOW - 5000, since=NOW)
    assert settle(spec(), at, seen(at, **LATE)) == []


@pytest.mark.parametrize("phase", [Phase.STEPPING, Phase.PROMOTING])
def test_without_a_ready_pod_the_traffic_goes_and_comes_back_at_the_first_step(phase: Phase) -> None:
    at = state(phase, step=2)
    lost = advance(spec(), at, seen(at, pods={NEW: pods(0, of=4)}), NOW)
    assert (lost.state.phase, lost.state.traffic, lost.state.step) == (Phase.PREPARING, 0, 0)
    assert reasons(lost) == ["CanaryLost"]
    assert failed_revisions(lost.state) == set()

    away = last(settle(spec(), lost.state, seen(lost.state, pods={NEW: pods(0, of=4)}), NOW + 1), lost.state)
    assert (away.phase, away.traffic) == (Phase.PREPARING, 0)
    warmed = last(settle(spec(), away, seen(away), NOW + 10), away)
    after = settle(spec(), warmed, seen(warmed), NOW + 12)
    assert [step.state.weight for step in after if step.events] == [5]


def test_the_backend_of_a_lost_candidate_goes_after_its_last_requests() -> None:
    at = state(Phase.STEPPING, warm=True)
    gone = {NEW: pods(0, of=4)}
    lost = advance(spec(), at, seen(at, pods=gone), NOW).state
    assert split(lost).slots == ((OLD, 1_000_000), (NEW, 1)), "the gateway keeps its backend"

    away = last(settle(spec(), lost, seen(lost, pods=gone), NOW + 1), lost)
    assert settle(spec(), away, seen(away, pods=gone), NOW + 10) == []
    (forgotten, *_) = settle(spec(), away, seen(away, pods=gone), NOW + 1 + spec().rollout.drain)
    assert split(forgotten.state).slots == ((OLD, 100), (NEW, 0))
    assert forgotten.state.phase is Phase.PREPARING


def test_a_lost_candidate_that_is_back_before_its_backend_went_is_at_the_first_step_again() -> None:
    at = state(Phase.STEPPING, warm=True)
    lost = advance(spec(), at, seen(at, pods={NEW: pods(0, of=4)}), NOW).state
    away = last(settle(spec(), lost, seen(lost, pods={NEW: pods(0, of=4)}), NOW + 1), lost)
    (raised, *_) = settle(spec(), away, seen(away), NOW + 3)
    assert (raised.state.phase, raised.state.weight) == (Phase.STEPPING, 5)


def test_a_candidate_that_stays_away_is_rolled_back_at_the_deadline() -> None:
    world = World(spec(), state(Phase.STEPPING), NEW)
    world.fixed = {"workloads": {OLD: pods(4), NEW: pods(0, of=4)}}
    world.run(630)
    assert world.events[:1] == ["CanaryLost"]
    assert "ProgressDeadlineExceeded" in world.events
    assert failed_revisions(world.state) == {NEW}


def test_a_promoted_revision_without_a_ready_pod_gives_way_to_its_control() -> None:
    at = state(Phase.WATCHING)
    step = advance(spec(), at, seen(at, pods={NEW: pods(0, of=4)}), NOW)
    taken_back(step, "NoReadyPods")
    assert (step.stamp, step.state.stable) == (OLD, OLD)


def test_without_a_ready_control_there_is_nothing_to_give_way_to() -> None:
    at = state(Phase.WATCHING)
    steps = settle(spec(), at, seen(at, pods={NEW: pods(0), OLD: pods(0)}))
    assert all(step.state.phase is Phase.WATCHING for step in steps)


@pytest.mark.parametrize("phase", [Phase.STEPPING, Phase.PROMOTING])
def test_some_unready_pods_hold_the_weight(phase: Phase) -> None:
    at = state(phase, weight=5)
    steps = settle(spec(), at, seen(at, pods={NEW: pods(1, of=4)}, service_revisions=frozenset({OLD})))
    assert [(step.state.phase, step.state.weight) for step in steps] == [(phase, 5)]
    assert steps[0].state.short_since == NOW


@pytest.mark.parametrize("phase", [Phase.PREPARING, Phase.STEPPING])
def test_a_newer_spec_takes_the_candidates_place_and_remembers_nothing(phase: Phase) -> None:
    at = state(phase)
    world = World(spec(), at, NEWER)
    taken_back(world.tick(1), "Superseded")
    assert failed_revisions(world.state) == set()
    world.run(60)
    assert (world.state.phase, world.state.candidate, world.state.weight) == (Phase.STEPPING, NEWER, 5)
    assert world.state.weights[0].weight == 5


def test_a_newer_spec_during_a_promotion_waits_for_its_end() -> None:
    world = World(spec(), state(Phase.PROMOTING), NEWER)
    world.run(200)
    assert [step.stamp for step in world.steps if step.stamp] == [NEW]
    assert (world.state.control, world.state.candidate) == (NEW, NEWER)


def test_a_newer_spec_ends_a_watch_and_starts_against_the_new_stable() -> None:
    world = World(spec(), state(Phase.WATCHING, since=NOW), NEWER)
    world.run(60)
    assert world.events[:3] == ["WeightRaised", "RolloutCompleted", "RolloutStarted"]
    assert (world.state.control, world.state.candidate) == (NEW, NEWER)
    assert not any(step.stamp for step in world.steps)


def test_a_newer_spec_during_a_rollback_waits_for_its_end() -> None:
    world = World(spec(), state(Phase.ROLLING_BACK), NEWER)
    world.run(20)
    assert world.state.candidate == NEW
    world.run(60)
    assert (world.state.control, world.state.candidate) == (OLD, NEWER)
    assert failed_revisions(world.state) == {NEW}


@pytest.mark.parametrize("phase", UNDER_TEST)
def test_the_stable_spec_again_is_a_fast_return_without_analysis(phase: Phase) -> None:
    at = state(phase)
    world = World(spec(), at, OLD, verdict=None)
    step = world.tick(1)
    taken_back(step, "Reverted")
    assert step.stamp == (OLD if phase is Phase.WATCHING else "")
    world.run(60)
    assert (world.state.phase, world.state.control, world.state.candidate) == (Phase.STABLE, OLD, "")
    assert failed_revisions(world.state) == set()


def test_a_return_in_the_watch_puts_the_old_revision_on_record_again() -> None:
    world = World(spec(), state(Phase.WATCHING), NEW, verdict=FAIL)
    step = world.tick()
    assert (step.stamp, step.state.stable, world.stamped) == (OLD, OLD, OLD)
    world.run(60)
    assert (world.state.phase, world.state.control) == (Phase.ROLLED_BACK, OLD)


def test_the_pods_stay_until_the_route_is_live_and_drained() -> None:
    at = state(Phase.ROLLING_BACK)
    pending = seen(at, split=SeenSplit({OLD: 100, NEW: 0}, live=False))
    assert settle(spec(), at, pending, NOW + 500) == []
    assert replicas(spec(), at, pending)[NEW] == 4

    live = advance(spec(), at, seen(at), NOW).state
    assert settle(spec(), live, seen(live), NOW + 29) == []
    (done,) = settle(spec(), live, seen(live), NOW + 30)
    assert (done.state.phase, done.state.candidate) == (Phase.ROLLED_BACK, "")
    assert NEW not in replicas(spec(), done.state, seen(done.state))


def test_a_rollback_without_a_gateway_that_follows_ends_all_the_same() -> None:
    at = state(Phase.ROLLING_BACK)
    gone = seen(at, split=SeenSplit({}, live=False, problem="there is no Gateway"))
    assert settle(spec(), at, gone, NOW + 600) == []
    (done,) = settle(spec(), at, gone, NOW + 630)
    assert done.state.phase is Phase.ROLLED_BACK


def test_a_candidate_that_never_had_traffic_is_let_go_at_once() -> None:
    at = state(Phase.ROLLING_BACK, weights=weights(0))
    (done, *_) = settle(spec(), at, seen(at, split=SeenSplit({}, live=False)))
    assert done.state.phase is Phase.ROLLED_BACK


@pytest.mark.parametrize("phase", EXPOSED)
def test_the_service_names_the_control_again_with_the_same_step(phase: Phase) -> None:
    at = state(phase)
    after = advance(spec(), at, seen(at, verdict=FAIL), NOW).state
    assert behind_service(spec(), after, gateway=True) == (OLD,)


# What is remembered


def test_the_same_spec_is_not_tried_again() -> None:
    at = state(Phase.ROLLED_BACK)
    assert settle(spec(), at, seen(at, target=NEW), NOW + 1_000_000) == []


def test_the_stable_spec_forgets_every_failure() -> None:
    at = state(Phase.ROLLED_BACK, failed=[failure(NEWER), failure(NEW)])
    cleared = last(settle(spec(), at, seen(at, target=OLD)), at)
    assert (cleared.phase, cleared.failed, cleared.reason) == (Phase.STABLE, [], "")
    begun = settle(spec(), cleared, seen(cleared, target=NEW))
    assert begun[0].state.candidate == NEW


def test_another_revision_starts_and_the_failure_stays_known() -> None:
    at = state(Phase.ROLLED_BACK)
    begun = advance(spec(), at, seen(at, target=NEWER), NOW).state
    assert (begun.phase, begun.candidate, begun.reason, begun.message) == (Phase.PREPARING, NEWER, "", "")
    assert failed_revisions(begun) == {NEW}


def test_a_known_failure_that_is_aimed_at_from_stable_says_why_it_is_not_tried() -> None:
    at = state(Phase.STABLE, failed=[failure(NEW, "CrashLooping")])
    (told,) = settle(spec(), at, seen(at, target=NEW))
    assert (told.state.phase, told.state.reason) == (Phase.ROLLED_BACK, "CrashLooping")


def test_ten_failures_are_remembered_and_each_revision_once() -> None:
    names = [f"{index:010d}" for index in range(MAX_FAILED)]
    at = state(Phase.STEPPING, failed=[failure(name) for name in names])
    full = advance(spec(), at, seen(at, verdict=FAIL), NOW).state
    assert [known.revision for known in full.failed] == [*names[1:], NEW]

    again = state(Phase.STEPPING, failed=[failure(NEW, "CrashLooping"), failure(NEWER)])
    once = advance(spec(), again, seen(again, verdict=FAIL), NOW).state
    assert [(known.revision, known.reason) for known in once.failed] == [(NEWER, "ErrorRate"), (NEW, "ErrorRate")]


def test_going_back_to_an_older_failure_tells_its_own_reason() -> None:
    at = state(Phase.ROLLED_BACK, failed=[failure(NEWER, "CrashLooping"), failure(NEW)])
    after = last(settle(spec(), at, seen(at, target=NEWER)), at)
    assert after.reason == "CrashLooping"


def test_a_long_message_is_cut_before_it_is_remembered() -> None:
    at = state(Phase.STEPPING)
    long = Verdict(Outcome.FAIL, "ErrorRate", "x" * 50_000, "error-rate")
    after = advance(spec(), at, seen(at, verdict=long), NOW).state
    assert 100 < len(after.message) <= 512
    assert 50 < len(after.failed[0].message) <= 128


def test_the_first_weight_change_anchors_the_evidence_however_often_a_candidate_comes_and_goes() -> None:
    world = World(spec(), state(Phase.STEPPING), NEW)
    anchor = world.state.weights[0].time
    for turn in range(60):
        world.fixed = {"workloads": {OLD: pods(4), NEW: pods(0 if turn % 2 else 4)}}
        world.run(15)
    assert world.state.weights[0].time == anchor
    assert len(world.state.weights) == MAX_WEIGHTS
    assert world.state.weights[-1].time > world.state.weights[1].time > anchor
