"""What a judgement of a rate means at a moment, with the numbers behind it."""

from __future__ import annotations

from math import exp
from typing import NamedTuple

import numpy as np

from .assessment import Assessment, Side, spoken
from .blindness import blind, newest
from .finding import Finding, Outcome
from .interval import interval
from .judgement import Judgement
from .mixture import mean_exp
from .past import DispersionSource
from .power import requests_needed

_LARGEST = 700.0


class _Limits(NamedTuple):
    """The evidence, and the error probability that is left to the test."""

    evidence: float
    alpha: float


def assess_rate(judgement: Judgement, now: float, alpha: float) -> Assessment:
    """What the judgement says at time `now`; that it failed, only the trial can say.

    Blind goes before Inconclusive and that before Pass. While Prometheus does not answer nothing is
    folded, and the judgement turns Blind by its age.

    Args:
        judgement: the rate's.
        now: Unix seconds.
        alpha: error probability that is left to this test, which fails alone at 1/alpha.
    """
    rows = judgement.row_evidence
    row, evidence = int(np.argmax(rows)), exp(min(float(mean_exp(rows)), _LARGEST))
    policy, past = judgement.policy, judgement.streams[0].past
    dispersion = float(past.dispersion(policy.dispersion)[row])
    finding = blind(judgement.reader, now) or _enough(judgement, row, _Limits(evidence, alpha))
    return Assessment(
        finding.outcome,
        finding.reason,
        finding.message,
        canary=_side(judgement.canary, row, alpha, dispersion),
        stable=_side(judgement.stable, row, alpha, dispersion),
        evidence=evidence,
        threshold=1.0 / alpha,
        proof=exp(min(judgement.log_proof, _LARGEST)),
        proof_threshold=1.0 / policy.beta,
        dispersion=dispersion,
        dispersion_source=DispersionSource.MEASURED
        if past.measured(policy.dispersion)[row]
        else DispersionSource.CONFIGURED,
        requests_needed=requests_needed(float(past.rates[row]), policy.rho, policy.delta, dispersion, alpha),
        bound=policy.bounds[row] if policy.bounds else None,
        newest=newest(judgement.reader),
        failed_at=None,
    )


def failure(judgement: Judgement, alpha: float) -> tuple[str, str]:
    """The reason and the sentence of a rate that took the canary back."""
    rows = judgement.row_evidence
    reason = "TooSlow" if judgement.policy.bounds else "ErrorRateTooHigh"
    limits = _Limits(exp(min(float(mean_exp(rows)), _LARGEST)), alpha)
    return reason, _sentence(judgement, int(np.argmax(rows)), judgement.canary, judgement.stable, "", limits)


def _side(counts: np.ndarray, row: int, alpha: float, dispersion: float) -> Side:
    requests, bad = float(counts[0]), float(counts[1 + row])
    low, high = interval(requests, bad, alpha, dispersion)
    return Side(requests, bad, bad / requests if requests else None, low, high)


def _enough(judgement: Judgement, row: int, limits: _Limits) -> Finding:
    policy = judgement.policy
    canary, stable = judgement.step_canary, judgement.step_stable
    compared = policy.rho > 0
    wanted = policy.minimum_requests
    for counts, name, reason in (
        (canary, "the canary", "CanaryIdle"),
        (stable, "stable", "StableIdle"),
    ):
        if counts[0] <= 0.0 and (compared or counts is canary):
            message = f"No request of {name} in this step has been counted yet; {wanted} are needed."
            return Finding(Outcome.INCONCLUSIVE, reason, message)
    if canary[0] < wanted or (compared and stable[0] < wanted):
        message = (
            f"In this step the canary has served {canary[0]:.0f} and stable "
            f"{stable[0]:.0f} requests; {wanted} are needed on each."
        )
        return Finding(Outcome.INCONCLUSIVE, "TooFewRequests", message)
    message = _sentence(judgement, row, canary, stable, "In this step ", limits)
    if policy.gating and judgement.log_proof < policy.log_proof_threshold:
        return Finding(Outcome.INCONCLUSIVE, "NotProven", message)
    return Finding(Outcome.PASS, "WithinTolerance", message)


def _sentence(  # noqa: PLR0913, PLR0917 - the parts of a sentence
    judgement: Judgement, row: int, canary: np.ndarray, stable: np.ndarray, when: str, limits: _Limits
) -> str:
    policy = judgement.policy
    if policy.bounds:
        verb, tail = "exceeded", f" {_duration(policy.bounds[row])} in"
    else:
        verb, tail = "failed", ""
    told = f"{when}the canary {verb}{tail} {_share(canary, row)}"
    told = told[0].upper() + told[1:]
    if policy.rho > 0:
        told += f" and stable{tail and ' in'} {_share(stable, row)}"
    else:
        told += f", {100 * policy.delta:g} % are allowed"
    proof = spoken(exp(min(judgement.log_proof, _LARGEST)))
    evidence, limit = spoken(limits.evidence), spoken(1.0 / limits.alpha)
    return f"{told}: evidence {evidence} of {limit}, proof {proof} of {spoken(1.0 / policy.beta)}."


def _share(counts: np.ndarray, row: int) -> str:
    requests, bad = float(counts[0]), float(counts[1 + row])
    share = f" ({100.0 * bad / requests:.3g} %)" if requests else ""
    return f"{bad:.0f} of {requests:.0f} requests{share}"


def _duration(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
