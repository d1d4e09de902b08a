"""The test of a mean or a ratio: business and quality metrics, canary against stable.

    means = begin_means(policy, anchor)
    means = reweigh_means(means, time, share)       # at every change of the weight
    means = fold_means(means, window)               # as often as one likes

As for rates, `fold_means` depends on what the windows hold, not on how they are cut. To that end an
increment counts once every target that still answers has been read as far: up to one interval later.
Values must not be negative: sums of them are counters. How they are compared: `strata`.
"""

from __future__ import annotations

from math import exp, inf, isfinite
from typing import Any

import numpy as np

from .assessment import Assessment, Side, spoken
from .blindness import blind, newest
from .finding import Finding, Outcome
from .interval import mean_interval
from .meanfold import Means, begin_means, fold_means, reweigh_means
from .strata import (
    LEAST_UNITS,
    MeanPolicy,
    Numbers,
    Strata,
    arm_estimate,
    counted_enough,
    estimate,
    inconsistent,
)
from .weights import Weight

__all__ = [
    "MeanPolicy",
    "Means",
    "assess_means",
    "begin_means",
    "fold_means",
    "mean_failure",
    "means_from_record",
    "means_record",
    "observations",
    "reweigh_means",
]

_LARGEST = 700.0


def assess_means(means: Means, now: float, limit: float) -> Assessment:
    """What the test says at time `now`: Blind, Inconclusive or Pass. Whether it fails, the trial says.

    Args:
        means: the test.
        now: Unix seconds.
        limit: the evidence at which this test alone would take the canary back, above 1; the means'
            intervals are missed with probability 1/limit each.
    """
    policy = means.policy
    strata = estimate(policy, means.strata, means.sums[:, None]).strata
    canary, stable = (_side(policy, strata, arm, limit) for arm in (0, 1))
    finding = blind(means.reader, now) or _broken(means) or _enough(means, strata, (canary, stable), limit)
    return Assessment(
        finding.outcome,
        finding.reason,
        finding.message,
        canary=canary,
        stable=stable,
        evidence=exp(min(means.log_evidence, _LARGEST)),
        threshold=limit,
        proof=exp(min(means.log_proof, _LARGEST)),
        proof_threshold=1.0 / policy.beta,
        dispersion=None,
        dispersion_source=None,
        requests_needed=None,
        bound=None,
        newest=newest(means.reader),
        failed_at=None,
    )


def mean_failure(means: Means, limit: float) -> tuple[str, str]:
    """The reason and the sentence of a mean that took the canary back; `limit` as in `assess_means`."""
    policy = means.policy
    strata = estimate(policy, means.strata, means.sums[:, None]).strata
    canary, stable = (_spoken(_side(policy, strata, arm, limit)) for arm in (0, 1))
    evidence = spoken(exp(min(means.log_evidence, _LARGEST)))
    message = f"The canary's mean is {canary} and stable's {stable}: evidence {evidence} of {spoken(limit)}."
    return "MeanTooLow" if policy.higher_is_better else "MeanTooHigh", message


def observations(means: Means) -> float:
    """How many values were judged so far, of both arms."""
    return float(np.sum(estimate(means.policy, means.strata, means.sums[:, None]).strata.counts))


def means_record(means: Means) -> dict[str, Any]:
    """The test as JSON knows it: 1 KB, or about 80 bytes per user bucket. The policy is not part of it.

    Increments that wait are not part of it either: they are read again.
    """
    reader, strata = means.reader, means.strata
    cursors, resume = reader.cursors, reader.resume
    if reader.interval is not None and isfinite(means.until):
        cursors = {name: min(time, means.until) for name, time in cursors.items()}
        resume = means.until - 2.0 * reader.interval
    return {
        "anchor": reader.anchor,
        "interval": reader.interval,
        "separate": reader.separate,
        "cursors": dict(cursors),
        "resume": resume,
        "weights": [[weight.time, weight.share] for weight in means.weights],
        "strata": [
            strata.information,
            strata.worse,
            *(array.tolist() for array in (strata.means, strata.spread, strata.counts, strata.sums)),
        ],
        "period": means.period,
        "sums": means.sums.tolist(),
        "until": means.until if isfinite(means.until) else None,
        "logEvidence": means.log_evidence,
        "logProof": means.log_proof,
    }


