"""Without a gateway pods are the split: selector first, and no drain, since open connections stay with a pod."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.api.status import Phase
from serinus.rollout.capacity import candidate_pods, wanted_candidate
from serinus.rollout.exposure import behind_service, final_weight
from serinus.rollout.machine import advance
from serinus.traffic.split import SeenSplit

from .support import FAIL, NEW, NOW, OLD, UNDER_WAY, World, pods, reasons, replicas, seen, settle, spec, state

WANTED = spec(gateway=False)


def test_a_healthy_revision_is_promoted() -> None:
    world = World(WANTED, state(Phase.STABLE), NEW)
    world.run(1500)
    assert (world.state.phase, world.state.control) == (Phase.STABLE, NEW)
    assert world.weights == [0, 5, 25, 50, 100, 0]


@pytest.mark.parametrize(
    ("phase", "weight", "expected"),
    [
        (Phase.STABLE, 0, (OLD,)),
        (Phase.PREPARING, 0, (OLD,)),
        (Phase.STEPPING, 0, (OLD,)),
        (Phase.STEPPING, 5, (OLD, NEW)),
        (Phase.PROMOTING, 50, (OLD, NEW)),
        (Phase.PROMOTING, 100, (NEW,)),
        (Phase.WATCHING, 100, (NEW,)),
        (Phase.ROLLING_BACK, 0, (OLD,)),
        (Phase.ROLLED_BACK, 0, (OLD,)),
    ],
)
def test_the_service_holds_both_only_while_the_candidate_has_a_weight(
    phase: Phase, weight: int, expected: tuple[str, ...]
) -> None:
    assert behind_service(WANTED, state(phase, weight=weight), gateway=False) == expected


@pytest.mark.parametrize(("weight", "count"), [(5, 1), (25, 3), (50, 10)])
def test_the_pods_of_a_step_are_the_ratio(weight: int, count: int) -> None:
    wanted = spec(gateway=False, replicas=10, rollout={"steps": [{"weight": weight}]})
    at = state(Phase.STEPPING, weight=weight)
    assert replicas(wanted, at, seen(at, gateway=False)) == {OLD: 10, NEW: count}


@pytest.mark.parametrize("phase", [*UNDER_WAY, Phase.WATCHING])
def test_a_rollback_moves_the_selector_and_scales_the_canary_to_nothing_at_once(phase: Phase) -> None:
    at = state(phase, weight=100 if phase is Phase.WATCHING else 5)
    back = advance(WANTED, at, seen(at, gateway=False, verdict=FAIL), NOW).state
    world = seen(back, gateway=False)
    assert behind_service(WANTED, back, gateway=False) == (OLD,)
    assert wanted_candidate(WANTED, back, world) == 0
    pending = seen(back, gateway=False, split=SeenSplit({OLD: 80, NEW: 20}, live=False))
    assert settle(WANTED, back, pending, NOW + 1)[0].state.phase is Phase.ROLLED_BACK


def test_no_control_is_kept_for_the_watch() -> None:
    assert final_weight(WANTED, gateway=False) == 100
    assert final_weight(spec(), gateway=True) == 95
    assert final_weight(spec(rollout={"watchWeight": 0}), gateway=True) == 100


def test_a_promotion_moves_the_service_to_the_new_pods_alone_and_waits_for_the_endpoints() -> None:
    at = state(Phase.PROMOTING, weight=100)
    both = seen(at, gateway=False, service_revisions=frozenset({OLD, NEW}))
    assert settle(WANTED, at, both) == []
    moved = seen(at, gateway=False, service_revisions=frozenset({NEW}))
    assert settle(WANTED, at, moved)[0].stamp == NEW


@pytest.mark.parametrize("gateway", [True, False])
def test_the_control_keeps_its_pods_until_the_watch_is_over(gateway: bool) -> None:  # noqa: FBT001
    wanted = spec(gateway=gateway)
    for phase in (*UNDER_WAY, Phase.WATCHING, Phase.ROLLING_BACK):
        at = state(phase)
        assert replicas(wanted, at, seen(at, gateway=gateway))[OLD] == 4


@given(st.integers(1, 500), st.integers(1, 100))
def test_a_canary_behind_a_gateway_has_the_pods_of_its_share(size: int, weight: int) -> None:
    count = candidate_pods(size, weight, gateway=True)
    assert min(size, 2) <= count <= size
    assert count * 100 >= size * weight
    assert count == min(size, max(2, -(-size * weight // 100)))


def test_a_canary_that_is_taken_back_behind_a_gateway_keeps_its_pods_while_it_drains() -> None:
    at = state(Phase.ROLLING_BACK)
    assert wanted_candidate(spec(), at, seen(at, pods={NEW: pods(1, of=3)})) == 3


def test_the_watch_lasts_without_a_control_and_ends_by_itself() -> None:
    at = state(Phase.WATCHING, weight=100, since=NOW)
    assert settle(WANTED, at, seen(at, gateway=False), NOW + 299) == []
    (done,) = settle(WANTED, at, seen(at, gateway=False), NOW + 300)
    assert reasons(done) == ["RolloutCompleted"]
