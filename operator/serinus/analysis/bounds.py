"""Which bounds of a latency histogram to judge.

Every bound is a test of its own, and the evidence is their mean: K bounds cost log K of evidence.
A few along the tail find what all of them would: a slower body, a fatter tail, and a canary much
slower than stable ever was. A bound that nearly all of stable's requests exceed says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import inf, log

SHARES = (0.9, 0.75, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01, 0.005, 0.001)
"""Shares of stable's requests that shall be slower than the chosen bounds, about."""
LARGEST_SHARE = 0.99
"""A bound that more of stable's requests exceed is too low to say anything."""
BEYOND = 2
"""Bounds that are taken above stable's slowest request."""
FEW = 100
"""Requests of stable below which their shares are no guide yet."""


def choose(bounds: Sequence[float], slower: Sequence[float], requests: float, most: int = 12) -> tuple[float, ...]:
    """The bounds to judge, ascending.

    Those whose share of slower requests is nearest to each of `SHARES` (in proportion; the lower
    bound of equals), and the first ones above stable's slowest request. With fewer than `FEW`
    requests, spread evenly over those that are not too low.

    Args:
        bounds: of the histogram, seconds, ascending; an infinite one is ignored, and 0.
        slower: stable's requests slower than each bound.
        requests: all of stable's.
        most: how many at most, at least 1.

    Returns:
        Some of the bounds; none when there is none, or all are too low.

    Raises:
        ValueError: the bounds do not ascend, there is not one count per bound, or `most` is below 1.
    """
    if most < 1:
        raise ValueError(f"most must be at least 1, got {most}")
    if any(not low < high for low, high in pairwise(bounds)):
        raise ValueError(f"bounds must ascend, got {list(bounds)}")
    if len(slower) != len(bounds):
        raise ValueError(f"slower must have one count per bound, got {len(slower)} for {len(bounds)}")
    known = requests > 0.0
    shares = [
        (bound, count / requests if known else 0.0)
        for bound, count in zip(bounds, slower, strict=True)
        if 0.0 < bound < inf and (not known or count <= LARGEST_SHARE * requests)
    ]
    usable = [bound for bound, _ in shares]
    if not requests >= FEW:
        return _spread(usable, most)
    tail = [(bound, log(share)) for bound, share in shares if share > 0.0]
    chosen = {_nearest(tail, log(share)) for share in SHARES} if tail else set()
    chosen.update([bound for bound, share in shares if share <= 0.0][:BEYOND])
    return _spread(sorted(chosen), most)


def _nearest(tail: Sequence[tuple[float, float]], wanted: float) -> float:
    best, distance = tail[0][0], inf
    for bound, share in tail:
        if abs(share - wanted) < distance:
            best, distance = bound, abs(share - wanted)
    return best


def _spread(bounds: Sequence[float], most: int) -> tuple[float, ...]:
    """At most `most` of the bounds, evenly by rank, with the first and the last."""
    if len(bounds) <= most:
        return tuple(bounds)
    if most == 1:
        return (bounds[len(bounds) // 2],)
    return tuple(bounds[round(i * (len(bounds) - 1) / (most - 1))] for i in range(most))
