from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.analysis import Arm, Counter, Outcome, Target, Window
from serinus.analysis.blindness import blind, newest
from serinus.analysis.increments import Increment
from serinus.analysis.reader import Reader, Sight, begin_reading, drained, next_scrape, read_window

from .support import ANCHOR, Scene, always, churn, clip, pods, proxies, seeded, without

SCENE = Scene(duration=60.0)


def scene_window(*, apart: bool, seed: int) -> Window:
    rng = seeded(seed)
    if apart:
        window = pods(replace(SCENE, canaries=2), rng, always(0.1), always(0.1))
        return churn(window, rng) if seed % 2 else window
    return proxies(replace(SCENE, proxies=2), rng, always(0.1), always(0.1))


def told(increments: list[tuple[str, Increment]]) -> list[tuple[object, ...]]:
    return [(name, i.start, i.end, i.canary.tolist(), i.stable.tolist(), i.round, i.birth) for name, i in increments]


def read_all(window: Window, polls: list[float]) -> list[tuple[str, Increment]]:
    reader, found = begin_reading(ANCHOR, 2), []
    for now in polls:
        since = reader.since if reader.tracks else None
        part = clip(window, window.start if since is None else since, now)
        reader, new = drained(read_window(reader, part))
        found += new
    return found


@settings(max_examples=40)
@given(st.booleans(), st.integers(0, 10**6), st.lists(st.floats(-50, 59), max_size=10))
def test_any_cut_gives_the_same_increments(apart: bool, seed: int, polls: list[float]) -> None:  # noqa: FBT001
    window = scene_window(apart=apart, seed=seed)
    once = read_all(window, [window.now])
    cut = read_all(window, [*(ANCHOR + p for p in sorted(polls)), window.now])
    assert sorted(told(cut), key=str) == sorted(told(once), key=str)


@pytest.mark.parametrize("apart", [True, False])
def test_increments_come_in_order_of_time_and_once(*, apart: bool) -> None:
    window = scene_window(apart=apart, seed=2)
    reader, found = drained(read_window(begin_reading(ANCHOR, 2), window))
    ends = [i.end for _, i in found]
    assert ends == sorted(ends)
    assert drained(reader)[1] == []
    assert drained(read_window(reader, window))[1] == []


def test_a_window_without_a_new_scrape_is_not_even_read() -> None:
    window = scene_window(apart=True, seed=2)
    reader = read_window(begin_reading(ANCHOR, 2), window)
    assert read_window(reader, window) is reader
    assert read_window(reader, replace(window, now=window.now + 1)) is reader


def test_the_source_and_the_interval_are_pinned() -> None:
    window = scene_window(apart=True, seed=2)
    reader = read_window(begin_reading(ANCHOR, 2), window)
    assert (reader.interval, reader.separate) == (5.0, True)
    later = read_window(reader, replace(scene_window(apart=False, seed=2), interval=15.0))
    assert (later.interval, later.separate) == (5.0, True)


def test_since_is_where_the_slowest_living_target_was_read_to() -> None:
    assert begin_reading(ANCHOR, 2).since is None
    window = scene_window(apart=False, seed=2)
    reader = read_window(begin_reading(ANCHOR, 2), window)
    lasts = [t.scrapes[-1][0] for t in window.targets]
    assert reader.since == min(lasts)
    silent = without(window, window.targets[0].name, ANCHOR + 20)
    reader = read_window(begin_reading(ANCHOR, 2), silent)
    assert reader.since == lasts[1]


def test_a_silent_target_is_forgotten_after_an_hour() -> None:
    scrapes = tuple((ANCHOR + 5.0 * i, 1.0) for i in range(800))
    live = Target("live", None, scrapes)
    gone = Target("gone", None, scrapes[:10])
    reader = read_window(begin_reading(ANCHOR, 2), Window((), (live, gone), ANCHOR - 60, ANCHOR + 300, 5.0))
    assert set(reader.tracks) == {"live", "gone"}
    reader, _ = drained(read_window(reader, Window((), (live, gone), ANCHOR, ANCHOR + 4000, 5.0)))
    assert set(reader.tracks) == {"live"}


