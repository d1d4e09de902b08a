from __future__ import annotations

import math

import pytest

from serinus.analysis import Arm, Counter, Target
from serinus.analysis.increments import Grid, Track, read

NAN = math.nan


def target(scrapes: str, *, first: float = 0.0) -> Target:
    """One character per scrape, 10 s apart: 1 answered, 0 not, a blank for none."""
    times = [(first + 10.0 * i, c) for i, c in enumerate(scrapes)]
    return Target("pod", Arm.CANARY, tuple((t, float(c)) for t, c in times if c in "01"))


def series(values: list[float | None], *, error: bool = False) -> Counter:
    samples = tuple((10.0 * i, v) for i, v in enumerate(values) if v is not None)
    return Counter(Arm.CANARY, "pod", "5xx" if error else "2xx", error, samples)


def track(
    scrapes: Target, *counters: Counter, anchor: float = 0.0, start: float = -30.0, old: Track | None = None
) -> Track:
    return read(old, scrapes, counters, Grid(anchor, 10.0), max(anchor, start + 12.0))


def counted(found: Track) -> list[tuple[float, float, float]]:
    return [(i.end, i.canary.requests, i.canary.errors) for i in found.increments]


def test_a_target_that_was_there_counts_from_its_first_scrape() -> None:
    found = track(target("111"), series([100, 105, 111]))
    assert counted(found) == [(10, 5, 0), (20, 6, 0)]


def test_an_error_series_is_born_at_the_first_error() -> None:
    found = track(target("111"), series([100, 105, 111]), series([None, None, 4], error=True))
    assert counted(found) == [(10, 5, 0), (20, 10, 4)]


def test_a_target_born_inside_the_window_counts_from_zero() -> None:
    found = track(target("  11"), series([None, None, 7, 9]))
    assert counted(found) == [(20, 7, 0), (30, 2, 0)]


def test_a_target_first_seen_down_after_the_anchor_was_born_too() -> None:
    found = track(target("  01"), series([None, None, None, 9]))
    assert counted(found) == [(30, 9, 0)]


@pytest.mark.parametrize(("anchor", "start"), [(25.0, -30.0), (0.0, 15.0)], ids=["anchor", "start"])
def test_a_target_that_may_be_old_is_not_born(anchor: float, start: float) -> None:
    found = track(target("  11"), series([None, None, 7, 9]), anchor=anchor, start=start)
    assert counted(found) == [(30, 2, 0)]


def test_resets_count_from_zero() -> None:
    assert counted(track(target("1111"), series([100, 105, 3, 3]))) == [
        (10, 5, 0),
        (20, 3, 0),
        (30, 0, 0),
    ]


def test_a_series_that_goes_and_comes_back_starts_over() -> None:
    found = track(target("1111"), series([100, None, None, 8]))
    assert counted(found) == [(10, 0, 0), (20, 0, 0), (30, 8, 0)]


def test_a_missed_scrape_makes_one_longer_increment() -> None:
    found = track(target("101"), series([100, None, 111]))
    assert [(i.start, i.end, i.canary.requests) for i in found.increments] == [(0, 20, 11)]


@pytest.mark.parametrize("value", [NAN, math.inf, -1.0])
def test_an_unusable_value_is_a_missed_scrape(value: float) -> None:
    found = track(target("111"), series([100, value, 111]))
    assert counted(found) == [(20, 11, 0)]


def test_an_empty_newest_scrape_is_believed_only_after_the_next() -> None:
    late = track(target("111"), series([100, 105]))
    assert late.last == 10
    assert counted(track(target("111"), series([100, 105, 111]), old=late))[-1] == (20, 6, 0)
    assert counted(track(target("1111"), series([100, 105]), old=late))[-1] == (20, 0, 0)


def test_repeated_times_and_repeated_series_count_once() -> None:
    twice = Counter(Arm.CANARY, "pod", "2xx", error=False, samples=((0, 100), (10, 105), (10, 105), (20, 111)))
    found = track(target("111"), twice, series([100, 105, 111]))
    assert counted(found) == [(10, 5, 0), (20, 6, 0)]


def test_counters_alone_tell_that_a_target_answered() -> None:
    assert counted(track(target(""), series([100, 105]))) == [(10, 5, 0)]


def test_reading_again_changes_nothing() -> None:
    once = track(target("111"), series([100, 105, 111]))
    again = track(target("111"), series([100, 105, 111]), old=once)
    assert again == once
