"""While stable has no ready pod a ready candidate takes all traffic, and goes back to its step afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serinus.api.status import Phase, RolloutState
from serinus.rollout.exposure import behind_service, split
from serinus.rollout.machine import advance

from .support import BLIND, NEW, NEWER, NOW, OLD, UNDER_TEST, World, last, pods, reasons, seen, settle, spec, state

NOBODY, EVERYBODY = {OLD: pods(0, of=4)}, {OLD: pods(4)}


@pytest.mark.parametrize("phase", UNDER_TEST)
def test_a_ready_candidate_takes_everything_in_one_look(phase: Phase) -> None:
    at = state(phase)
    step = advance(spec(), at, seen(at, pods=NOBODY), NOW)
    assert reasons(step) == ["StableDown"]
    assert split(step.state).percent == ((OLD, 0), (NEW, 100))
    assert (step.state.phase, step.state.weight) == (phase, at.weight)


@pytest.mark.parametrize("phase", UNDER_TEST)
def test_it_returns_to_its_share_when_stable_is_back(phase: Phase) -> None:
    at = state(phase, takeover=True)
    step = advance(spec(), at, seen(at, pods=EVERYBODY), NOW)
    assert reasons(step) == ["StableRecovered"]
    assert step.state.traffic == at.weight
    assert step.state.live_since is None


@pytest.mark.parametrize("phase", [Phase.PREPARING, Phase.STEPPING])
def test_no_step_ends_during_a_takeover(phase: Phase) -> None:
    at = state(phase, takeover=True, live_since=NOW - 1000)
    after = last(settle(spec(), at, seen(at, pods=NOBODY)), at)
    assert (after.step, after.traffic, after.takeover) == (0, 100, True)


def test_without_any_ready_pod_anywhere_the_candidate_gets_nothing() -> None:
    at = state(Phase.STEPPING, takeover=True)
    step = advance(spec(), at, seen(at, pods={OLD: pods(0), NEW: pods(0)}), NOW)
    assert (step.state.phase, step.state.traffic, step.state.takeover) == (Phase.PREPARING, 0, False)


@pytest.mark.parametrize("phase", [Phase.PROMOTING, Phase.WATCHING])
def test_a_takeover_that_lasts_to_the_end_leaves_no_trace(phase: Phase) -> None:
    """What stuck here would give all traffic to the next candidate before it has a pod."""
    world = World(spec(), state(phase), NEW)
    world.fixed = {"workloads": {OLD: pods(0, of=4), NEW: pods(4)}}
    world.run(1000)
    assert (world.state.phase, world.state.control) == (Phase.STABLE, NEW)
    assert not world.state.takeover

    world.target = NEWER
    world.fixed = {"workloads": {NEW: pods(4), NEWER: pods(0, of=2)}}
    world.tick()
    assert (world.state.phase, world.state.candidate, world.state.traffic) == (Phase.PREPARING, NEWER, 0)


@pytest.mark.parametrize("phase", [Phase.INITIALIZING, Phase.STABLE, Phase.ROLLED_BACK])
def test_a_takeover_without_a_candidate_is_discarded(phase: Phase) -> None:
    at = state(phase, takeover=True, failed=[])
    stamped = "" if phase is Phase.INITIALIZING else OLD
    world = seen(state(Phase.STABLE), stamped=stamped)
    assert not last(settle(spec(), at, world), at).takeover


def test_the_service_of_in_cluster_callers_follows_a_takeover() -> None:
    assert behind_service(spec(), state(Phase.STEPPING, takeover=True), gateway=True) == (NEW,)
    assert behind_service(spec(), state(Phase.STEPPING), gateway=True) == (OLD,)


def test_where_all_traffic_is_the_candidates_already_there_is_nothing_to_take_over() -> None:
    at = state(Phase.WATCHING, weight=100)
    wanted = spec(gateway=False)
    world = seen(at, gateway=False, pods=NOBODY)
    assert not any(step.state.takeover for step in settle(wanted, replace_since(at), world))


def replace_since(at: RolloutState) -> RolloutState:
    return at.model_copy(update={"since": NOW})


def test_the_judges_word_on_a_candidate_in_takeover_still_counts_as_blind() -> None:
    at = state(Phase.STEPPING, takeover=True)
    steps = settle(spec(), at, replace(seen(at, pods=NOBODY), verdict=BLIND))
    assert [step.state.hold for step in steps] == ["Blind"]


def test_the_stable_spec_during_a_takeover_waits_for_stables_pods() -> None:
    at = state(Phase.STEPPING, takeover=True)
    waiting = last(settle(spec(), at, seen(at, pods=NOBODY, target=OLD)), at)
    assert (waiting.phase, split(waiting).weight) == (Phase.STEPPING, 100)

    back = last(settle(spec(), waiting, seen(at, pods=EVERYBODY, target=OLD)), waiting)
    assert split(back).weight == 0


def test_a_newer_spec_during_a_takeover_does_not_take_the_only_ready_pods_away() -> None:
    at = state(Phase.STEPPING, takeover=True)
    after = last(settle(spec(), at, seen(at, pods={**NOBODY, NEWER: pods(0)}, target=NEWER)), at)
    assert split(after).weight == 100
    assert after.candidate == NEW
