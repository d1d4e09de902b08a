"""With an autoscaler: stable does not shrink in a rollout, the new revision is never cold, and the split is hidden from both."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.api import conditions as types
from serinus.api.status import Phase, RolloutState, Status
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.rollout.capacity import SETTLING, Size, settled_in, sizes
from serinus.rollout.machine import advance
from serinus.rollout.observation import Autoscaler, Observation, Workload
from serinus.rollout.report import Facts, status

from .support import NEW, NOW, OLD, UNDER_TEST, UNDER_WAY, pods, seen, settle, spec, state

LEAST, MOST = 2, 10


def autoscaled(*, gateway: bool = True, **parts: Any) -> ModelDeploymentSpec:
    bounds = {"minReplicas": LEAST, "maxReplicas": MOST, "cpuUtilization": 70}
    return spec(gateway=gateway, replicas=1, autoscaling=bounds, **parts)


def peak(at: RolloutState, stable: int = 8, *, gateway: bool = True, **update: Any) -> Observation:
    """Return a world in which an autoscaler has raised what serves to eight pods."""
    return seen(at, gateway=gateway, pods={OLD: pods(stable), NEW: pods(stable)}, **update)


def test_at_rest_the_autoscaler_decides_within_the_bounds() -> None:
    at = state(Phase.STABLE)
    assert sizes(autoscaled(), at, peak(at), NOW) == {OLD: Size(LEAST, MOST)}


@pytest.mark.parametrize("gateway", [True, False])
@pytest.mark.parametrize("phase", [*UNDER_TEST, Phase.ROLLING_BACK])
def test_stable_does_not_shrink_while_a_part_of_its_traffic_is_elsewhere(phase: Phase, gateway: bool) -> None:  # noqa: FBT001
    at = state(phase)
    assert sizes(autoscaled(gateway=gateway), at, peak(at, gateway=gateway), NOW)[OLD] == Size(8, MOST)


@pytest.mark.parametrize("phase", [Phase.STABLE, Phase.ROLLED_BACK])
def test_what_serves_does_not_shrink_for_ten_minutes_after_a_rollout(phase: Phase) -> None:
    at, wanted = state(phase, since=NOW), autoscaled()
    assert sizes(wanted, at, peak(at), NOW + SETTLING - 1)[OLD] == Size(8, MOST)
    assert settled_in(wanted, at, NOW + SETTLING - 1) == 1
    assert sizes(wanted, at, peak(at), NOW + SETTLING)[OLD] == Size(LEAST, MOST)
    assert settled_in(wanted, at, NOW + SETTLING) == settled_in(spec(), at, NOW) == float("inf")


@pytest.mark.parametrize(("weight", "least"), [(5, 2), (25, 2), (50, 4), (95, 8)])
def test_a_candidate_has_its_share_of_what_stable_has_ready(weight: int, least: int) -> None:
    at, wanted = state(Phase.STEPPING, weight=weight), autoscaled(rollout={"steps": [{"weight": weight}]})
    assert sizes(wanted, at, peak(at), NOW)[NEW] == Size(least, MOST)


def test_a_promotion_waits_for_as_many_pods_as_stable_has_ready() -> None:
    at = state(Phase.PROMOTING, weight=50, weights=[])
    cold = seen(at, pods={OLD: pods(8), NEW: pods(4, of=8)}, service_revisions=frozenset({OLD}))
    assert sizes(autoscaled(), at, cold, NOW)[NEW] == Size(8, MOST)
    assert all(step.state.weight == 50 for step in settle(autoscaled(), at, cold))
    warm = peak(at, service_revisions=frozenset({OLD}))
    assert settle(autoscaled(), at, warm)[0].state.weight == 95


def test_the_last_step_as_high_as_promotion_has_the_full_size_too() -> None:
    at, wanted = state(Phase.PREPARING), autoscaled(rollout={"steps": [{"weight": 95}]})
    assert sizes(wanted, at, peak(at), NOW)[NEW] == Size(8, MOST)


@pytest.mark.parametrize("phase", UNDER_WAY)
def test_without_a_gateway_no_autoscaler_changes_the_split(phase: Phase) -> None:
    """The number of the candidate's pods is its share there."""
    at, wanted = state(phase, weight=25), autoscaled(gateway=False, rollout={"steps": [{"weight": 25}]})
    found = sizes(wanted, at, peak(at, gateway=False), NOW)[NEW]
    assert found == (Size(8, MOST) if phase is Phase.PROMOTING else Size(2))


def test_without_a_gateway_a_rollback_ends_the_autoscaler_with_the_pods() -> None:
    at = state(Phase.ROLLING_BACK)
    assert sizes(autoscaled(gateway=False), at, peak(at, gateway=False), NOW)[NEW] == Size(0)


