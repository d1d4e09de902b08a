from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.analysis import Arm, Counter, Target
from serinus.analysis.increments import Grid, Track, read

NAN = math.nan


def target(scrapes: str, *, first: float = 0.0) -> Target:
    """One character per scrape, 10 s apart: 1 answered, 0 not, a blank for none."""
    times = [(first + 10.0 * i, c) for i, c in enumerate(scrapes)]
    return Target("pod", Arm.CANARY, tuple((t, float(c)) for t, c in times if c in "01"))


def series(values: list[float | None], cell: int = 0, key: str = "", arm: Arm = Arm.CANARY) -> Counter:
    samples = tuple((10.0 * i, v) for i, v in enumerate(values) if v is not None)
    return Counter(arm, "pod", key or f"cell-{cell}", cell, samples)


def track(
    scrapes: Target, *counters: Counter, anchor: float = 0.0, start: float = -30.0, old: Track | None = None
) -> Track:
    return read(old, scrapes, counters, 2, Grid(anchor, 10.0), max(anchor, start + 12.0))


def counted(found: Track) -> list[tuple[float, ...]]:
    """The end of each increment, and the canary's cells."""
    return [(i.end, *i.canary.tolist()) for i in found.increments]


def test_a_target_that_was_there_counts_from_its_first_scrape() -> None:
    found = track(target("111"), series([100, 105, 111]))
    assert counted(found) == [(10, 5, 0), (20, 6, 0)]


def test_an_error_series_is_born_at_the_first_error() -> None:
    found = track(target("111"), series([100, 105, 111]), series([None, None, 4], cell=1))
    assert counted(found) == [(10, 5, 0), (20, 6, 4)]


def test_a_target_born_inside_the_window_counts_from_zero() -> None:
    found = track(target("  11"), series([None, None, 7, 9]))
    assert counted(found) == [(20, 7, 0), (30, 2, 0)]
    assert [i.birth for i in found.increments] == [True, False]


def test_a_newborn_may_have_served_two_intervals_before_its_first_scrape() -> None:
    found = track(target("  11"), series([None, None, 7, 9]))
    assert [i.start for i in found.increments] == [0, 20]


def test_a_target_first_seen_down_after_the_anchor_was_born_too() -> None:
    found = track(target("  01"), series([None, None, None, 9]))
    assert counted(found) == [(30, 9, 0)]


@pytest.mark.parametrize(("anchor", "start"), [(25.0, -30.0), (0.0, 15.0)], ids=["anchor", "start"])
def test_a_target_that_may_be_old_is_not_born(anchor: float, start: float) -> None:
    found = track(target("  11"), series([None, None, 7, 9]), anchor=anchor, start=start)
    assert counted(found) == [(30, 2, 0)]


def test_resets_count_from_zero() -> None:
    found = track(target("1111"), series([100, 105, 3, 3]))
    assert counted(found) == [(10, 5, 0), (20, 3, 0), (30, 0, 0)]


def test_a_reset_of_one_series_leaves_the_others_alone() -> None:
    found = track(target("111"), series([100, 105, 111]), series([50, 60, 2], cell=1))
    assert counted(found) == [(10, 5, 10), (20, 6, 2)]


def test_the_counters_of_a_group_reset_together() -> None:
    """After a restart the wide bucket has passed its old value already, the narrow one tells of it."""
    before = series([10, 3], 0, "seconds#0.1"), series([12, 40], 1, "seconds#+Inf")
    assert counted(track(target("11"), *before)) == [(10, 3, 40)]
    other = series([10, 3], 0, "seconds#0.1"), series([12, 40], 1, "others#+Inf")
    assert counted(track(target("11"), *other)) == [(10, 3, 28)]


def test_a_series_that_goes_and_comes_back_starts_over() -> None:
    found = track(target("1111"), series([100, None, None, 8]))
    assert counted(found) == [(10, 0, 0), (20, 0, 0), (30, 8, 0)]


@pytest.mark.parametrize("scrapes", ["1 1", "101"])
def test_a_missed_scrape_makes_one_longer_increment(scrapes: str) -> None:
    found = track(target(scrapes), series([100, None, 111]))
    assert [(i.start, i.end, i.canary[0]) for i in found.increments] == [(0, 20, 11)]


@pytest.mark.parametrize("value", [NAN, math.inf, -math.inf, -1.0])
@pytest.mark.parametrize("cell", [0, 1])
def test_an_unusable_value_is_a_missed_scrape_of_the_whole_target(value: float, cell: int) -> None:
    found = track(target("111"), series([100, value, 111], cell), series([7, 8, 9], 1 - cell, "other"))
    assert [(i.start, i.end) for i in found.increments] == [(0, 20)]
    assert sorted(found.increments[0].canary.tolist()) == [2, 11]


def test_an_empty_newest_scrape_is_believed_only_after_the_next() -> None:
    late = track(target("111"), series([100, 105]))
    assert late.last == 10
    assert counted(track(target("111"), series([100, 105, 111]), old=late))[-1] == (20, 6, 0)
    assert counted(track(target("1111"), series([100, 105]), old=late))[-1] == (20, 0, 0)


def test_repeated_times_and_repeated_series_count_once() -> None:
    twice = Counter(Arm.CANARY, "pod", "cell-0", 0, ((0, 100), (10, 105), (10, 105), (20, 111)))
    found = track(target("111"), twice, series([100, 105, 111]))
    assert counted(found) == [(10, 5, 0), (20, 6, 0)]


def test_counters_alone_tell_that_a_target_answered() -> None:
    assert counted(track(target(""), series([100, 105]))) == [(10, 5, 0)]


def test_series_of_one_cell_are_added_and_arms_kept_apart() -> None:
    found = track(
        target("11"),
        series([1, 3], 0, "200"),
        series([1, 6], 0, "404"),
        series([0, 4], 1, "500"),
        series([2, 9], 0, "200", Arm.STABLE),
    )
    assert counted(found) == [(10, 7, 4)]
    assert found.increments[0].stable.tolist() == [7, 0]


def test_reading_again_changes_nothing() -> None:
    once = track(target("111"), series([100, 105, 111]))
    again = track(target("111"), series([100, 105, 111]), old=once)
    assert again is once
    assert track(target("11"), series([100, 105]), old=once) is once


@given(
    steps=st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=20),
    cuts=st.lists(st.integers(0, 20), max_size=4),
)
def test_increments_add_up_to_what_was_served_however_often_it_is_read(
    steps: list[tuple[int, bool]], cuts: list[int]
) -> None:
    """A counter restarts now and then: what it counted before the last scrape and after a restart is in."""
    values: list[float | None] = []
    value = 50
    for grown, restarts in steps:
        value = grown if restarts and grown < value else value + grown
        values.append(value)
    pod = "1" * len(values)
    found = None
    for cut in [*sorted(cuts), len(values)]:
        found = track(target(pod[:cut]), series(values[:cut]), old=found)
    assert found is not None
    whole = sum(grown for grown, _ in steps[1:])
    assert np.sum([i.canary for i in found.increments]) == whole


@pytest.mark.parametrize(
    ("before", "time", "number"),
    [
        (0.0, 10.0, 0),
        (0.0, 12.0, 0),
        (3.0, 9.0, 0),
        (12.0, 19.0, 1),
        (12.0, 31.0, 2),
        (-5.0, 3.0, -1),
        (None, 12.0, 1),
    ],
)
def test_the_first_scrape_in_a_cell_of_the_grid_closes_the_round_before(
    before: float | None, time: float, number: int
) -> None:
    assert Grid(0.0, 10.0).closed_by(before, time) == number