def means_from_record(policy: MeanPolicy, record: dict[str, Any]) -> Means:
    """The test that a record was made of, ready for windows from its `reader.since` on.

    Raises:
        ValueError: the record is not one of `means_record` under a policy with as many user buckets.
    """
    try:
        return _recorded(policy, record)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        raise ValueError(f"record is damaged: {error!r}") from error


def _side(policy: MeanPolicy, strata: Strata, arm: int, limit: float) -> Side:
    mean, variance = arm_estimate(policy, strata, arm)
    low, high = mean_interval(mean or 0.0, variance, min(1.0 / limit, 0.5), policy.effect)
    known = mean is not None and isfinite(low) and isfinite(high)
    return Side(float(strata.counts[arm]), None, mean, low if known else None, high if known else None)


def _broken(means: Means) -> Finding | None:
    for name, row in zip(("The canary", "Stable"), means.sums, strict=True):
        if inconsistent(means.policy, row):
            message = f"{name}'s counters contradict each other: no values have such a count, sum and sum of squares."
            if means.policy.units:
                message = f"{name}'s counters contradict each other: a user bucket has a sum of no values."
            return Finding(Outcome.BLIND, "Inconsistent", message)
    return None


def _enough(means: Means, strata: Strata, sides: tuple[Side, Side], limit: float) -> Finding:
    policy, (canary, stable) = means.policy, sides
    seen = f"The canary's mean is {_spoken(canary)} and stable's {_spoken(stable)}"
    if strata.information <= 0.0 and not counted_enough(policy, means.sums):
        wanted = f"{policy.minimum} values" + (f" in {LEAST_UNITS} user buckets" if policy.units else "")
        message = f"{seen}; at one weight {wanted} are needed on each side."
        return Finding(Outcome.INCONCLUSIVE, "TooFewObservations", message)
    numbers = f"evidence {spoken(exp(min(means.log_evidence, _LARGEST)))} against {limit:.4g}"
    if policy.gating and means.log_proof < policy.log_proof_threshold:
        proof = f"proof {spoken(exp(min(means.log_proof, _LARGEST)))} against {1.0 / policy.beta:.4g}"
        message = f"{seen}: not proven yet not to be worse by {policy.margin:.6g}, {proof}, {numbers}."
        return Finding(Outcome.INCONCLUSIVE, "NotProven", message)
    return Finding(Outcome.PASS, "WithinTolerance", f"{seen}: {numbers}.")


def _spoken(side: Side) -> str:
    if side.rate is None:
        return "unknown (no values)"
    ends = f"{side.low:.6g} to {side.high:.6g}, " if side.low is not None and side.high is not None else ""
    return f"{side.rate:.6g} ({ends}{side.requests:.0f} values)"


def _recorded(policy: MeanPolicy, record: dict[str, Any]) -> Means:
    empty = begin_means(policy, float(record["anchor"]))
    information, worse, *arrays = record["strata"]
    kept = empty.strata
    shapes = (kept.means, kept.spread, kept.counts, kept.sums)
    interval, until = record.get("interval"), record.get("until")
    reader = empty.reader._replace(
        interval=None if interval is None else float(interval),
        separate=record.get("separate"),
        cursors={str(name): float(time) for name, time in record["cursors"].items()},
        resume=record.get("resume"),
    )
    return empty._replace(
        reader=reader,
        weights=tuple(Weight(time, share) for time, share in record["weights"]),
        strata=Strata(
            float(information),
            float(worse),
            *(_shaped(array, like) for array, like in zip(arrays, shapes, strict=True)),
        ),
        period=int(record["period"]),
        sums=_shaped(record["sums"], empty.sums),
        until=-inf if until is None else float(until),
        log_evidence=float(record["logEvidence"]),
        log_proof=float(record["logProof"]),
    )


def _shaped(numbers: Any, like: Numbers) -> Numbers:
    array = np.array(numbers, dtype=float)
    if array.shape != like.shape or not np.isfinite(array).all():
        raise ValueError(f"{array.shape} numbers where {like.shape} finite ones are expected")
    return array
