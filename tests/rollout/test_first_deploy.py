"""The first revision has nothing to be compared with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serinus.api.status import Phase, RolloutState
from serinus.rollout.exposure import behind_service, split
from serinus.rollout.machine import WARM_UP, advance
from serinus.rollout.observation import Observation
from serinus.rollout.step import change
from serinus.traffic.split import PENDING, SeenSplit

from .support import NEW, NEWER, NOW, OLD, last, pods, reasons, seen, settle, spec, state

FRESH = RolloutState()


ROUTELESS = SeenSplit({}, live=False, reason=PENDING)
CLOSED = SeenSplit({OLD: 100}, live=True)
OPEN = replace(CLOSED, open=True)


def unready(target: str, **update: object) -> Observation:
    first = RolloutState(control=target)
    return seen(first, stamped="", target=target, **{"pods": {target: pods(0, of=4)}, "split": ROUTELESS, **update})


def ready(split: SeenSplit, **update: object) -> Observation:
    return unready(OLD, pods={OLD: pods(1, of=4)}, split=split, **update)


def begun() -> RolloutState:
    return last(settle(spec(), FRESH, unready(OLD)), FRESH)


def test_it_serves_once_the_gateway_has_known_a_ready_pod_for_a_while_and_is_stamped_with_that_step() -> None:
    first = begun()
    assert (first.phase, first.control, first.candidate) == (Phase.INITIALIZING, OLD, "")
    first = last(settle(spec(), first, ready(ROUTELESS), NOW + 1), first)
    assert settle(spec(), first, ready(replace(CLOSED, live=False, reason=PENDING)), NOW + 2) == []
    known = last(settle(spec(), first, ready(CLOSED), NOW + 3), first)
    assert (known.phase, known.live_since) == (Phase.INITIALIZING, NOW + 3)
    assert settle(spec(), known, ready(CLOSED), NOW + 3 + WARM_UP / 2) == []

    (step,) = settle(spec(), known, ready(CLOSED), NOW + 3 + WARM_UP)

    assert (step.state.phase, step.state.control, step.stamp) == (Phase.STABLE, OLD, OLD)
    assert (reasons(step), step.state.live_since) == (["FirstRevisionServes"], None)


def test_nobody_is_let_in_before_the_first_revision_serves() -> None:
    first = begun()
    assert split(first).closed
    assert not split(change(first, phase=Phase.STABLE)).closed


def test_a_route_that_is_open_is_never_closed_again() -> None:
    """The record of what was stable was lost; the pods still serve."""
    first = begun()
    assert not split(first, is_open=True).closed
    known = settle(spec(), first, ready(OPEN))
    assert last(known, first).phase is Phase.STABLE


@pytest.mark.parametrize("reason", ["GatewayMissing", "RouteNotAllowedByListeners"])
def test_a_gateway_that_will_not_take_the_route_is_not_waited_for(reason: str) -> None:
    (step,) = settle(spec(), begun(), ready(replace(ROUTELESS, reason=reason)))
    assert step.state.phase is Phase.STABLE


def test_a_gateway_that_does_not_answer_is_waited_for_until_the_deadline() -> None:
    asked = last(settle(spec(), begun(), ready(ROUTELESS), NOW + 5_000), begun())
    assert asked.phase is Phase.INITIALIZING
    assert settle(spec(), asked, ready(ROUTELESS), NOW + 5_599) == []
    (step,) = settle(spec(), asked, ready(ROUTELESS), NOW + 5_600)
    assert (step.state.phase, step.state.warm) == (Phase.STABLE, False)


def test_without_a_gateway_it_serves_as_soon_as_one_pod_is_ready() -> None:
    bare = spec(gateway=False)
    first = last(settle(bare, FRESH, unready(OLD, gateway=False)), FRESH)
    step = advance(bare, first, ready(SeenSplit({OLD: 100}, live=True), gateway=False), NOW + 1)
    assert step.state.live_since == NOW + 1
    assert advance(bare, step.state, ready(SeenSplit({OLD: 100}, live=True), gateway=False), NOW + 1).stamp == OLD


def test_without_a_ready_pod_nothing_is_stamped() -> None:
    steps = settle(spec(), FRESH, unready(OLD))
    assert [step.stamp for step in steps] == [""]
    assert last(steps, FRESH).phase is Phase.INITIALIZING


def test_it_has_no_canary_however_long_it_takes() -> None:
    first = begun()
    late = last(settle(spec(), first, unready(OLD), NOW + 10_000), first)
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
    first = begun()
    assert settle(spec(), first, unready(OLD), NOW + 599) == []

    (late,) = settle(spec(), first, unready(OLD), NOW + 600)
    assert reasons(late) == ["ProgressDeadlineExceeded"]
    assert "0" not in late.stamp

    served = last(settle(spec(), late.state, ready(OPEN), NOW + 900), late.state)
    assert (served.phase, served.reason, served.message) == (Phase.STABLE, "", "")


def test_the_message_of_the_deadline_holds_what_the_pods_wait_for() -> None:
    first = begun()
    waiting = replace(unready(OLD), workloads={OLD: pods(0, problem="model: ImagePullBackOff: no such tag")})
    late = advance(spec(), first, waiting, NOW + 600).state
    assert "ImagePullBackOff" in late.message


@pytest.mark.parametrize("phase", [*Phase])
def test_without_any_stamp_every_state_is_a_first_deploy(phase: Phase) -> None:
    before = state(phase, takeover=phase is Phase.STEPPING)
    step = advance(spec(), before, seen(before, stamped="", target=NEWER), NOW)
    after = step.state
    assert (after.phase, after.control, after.candidate) == (Phase.INITIALIZING, NEWER, "")
    assert (after.weight, after.takeover) == (0, False)


def test_a_crash_between_the_first_stamp_and_status_ends_in_the_same_place() -> None:
    first = begun()
    served = replace(ready(OPEN), stamped=OLD)
    steps = settle(spec(), first, replace(served, first_look=True))
    assert last(steps, first).phase is Phase.STABLE
    assert last(steps, first).control == OLD
