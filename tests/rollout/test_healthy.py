"""From a new spec to the next stable revision."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from serinus.api.status import Phase, RolloutState
from serinus.rollout.exposure import behind_service, split
from serinus.rollout.machine import advance
from serinus.traffic.split import SeenSplit

from .support import NEW, NOW, OLD, PASS, World, last, pods, reasons, replicas, seen, settle, spec, state

STABLE = state(Phase.STABLE)


def test_a_healthy_revision_climbs_every_step_and_becomes_stable() -> None:
    world = World(spec(), STABLE, NEW)
    world.run(1000)

    assert world.weights == [0, 5, 25, 50, 95, 100, 0]
    assert (world.state.phase, world.state.control, world.state.candidate) == (Phase.STABLE, NEW, "")
    assert [step.stamp for step in world.steps if step.stamp] == [NEW]
    assert [reason for reason in world.events if reason != "WeightRaised"] == [
        "RolloutStarted", "StepPassed", "StepPassed", "StepPassed", "Promoted", "RolloutCompleted",
    ]  # fmt: skip


def test_the_promoted_revision_keeps_its_slot() -> None:
    world = World(spec(), STABLE, NEW)
    places = set()
    while world.state.control != NEW:
        places |= {place for place, (revision, _) in enumerate(split(world.state).percent) if revision == NEW}
        world.tick(5)
    assert places == {1}
    assert world.state.control_slot == 1
    assert split(world.state).percent == ((NEW, 0), (NEW, 100))


def test_every_weight_adds_up_to_a_hundred_and_the_service_moves_once() -> None:
    world = World(spec(), STABLE, NEW)
    services = []
    while world.state.control != NEW:
        world.tick(5)
        assert sum(weight for _, weight in split(world.state).percent) == 100
        services.append(behind_service(world.spec, world.state, gateway=True))
    changes = [new for old, new in itertools.pairwise(services) if old != new]
    assert (services[0], changes) == ((OLD,), [(NEW,)])


def test_a_rollout_leaves_nothing_behind_in_its_final_state() -> None:
    world = World(spec(), STABLE, NEW)
    world.run(1000)
    rest = world.state
    assert (rest.weight, rest.weights, rest.step, rest.live_since, rest.reason) == (0, [], 0, None, "")
    assert (rest.takeover, rest.forced, rest.paused, rest.hold) == (False, False, False, "")
    assert replicas(world.spec, rest, world.look()) == {NEW: 4}


@pytest.mark.parametrize(
    ("ready", "phase"), [(0, Phase.PREPARING), (1, Phase.PREPARING), (2, Phase.STEPPING), (4, Phase.STEPPING)]
)
def test_traffic_comes_only_after_the_pods_of_the_first_step_are_ready(ready: int, phase: Phase) -> None:
    at = state(Phase.PREPARING, warm=True, live_since=NOW - 5)
    steps = settle(spec(), at, seen(at, pods={NEW: pods(ready, of=2)}))
    assert (steps[-1].state if steps else at).phase is phase


def test_the_gateway_knows_the_backend_before_anybody_is_sent_there() -> None:
    at = state(Phase.PREPARING)
    warmed = last(settle(spec(), at, seen(at)), at)
    assert (warmed.phase, warmed.weight, warmed.live_since) == (Phase.PREPARING, 0, NOW)
    assert split(warmed).slots == ((OLD, 1_000_000), (NEW, 1))
    assert settle(spec(), warmed, seen(warmed), NOW + 0.9) == []
    (raised, *_) = settle(spec(), warmed, seen(warmed), NOW + 1)
    assert (raised.state.phase, raised.state.weight) == (Phase.STEPPING, 5)


def step_state(**update: object) -> RolloutState:
    return state(Phase.STEPPING, since=NOW, live_since=None, **update)


def test_the_time_of_a_step_begins_when_every_gateway_follows_it() -> None:
    at, wanted = step_state(), spec()
    pending = seen(at, split=SeenSplit({OLD: 95, NEW: 5}, live=False, problem="not yet"))
    assert settle(wanted, at, pending, NOW + 5000) == []

    (live,) = settle(wanted, at, seen(at), NOW + 5000)
    assert (live.state.live_since, live.state.weight, live.state.step) == (NOW + 5000, 5, 0)
    assert settle(wanted, live.state, seen(at), NOW + 5059) == []

    steps = settle(wanted, live.state, seen(at), NOW + 5060)
    assert [(step.state.step, step.state.weight) for step in steps[:2]] == [(1, 5), (1, 25)]


def test_a_live_route_with_another_weight_does_not_count() -> None:
    at = step_state(weight=25, step=1)
    earlier = seen(at, split=SeenSplit({OLD: 95, NEW: 5}, live=True))
    assert settle(spec(), at, earlier) == []


@pytest.mark.parametrize(
    "missing",
    [{"verdict": None}, {"pods": {NEW: pods(1, of=2)}}, {"split": SeenSplit({OLD: 95, NEW: 5}, live=False)}],
    ids=["no verdict", "a pod is unready", "the route is not live"],
)
def test_a_step_does_not_end_while_something_is_missing(missing: dict[str, object]) -> None:
    at = state(Phase.STEPPING, live_since=None if "split" in missing else NOW - 1000)
    steps = settle(spec(), at, seen(at, **missing))
    assert {(step.state.step, step.state.weight, step.state.phase) for step in steps} <= {(0, 5, Phase.STEPPING)}


def test_promotion_waits_for_as_many_pods_as_the_control_has_now() -> None:
    """An autoscaler may have raised the control above spec.replicas."""
    at = state(Phase.PROMOTING, weight=50, weights=[])
    crowded = seen(at, pods={OLD: pods(9), NEW: pods(8, of=9)}, service_revisions=frozenset({OLD}))
    assert replicas(spec(), at, crowded)[NEW] == 9
    assert all(step.state.weight == 50 for step in settle(spec(), at, crowded))

    full = seen(at, pods={OLD: pods(9), NEW: pods(9)}, service_revisions=frozenset({OLD}))
    assert settle(spec(), at, full)[0].state.weight == 95


@pytest.mark.parametrize(
    ("update", "world"),
    [
        ({"live_since": NOW - 29}, {}),
        ({"live_since": None}, {"split": SeenSplit({OLD: 5, NEW: 95}, live=False)}),
        ({}, {"service_revisions": frozenset({OLD})}),
        ({}, {"service_revisions": frozenset({OLD, NEW})}),
    ],
    ids=["drain", "route not live", "Service not moved", "Service holds both"],
)
def test_nothing_is_stamped_before_the_old_pods_are_drained(
    update: dict[str, object], world: dict[str, object]
) -> None:
    at = state(Phase.PROMOTING, **update)
    assert settle(spec(), at, seen(at, **world)) == []


def test_the_drain_is_at_least_the_request_timeout_of_the_route() -> None:
    wanted = spec().model_copy(update={"route": spec().route.model_copy(update={"timeout": 120.0})})
    at = state(Phase.PROMOTING, live_since=NOW - 119)
    assert settle(wanted, at, seen(at)) == []
    assert settle(wanted, at, seen(at), NOW + 1)[0].stamp == NEW


def test_the_watch_keeps_the_control_until_it_is_over_and_drains_it_then() -> None:
    at = state(Phase.WATCHING, since=NOW)
    assert settle(spec(), at, seen(at), NOW + 299) == []

    (raised,) = settle(spec(), at, seen(at), NOW + 300)
    assert (raised.state.phase, raised.state.weight) == (Phase.WATCHING, 100)

    live = advance(spec(), raised.state, seen(raised.state), NOW + 301).state
    assert settle(spec(), live, seen(live), NOW + 330) == []
    (done,) = settle(spec(), live, seen(live), NOW + 331)
    assert (done.state.phase, done.state.control) == (Phase.STABLE, NEW)


def test_without_a_watch_weight_the_route_goes_to_a_hundred_and_the_watch_still_lasts() -> None:
    wanted = spec(rollout={"watchWeight": 0})
    at = state(Phase.PROMOTING, weight=50, weights=[])
    (raised,) = settle(wanted, at, seen(at, service_revisions=frozenset({OLD})))
    assert raised.state.weight == 100

    watching = state(Phase.WATCHING, weight=100, since=NOW)
    assert settle(wanted, watching, seen(watching), NOW + 299) == []
    assert settle(wanted, watching, seen(watching), NOW + 300)[-1].state.control == NEW


def test_without_a_watch_the_promotion_is_the_end() -> None:
    world = World(spec(rollout={"watchAfterPromotion": "0s"}), STABLE, NEW)
    world.run(500)
    assert world.weights == [0, 5, 25, 50, 100, 0]
    assert world.state.control == NEW


@pytest.mark.parametrize("edit", [{"watchWeight": 0}, {"watchAfterPromotion": "0s"}])
def test_an_edit_that_ends_the_watch_early_still_drains_the_control(edit: dict[str, object]) -> None:
    """The control has 5 % when the edit comes: its pods are let go only when those requests are answered."""
    at = state(Phase.WATCHING, since=NOW - 400)
    (raised,) = settle(spec(rollout=edit), at, seen(at))
    assert (raised.state.phase, raised.state.weight) == (Phase.WATCHING, 100)

    live = advance(spec(rollout=edit), raised.state, seen(raised.state), NOW + 1).state
    assert settle(spec(rollout=edit), live, seen(live), NOW + 30) == []
    assert settle(spec(rollout=edit), live, seen(live), NOW + 31)[-1].state.phase is Phase.STABLE


@pytest.mark.parametrize("short", [True, False])
def test_a_last_step_as_high_as_the_watch_leaves_room_for_still_waits_for_all_pods(short: bool) -> None:  # noqa: FBT001
    """Steps may reach 100 - watchWeight: then promotion raises nothing, and must not skip the pods."""
    wanted = spec(rollout={"watchWeight": 50})
    at = state(Phase.STEPPING, step=2, weight=50, weights=[])
    world = seen(at, pods={NEW: pods(2 if short else 4)}, service_revisions=frozenset({OLD}))
    after = (settle(wanted, at, world) or [None])[-1]
    moved = after is not None and behind_service(wanted, after.state, gateway=True) == (NEW,)
    assert moved is not short


def test_the_last_raise_of_the_watch_waits_for_all_pods() -> None:
    at = state(Phase.WATCHING, since=NOW - 400)
    world = seen(at, pods={NEW: pods(2, of=4)})
    assert {step.state.weight for step in settle(spec(), at, world)} == {95}


def test_a_message_of_a_passed_step_holds_the_judges_numbers() -> None:
    at = state(Phase.STEPPING)
    (passed, *_) = settle(spec(), at, seen(at))
    assert reasons(passed) == ["StepPassed"]
    assert PASS.message in passed.events[0].message


def test_a_weight_that_is_above_its_step_is_never_lowered_by_an_edit_of_the_steps() -> None:
    wanted = spec(rollout={"steps": [{"weight": 5}, {"weight": 10}, {"weight": 60}]})
    at = state(Phase.STEPPING, step=1, weight=25)
    assert [step.state.weight for step in settle(wanted, at, seen(at))][:1] == [25]


def test_fewer_steps_than_the_state_remembers_end_the_steps() -> None:
    wanted = spec(rollout={"steps": [{"weight": 5}]})
    at = state(Phase.STEPPING, step=2, weight=50)
    assert settle(wanted, at, seen(at))[0].state.phase is Phase.PROMOTING


@pytest.mark.parametrize("gateway", [True, False])
def test_an_edit_that_is_no_new_revision_changes_nothing(gateway: bool) -> None:  # noqa: FBT001
    wanted = spec(gateway=gateway, replicas=9, analysis={"alpha": 0.1})
    assert settle(wanted, STABLE, seen(STABLE, gateway=gateway)) == []


def test_equal_arguments_give_an_equal_step() -> None:
    at = state(Phase.STEPPING)
    first, second = (advance(spec(), at, replace(seen(at)), NOW) for _ in range(2))
    assert first == second
