"""Taking in windows for the test of a mean: increments in order, cut at the changes of the weight."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import groupby
from math import inf
from typing import NamedTuple

import numpy as np

from .increments import Increment
from .reader import LONGEST, Reader, begin_reading, drained, read_window
from .samples import Window
from .strata import MeanPolicy, Numbers, Strata, estimate, no_strata
from .weights import Weight

_AT_ONCE = 1024
"""Increments that are computed together; it bounds the memory of a replay."""


class Means(NamedTuple):
    """Everything known of one metric of one rollout. Make it with `begin_means`.

    Attributes:
        policy: pinned for the rollout.
        reader: of the metric's counters.
        weights: changes of the canary's share, ascending.
        waiting: increments that another target's samples may still precede, ascending.
        until: time up to which all was counted; before the first scrape minus infinity.
        strata: the periods between such changes that are over.
        period: the one being counted: how many changes came before it.
        sums: (2, cells), what the canary and stable counted in it.
        trail: `(time, log evidence)` after each time of increments that the newest fold counted; the
            time is that of the scrape that made them count.
        log_evidence: natural logarithm of the evidence that the mean is worse by more than the margin.
        log_proof: of the evidence that it is not worse by the margin; the largest so far.
    """

    policy: MeanPolicy
    reader: Reader
    weights: tuple[Weight, ...]
    waiting: tuple[tuple[str, Increment], ...]
    until: float
    strata: Strata
    period: int
    sums: Numbers
    trail: tuple[tuple[float, float], ...]
    log_evidence: float
    log_proof: float


def begin_means(policy: MeanPolicy, anchor: float) -> Means:
    """A test that has seen nothing; `anchor` is the rollout's start, Unix seconds."""
    reader = begin_reading(anchor, policy.cells)
    return Means(policy, reader, (), (), -inf, no_strata(policy), 0, _nothing(policy), (), 0.0, 0.0)


def reweigh_means(means: Means, time: float, share: float) -> Means:
    """The test of a canary that gets `share` of the requests from `time` on: a new period.

    Call it in order of time, and before windows with later samples are folded. Repeating the newest
    change, or its share, does nothing.

    Raises:
        ValueError: the share is outside of [0, 1], or the time is before the newest change.
    """
    change = Weight(time, share)
    if means.weights:
        last = means.weights[-1]
        if time < last.time:
            raise ValueError(f"time must not be before the newest change at {last.time}, got {time}")
        if share == last.share:
            return means
    return means._replace(weights=(*means.weights, change))


def fold_means(means: Means, window: Window) -> Means:
    """The test after a window; samples that were folded before are skipped.

    Windows should reach back to `means.reader.since`.

    Raises:
        ValueError: the window's interval is not above 0.
    """
    reader = read_window(means.reader, window)
    if reader is means.reader:
        return means._replace(trail=()) if means.trail else means
    before = means.reader.cursors
    reader, found = drained(reader)
    means, ready = _ready(means._replace(reader=reader, trail=()), before, found)
    rows = [_together(list(entries)) for _, entries in groupby(ready, lambda entry: entry[1].end)]
    times = [weight.time for weight in means.weights]
    # What comes later than it may counts for the period being counted, not for one that is over.
    oldest = means.period
    for period, group in groupby(rows, lambda row: max(oldest, bisect_left(times, row.end))):
        means = _entered(means, period)
        mine = list(group)
        for first in range(0, len(mine), _AT_ONCE):
            means = _counted(means, mine[first : first + _AT_ONCE])
    return means


class _Row(NamedTuple):
    """What all targets that were scraped at the same time counted since their scrapes before."""

    time: float
    end: float
    counted: Numbers


def _together(entries: Sequence[tuple[float, Increment]]) -> _Row:
    time, first = entries[-1][0], entries[0][1]
    counted = np.stack([first.canary, first.stable])
    for _, increment in entries[1:]:
        counted += np.stack([increment.canary, increment.stable])
    return _Row(time, first.end, counted)


def _ready(
    means: Means, before: Mapping[str, float], found: Sequence[tuple[str, Increment]]
) -> tuple[Means, list[tuple[float, Increment]]]:
    """The test without the increments that nothing waits for any more, and these in order of time.

    Scrapes are followed one by one, and each increment has the time of the scrape that made it
    ready: the last of its targets' first scrapes from its end on. So it does not matter whether
    windows were looked at every second or all at once.

    Args:
        means: with a reader that has an interval.
        before: newest scrape per target, before this window.
        found: what was counted since, in order of time.
    """
    waiting = deque(means.waiting)
    ready: list[tuple[float, Increment]] = []
    until, silence = means.until, LONGEST * (means.reader.interval or 0.0)
    newest = max(before.values(), default=-inf)
    # Of a target that was there before, the first scrape counts nothing; it is where its counting starts.
    last = {name: increment.start for name, increment in reversed(found) if not increment.birth}
    born = {name for name, increment in found if increment.birth}
    last = {name: last.get(name, time) for name, time in means.reader.cursors.items() if name not in born} | dict(
        before
    )
    for name, increment in found:
        newest, last[name] = max(newest, increment.end), increment.end
        # An increment lies in the period that its end lies in; before the rollout there is none.
        if increment.end > means.reader.anchor:
            late = bool(waiting) and increment.end < waiting[-1][1].end
            waiting.append((name, increment))
            if late:
                waiting = deque(sorted(waiting, key=_order))
        until = max(until, min(time for time in last.values() if time >= newest - silence))
        while waiting and waiting[0][1].end <= until:
            first = {target: entry.end for target, entry in reversed(waiting)}
            ready.append((max(first.values()), waiting.popleft()[1]))
    return means._replace(waiting=tuple(waiting), until=until), ready


def _nothing(policy: MeanPolicy) -> Numbers:
    return np.zeros((2, policy.cells))


def _order(entry: tuple[str, Increment]) -> tuple[float, str]:
    return entry[1].end, entry[0]


def _entered(means: Means, period: int) -> Means:
    """The test in that period; the one before is over."""
    if period == means.period:
        return means
    strata = estimate(means.policy, means.strata, means.sums[:, None]).strata
    return means._replace(strata=strata, period=period, sums=_nothing(means.policy))


def _counted(means: Means, rows: Sequence[_Row]) -> Means:
    """The test after rows of its period, with the evidence after each."""
    sums = np.stack([means.sums, *(row.counted for row in rows)], axis=1)
    # Added one after another, so that the sums do not depend on how windows were cut.
    np.cumsum(sums, axis=1, out=sums)
    harm, proof = estimate(means.policy, means.strata, sums[:, 1:]).log_e(means.policy)
    return means._replace(
        sums=sums[:, -1].copy(),
        trail=(*means.trail, *zip((row.time for row in rows), harm, strict=True)),
        log_evidence=harm[-1],
        log_proof=max(means.log_proof, *proof),
    )