def test_a_target_that_appears_between_two_windows_was_born() -> None:
    """Not one that the reader only begins to see after a hole in what it was shown."""
    window = scene_window(apart=True, seed=2)
    first = clip(window, window.start, ANCHOR + 30)
    born = Target("born", Arm.STABLE, ((ANCHOR + 33, 1.0), (ANCHOR + 38, 1.0)))
    counter = Counter(Arm.STABLE, "born", "all", 0, ((ANCHOR + 33, 7.0), (ANCHOR + 38, 9.0)))

    def grown(start: float) -> float:
        reader = read_window(begin_reading(ANCHOR, 2), first)
        later = clip(window, start, ANCHOR + 40)
        later = replace(later, targets=(*later.targets, born), counters=(*later.counters, counter))
        _, found = drained(read_window(reader, later))
        return float(np.sum([i.stable for name, i in found if name == "born"]))

    assert grown(ANCHOR + 25) == 9
    assert grown(ANCHOR + 31) == 2


def sighted(*targets: Target, interval: float = 5.0, counters: tuple[Counter, ...] = ()) -> Reader:
    window = Window(counters, targets, ANCHOR - 60, ANCHOR + 60, interval)
    return read_window(begin_reading(ANCHOR, 2), window)


def target(name: str, arm: Arm | None, *, until: float = 60.0, up: float = 1.0, live: bool = True) -> Target:
    times = [ANCHOR + t for t in np.arange(-20.0, until + 0.1, 5.0).tolist()]
    return Target(name, arm, (*((t, 1.0) for t in times[:-1]), (times[-1], up)), live)


STABLE, CANARY = target("s", Arm.STABLE), target("c", Arm.CANARY)


@pytest.mark.parametrize(
    ("targets", "after", "reason"),
    [
        ((), 60, "NoTarget"),
        ((target("p", None, live=False),), 60, "NoTarget"),
        ((STABLE,), 60, "NoCanaryTarget"),
        ((STABLE,), 17.0, None),
        ((CANARY,), 60, "NoStableTarget"),
        ((STABLE, CANARY), 60, None),
        ((STABLE, CANARY), 72, None),
        ((STABLE, CANARY), 72.1, "Stale"),
        ((STABLE, target("c", Arm.CANARY, until=45)), 60, "Stale"),
        ((STABLE, target("c", Arm.CANARY, up=0.0)), 60, "TargetDown"),
        ((STABLE, target("c", Arm.CANARY, up=0.0, live=False), CANARY), 60, None),
        ((target("p", None),), 60, None),
        ((target("p", None), target("q", None, up=0.0)), 60, "TargetDown"),
    ],
)
def test_what_makes_blind(targets: tuple[Target, ...], after: float, reason: str | None) -> None:
    found = blind(sighted(*targets), ANCHOR + after)
    assert (found and found.reason) == reason
    assert found is None or found.outcome is Outcome.BLIND


def test_the_newest_sample_is_that_of_any_target() -> None:
    assert newest(begin_reading(ANCHOR, 2)) is None
    assert newest(sighted(STABLE, target("c", Arm.CANARY, until=45))) == ANCHOR + 60


def scraped(*newest: float | None, live: bool = True) -> Reader:
    """Return a reader of targets that were scraped every 5 s until then."""
    sights = tuple(Sight(f"pod-{place}", Arm.STABLE, live, at, True, None) for place, at in enumerate(newest))
    return begin_reading(ANCHOR, 2)._replace(interval=5.0, sights=sights)


def test_the_next_scrape_is_an_interval_after_the_oldest_of_the_newest() -> None:
    assert next_scrape(scraped(100.0, 102.0), 103.0) == 105.0


def test_a_late_scrape_is_told_by_when_it_was_due() -> None:
    assert next_scrape(scraped(100.0, 104.0), 106.0) == 105.0


def test_a_target_that_is_silent_for_long_is_not_waited_for() -> None:
    assert next_scrape(scraped(100.0, 118.0), 119.0) == 123.0
    assert next_scrape(scraped(100.0), 119.0) == 119.0


def test_who_was_never_scraped_twice_or_is_not_live_tells_nothing() -> None:
    assert next_scrape(begin_reading(ANCHOR, 2), 50.0) == 50.0
    assert next_scrape(scraped(None), 50.0) == 50.0
    assert next_scrape(scraped(48.0, live=False), 50.0) == 50.0
