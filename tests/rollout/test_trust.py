"""What was written may be gone, damaged, or behind what the cluster shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serinus.api.status import Phase, RolloutState
from serinus.rollout.exposure import split
from serinus.rollout.machine import advance
from serinus.rollout.observation import Observation
from serinus.traffic.split import SeenSplit

from .support import (
    EXPOSED,
    FAIL,
    NEW,
    NEWER,
    NOW,
    OLD,
    UNDER_TEST,
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
)

WIPED = RolloutState()


@pytest.mark.parametrize("phase", [Phase.STEPPING, Phase.PROMOTING])
def test_status_wiped_in_mid_rollout_goes_back_to_the_stamped_stable(phase: Phase) -> None:
    world = seen(state(phase))
    step = advance(spec(), WIPED, world, NOW)
    assert split(step.state).percent == ((OLD, 100), (NEW, 0))
    assert (step.state.phase, step.state.stable) == (Phase.ROLLING_BACK, OLD)
    assert failed_revisions(step.state) == set()


def test_the_forgotten_canary_is_drained_before_its_pods_go() -> None:
    lost = advance(spec(), WIPED, seen(state(Phase.STEPPING)), NOW).state
    live = last(settle(spec(), lost, replace(seen(lost), target=NEW), NOW + 1), lost)
    assert live.phase is Phase.ROLLING_BACK
    assert replicas(spec(), live, seen(live))[NEW] == 4
    after = settle(spec(), live, replace(seen(live), target=NEW), NOW + 31)
    assert [step.state.phase for step in after][:2] == [Phase.STABLE, Phase.PREPARING]


def test_status_wiped_in_the_watch_goes_to_the_promoted_revision() -> None:
    step = advance(spec(), WIPED, seen(state(Phase.WATCHING)), NOW)
    assert split(step.state).percent == ((OLD, 0), (NEW, 100))
    assert step.state.stable == NEW


@pytest.mark.parametrize("slot", [0, 1])
def test_status_wiped_at_rest_keeps_stables_slot(slot: int) -> None:
    at = state(Phase.STABLE, control_slot=slot)
    places = ((OLD, 100), (OLD, 0)) if slot == 0 else ((OLD, 0), (OLD, 100))
    step = advance(spec(), WIPED, seen(at, split=SeenSplit({OLD: 100}, live=True, slots=places)), NOW)
    assert (step.state.phase, step.state.control_slot) == (Phase.STABLE, slot)
    assert split(step.state).percent == split(at).percent


@pytest.mark.parametrize("slot", [0, 1])
def test_status_wiped_in_mid_rollout_keeps_both_slots(slot: int) -> None:
    at = state(Phase.STEPPING, control_slot=slot)
    places = ((OLD, 95), (NEW, 5)) if slot == 0 else ((NEW, 5), (OLD, 95))
    world = seen(at, split=SeenSplit({OLD: 95, NEW: 5}, live=True, slots=places))
    assert advance(spec(), WIPED, world, NOW).state.control_slot == slot


DAMAGED = {
    "no candidate": state(Phase.STEPPING, candidate=""),
    "candidate at rest": state(Phase.STABLE, candidate=NEW),
    "weight at rest": state(Phase.STABLE, weight=50),
    "takeover at rest": state(Phase.STABLE, takeover=True),
    "traffic while rolling back": state(Phase.ROLLING_BACK, weight=50),
    "takeover while rolling back": state(Phase.ROLLING_BACK, takeover=True),
    "against itself": state(Phase.STEPPING, candidate=OLD),
    "unknown control": state(Phase.STEPPING, control="dddddddddd"),
    "unknown candidate": state(Phase.PROMOTING, candidate="dddddddddd"),
    "no control": state(Phase.STABLE, control=""),
    "initializing with a stamp": state(Phase.INITIALIZING),
    "initializing with a candidate": state(Phase.INITIALIZING, candidate=NEW, weight=100),
    "another stable": state(Phase.STABLE, control=NEWER),
    "another stable under test": state(Phase.STEPPING, control=NEWER),
    "another watched": state(Phase.WATCHING, control=NEWER),
}


@pytest.mark.parametrize("damaged", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_state_that_does_not_fit_the_record_is_discarded_for_the_stamped_stable(damaged: RolloutState) -> None:
    world = seen(state(Phase.STABLE), target=OLD)
    steps = settle(spec(), damaged, world)
    rest = last(steps, damaged)
    assert (rest.phase, rest.control, rest.candidate, rest.traffic) == (Phase.STABLE, OLD, "", 0)
    assert not any(step.stamp for step in steps)
    assert split(steps[0].state).control == OLD
    assert split(steps[0].state).weight == 0


def test_a_discarded_state_keeps_its_failures_and_its_last_command() -> None:
    """A revision that was taken back must not be tried again, a command not repeated, because of the damage."""
    damaged = state(Phase.STABLE, candidate=NEW, failed=[failure(NEW)], last_command=f"retry/{NEW}/1")
    world = replace(seen(state(Phase.STABLE), target=NEW), command=f"retry/{NEW}/1")
    rest = last(settle(spec(), damaged, world), damaged)
    assert (rest.phase, rest.candidate) == (Phase.ROLLED_BACK, "")
    assert failed_revisions(rest) == {NEW}


# A crash between the stamp and status


def test_a_promotion_that_was_stamped_but_not_written_goes_on_watching() -> None:
    at = state(Phase.PROMOTING)
    world = seen(at, stamped=NEW, first_look=True)
    step = advance(spec(), at, world, NOW)
    assert (step.state.phase, step.state.stable, step.state.weight) == (Phase.WATCHING, NEW, 95)
    assert step.state.since == NOW


def test_a_return_that_was_stamped_but_not_written_goes_on_rolling_back() -> None:
    at = state(Phase.WATCHING)
    lowered = SeenSplit({OLD: 100, NEW: 0}, live=True, slots=((OLD, 100), (NEW, 0)))
    step = advance(spec(), at, seen(at, stamped=OLD, split=lowered, first_look=True), NOW)
    assert (step.state.phase, step.state.stable, step.state.traffic) == (Phase.ROLLING_BACK, OLD, 0)
    assert failed_revisions(step.state) == {NEW}

    rest = last(settle(spec(), step.state, seen(step.state), NOW + 100), step.state)
    rest = last(settle(spec(), rest, replace(seen(rest), target=NEW), NOW + 200), rest)
    assert (rest.phase, rest.control) == (Phase.ROLLED_BACK, OLD)


# A crash between the route and status


def behind(at: RolloutState, weight: int, **update: object) -> Observation:
    places = ((at.control, 100 - weight), (at.candidate, weight))
    return seen(at, split=SeenSplit(dict(places), live=True, slots=places), first_look=True, **update)


@pytest.mark.parametrize("phase", [Phase.PROMOTING, Phase.WATCHING])
def test_a_lower_weight_is_believed_on_the_first_look_alone(phase: Phase) -> None:
    at = state(phase, since=NOW)
    assert advance(spec(), at, behind(at, 50), NOW).state.weight == 50
    assert advance(spec(), at, replace(behind(at, 50), first_look=False), NOW).state.weight == 95


@pytest.mark.parametrize("phase", EXPOSED)
def test_a_higher_weight_is_never_believed(phase: Phase) -> None:
    at = state(phase, since=NOW)
    assert advance(spec(), at, behind(at, 100), NOW).state.weight == at.weight


@pytest.mark.parametrize("phase", UNDER_TEST)
def test_a_believed_weight_is_remembered_with_its_time_and_is_not_live(phase: Phase) -> None:
    at = state(phase, weight=50)
    after = advance(spec(), at, behind(at, 3), NOW).state
    assert (after.weights[-1].time, after.weights[-1].weight, after.live_since) == (NOW, 3, None)


@pytest.mark.parametrize("phase", [Phase.STEPPING, Phase.PROMOTING])
def test_traffic_that_was_taken_away_begins_at_the_first_step(phase: Phase) -> None:
    at = state(phase, step=2, weights=weights(5, 25, 50, 95))
    after = advance(spec(), at, behind(at, 0), NOW).state
    assert (after.phase, after.weight, after.step) == (Phase.PREPARING, 0, 0)


def test_a_promotion_by_command_that_was_not_raised_yet_goes_on() -> None:
    at = state(Phase.PROMOTING, weights=weights(95), forced=True)
    after = advance(spec(), at, behind(at, 0), NOW).state
    assert (after.phase, after.weight, after.forced) == (Phase.PROMOTING, 0, True)


def test_a_raise_that_was_written_but_not_applied_is_made_again() -> None:
    at = state(Phase.STEPPING, step=1, weight=25, weights=weights(5, 25))
    steps = settle(spec(), at, behind(at, 5))
    assert steps[0].state.weight == 5
    assert {(step.state.phase, step.state.weight) for step in steps[1:3]} >= {(Phase.STEPPING, 25)}


def test_without_a_route_or_with_a_takeover_nothing_is_believed() -> None:
    at = state(Phase.STEPPING)
    absent = seen(at, split=SeenSplit({}, live=False), first_look=True)
    assert advance(spec(), at, absent, NOW).state.weight == 5
    taken = state(Phase.STEPPING, takeover=True)
    step = advance(spec(), taken, behind(taken, 0, pods={OLD: pods(0)}), NOW)
    assert step.state.traffic == 100


def test_a_failed_verdict_after_a_crash_in_the_rollback_of_a_watch_finishes_it() -> None:
    """The route was lowered, nothing else was written; the judge says the same again."""
    at = state(Phase.WATCHING)
    steps = settle(spec(), at, behind(at, 0, verdict=FAIL))
    assert max(step.state.traffic for step in steps) == 0
    assert [step.stamp for step in steps if step.stamp] == [OLD]
    assert "ErrorRate" in [reason for step in steps for reason in reasons(step)]


def test_traffic_that_was_taken_away_in_the_watch_is_not_given_back_in_one_go() -> None:
    world = World(spec(), state(Phase.WATCHING, since=NOW), NEW)
    world.fixed = {"first_look": True, "split": behind(world.state, 0).split}
    world.tick()
    world.fixed = {}
    world.run(30)
    assert max(step.state.weight for step in world.steps) < 95
