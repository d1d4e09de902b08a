"""What the judge of error rates is told to look for."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, log

ODDS = (1.3, 1.6, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 1000.0, 10000.0)
"""Alternatives: multiples of the odds of the worst rate that is allowed."""


@dataclass(frozen=True, slots=True)
class ErrorRatePolicy:
    """Roll back when the canary's error rate exceeds `rho * stable's + delta`.

    Attributes:
        alpha: probability of ever failing a canary that is not worse than that, in (0, 1).
        rho: relative tolerance, above 0.
        delta: absolute tolerance, in [0, 1).
        min_errors: canary errors before which nothing fails, at least 1. A pure delay.
        dispersion: design effect to use where it cannot be measured, at least 1.
        restart: seconds between the starts of the mixture, above 0.
        minimum_requests: requests that each arm needs in a step before it can pass, at least 1.
        odds: the alternatives, each above 1.

    Raises:
        ValueError: a value is outside of its range; the message begins with the field's name.
    """

    alpha: float = 0.01
    rho: float = 1.0
    delta: float = 0.005
    min_errors: int = 3
    dispersion: float = 2.0
    restart: float = 300.0
    minimum_requests: int = 100
    odds: tuple[float, ...] = ODDS

    def __post_init__(self) -> None:
        _check("alpha", self.alpha, "between 0 and 1, both excluded", ok=0 < self.alpha < 1)
        _check("rho", self.rho, "above 0", ok=isfinite(self.rho) and self.rho > 0)
        _check("delta", self.delta, "at least 0 and below 1", ok=0 <= self.delta < 1)
        _check("min_errors", self.min_errors, "at least 1", ok=self.min_errors >= 1)
        _check(
            "dispersion",
            self.dispersion,
            "at least 1",
            ok=isfinite(self.dispersion) and self.dispersion >= 1,
        )
        _check("restart", self.restart, "above 0", ok=self.restart > 0)
        _check("minimum_requests", self.minimum_requests, "at least 1", ok=self.minimum_requests >= 1)
        above = all(isfinite(odd) and odd > 1 for odd in self.odds)
        _check("odds", self.odds, "numbers above 1", ok=bool(self.odds) and above)

    @property
    def log_threshold(self) -> float:
        """Natural logarithm of 1/alpha."""
        return -log(self.alpha)


def _check(field: str, value: object, allowed: str, *, ok: bool) -> None:
    if not ok:
        msg = f"{field} must be {allowed}, got {value}"
        raise ValueError(msg)
