"""A revision keeps its slot, and the slots hold a hundred."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.traffic.split import PENDING, SeenSplit, Split, together

OLD, NEW = "aaaaaaaaaa", "bbbbbbbbbb"


@pytest.mark.parametrize(
    ("split", "slots"),
    [
        (Split(OLD, "", 0, 0), ((OLD, 100), (OLD, 0))),
        (Split(OLD, "", 0, 1), ((OLD, 0), (OLD, 100))),
        (Split(OLD, NEW, 0, 0), ((OLD, 100), (NEW, 0))),
        (Split(OLD, NEW, 5, 0), ((OLD, 95), (NEW, 5))),
        (Split(OLD, NEW, 5, 1), ((NEW, 5), (OLD, 95))),
        (Split(OLD, NEW, 100, 1), ((NEW, 100), (OLD, 0))),
    ],
)
def test_the_slots_of_a_split(split: Split, slots: tuple[tuple[str, int], ...]) -> None:
    assert split.slots == slots


@given(st.integers(0, 100), st.integers(0, 1))
def test_the_control_stays_in_its_place_whatever_the_weight(weight: int, slot: int) -> None:
    slots = Split(OLD, NEW, weight, slot).slots
    assert slots[slot] == (OLD, 100 - weight)
    assert slots[1 - slot] == (NEW, weight)


def test_a_revision_that_is_not_in_the_split_has_nothing() -> None:
    assert SeenSplit({OLD: 100}, live=True).weight_of(NEW) == 0


def test_a_side_that_drains_keeps_its_backend_and_next_to_no_traffic() -> None:
    taken_back = Split(OLD, NEW, 0, 0, warm=True)
    assert taken_back.slots == ((OLD, 1_000_000), (NEW, 1))
    assert taken_back.percent == ((OLD, 100), (NEW, 0))
    promoted = Split(OLD, NEW, 100, 1, warm=True)
    assert promoted.slots == ((NEW, 1_000_000), (OLD, 1))


def test_a_side_that_never_had_traffic_has_none() -> None:
    assert Split(OLD, NEW, 0, 0).slots == ((OLD, 100), (NEW, 0))


LIVE = SeenSplit({OLD: 95, NEW: 5}, live=True, slots=((OLD, 95), (NEW, 5)), open=True)


def test_routes_that_agree_are_one_split() -> None:
    assert together([LIVE, LIVE]) == together([LIVE]) == LIVE


def test_a_share_counts_once_every_route_gives_it() -> None:
    """A step would end on requests of one protocol alone, and a rollback while the other still sends some."""
    behind = SeenSplit({OLD: 100, NEW: 0}, live=True, slots=((OLD, 100), (NEW, 0)), open=True)
    for seen in (together([LIVE, behind]), together([behind, LIVE])):
        assert (seen.weight_of(NEW), seen.live, seen.reason) == (0, False, PENDING)
        assert seen.problem


@pytest.mark.parametrize("reverse", [False, True])
def test_one_route_that_is_not_live_holds_all(reverse: bool) -> None:  # noqa: FBT001
    missing = SeenSplit({}, live=False, reason="RouteRefused", problem="there is no GRPCRoute yet")
    seen = together([missing, LIVE] if reverse else [LIVE, missing])
    assert (seen.live, seen.reason, seen.problem) == (False, "RouteRefused", "there is no GRPCRoute yet")
    assert seen.weight_of(NEW) == 0
    assert seen.open, "the open one is not closed again"
