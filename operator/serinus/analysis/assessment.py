"""What a judgement means at a moment: one of the four outcomes, with the numbers behind it."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

from .finding import Finding, Outcome
from .judgement import Judgement, Sight
from .past import DispersionSource
from .samples import Arm, Tally

STALE_INTERVALS = 2.0
"""A target whose newest sample is older than this many intervals (and the slack) is stale."""
NEWBORN_INTERVALS = 3.0
"""Intervals after the rollout's start within which Prometheus need not know the canary's pods yet."""
SLACK = 2.0
"""Seconds that a scrape and the operator's poll may take."""
_LARGEST = 700.0
_SPOKEN = {Arm.CANARY: "the canary", Arm.STABLE: "stable"}


@dataclass(frozen=True, slots=True)
class Assessment(Finding):
    """The finding on one rollout's error rate.

    Attributes:
        canary: requests and errors judged since the rollout's start.
        stable: the same for the other arm.
        step_canary: of them, in this step.
        step_stable: of them, in this step.
        evidence: value of the e-process; at the first crossing once failed. At most 1e304.
        threshold: 1/alpha.
        dispersion: design effect in use.
        dispersion_source: where it comes from.
        newest: time of the newest sample of any target, None without one.
        failed_at: time of the sample that made it fail, None unless it did.
    """

    canary: Tally
    stable: Tally
    step_canary: Tally
    step_stable: Tally
    evidence: float
    threshold: float
    dispersion: float
    dispersion_source: DispersionSource
    newest: float | None
    failed_at: float | None


def assess(judgement: Judgement, now: float) -> Assessment:
    """What the judgement means at time `now`.

    Fail stands whatever follows; else Blind goes before Inconclusive and that before Pass. While
    Prometheus does not answer nothing is folded, and the judgement turns Blind by its age.
    """
    latch = judgement.latch
    dispersion, source = judgement.dispersion
    finding = _failed(judgement) or _blind(judgement, now) or _enough(judgement)
    log_evidence = latch.log_evidence if latch else judgement.log_evidence
    return Assessment(
        finding.outcome,
        finding.reason,
        finding.message,
        canary=judgement.canary,
        stable=judgement.stable,
        step_canary=judgement.step_canary,
        step_stable=judgement.step_stable,
        evidence=exp(min(log_evidence, _LARGEST)),
        threshold=1.0 / judgement.policy.alpha,
        dispersion=latch.dispersion if latch else dispersion,
        dispersion_source=latch.source if latch else source,
        newest=max((s.newest for s in judgement.sights if s.newest is not None), default=None),
        failed_at=latch.time if latch else None,
    )


def _failed(judgement: Judgement) -> Finding | None:
    latch, policy = judgement.latch, judgement.policy
    if latch is None:
        return None
    evidence = exp(min(latch.log_evidence, _LARGEST))
    message = (
        f"The canary failed {_share(latch.canary)} and stable {_share(latch.stable)}: "
        f"evidence {evidence:.3g} reached {1.0 / policy.alpha:.4g}."
    )
    return Finding(Outcome.FAIL, "ErrorRateTooHigh", message)


def _blind(judgement: Judgement, now: float) -> Finding | None:
    live = [sight for sight in judgement.sights if sight.live]
    if not live:
        return _no("NoTarget", "Prometheus scrapes no target of this rollout.")
    if judgement.separate:
        born = judgement.anchor + NEWBORN_INTERVALS * (judgement.interval or 0.0) + SLACK
        for arm, name in _SPOKEN.items():
            missing = not any(sight.arm is arm for sight in live)
            if missing and (arm is Arm.STABLE or now > born):
                reason = f"No{arm.value.capitalize()}Target"
                return _no(reason, f"Prometheus scrapes no target of {name}.")
    for sight in live:
        found = _unseen(sight, now, judgement.interval or 0.0)
        if found:
            return found
    return None


def _unseen(sight: Sight, now: float, interval: float) -> Finding | None:
    limit = STALE_INTERVALS * interval + SLACK
    if sight.unusable is not None:
        return _no("NotANumber", f"{sight.name} reports no usable value for {sight.unusable}.")
    if not sight.up and sight.newest is None:
        return _no("TargetDown", f"{sight.name} has not answered a scrape.")
    if sight.newest is not None and now - sight.newest > limit:
        age = now - sight.newest
        return _no("Stale", f"{sight.name} was last scraped {age:.0f} s ago, over {limit:.0f} s.")
    if not sight.up:
        return _no("TargetDown", f"{sight.name} did not answer its newest scrape.")
    return None


def _no(reason: str, message: str) -> Finding:
    return Finding(Outcome.BLIND, reason, message)


def _enough(judgement: Judgement) -> Finding:
    policy = judgement.policy
    canary, stable = judgement.step_canary, judgement.step_stable
    wanted = policy.minimum_requests
    for tally, name, reason in (
        (canary, "The canary", "CanaryIdle"),
        (stable, "Stable", "StableIdle"),
    ):
        if tally.requests <= 0.0:
            message = f"{name} has served no request in this step; {wanted} are needed."
            return Finding(Outcome.INCONCLUSIVE, reason, message)
    if min(canary.requests, stable.requests) < wanted:
        message = (
            f"In this step the canary has served {canary.requests:.0f} and stable "
            f"{stable.requests:.0f} requests; {wanted} are needed on each."
        )
        return Finding(Outcome.INCONCLUSIVE, "TooFewRequests", message)
    evidence, limit = judgement.log_evidence, policy.log_threshold
    numbers = f"evidence {exp(min(evidence, _LARGEST)):.3g} against {1.0 / policy.alpha:.4g}"
    if evidence >= limit:
        message = (
            f"The canary's {judgement.canary.errors:.0f} errors are fewer than {policy.min_errors}, with {numbers}."
        )
        return Finding(Outcome.INCONCLUSIVE, "TooFewErrors", message)
    message = f"In this step the canary failed {_share(canary)} and stable {_share(stable)}: {numbers}."
    return Finding(Outcome.PASS, "WithinTolerance", message)


def _share(tally: Tally) -> str:
    rate = tally.rate
    share = "" if rate is None else f" ({100.0 * rate:.3g} %)"
    return f"{tally.errors:.0f} of {tally.requests:.0f} requests{share}"
