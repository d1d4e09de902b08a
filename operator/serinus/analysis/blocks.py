"""Cutting blocks where the arms come from different targets, whose scrapes are staggered.

A canary pod's counter covers the time between two of its own scrapes, a stable pod's another
stretch. When both arms start to fail together, the canary's newest increment may hold the failure
and stable's not yet: taken naively that alone makes false rollbacks. Waiting for a later sample of
stable is not enough either, since stable's stretch then begins and ends elsewhere.

The rule here holds for a shared failure of any kind, length and start. Let `(u, v]` be the stretch
in which the *base* arm's requests of a block lie: the canary's, when evidence against it is sought.
The other arm's increments that touch it cover more than `(u, v]`; all of *their bad requests*
count, but only as many of their *requests* as that arm served within the base's own stretch (pro
rata in the increments at its ends). Whatever happened to both arms inside `(u, v]` is then in the
other arm's bad requests in full. The block's e-value falls in stable's bad requests and rises in
its good ones, so it is at most the e-value of the exactly aligned requests, which is valid. The
price: stable's rate looks higher by the factor cover / stretch. It matters little to a failing
canary, and less the longer the block; hence evidence is the mean of two mixtures, over blocks of 1
round (caught at once) and of `COARSE` rounds (fine differences). The proof that the canary is *not*
worse takes stable as the base, so that the canary looks worse by that factor. A round is a scrape
interval on the grid that begins at the rollout's anchor; a target's first scrape in a cell of the
grid closes the round before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import floor, inf
from typing import TypeAlias

import numpy as np

from .evalue import Block
from .increments import Cells, Grid, Increment, Track
from .reader import LONGEST
from .samples import Arm

COARSE = 4
"""Rounds in a coarse block."""
PATIENCE = 2.5
"""Intervals after which a sample that has not come is not waited for any more."""

Tracks: TypeAlias = Mapping[str, Track]
_OTHER = {Arm.CANARY: Arm.STABLE, Arm.STABLE: Arm.CANARY}


def complete(tracks: Tracks, grid: Grid, number: int) -> bool:
    """Whether every sample that the round's block needs has come, or is not waited for."""
    newest = max((t.last for t in tracks.values() if t.last is not None), default=-inf)
    edge = grid.begins(number + 1)
    if newest < edge:
        return False
    patience = PATIENCE * grid.interval
    if newest < edge + patience and _awaited(tracks, Arm.CANARY, grid, edge):
        return False
    end = _last(tracks, grid, number)
    return newest >= end + patience or not _awaited(tracks, Arm.STABLE, grid, end)


def completed(tracks: Tracks, grid: Grid, number: int) -> float:
    """Time of the sample with which a complete round became so, however long after it one looks."""
    edge, patience = grid.begins(number + 1), PATIENCE * grid.interval
    end = _last(tracks, grid, number)
    return max(
        _any_since(tracks, edge),
        min(_all_since(tracks, Arm.CANARY, grid, edge), _any_since(tracks, edge + patience)),
        min(_all_since(tracks, Arm.STABLE, grid, end), _any_since(tracks, end + patience)),
    )


def counts(  # noqa: PLR0913, PLR0917 - as for `cut`
    tracks: Tracks, arm: Arm, grid: Grid, first: int, last: int, shape: np.ndarray
) -> np.ndarray:
    """Requests and bad requests of each target of the arm in rounds `first` to `last`, gaps left out."""
    found = []
    for track in tracks.values():
        if track.arm is arm:
            total = np.zeros(len(shape))
            for increment in track.increments:
                if first <= increment.round <= last and _usable(increment, grid):
                    total = total + _of(increment, arm)
            found.append(total @ shape)
    return np.array(found) if found else np.zeros((0, len(shape)))


