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

A proxy counts for all pods at once. There each round of all proxies is compared with the one before it, by the
same formula for two (von Neumann's successive differences, Ann. Math. Stat. 12(4), 1941: what changes slowly
drops out). Proxies are added up first: what strikes a pod strikes its callers at all of them. Faults that last for
several rounds drop out too, so this only raises what is configured. No round counts for more than `LOUDEST` times
what is usual either: the two edges of an outage would else be most of what a healthy hour shows. And since what
strikes both arms alike, a machine that stalls, is not told from what strikes one, it is believed up to `MOST` only.

Arrays broadcast: the last axis of a rate is the rows of the test.
"""

from __future__ import annotations

from enum import StrEnum
from math import exp
from operator import itemgetter
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
LOUDEST = 5.0
"""Times the usual expected bad requests that one round behind proxies may count for."""
MOST = 10.0
"""Design effect that is believed behind proxies, where more is not configured: a good canary must be proven in time."""
_PRIOR_REQUESTS = 100.0
_PRIOR_BAD = 0.5
"""Stand for history where there is none; half a bad request keeps the rate above 0."""
_OPEN = 2
"""Rounds behind proxies that scrapes may still come for."""
_TINY = 1e-12


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
        rounds: number and counts of the newest rounds, ascending, where proxies count for all pods; empty where pods
            count for themselves.
    """

    time: float
    counts: Array
    spread: Array
    expected: Array
    rounds: tuple[tuple[int, Array], ...] = ()

    def after(self, time: float, counts: Array) -> Past:
        """The past with one more round of pods of one revision, whose differences tell the dispersion.

        Args:
            time: the round's end.
            counts: requests and bad requests per row of each pod; shape `(pods, ..., 1 + rows)`.
        """
        return self._with(time, counts.sum(axis=0), deviation(counts) if len(counts) > 1 else None)

    def scraped(self, time: float, counts: Array, number: int) -> Past:
        """The past with one more scrape of a proxy; a round is compared with the one before it once it is over.

        Until two later ones have begun the scrape of another proxy may still come.

        Args:
            time: of the scrape.
            counts: requests and bad requests per row of all pods; shape `(..., 1 + rows)`.
            number: of the round, in which every proxy is scraped once.
        """
        known = dict(self.rounds)
        number = max(number, next(iter(known), number))
        known[number] = known[number] + counts if number in known else counts
        rounds, told = tuple(sorted(known.items(), key=itemgetter(0))), None
        if len(rounds) > _OPEN + 1:
            (_, before), (_, over), *_ = rounds
            rounds, told = rounds[1:], change(before, over, self.rates)
        return self._with(time, counts, told)._replace(rounds=rounds)

    def _with(self, time: float, counts: Array, told: tuple[Array, Array] | None = None) -> Past:
        keep = exp((self.time - time) / MEMORY) if time > self.time else 1.0
        spread, expected = told or (0.0, 0.0)
        return self._replace(
            time=max(time, self.time),
            counts=self.counts * keep + counts,
            spread=self.spread * keep + spread,
            expected=self.expected * keep + expected,
        )

    @property
    def rates(self) -> Array:
        """Expected rates of stable, in (0, 1), per row."""
        return (self.counts[..., 1:] + _PRIOR_BAD) / (self.counts[..., :1] + _PRIOR_REQUESTS)

    def dispersion(self, configured: float) -> Array:
        """The design effect, at least 1, per row; `configured` is the least where proxies count."""
        measured = self.spread / np.maximum(self.expected, ENOUGH_ERRORS)
        measured = np.maximum(np.minimum(measured, MOST), configured) if self.rounds else np.maximum(measured, 1.0)
        return np.where(self.expected >= ENOUGH_ERRORS, measured, configured)

    def measured(self, configured: float) -> Array:
        """Whether `dispersion` is what was seen and not what is configured, per row."""
        enough: Array = self.expected >= ENOUGH_ERRORS
        return enough & (self.spread > configured * self.expected) if self.rounds else enough


def no_past(time: float, rows: int, history: tuple[float, ...] = ()) -> Past:
    """The past before anything was seen, or with this history of requests and bad requests per row."""
    counts = np.array(history) if history else np.zeros(1 + rows)
    return Past(time, counts, np.zeros(rows), np.zeros(rows))


def change(before: Array, now: Array, usual: Array) -> tuple[Array, Array]:
    """Numerator and denominator of D for a round and the one before it, `usual` being the rates that were expected.

    It is the `deviation` of the two, in half the time, but for the weight.
    """
    first, second = before[..., :1], now[..., :1]
    whole = np.maximum(first + second, 2.0)
    rate = np.minimum((before[..., 1:] + now[..., 1:]) / whole, 1.0)
    pairs = 2.0 * first * second / (whole - 1.0)
    expected = rate * (1.0 - rate) * pairs
    spread = np.minimum(2.0 * np.square(now[..., 1:] - second * rate), STEEPEST * expected)
    most = np.minimum(LOUDEST * usual * pairs, HEAVIEST)
    weight = most / np.maximum(np.maximum(expected, most), _TINY)
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