def test_a_candidate_that_is_taken_back_keeps_its_pods_while_it_drains() -> None:
    at = state(Phase.ROLLING_BACK)
    assert sizes(autoscaled(), at, peak(at), NOW)[NEW] == Size(8, MOST)


def test_a_lowered_maximum_is_obeyed_also_in_a_rollout() -> None:
    at = state(Phase.PROMOTING)
    assert sizes(autoscaled(), at, peak(at, 12), NOW) == {OLD: Size(MOST, MOST), NEW: Size(MOST, MOST)}


def test_somebody_elses_autoscaler_on_stable_is_followed_by_a_candidate_too() -> None:
    """Without spec.autoscaling stable may have more pods than spec.replicas."""
    at = state(Phase.STEPPING, weight=50, step=2)
    assert sizes(spec(), at, peak(at, 12), NOW) == {OLD: Size(4), NEW: Size(6)}


counts = st.integers(0, 15)
phases = st.sampled_from([*UNDER_TEST, Phase.ROLLING_BACK, Phase.STABLE, Phase.ROLLED_BACK])


@given(phases, st.booleans(), counts, counts, counts, st.integers(0, 2000))
def test_bounds_hold_whatever_is_seen(  # noqa: PLR0917
    phase: Phase,
    gateway: bool,  # noqa: FBT001
    replicas: int,
    ready: int,
    others: int,
    age: int,
) -> None:
    at = state(phase, since=NOW - age)
    world = seen(at, gateway=gateway, pods={OLD: Workload(replicas, ready), NEW: pods(others)})
    found = sizes(autoscaled(gateway=gateway), at, world, NOW)
    assert set(found) == {at.control, at.candidate} - {""}
    assert LEAST <= found[OLD].pods <= MOST
    assert all(size.pods <= (size.most or MOST) for size in found.values() if phase is not Phase.ROLLING_BACK)
    if at.candidate:
        assert found[OLD].pods >= min(replicas, MOST), "what serves does not shrink"
    if at.phase in (Phase.PROMOTING, Phase.WATCHING):
        assert found[NEW].pods >= min(max(ready, LEAST), MOST), "what is promoted is not cold"


# Status


def told(at: RolloutState, world: Observation, wanted: ModelDeploymentSpec) -> Status:
    return status(Facts("m", 1, wanted, at, world, {}, (), None, NOW), Status(), {})


def test_a_candidate_that_fits_nowhere_says_so_and_stable_is_left_alone() -> None:
    at = state(Phase.PREPARING, since=NOW)
    waiting = pods(0, of=2, problem="Unschedulable: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu.")
    world = seen(at, pods={NEW: waiting})
    step = advance(spec(), at, world, NOW + 60)
    found = told(step.state, world, spec())
    assert (found.phase, found.reason, found.weight) == (Phase.PREPARING, "Preparing", 0)
    assert "Insufficient nvidia.com/gpu" in found.message
    assert {c.type: c.message for c in found.conditions}["Reconciling"] == found.message
    assert sizes(spec(), step.state, world, NOW)[OLD] == Size(4)


def test_what_pods_wait_for_comes_before_what_the_judge_waits_for() -> None:
    at = state(Phase.PREPARING, since=NOW, hold="Blind", hold_since=NOW)
    world = seen(at, metrics_problem="nobody has called it yet", verdict=None)
    assert told(at, world, spec()).reason == "AnalysisBlind"
    waiting = seen(at, metrics_problem="nobody has called it yet", verdict=None, pods={NEW: pods(0, problem="no GPU")})
    assert (told(at, waiting, spec()).reason, told(at, waiting, spec()).message) == ("Preparing", "no GPU")


@pytest.mark.parametrize(
    ("says", "value", "reason"),
    [
        (None, "Unknown", "AutoscalerPending"),
        (Autoscaler(active=True, reason="ValidMetricFound", message="fine"), "True", "ValidMetricFound"),
        (Autoscaler(active=False, reason="FailedGetContainerResourceMetric", message="no metrics API"), "False",
         "FailedGetContainerResourceMetric"),
    ],
)  # fmt: skip
def test_status_tells_whether_the_autoscaler_works(says: Autoscaler | None, value: str, reason: str) -> None:
    at = state(Phase.STABLE)
    world = seen(at, workloads={OLD: Workload(4, 4, autoscaler=says)})
    found = {c.type: c for c in told(at, world, autoscaled()).conditions}[types.SCALING_ACTIVE]
    assert (found.status, found.reason) == (value, reason)
    assert types.SCALING_ACTIVE not in {c.type for c in told(at, world, spec()).conditions}