def cut(  # noqa: PLR0913, PLR0917 - what a block is cut from
    tracks: Tracks, grid: Grid, first: int, last: int, shape: np.ndarray, base: Arm = Arm.CANARY
) -> Block | None:
    """The block of rounds `first` to `last`, or None when the base arm served nothing in them."""
    own = [i for i in _within(tracks, base, first, last) if _usable(i, grid) and i.end > grid.anchor]
    if not own:
        return None
    counted = _total(own, base) @ shape
    if counted[0] <= 0.0:
        return None
    start, end = min(i.start for i in own), max(i.end for i in own)
    latest = end + (PATIENCE - 1.0) * grid.interval
    other = _OTHER[base]
    cover = [
        i
        for track in tracks.values()
        if track.arm is other
        for i in track.increments
        if _usable(i, grid) and i.end > start and i.start < end and i.end <= (end if i.birth else latest)
    ]
    served = _served(cover, other, shape[:, 0], *_stretch(tracks, own, base, shape[:, 0]))
    bad = np.minimum((_total(cover, other) @ shape)[1:], served) if cover else np.zeros(len(shape) - 1)
    if base is Arm.CANARY:
        return Block(start, end, float(counted[0]), counted[1:], served, bad)
    return Block(start, end, served, bad, float(counted[0]), counted[1:])


def _total(increments: Sequence[Increment], arm: Arm) -> Cells:
    total = _of(increments[0], arm)
    for increment in increments[1:]:
        total = total + _of(increment, arm)
    return total


def _stretch(tracks: Tracks, own: Sequence[Increment], arm: Arm, requests: np.ndarray) -> tuple[float, float]:
    """Mean begin and end of the arm's pods' stretches, weighted by their requests."""
    chosen = set(map(id, own))
    weight = begin = end = 0.0
    for track in tracks.values():
        mine = [i for i in track.increments if id(i) in chosen]
        served = sum(float(_of(i, arm) @ requests) for i in mine)
        if served > 0.0:
            weight += served
            begin += served * mine[0].start
            end += served * mine[-1].end
    return begin / weight, end / weight


def _served(cover: Iterable[Increment], arm: Arm, requests: np.ndarray, begin: float, end: float) -> float:
    """Requests that the arm served in `(begin, end]`, pro rata in increments that overlap it."""
    served = 0.0
    for increment in cover:
        shared = min(end, increment.end) - max(begin, increment.start)
        if shared > 0.0:
            length = increment.end - increment.start
            served += float(_of(increment, arm) @ requests) * min(1.0, shared / length)
    return float(floor(served + 1e-6))


def _within(tracks: Tracks, arm: Arm, first: int, last: int) -> list[Increment]:
    return [
        increment
        for track in tracks.values()
        if track.arm is arm
        for increment in track.increments
        if first <= increment.round <= last
    ]


def _awaited(tracks: Tracks, arm: Arm, grid: Grid, time: float) -> bool:
    """Whether a target of the arm, not silent for long, has no sample from `time` on.

    Whether its pod is ready does not matter: in a shared outage stable's pods may become unready,
    and it is their errors that must be waited for.
    """
    silent = time - LONGEST * grid.interval
    return any(t.arm is arm and t.last is not None and silent <= t.last < time for t in tracks.values())


def _last(tracks: Tracks, grid: Grid, number: int) -> float:
    """The canary's last scrape in a round; one after a long gap may come when the round is over."""
    ends = [i.end for i in _within(tracks, Arm.CANARY, number, number) if _usable(i, grid)]
    return max(ends, default=grid.begins(number + 1))


def _any_since(tracks: Tracks, time: float) -> float:
    """The first sample of any target from `time` on."""
    ends = (i.end for t in tracks.values() for i in t.increments if i.end >= time)
    return min(ends, default=max((t.last for t in tracks.values() if t.last is not None), default=inf))


def _all_since(tracks: Tracks, arm: Arm, grid: Grid, time: float) -> float:
    """When none of the arm's targets was awaited any more: each one's first sample from `time` on."""
    if _awaited(tracks, arm, grid, time):
        return inf
    silent = time - LONGEST * grid.interval
    ends = [
        i.end
        for t in tracks.values()
        if t.arm is arm
        for i in t.increments
        if i.start < time <= i.end and not i.birth and i.start >= silent
    ]
    return max(ends, default=-inf)


def _usable(increment: Increment, grid: Grid) -> bool:
    return increment.end - increment.start <= LONGEST * grid.interval


def _of(increment: Increment, arm: Arm) -> Cells:
    return increment.canary if arm is Arm.CANARY else increment.stable
