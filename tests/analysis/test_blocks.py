from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.analysis import Arm
from serinus.analysis.blocks import PATIENCE, complete, completed, counts, cut
from serinus.analysis.increments import Grid, Increment, Track
from serinus.analysis.reader import LONGEST

from .support import seeded

GRID = Grid(0.0, 10.0)
ERRORS = np.array([[1.0, 0.0], [1.0, 1.0]])
NOTHING = np.zeros(2)


def pod(arm: Arm, times: list[float], grown: list[tuple[float, float]], *, born: bool = False) -> Track:
    """Scrapes at these times; between two of them it served so many fine and failed requests."""
    starts = [times[0] - 2 * GRID.interval, *times] if born else times
    ends = times if born else times[1:]
    increments = tuple(
        Increment(
            start,
            end,
            np.array(more) if arm is Arm.CANARY else NOTHING,
            np.array(more) if arm is Arm.STABLE else NOTHING,
            GRID.closed_by(None if born and not i else start, end),
            born and not i,
        )
        for i, (start, end, more) in enumerate(zip(starts, ends, grown, strict=False))
    )
    return Track(arm, times[-1], {}, increments)


def canary(offset: float, grown: list[tuple[float, float]]) -> Track:
    return pod(Arm.CANARY, [offset + 10.0 * i for i in range(len(grown) + 1)], grown)


def stable(offset: float, grown: list[tuple[float, float]]) -> Track:
    return pod(Arm.STABLE, [offset + 10.0 * i for i in range(len(grown) + 1)], grown)


def found(tracks: dict[str, Track], first: int, last: int, base: Arm = Arm.CANARY) -> tuple[float, ...] | None:
    block = cut(tracks, GRID, first, last, ERRORS, base)
    return block and (block.n_c, float(block.x_c[0]), block.n_s, float(block.x_s[0]))


def test_pods_scraped_together_make_plain_blocks() -> None:
    tracks = {"c": canary(0, [(8, 2), (9, 1), (10, 0)]), "s": stable(0, [(90, 10), (95, 5), (99, 1)])}
    assert found(tracks, 0, 0) == (10, 2, 100, 10)
    assert found(tracks, 1, 1) == (10, 1, 100, 5)
    assert found(tracks, 0, 2) == (30, 3, 300, 16)
    assert found(tracks, 0, 2, Arm.STABLE) == (30, 3, 300, 16)
    block = cut(tracks, GRID, 1, 1, ERRORS)
    assert block is not None
    assert (block.start, block.end) == (10, 20)


def test_all_bad_requests_around_count_but_only_requests_within() -> None:
    """Stable is scraped 4 s after the canary: two of its increments touch the canary's stretch (10, 20]."""
    tracks = {"c": canary(0, [(10, 0)] * 3), "s": stable(4, [(60, 40), (90, 10), (95, 5)])}
    assert found(tracks, 1, 1) == (10, 0, 100, 50)
    block = cut(tracks, GRID, 1, 1, ERRORS)
    assert block is not None
    # The proof looks from stable's stretch (14, 24] at all bad requests of the canary around.
    tracks = {"c": canary(0, [(9, 1), (8, 2), (7, 3), (10, 0)]), "s": stable(4, [(90, 10)] * 3)}
    assert found(tracks, 1, 1, Arm.STABLE) == (10, 5, 100, 10)


@pytest.mark.parametrize("base", list(Arm))
def test_no_more_bad_requests_than_requests(base: Arm) -> None:
    tracks = {"c": canary(0, [(0, 10)] * 4), "s": stable(4, [(0, 100)] * 4)}
    assert found(tracks, 1, 1, base) == (10, 10, 100, 100)


@pytest.mark.parametrize("grown", [[(0, 0)] * 3, []], ids=["idle", "none"])
def test_no_block_without_requests_of_its_base(grown: list[tuple[float, float]]) -> None:
    tracks = {"s": stable(0, [(10, 0)] * 3)} | ({"c": canary(0, grown)} if grown else {})
    assert cut(tracks, GRID, 0, 0, ERRORS) is None
    other = found(tracks, 0, 0, Arm.STABLE)
    assert other == (0, 0, 10, 0)


def test_an_increment_over_a_long_gap_is_left_out() -> None:
    gap = LONGEST * GRID.interval + 1.0
    tracks = {"c": pod(Arm.CANARY, [0, gap, gap + 10], [(1000, 500), (8, 2)]), "s": stable(0, [(90, 10)] * 6)}
    assert found(tracks, 0, 2) is None
    assert found(tracks, 3, 3) == (10, 2, 100, 20)
    lost = {"c": canary(0, [(8, 2)] * 3), "s": pod(Arm.STABLE, [0, gap], [(1000, 500)])}
    assert found(lost, 1, 1) == (10, 2, 0, 0)
    assert counts(lost, Arm.STABLE, GRID, 0, 9, ERRORS).tolist() == [[0, 0]]


def test_counts_are_told_by_pod_and_round() -> None:
    tracks = {"a": stable(0, [(9, 1), (8, 2)]), "b": stable(3, [(18, 2), (10, 0)]), "c": canary(0, [(5, 5)])}
    assert counts(tracks, Arm.STABLE, GRID, 0, 0, ERRORS).tolist() == [[10, 1], [20, 2]]
    assert counts(tracks, Arm.STABLE, GRID, 0, 1, ERRORS).tolist() == [[20, 3], [30, 2]]
    assert counts({}, Arm.STABLE, GRID, 0, 1, ERRORS).shape == (0, 2)


