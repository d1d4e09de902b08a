"""From raw counter samples to what each target counted between two of its scrapes.

Rules (Prometheus semantics as seen from raw samples, no extrapolation):

* A label set that is absent from a scrape which its target answered counts as 0 there: an error
  series is born at the first error.
* A value below the one before is a reset; it counts from 0, and so do the counters of the same group
  (a histogram's buckets), whose own values may have passed the old ones already. Keys of a group differ
  in what follows the last `#`.
* A target born since the judge began to look counts from 0; for one that was there before, its first scrape is
  only where counting starts.
* A scrape that holds a value which is no number is taken as not answered; its requests come with
  the next good one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, inf, isfinite
from operator import itemgetter
from typing import NamedTuple, TypeAlias

import numpy as np

from .samples import Arm, Counter, Target

_time = itemgetter(0)
_BIRTH_INTERVALS = 2.0
"""A new pod may have served this many intervals before its first scrape (discovery and offset)."""

Values: TypeAlias = Mapping[tuple[Arm, str], float]
Numbers: TypeAlias = Mapping[tuple[Arm, str], tuple[int, float]]
"""Counters at one scrape: the cell that each one counts for, and its value."""
Cells: TypeAlias = np.ndarray
"""What was counted: one number per cell of the metric."""


class Grid(NamedTuple):
    """Rounds of `interval` seconds from `anchor` on; earlier ones have negative numbers."""

    anchor: float
    interval: float

    def begins(self, number: int) -> float:
        """When a round begins."""
        return self.anchor + number * self.interval

    def closed_by(self, before: float | None, time: float) -> int:
        """The round that what a target counted until `time` belongs to.

        A target's first scrape in a cell of the grid closes the round before. But a newborn
        target's first scrape (`before` is None) belongs to the round that it lies in: the one
        before may have been judged without knowing of the target.
        """
        cell = floor((time - self.anchor) / self.interval)
        return cell - 1 if before is not None and before < self.begins(cell) else cell


class Increment(NamedTuple):
    """What one target counted in `(start, end]`, both being times of its own scrapes.

    Attributes:
        start: the scrape before; for a newborn target an early guess at its birth.
        end: the scrape.
        canary: of the canary's requests.
        stable: of stable's requests.
        round: of the grid.
        birth: this is a newborn target's first scrape.
    """

    start: float
    end: float
    canary: Cells
    stable: Cells
    round: int
    birth: bool


class Track(NamedTuple):
    """How far one target has been read, and its increments that were not judged yet.

    Attributes:
        arm: as in `Target`.
        last: time of the newest scrape read, None before the first.
        values: the counters at that scrape.
        increments: ascending.
    """

    arm: Arm | None
    last: float | None
    values: Values
    increments: tuple[Increment, ...]


def usable(value: float) -> bool:
    """Whether a counter can have this value."""
    return isfinite(value) and value >= 0.0


def read(  # noqa: PLR0913, PLR0917 - what a scrape is understood by
    track: Track | None,
    target: Target,
    counters: Sequence[Counter],
    cells: int,
    grid: Grid,
    born_after: float,
) -> Track:
    """The track of `target` after the scrapes that it had not read yet; the same one if there are none.

    A target without a track whose first scrape comes after `born_after` is newborn.

    Reading the same window again, or an older one, changes nothing.
    """
    fresh = track is None
    known = track or Track(target.arm, None, {}, ())
    scrapes = _new_scrapes(known, target, counters)
    if not scrapes:
        return known
    if known.last is None and not (fresh and _first(target, scrapes) > born_after):
        first, samples = scrapes.pop(0)
        values = {identity: value for identity, (_, value) in _numbers(counters, samples).items()}
        known = known._replace(last=first, values=values)
    return _advance(known, scrapes, counters, cells, grid)


def _advance(
    track: Track,
    scrapes: list[tuple[float, dict[int, float]]],
    counters: Sequence[Counter],
    cells: int,
    grid: Grid,
) -> Track:
    last, values = track.last, track.values
    grown: list[Increment] = []
    for time, samples in scrapes:
        start = last if last is not None else time - _BIRTH_INTERVALS * grid.interval
        now = _numbers(counters, samples)
        canary, stable = _difference(values, now, cells)
        grown.append(Increment(start, time, canary, stable, grid.closed_by(last, time), last is None))
        last, values = time, {identity: value for identity, (_, value) in now.items()}
    return Track(track.arm, last, values, (*track.increments, *grown))


def _new_scrapes(track: Track, target: Target, counters: Sequence[Counter]) -> list[tuple[float, dict[int, float]]]:
    """Unread answered scrapes, ascending: the time, and the value of each counter (by index)."""
    since = track.last if track.last is not None else -inf
    found: dict[float, dict[int, float]] = {}
    for time, up in reversed(target.scrapes):
        if time <= since:
            break
        if up == 1.0:
            found.setdefault(time, {})
    unusable: set[float] = set()
    for index, (_, _, _, _, samples) in enumerate(counters):
        for time, value in reversed(samples):
            if time <= since:
                break
            if time in found:
                found[time][index] = value
            else:
                found[time] = {index: value}
            if not 0.0 <= value < inf:
                unusable.add(time)
    scrapes = sorted([(time, values) for time, values in found.items() if time not in unusable], key=_time)
    if scrapes and not scrapes[-1][1] and (track.values or any(found.values())):
        # `up` may have been asked for a moment after the counters: an empty newest scrape of a
        # target that had counters is believed only once a later scrape exists.
        scrapes.pop()
    return scrapes


def _first(target: Target, scrapes: Sequence[tuple[float, dict[int, float]]]) -> float:
    return min(scrapes[0][0], target.scrapes[0][0]) if target.scrapes else scrapes[0][0]


def _numbers(counters: Sequence[Counter], samples: Mapping[int, float]) -> Numbers:
    numbers = {}
    for index, value in samples.items():
        arm, _, key, cell, _ = counters[index]
        numbers[arm, key] = cell, value
    return numbers


def _difference(before: Values, now: Numbers, cells: int) -> tuple[Cells, Cells]:
    """What was counted since `before`, of the canary and of stable."""
    fallen = {(arm, _group(key)) for (arm, key), (_, value) in now.items() if value < before.get((arm, key), 0.0)}
    grown = {Arm.CANARY: [0.0] * cells, Arm.STABLE: [0.0] * cells}
    for identity, (cell, value) in now.items():
        arm, key = identity
        since = 0.0 if fallen and (arm, _group(key)) in fallen else before.get(identity, 0.0)
        grown[arm][cell] += value - since
    return np.array(grown[Arm.CANARY]), np.array(grown[Arm.STABLE])


def _group(key: str) -> str:
    """The counters that are one object in the process that counts, such as the buckets of a histogram."""
    return key.rpartition("#")[0] or key
