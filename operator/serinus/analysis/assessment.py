"""What a test says at a moment: one of the four outcomes, with the numbers behind it."""

from __future__ import annotations

from dataclasses import dataclass

from .finding import Finding
from .past import DispersionSource


@dataclass(frozen=True, slots=True)
class Side:
    """What was seen of one arm since the rollout's start.

    Attributes:
        requests: how many (observations, for a mean).
        bad: how many of them failed or were too slow; None for a mean.
        rate: share of the bad ones, or the mean; None without requests.
        low: lower end of the always-valid interval of the rate, None without one.
        high: its upper end.
    """

    requests: float
    bad: float | None
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Assessment(Finding):
    """The finding of one test.

    Attributes:
        canary: what was seen of the canary.
        stable: what was seen of stable.
        evidence: e-value against the canary; at the first crossing once failed. At most 1e304.
        threshold: the evidence at which this test alone would take the canary back.
        proof: e-value against "the canary is worse by the margin", the largest so far. At most 1e304.
        proof_threshold: 1/beta.
        dispersion: design effect in use, None where there is none.
        dispersion_source: where it comes from.
        requests_needed: of the canary, until one twice as bad as tolerated is usually taken back; None where that cannot be told.
        bound: the latency bound, in seconds, that these numbers are about; None for other metrics.
        newest: time of the newest sample of any target, None without one.
        failed_at: time of the sample that made the rollout fail, None unless it did.
    """

    canary: Side
    stable: Side
    evidence: float
    threshold: float
    proof: float
    proof_threshold: float
    dispersion: float | None
    dispersion_source: DispersionSource | None
    requests_needed: int | None
    bound: float | None
    newest: float | None
    failed_at: float | None


def spoken(value: float) -> str:
    """An e-value for people."""
    return f"{value:.3g}" if value < 1e6 else f"{value:.0e}"
