"""Where only so many rollouts may be in progress, the others wait for their turn, and nothing of them moves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serinus.api.status import Phase
from serinus.rollout.capacity import sizes
from serinus.rollout.exposure import split
from serinus.rollout.machine import advance, takes_turns
from serinus.rollout.turns import Limits, Wait, waits

from .support import NEW, NEWER, NOW, OLD, failure, pods, reasons, seen, settle, spec, state

WAIT = Wait(place=2, running=3, limit=3)
RESTING = (Phase.STABLE, Phase.QUEUED, Phase.ROLLED_BACK)


@pytest.mark.parametrize(
    ("limits", "running", "waiting", "expected"),
    [
        # nobody waits without a limit, nor below it
        (Limits(), ["a/1", "a/2"], {"b/1": 5.0}, {}),
        (Limits(3), ["a/1", "a/2"], {"b/1": 5.0}, {}),
        # first come, first served, whatever the names
        (Limits(2), ["a/1"], {"a/2": 9.0, "z/1": 5.0}, {"a/2": (1, 2, 2, "")}),
        (Limits(1), ["a/1"], {"a/3": 7.0, "a/2": 9.0, "b/1": 8.0},
         {"a/3": (1, 1, 1, ""), "b/1": (2, 1, 1, ""), "a/2": (3, 1, 1, "")}),
        # who came in the same moment goes by the name: always the same one
        (Limits(1), [], {"b/1": 5.0, "a/1": 5.0}, {"b/1": (1, 1, 1, "")}),
        # a namespace at its own limit holds up nobody else
        (Limits(0, 1), ["a/1"], {"a/2": 5.0, "b/1": 6.0, "b/2": 7.0},
         {"a/2": (1, 1, 1, "a"), "b/2": (1, 1, 1, "b")}),
        (Limits(3, 2), ["a/1", "a/2"], {"a/3": 5.0, "b/1": 6.0, "b/2": 7.0},
         {"a/3": (1, 2, 2, "a"), "b/2": (1, 3, 3, "")}),
        # a limit that was lowered takes nothing back
        (Limits(1), ["a/1", "a/2"], {"b/1": 5.0}, {"b/1": (1, 2, 1, "")}),
    ],
)  # fmt: skip
def test_who_waits_for_what(
    limits: Limits, running: list[str], waiting: dict[str, float], expected: dict[str, tuple[int, int, int, str]]
) -> None:
    def model(name: str) -> tuple[str, str]:
        namespace, _, own = name.partition("/")
        return namespace, own

    found = waits(limits, {model(name) for name in running}, {model(name): since for name, since in waiting.items()})
    assert found == {model(name): Wait(*wait) for name, wait in expected.items()}


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        (Wait(1, 1, 1), "1 rollout is in progress and the limit is 1; it is number 1 of those that wait"),
        (Wait(3, 4, 2, "ml"), "4 rollouts are in progress in namespace ml and the limit is 2; it is number 3"),
    ],
)
def test_the_words(wait: Wait, words: str) -> None:
    assert wait.told(NEW).startswith(f"Revision {NEW} waits for its turn: {words}")


@pytest.mark.parametrize("phase", RESTING)
def test_a_new_revision_waits_and_stable_is_untouched(phase: Phase) -> None:
    at = state(phase, failed=[])
    world = seen(at, target=NEW, wait=WAIT)
    step = advance(spec(), at, world, NOW)
    assert (step.state.phase, step.state.candidate, step.stamp) == (Phase.QUEUED, "", "")
    assert reasons(step) == ([] if phase is Phase.QUEUED else ["RolloutQueued"])
    assert sizes(spec(), step.state, world, NOW).keys() == {OLD}
    assert split(step.state) == split(state(Phase.STABLE))
    assert settle(spec(), step.state, world) == [], "it says so once"


@pytest.mark.parametrize("phase", RESTING)
def test_it_begins_by_itself_once_nothing_is_in_front(phase: Phase) -> None:
    at = state(phase, failed=[])
    step = advance(spec(), at, seen(at, target=NEW), NOW)
    assert (step.state.phase, step.state.candidate, reasons(step)) == (Phase.PREPARING, NEW, ["RolloutStarted"])
    assert takes_turns(at, step.state, seen(at, target=NEW), returns=False)
    assert not takes_turns(at, step.state, seen(at, target=NEW), returns=True), "a way back does not wait"
    down = seen(at, target=NEW, pods={OLD: pods(0)})
    assert not takes_turns(at, step.state, down, returns=False), "nobody serves: this may be the remedy"


def test_a_newer_spec_keeps_the_place_of_the_one_before() -> None:
    at = state(Phase.QUEUED, since=NOW - 50)
    assert advance(spec(), at, seen(at, target=NEWER, wait=WAIT), NOW).state == at


@pytest.mark.parametrize(
    ("target", "paused", "phase"),
    [(OLD, False, Phase.STABLE), (NEW, True, Phase.STABLE), (NEWER, False, Phase.ROLLED_BACK)],
    ids=["the stable spec again", "paused", "known to be bad"],
)
def test_who_does_not_want_to_begin_any_more_leaves_the_queue(target: str, paused: bool, phase: Phase) -> None:  # noqa: FBT001
    at = state(Phase.QUEUED, failed=[failure(NEWER)] if target == NEWER else [])
    wanted = spec(rollout={"paused": paused})
    step = advance(wanted, at, seen(at, target=target, wait=WAIT), NOW)
    assert (step.state.phase, step.state.candidate) == (phase, "")


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in RESTING])
def test_nothing_that_is_under_way_waits(phase: Phase) -> None:
    """First deploys, steps, promotions and rollbacks go on as if there was no limit."""
    at = state(phase)
    world = seen(at)
    assert advance(spec(), at, replace(world, wait=WAIT), NOW) == advance(spec(), at, world, NOW)
    assert not takes_turns(at, advance(spec(), at, world, NOW).state, world, returns=False)


@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.STABLE])
def test_what_had_failed_is_remembered_while_the_spec_is_refused(phase: Phase) -> None:
    at = state(phase, failed=[failure(NEWER)])
    step = advance(spec(), at, seen(at, target=OLD, refused=True), NOW)
    assert (step.state.phase, step.state.failed) == (Phase.STABLE, at.failed), (
        "it has left the queue, and knows what it knew"
    )
    back = advance(spec(), step.state, seen(step.state, target=NEWER), NOW)
    assert (back.state.phase, back.state.reason) == (Phase.ROLLED_BACK, "ErrorRate")


def test_the_stable_spec_again_forgets_what_had_failed() -> None:
    at = state(Phase.QUEUED, failed=[failure(NEWER)])
    assert advance(spec(), at, seen(at, target=OLD), NOW).state.failed == []
