"""What the judge looks at: raw samples of counters, and when each target was scraped.

Times are Unix seconds, everywhere in this package. Nothing here reads a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Arm(StrEnum):
    """One side of the comparison."""

    STABLE = "stable"
    CANARY = "canary"


class Sample(NamedTuple):
    """One value of one series; a plain `(time, value)` tuple serves as well."""

    time: float
    value: float


class Counter(NamedTuple):
    """One counter series as Prometheus holds it, without `rate()` or any aggregation.

    A metric is a handful of numbers per target and arm, its *cells*; several series may count for
    the same cell.

    * Error rate: cell 0 answers that are fine, cell 1 failed answers.
    * Latency with K bounds: cell k requests that took at most bound k, cell K all requests.
    * Mean: count, sum and sum of squares; by user bucket u: cell 2u its count, cell 2u + 1 its sum.

    Attributes:
        arm: the side whose requests it counts.
        target: the scrape target that reported it, the name of a `Target`.
        key: identity of its label set within target and arm.
        cell: which number of the metric it counts for.
        samples: ascending in time; a repeated time is ignored.
    """

    arm: Arm
    target: str
    key: str
    cell: int
    samples: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Target:
    """A scrape target and when it answered, from the `up` family over the same window.

    Attributes:
        name: unique within the window; a pod that is replaced needs another name.
        arm: the side it belongs to, or None when it reports both (a gateway's proxy).
        scrapes: `(time, up)` with up 1 or 0, ascending.
        live: it is expected to answer; otherwise its silence is no reason to be Blind. What it
            does report counts either way.
    """

    name: str
    arm: Arm | None
    scrapes: tuple[tuple[float, float], ...]
    live: bool = True


@dataclass(frozen=True, slots=True)
class Window:
    """One look at Prometheus: everything it holds of a rollout from `start` to `now`.

    A counter must not be older than its target's scrapes: ask for `up` first, or for both with the
    same evaluation time. Windows may overlap as much as they like.

    Attributes:
        counters: the series of both arms.
        targets: the targets that report them.
        start: where the range begins. A target whose first scrape lies clearly after it (and after
            the rollout's anchor) was born inside the window and counts from zero, so the first
            window must begin at least two intervals before the anchor.
        now: where it ends.
        interval: scrape interval, seconds. It is pinned by the first window in which a target was
            scraped twice; nothing is read before.
    """

    counters: tuple[Counter, ...]
    targets: tuple[Target, ...]
    start: float
    now: float
    interval: float
