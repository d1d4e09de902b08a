"""Who may begin a rollout: counted from status, in the order in which they came."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from serinus.api.status import Phase, RolloutState, Status
from serinus.reconcile.queue import Key
from serinus.reconcile.roster import Roster, Uncounted
from serinus.rollout.turns import Limits
from tests.rollout.support import NOW, state

A, B, C, D = (Key("team", name) for name in "abcd")
STABLE, PREPARING = state(Phase.STABLE), state(Phase.PREPARING)


def queued(since: float) -> RolloutState:
    return state(Phase.QUEUED, since=since)


class Hall:
    """A roster, and whom it woke."""

    def __init__(self, limits: Limits, known: dict[Key, RolloutState] | None = None) -> None:
        self.woken: list[Key] = []
        self.roster = Roster(limits, self._wake)
        for key, known_state in (known or {}).items():
            self.roster.survey(listed(key, known_state))
        asyncio.run(self.roster.surveyed())

    async def _wake(self, key: Key) -> None:
        self.woken.append(key)

    def place(self, key: Key, at: RolloutState = STABLE, now: float = NOW) -> int:
        """Return the place of one that wants to begin, 0 when it may."""
        wait = self.roster.ask(key, at, now)
        return wait.place if wait else 0

    def note(self, key: Key, at: RolloutState) -> None:
        asyncio.run(self.roster.note(key, at))


def listed(key: Key, at: RolloutState) -> dict[str, Any]:
    status = Status(rollout=at).model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"metadata": {"namespace": key.namespace, "name": key.name}, "status": status}


def test_without_a_limit_nobody_waits_for_anything() -> None:
    roster = Roster(Limits(), wake=lambda _: pytest.fail("nobody waits"))
    assert roster.ask(A, STABLE, NOW) is None


def test_nobody_begins_before_all_that_are_in_progress_are_known() -> None:
    hall = Hall(Limits(1))
    hall.roster.begin()
    with pytest.raises(Uncounted):
        hall.roster.ask(A, STABLE, NOW)


def test_who_may_begin_counts_at_once() -> None:
    hall = Hall(Limits(1))
    assert [hall.place(A), hall.place(B), hall.place(A), hall.place(C, now=NOW + 1)] == [0, 1, 0, 2]


@pytest.mark.parametrize("phase", [phase for phase in Phase if state(phase).candidate])
def test_a_model_counts_as_long_as_it_has_two_revisions(phase: Phase) -> None:
    hall = Hall(Limits(1))
    assert hall.place(A) == 0
    hall.note(A, state(phase))
    assert hall.place(B) == 1
    hall.note(B, queued(NOW))
    assert hall.woken == []
    hall.note(A, STABLE)
    assert hall.woken == [B]
    assert hall.place(B, queued(NOW), NOW + 9) == 0


def test_a_restart_changes_neither_who_is_in_progress_nor_the_order() -> None:
    """Three wait; the last leader's memory is gone, status is all there is."""
    hall = Hall(Limits(1), {B: queued(NOW - 5), A: queued(NOW - 9), C: queued(NOW - 7), D: PREPARING})
    assert hall.woken == []
    assert [hall.place(B, queued(NOW - 5)), hall.place(A, queued(NOW - 9)), hall.place(D, PREPARING)] == [3, 1, 0]
    hall.note(D, STABLE)
    assert hall.woken == [A]


def test_a_limit_that_was_raised_or_taken_away_lets_those_begin_that_wait() -> None:
    waiting = {A: queued(NOW - 9), B: queued(NOW - 5), C: queued(NOW - 1)}
    assert Hall(Limits(2), waiting).woken == [A, B]
    assert Hall(Limits(), waiting).place(C, waiting[C]) == 0


def test_what_was_looked_at_is_newer_than_the_list() -> None:
    hall = Hall(Limits(1))
    hall.roster.begin()
    hall.note(A, STABLE)
    hall.roster.survey(listed(A, PREPARING))
    hall.roster.survey(listed(B, queued(NOW)))
    asyncio.run(hall.roster.surveyed())
    assert hall.woken == [B]


def test_one_whose_turn_it_is_and_who_cannot_begin_lets_others_pass_and_keeps_its_place() -> None:
    hall = Hall(Limits(1), {D: PREPARING, A: queued(NOW - 9), B: queued(NOW - 5)})
    asyncio.run(hall.roster.pass_over(A))
    hall.note(D, STABLE)
    assert hall.woken == [B]
    assert hall.place(A, queued(NOW - 9)) == 0, "it is back before the other one has begun"


@pytest.mark.parametrize("gone", [A, B])
def test_a_model_that_is_deleted_makes_room(gone: Key) -> None:
    hall = Hall(Limits(1), {A: PREPARING, B: queued(NOW - 5), C: queued(NOW - 1)})
    asyncio.run(hall.roster.forget(gone))
    assert hall.woken == ([B] if gone == A else [])
    assert hall.place(C, queued(NOW - 1)) == 1


def test_a_step_that_was_never_written_gives_its_place_back() -> None:
    """The spec was paused between the question and the write."""
    hall = Hall(Limits(1))
    assert [hall.place(A), hall.place(B)] == [0, 1]
    hall.note(A, STABLE)
    assert hall.woken == [B]
