"""What stable did before a block: its expected error rate, and how over-dispersed its errors are.

Requests are not independent (a bad pod, a retry storm); without a correction a design effect of 2
makes 14 % false rollbacks out of 1 %. The design effect is estimated as a ratio of sums, not as a
mean of ratios, over stable's pods and the rounds of the past hour:

    D = max(1, sum (x - n p_t)^2 / sum n p_t (1 - p_t) (1 - n / N_t))

with `p_t = X_t / N_t` the rate of all stable pods in round t, which removes what moves all pods
alike (Pearson's chi-square dispersion with the group's own mean; `1 - n / N_t` is (P - 1) / P for P
equal pods, and `p_t (1 - p_t)` is taken with `N_t / (N_t - 1)` so that the ratio is unbiased).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp

from .samples import Tally

MEMORY = 3600.0
"""Seconds after which what was seen has lost all but 1/e of its weight."""
ENOUGH_ERRORS = 10.0
"""Expected errors (less those that fix the mean) below which the design effect is not estimated."""
_PRIOR = Tally(100.0, 0.5)
"""Stands for history where there is none; half an error keeps the rate above 0."""


class DispersionSource(StrEnum):
    """Where the dispersion in use comes from."""

    MEASURED = "Measured"
    CONFIGURED = "Configured"


@dataclass(frozen=True, slots=True)
class Past:
    """Exponentially forgotten sums over stable.

    Attributes:
        time: of the newest entry.
        requests: of all stable targets.
        errors: of all stable targets.
        spread: numerator of D.
        expected: denominator of D.
    """

    time: float
    requests: float = 0.0
    errors: float = 0.0
    spread: float = 0.0
    expected: float = 0.0

    def after(self, time: float, tallies: Sequence[Tally], *, comparable: bool) -> Past:
        """The past with one more round.

        Args:
            time: the round's end.
            tallies: what each stable target counted in it.
            comparable: the targets are pods of one revision over the same time, so that their
                differences tell the dispersion.
        """
        keep = exp((self.time - time) / MEMORY) if time > self.time else 1.0
        requests = sum(t.requests for t in tallies)
        errors = sum(t.errors for t in tallies)
        spread, expected = _deviation(tallies, requests, errors) if comparable else (0.0, 0.0)
        return Past(
            max(time, self.time),
            self.requests * keep + requests,
            self.errors * keep + errors,
            self.spread * keep + spread,
            self.expected * keep + expected,
        )

    @property
    def rate(self) -> float:
        """Expected error rate of stable, in (0, 1)."""
        return (self.errors + _PRIOR.errors) / (self.requests + _PRIOR.requests)

    def dispersion(self, configured: float) -> tuple[float, DispersionSource]:
        """The design effect, at least 1, and where it comes from."""
        if self.expected < ENOUGH_ERRORS:
            return configured, DispersionSource.CONFIGURED
        return max(1.0, self.spread / self.expected), DispersionSource.MEASURED


def _deviation(tallies: Sequence[Tally], requests: float, errors: float) -> tuple[float, float]:
    """Numerator and denominator of D for one round."""
    if errors <= 0.0 or errors >= requests or sum(t.requests > 0 for t in tallies) < 2:
        return 0.0, 0.0
    rate = errors / requests
    variance = rate * (1.0 - rate) * requests / (requests - 1.0)
    spread = sum((t.errors - t.requests * rate) ** 2 for t in tallies)
    expected = variance * sum(t.requests * (1.0 - t.requests / requests) for t in tallies)
    return spread, expected
