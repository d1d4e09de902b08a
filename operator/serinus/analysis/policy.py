"""What a test of rates is told to look for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import isfinite, log

import numpy as np

ODDS = (1.3, 1.6, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 1000.0, 10000.0)
"""Alternatives: multiples of the odds of the worst rate that is allowed."""
BETTER = (0.25, 0.5, 1.0)
"""Alternatives of the proof: multiples of stable's expected rate."""


@dataclass(frozen=True)
class RatePolicy:
    """Roll back when the canary's rate of bad requests exceeds `rho * stable's + delta`.

    Without bounds, bad requests are failed ones: one row. With bounds there is a row for each of
    them, in which the bad requests are those that took longer.

    Attributes:
        rho: relative tolerance, above 0; or 0 for an absolute objective: at most `delta` of the
            canary's requests may be bad, whatever stable does.
        delta: absolute tolerance, in [0, 1); above 0 for an objective.
        margin: promotion needs proof that the canary's rate is not above stable's by this, in
            (0, 1) and above `delta`. Of an objective: by this above `delta`.
        beta: probability of ever proving that of a canary that is, in (0, 1).
        min_errors: bad canary requests before which a row counts against it, at least 1. A pure delay.
        dispersion: design effect to use where it cannot be measured, and the least behind a proxy; at least 1.
        restart: seconds between the starts of the mixture, above 0.
        minimum_requests: requests that each arm needs in a step before it can pass, at least 1.
        odds: the alternatives, each above 1.
        bounds: latency bounds in seconds, rising; empty for the error rate.
        first_proven: the first row that has to be proven, below the number of rows. Near the middle of
            a distribution a margin is soon exceeded by differences that nobody feels, or hidden by
            what staggered scrapes cannot align; a proof is about the slow requests.
        gating: a step waits for the proof.

    Raises:
        ValueError: a value is outside of its range; the message begins with the field's name.
    """

    rho: float = 1.0
    delta: float = 0.005
    margin: float = 0.01
    beta: float = 0.05
    min_errors: int = 3
    dispersion: float = 2.0
    restart: float = 300.0
    minimum_requests: int = 100
    odds: tuple[float, ...] = ODDS
    bounds: tuple[float, ...] = ()
    first_proven: int = 0
    gating: bool = True

    def __post_init__(self) -> None:
        _check("rho", self.rho, "at least 0", ok=isfinite(self.rho) and self.rho >= 0)
        _check("delta", self.delta, "at least 0 and below 1", ok=0 <= self.delta < 1)
        if self.rho == 0:
            _check("delta", self.delta, "above 0 for an absolute objective", ok=self.delta > 0)
        _check("margin", self.margin, "above 0 and below 1", ok=0 < self.margin < 1)
        if self.rho == 0:
            _check("margin", self.margin, "below 1 - delta", ok=self.delta + self.margin < 1)
        else:
            _check("margin", self.margin, f"above delta, {self.delta}", ok=self.margin > self.delta)
        _check("beta", self.beta, "between 0 and 1, both excluded", ok=0 < self.beta < 1)
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
        rising = all(low < high for low, high in zip((0.0, *self.bounds), self.bounds, strict=False))
        _check("first_proven", self.first_proven, "a row", ok=0 <= self.first_proven < self.rows)
        _check("bounds", self.bounds, "rising numbers above 0", ok=rising and all(map(isfinite, self.bounds)))

    @property
    def rows(self) -> int:
        """How many rates are compared."""
        return len(self.bounds) or 1

    @property
    def cells(self) -> int:
        """Numbers per target and arm, see `Counter`."""
        return self.rows + 1

    @cached_property
    def shape(self) -> np.ndarray:
        """The matrix that turns cells into requests and bad requests per row."""
        matrix = np.zeros((self.cells, self.cells))
        if not self.bounds:
            matrix[:, 0] = 1.0
            matrix[1, 1] = 1.0
            return matrix
        matrix[-1, :] = 1.0
        matrix[range(self.rows), range(1, self.cells)] = -1.0
        return matrix

    @cached_property
    def columns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of every alternative of the evidence, then of the proof: its factor, and its null's rho and delta.

        The factor multiplies the odds of the worst rate allowed, then stable's expected rate.
        """
        against, favour = len(self.odds), len(BETTER)
        rhos = [self.rho] * against + [1.0 if self.rho else 0.0] * favour
        deltas = [self.delta] * against + [self.margin if self.rho else self.delta + self.margin] * favour
        return np.array((*self.odds, *BETTER)), np.array(rhos), np.array(deltas)

    @property
    def log_proof_threshold(self) -> float:
        """Natural logarithm of 1/beta."""
        return -log(self.beta)


def _check(field: str, value: object, allowed: str, *, ok: bool) -> None:
    if not ok:
        msg = f"{field} must be {allowed}, got {value}"
        raise ValueError(msg)
