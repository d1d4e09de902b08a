"""The first revision has nothing to be compared with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serinus.api.status import Phase, RolloutState
from serinus.rollout.exposure import behind_service, split
from serinus.rollout.machine import advance
from serinus.rollout.observation import Observation

from .support import NEW, NEWER, NOW, OLD, last, pods, reasons, seen, settle, spec, state

FRESH = RolloutState()


def unready(target: str, **update: object) -> Observation:
    first = RolloutState(control=target)
    return seen(first, stamped="", target=target, pods={target: pods(0, of=4)}, **update)


def test_it_serves_as_soon_as_one_pod_is_ready_and_is_stamped_with_that_step() -> None:
    begun = advance(spec(), FRESH, unready(OLD), NOW).state
    assert (begun.phase, begun.control, begun.candidate) == (Phase.INITIALIZING, OLD, "")

    step = advance(spec(), begun, replace(unready(OLD), workloads={OLD: pods(1, of=4)}), NOW + 1)

    assert (step.state.phase, step.state.control, step.stamp) == (Phase.STABLE, OLD, OLD)
    assert reasons(step) == ["FirstRevisionServes"]


def test_without_a_ready_pod_nothing_is_stamped() -> None:
    steps = settle(spec(), FRESH, unready(OLD))
    assert [step.stamp for step in steps] == [""]
    assert last(steps, FRESH).phase is Phase.INITIALIZING


def test_it_has_no_canary_however_long_it_takes() -> None:
    begun = last(settle(spec(), FRESH, unready(OLD)), FRESH)
    late = last(settle(spec(), begun, unready(OLD), NOW + 10_000), begun)
    assert (late.candidate, late.weight, late.weights) == ("", 0, [])
    assert split(late).percent == ((OLD, 100), (OLD, 0))
    assert behind_service(spec(), late, gateway=True) == (OLD,)


def test_a_first_revision_that_never_became_ready_is_replaced_by_its_fix() -> None:
    stuck = last(settle(spec(), FRESH, unready(OLD)), FRESH)
    late = last(settle(spec(), stuck, unready(OLD), NOW + 601), stuck)
    assert late.reason == "ProgressDeadlineExceeded"

    fixed = advance(spec(), late, unready(NEW), NOW + 700).state

    assert (fixed.phase, fixed.control, fixed.candidate) == (Phase.INITIALIZING, NEW, "")
    assert (fixed.reason, fixed.since) == ("", NOW + 700)


def test_the_deadline_is_told_once_and_does_not_end_the_wait() -> None:
    begun = last(settle(spec(), FRESH, unready(OLD)), FRESH)
    assert settle(spec(), begun, unready(OLD), NOW + 599) == []

    (late,) = settle(spec(), begun, unready(OLD), NOW + 600)
    assert reasons(late) == ["ProgressDeadlineExceeded"]
    assert "0" not in late.stamp

    (served,) = settle(spec(), late.state, replace(unready(OLD), workloads={OLD: pods(1)}), NOW + 900)
    assert (served.state.phase, served.state.reason, served.state.message) == (Phase.STABLE, "", "")


def test_the_message_of_the_deadline_holds_what_the_pods_wait_for() -> None:
    begun = last(settle(spec(), FRESH, unready(OLD)), FRESH)
    waiting = replace(unready(OLD), workloads={OLD: pods(0, problem="model: ImagePullBackOff: no such tag")})
    late = advance(spec(), begun, waiting, NOW + 600).state
    assert "ImagePullBackOff" in late.message


@pytest.mark.parametrize("phase", [*Phase])
def test_without_any_stamp_every_state_is_a_first_deploy(phase: Phase) -> None:
    before = state(phase, takeover=phase is Phase.STEPPING)
    step = advance(spec(), before, seen(before, stamped="", target=NEWER), NOW)
    after = step.state
    assert (after.phase, after.control, after.candidate) == (Phase.INITIALIZING, NEWER, "")
    assert (after.weight, after.takeover) == (0, False)


def test_a_crash_between_the_first_stamp_and_status_ends_in_the_same_place() -> None:
    begun = last(settle(spec(), FRESH, unready(OLD)), FRESH)
    served = replace(unready(OLD), workloads={OLD: pods(4)}, stamped=OLD)
    steps = settle(spec(), begun, replace(served, first_look=True))
    assert last(steps, begun).phase is Phase.STABLE
    assert last(steps, begun).control == OLD
