"""Arithmetic of a split by pods, and what the endpoints say about it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.traffic.replica_ratio import canary_pods, read

OLD, NEW = "aaaaaaaaaa", "bbbbbbbbbb"


@given(st.integers(1, 10_000), st.integers(1, 99))
def test_a_canary_has_at_least_one_pod_and_never_more_than_half(stable: int, weight: int) -> None:
    canary = canary_pods(stable, weight)
    assert 1 <= canary <= stable
    assert canary / (canary + stable) <= 0.5


@given(st.integers(1, 10_000), st.integers(1, 99))
def test_a_canary_stays_at_or_below_its_weight_wherever_one_pod_can(stable: int, weight: int) -> None:
    canary = canary_pods(stable, weight)
    assert canary == 1 or canary * 100 <= weight * (canary + stable)


@given(st.integers(1, 10_000), st.integers(1, 98))
def test_more_weight_is_never_fewer_pods(stable: int, weight: int) -> None:
    assert canary_pods(stable, weight) <= canary_pods(stable, weight + 1)


@pytest.mark.parametrize(
    ("stable", "weight", "canary"),
    [
        (1, 5, 1),
        (1, 50, 1),
        (1, 99, 1),
        (4, 5, 1),
        (4, 25, 1),
        (4, 50, 4),
        (10, 25, 3),
        (10, 100, 10),
        (19, 5, 1),
        (38, 5, 2),
    ],
)
def test_the_ratio_by_example(stable: int, weight: int, canary: int) -> None:
    assert canary_pods(stable, weight) == canary


@pytest.mark.parametrize(
    ("endpoints", "wanted", "live", "share"),
    [
        ({OLD: 4, NEW: 1}, {OLD: 4, NEW: 1}, True, 20),
        ({OLD: 4}, {OLD: 4}, True, 0),
        ({NEW: 4}, {NEW: 4}, True, 100),
        ({OLD: 5, NEW: 1}, {OLD: 4, NEW: 1}, True, 17),
        ({OLD: 4}, {OLD: 4, NEW: 1}, False, 0),
        ({OLD: 4, NEW: 1}, {OLD: 4}, False, 20),
        ({OLD: 4, NEW: 1}, {OLD: 4, NEW: 0}, False, 20),
        ({OLD: 3, NEW: 1}, {OLD: 4, NEW: 1}, False, 25),
        ({OLD: 4, "": 1}, {OLD: 4}, False, 0),
        ({}, {OLD: 1}, False, 0),
        ({OLD: 0, NEW: 0}, {OLD: 1}, False, 0),
    ],
)
def test_the_endpoints_tell_the_real_share_and_whether_it_is_the_wanted_one(
    endpoints: dict[str, int],
    wanted: dict[str, int],
    live: bool,  # noqa: FBT001
    share: int,
) -> None:
    seen = read(endpoints, wanted)
    assert (seen.live, seen.weight_of(NEW)) == (live, share)
    assert bool(seen.problem) is not live