@pytest.mark.parametrize(
    ("tracks", "ready"),
    [
        # Everyone was scraped after the round's end, and stable after the canary.
        ({"c": canary(1, [(1, 0)]), "s": stable(2, [(1, 0)])}, True),
        # Stable's newest sample is older than the canary's.
        ({"c": canary(3, [(1, 0)]), "s": stable(2, [(1, 0)])}, False),
        # The canary has not closed the round.
        ({"c": pod(Arm.CANARY, [1], []), "s": stable(2, [(1, 0)])}, False),
        # One of two stable pods is awaited.
        ({"c": canary(1, [(1, 0)]), "s": stable(2, [(1, 0)]), "t": pod(Arm.STABLE, [4], [])}, False),
        # It has been silent for so long that it is not.
        ({"c": canary(1, [(1, 0)]), "s": stable(2, [(1, 0)]), "t": pod(Arm.STABLE, [-30], [])}, True),
        # It is late, and patience is over.
        (
            {"c": canary(1, [(1, 0)] * 4), "s": stable(2, [(1, 0)] * 4), "t": pod(Arm.STABLE, [4], [])},
            True,
        ),
        ({}, False),
    ],
)
def test_a_round_is_complete_when_nobody_is_awaited(*, tracks: dict[str, Track], ready: bool) -> None:
    assert complete(tracks, GRID, 0) is ready


def until(track: Track, time: float) -> Track:
    """The track as it was at that time."""
    increments = tuple(i for i in track.increments if i.end <= time)
    first = track.increments[0].start if track.increments else track.last
    return Track(track.arm, increments[-1].end if increments else first, {}, increments)


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 3))
def test_a_round_is_completed_by_one_sample_however_late_one_looks(seed: int, canaries: int, stables: int) -> None:
    """Pods that miss scrapes at random: told afterwards, it is the moment at which a look would have found it."""
    rng = seeded(seed)
    tracks = {}
    for arm, count in ((Arm.CANARY, canaries), (Arm.STABLE, stables)):
        for number in range(count):
            times = (-10.0 * rng.random() + 10.0 * np.arange(12)).tolist()
            kept = [times[0], *(t for t in times[1:-1] if rng.random() < 0.7), times[-1]]
            tracks[f"{arm}{number}"] = pod(arm, kept, [(1.0, 0.0)] * (len(kept) - 1))
    moments = sorted(i.end for t in tracks.values() for i in t.increments)
    for number in range(6):
        found = next(m for m in moments if complete({k: until(t, m) for k, t in tracks.items()}, GRID, number))
        assert completed(tracks, GRID, number) == found


def test_patience_has_an_end() -> None:
    late = {"c": canary(0, [(1, 0)] * 2), "s": pod(Arm.STABLE, [9], [])}
    assert not complete(late, GRID, 0)
    waited = math.ceil(PATIENCE) + 1
    late = {"c": canary(0, [(1, 0)] * waited), "s": pod(Arm.STABLE, [9], [])}
    assert complete(late, GRID, 0)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    canaries=st.integers(1, 3),
    stables=st.integers(1, 3),
    begins=st.floats(0.0, 60.0),
    length=st.floats(1.0, 40.0),
    base=st.sampled_from(list(Arm)),
    rounds=st.sampled_from([1, 4]),
)
def test_a_shared_outage_is_in_the_other_arm_s_bad_requests_in_full(
    *, seed: int, canaries: int, stables: int, begins: float, length: float, base: Arm, rounds: int
) -> None:
    """Every pod serves 10 requests a second, all failing in the outage: the base never has the higher rate."""
    rng = seeded(seed)
    tracks = {}
    for arm, count in ((Arm.CANARY, canaries), (Arm.STABLE, stables)):
        for number in range(count):
            times = (10.0 * rng.random() + 10.0 * np.arange(-1, 12)).tolist()
            bad = [10.0 * max(0.0, min(t, begins + length) - begins) for t in times]
            grown = [
                (10.0 * (t - s) - (y - x), y - x) for s, t, x, y in zip(times, times[1:], bad, bad[1:], strict=False)
            ]
            tracks[f"{arm}{number}"] = pod(arm, times, grown)
    for first in range(0, 8, rounds):
        block = cut(tracks, GRID, first, first + rounds - 1, ERRORS, base)
        assert block is not None
        own, other = (block.x_c[0] / block.n_c, block.x_s[0] / block.n_s)
        if base is Arm.STABLE:
            own, other = other, own
        assert own <= other + 0.011  # requests are whole numbers


def test_a_newborn_pod_counts_where_its_first_scrape_lies() -> None:
    tracks = {"c": canary(0, [(10, 0)] * 3), "s": pod(Arm.STABLE, [13.0, 23.0], [(50, 50), (90, 10)], born=True)}
    assert [i.round for i in tracks["s"].increments] == [1, 1]
    found_block = found(tracks, 1, 1)
    assert found_block is not None
    assert found_block[3] >= 60
