"""Taking in windows for the test of a mean: increments in order, cut at the changes of the weight."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from .increments import Increment
from .reader import Reader, begin_reading, drained, read_window
from .samples import Window
from .strata import MeanPolicy, Numbers, Strata, estimate, no_strata
from .weights import Weight

_AT_ONCE = 1024
"""Increments that are computed together; it bounds the memory of a replay."""


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """Everything known of one metric of one rollout. Make it with `begin_means`.

    Attributes:
        policy: pinned for the rollout.
        reader: of the metric's counters.
        weights: changes of the canary's share, ascending.
        waiting: increments that another target's samples may still precede, ascending.
        strata: the periods between such changes that are over.
        period: the one being counted: how many changes came before it.
        sums: (2, cells), what the canary and stable counted in it.
        time: of the newest increment that counted, None before the first.
        trail: `(time, log evidence)` at each time of an increment that the newest fold added.
        log_evidence: natural logarithm of the evidence that the mean is worse by more than the margin.
        log_proof: of the evidence that it is not worse by the margin; the largest so far.
    """

    policy: MeanPolicy
    reader: Reader
    weights: tuple[Weight, ...]
    waiting: tuple[tuple[str, Increment], ...]
    strata: Strata
    period: int
    sums: Numbers
    time: float | None
    trail: tuple[tuple[float, float], ...]
    log_evidence: float
    log_proof: float


def begin_means(policy: MeanPolicy, anchor: float) -> Means:
    """A test that has seen nothing; `anchor` is the rollout's start, Unix seconds."""
    reader = begin_reading(anchor, policy.cells)
    return Means(policy, reader, (), (), no_strata(policy), 0, _nothing(policy), None, (), 0.0, 0.0)


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
    return replace(means, weights=(*means.weights, change))


def fold_means(means: Means, window: Window) -> Means:
    """The test after a window; samples that were folded before are skipped.

    Windows should reach back to `means.reader.since`.

    Raises:
        ValueError: the window's interval is not above 0.
    """
    reader, found = drained(read_window(means.reader, window))
    # An increment lies in the period that its end lies in; before the rollout there is none.
    new = [entry for entry in found if entry[1].end > reader.anchor]
    waiting = sorted([*means.waiting, *new], key=_order) if new else list(means.waiting)
    since = reader.since
    ready = 0
    while since is not None and ready < len(waiting) and waiting[ready][1].end <= since:
        ready += 1
    means = replace(means, reader=reader, waiting=tuple(waiting[ready:]), trail=())
    counted = [increment for _, increment in waiting[:ready]]
    times = [weight.time for weight in means.weights]
    # What comes later than it may counts for the period being counted, not for one that is over.
    oldest = means.period
    for period, group in groupby(counted, lambda i: max(oldest, bisect_left(times, i.end))):
        means = _entered(means, period)
        increments = list(group)
        for first in range(0, len(increments), _AT_ONCE):
            means = _counted(means, increments[first : first + _AT_ONCE])
    return means


def _nothing(policy: MeanPolicy) -> Numbers:
    return np.zeros((2, policy.cells))


def _order(entry: tuple[str, Increment]) -> tuple[float, str]:
    return entry[1].end, entry[0]


def _entered(means: Means, period: int) -> Means:
    """The test in that period; the one before is over."""
    if period == means.period:
        return means
    strata = estimate(means.policy, means.strata, means.sums[:, None]).strata
    return replace(means, strata=strata, period=period, sums=_nothing(means.policy))


def _counted(means: Means, increments: Sequence[Increment]) -> Means:
    """The test after increments of its period, with the evidence after each."""
    rows = np.empty((2, len(increments) + 1, means.policy.cells))
    rows[:, 0] = means.sums
    for number, increment in enumerate(increments, 1):
        rows[0, number], rows[1, number] = increment.canary, increment.stable
    # Added one after another, so that the sums do not depend on how windows were cut.
    np.cumsum(rows, axis=1, out=rows)
    harm, proof = estimate(means.policy, means.strata, rows[:, 1:]).log_e(means.policy)
    trail, time, proven = dict(means.trail), means.time, means.log_proof
    for index, increment in enumerate(increments):
        time = increment.end if time is None else max(time, increment.end)
        if index + 1 == len(increments) or increments[index + 1].end > increment.end:
            trail[time] = harm[index]
            proven = max(proven, proof[index])
    return replace(
        means,
        sums=rows[:, -1].copy(),
        time=time,
        trail=tuple(trail.items()),
        log_evidence=harm[-1],
        log_proof=proven,
    )
