"""What stable did before a block: its expected rates, and how over-dispersed its bad requests are.

Requests are not independent (a bad pod, a retry storm); without a correction a design effect of 2
makes 14 % false rollbacks out of 1 %. The design effect is estimated as a ratio of sums, not as a
mean of ratios, over stable's pods and the rounds of the past hour:

    D = max(1, sum w_t (x - n p_t)^2 / sum w_t n p_t (1 - p_t) (1 - n / N_t))

with `p_t = X_t / N_t` the rate of all stable pods in round t, which removes what moves all pods
alike (Pearson's chi-square dispersion with the group's own mean; `1 - n / N_t` is (P - 1) / P for P
equal pods, and `p_t (1 - p_t)` is taken with `N_t / (N_t - 1)` so that the ratio is unbiased). The
weight `w_t` lets no round count for more than `HEAVIEST` expected bad requests, nor for a design
effect above `STEEPEST`: a short outage, whose edges the pods' staggered scrapes see differently, must
not drown an hour of usual ones.

Arrays broadcast: the last axis of a rate is the rows of the test.
"""

from __future__ import annotations

from enum import StrEnum
from math import exp
from typing import NamedTuple, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray
MEMORY = 3600.0
"""Seconds after which what was seen has lost all but 1/e of its weight."""
ENOUGH_ERRORS = 10.0
"""Expected bad requests (less those that fix the mean) below which the design effect is not estimated."""
HEAVIEST = 20.0
"""Expected bad requests that one round may count for."""
STEEPEST = 50.0
"""Design effect that one round may tell; no truth of 10 or less is changed by it."""
_PRIOR_REQUESTS = 100.0
_PRIOR_BAD = 0.5
"""Stand for history where there is none; half a bad request keeps the rate above 0."""


class DispersionSource(StrEnum):
    """Where the dispersion in use comes from."""

    MEASURED = "Measured"
    CONFIGURED = "Configured"


class Past(NamedTuple):
    """Exponentially forgotten sums over stable.

    Attributes:
        time: of the newest entry.
        counts: requests, then bad requests per row, of all stable targets; shape `(..., 1 + rows)`.
        spread: numerator of D, per row.
        expected: denominator of D, per row.
        newest: counts of the newest round where one target counts for all; None where pods do for themselves.
    """

    time: float
    counts: Array
    spread: Array
    expected: Array
    newest: Array | None = None

    def after(self, time: float, counts: Array, *, comparable: bool) -> Past:
        """The past with one more round.

        Args:
            time: the round's end.
            counts: requests and bad requests per row of each stable target; shape
                `(targets, ..., 1 + rows)`.
            comparable: the targets are pods of one revision over the same time, so that their
                differences tell the dispersion; else it is the difference to the round before.
        """
        keep = exp((self.time - time) / MEMORY) if time > self.time else 1.0
        spread, expected = self.spread * keep, self.expected * keep
        whole = counts.sum(axis=0)
        told = None
        if not comparable:
            told = None if self.newest is None else change(self.newest, whole)
        elif len(counts) > 1:
            told = deviation(counts)
        if told:
            spread, expected = spread + told[0], expected + told[1]
        newest = None if comparable else whole
        return Past(max(time, self.time), self.counts * keep + whole, spread, expected, newest)

    @property
    def rates(self) -> Array:
        """Expected rates of stable, in (0, 1), per row."""
        return (self.counts[..., 1:] + _PRIOR_BAD) / (self.counts[..., :1] + _PRIOR_REQUESTS)

    def dispersion(self, configured: float) -> Array:
        """The design effect, at least 1, per row; `configured` is the least where one target counts for all."""
        least = 1.0 if self.newest is None else configured
        measured = np.maximum(least, self.spread / np.maximum(self.expected, ENOUGH_ERRORS))
        return np.where(self.expected >= ENOUGH_ERRORS, measured, configured)

    def measured(self, configured: float) -> Array:
        """Whether `dispersion` is what was seen and not what is configured, per row."""
        enough: Array = self.expected >= ENOUGH_ERRORS
        return enough if self.newest is None else enough & (self.spread > configured * self.expected)


def no_past(time: float, rows: int, history: tuple[float, ...] = ()) -> Past:
    """The past before anything was seen, or with this history of requests and bad requests per row."""
    counts = np.array(history) if history else np.zeros(1 + rows)
    return Past(time, counts, np.zeros(rows), np.zeros(rows))


def change(before: Array, now: Array) -> tuple[Array, Array]:
    """Numerator and denominator of D for a round and the one before it: `deviation` of the two, in half the time."""
    first, second = before[..., :1], now[..., :1]
    whole = np.maximum(first + second, 2.0)
    rate = np.minimum((before[..., 1:] + now[..., 1:]) / whole, 1.0)
    expected = rate * (1.0 - rate) * (2.0 * first * second / (whole - 1.0))
    spread = np.minimum(2.0 * np.square(now[..., 1:] - second * rate), STEEPEST * expected)
    weight = HEAVIEST / np.maximum(expected, HEAVIEST)
    return spread * weight, expected * weight


def deviation(counts: Array) -> tuple[Array, Array]:
    """Numerator and denominator of D for one round, per row; zeros where it tells nothing.

    Args:
        counts: requests and bad requests per row of each stable target; shape
            `(targets, ..., 1 + rows)`.
    """
    served, bad = counts[..., :1], counts[..., 1:]
    requests, total = served.sum(axis=0), bad.sum(axis=0)
    whole = np.maximum(requests, 2.0)
    rate = np.clip(total / whole, 0.0, 1.0)
    variance = rate * (1.0 - rate) * whole / (whole - 1.0)
    expected = variance * (served * (1.0 - served / whole)).sum(axis=0)
    spread = ((bad - served * rate) ** 2).sum(axis=0)
    spread = np.minimum(spread, STEEPEST * expected)
    told = (expected > 0.0) & ((served > 0.0).sum(axis=0) > 1)
    weight = np.where(told, HEAVIEST / np.maximum(expected, HEAVIEST), 0.0)
    return spread * weight, expected * weight
