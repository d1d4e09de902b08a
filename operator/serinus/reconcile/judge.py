"""Keeps the judgement of one rollout up to date and says what it means.

The evidence is a fold over what Prometheus holds since the rollout's anchor. After a
restart it is folded again from there; the record in status is the floor.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from serinus.analysis import (
    Assessment,
    Breaches,
    ErrorRatePolicy,
    Finding,
    Judgement,
    Reading,
    ThresholdPolicy,
    Verdict,
    Weight,
    assess,
    begin,
    combine,
    fold,
    judge_threshold,
    recover,
    reweigh,
    to_status,
)
from serinus.api.status import MetricStatus, RolloutState
from serinus.api.v1alpha1 import Analysis, Metric
from serinus.metrics import query
from serinus.prometheus.shared import SharedQueries
from serinus.reconcile.source import DEFAULT_INTERVAL, Subject, window

LOOK_BACK = 3600.0
"""Seconds before the rollout's anchor from which stable's usual error rate is learned."""
SHARED_INTERVALS = 4
"""Scrape intervals that one shared query fetches for all rollouts."""
ERROR_RATE = "error-rate"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the judge says now. `problem` tells why the metrics cannot be read, in words."""

    verdict: Verdict | None = None
    problem: str = ""
    metrics: tuple[MetricStatus, ...] = ()
    record: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Judge:
    """The judgement of one candidate, from its first traffic on."""

    subject: Subject
    policy: ErrorRatePolicy
    anchor: float
    record: dict[str, Any]
    """What status held when this judge was made; empty for a new rollout."""
    _judgement: Judgement | None = None
    _breaches: dict[str, Breaches] = field(default_factory=dict)
    _findings: dict[str, tuple[float, Finding, float | None]] = field(default_factory=dict)

    async def look(self, queries: SharedQueries, analysis: Analysis, state: RolloutState, now: float) -> Opinion:
        """Take in what Prometheus holds and say what it means."""
        problem = await self._take_in(queries, state, now)
        if self._judgement is None:
            return Opinion(problem=problem)
        assessment = assess(self._judgement, now)
        findings: dict[str, Finding] = {ERROR_RATE: assessment}
        statuses = [_error_rate_status(assessment, self.subject)]
        for metric in analysis.metrics:
            finding, value = await self._threshold(queries, metric, now)
            findings[metric.name] = finding
            statuses.append(_threshold_status(metric, finding, value))
        return Opinion(combine(findings), problem, tuple(statuses), to_status(self._judgement))

    async def _take_in(self, queries: SharedQueries, state: RolloutState, now: float) -> str:
        judgement = self._judgement
        width = SHARED_INTERVALS * ((judgement.interval if judgement else None) or DEFAULT_INTERVAL)
        start = (judgement.since if judgement else None) or self.anchor - LOOK_BACK
        if judgement and start >= now - width:
            selector, start = self.subject.shared_selector, now - width
        else:
            selector, width = self.subject.own_selector, now - start
        answer = await queries.ask(f"{selector}[{math.ceil(width)}s]")
        if answer.problem:
            return f"Prometheus: {answer.problem}"
        seen = window(self.subject, answer.series, answer.at - math.ceil(width), answer.at)
        weights = [Weight(change.time, change.weight / 100) for change in state.weights]
        if judgement is None and self.record:
            self._judgement = recover(self.policy, self.record, seen, weights)
        else:
            self._judgement = fold(_reweighed(judgement or begin(self.policy, self.anchor), weights), seen)
        return ""

    async def _threshold(self, queries: SharedQueries, metric: Metric, now: float) -> tuple[Finding, float | None]:
        known = self._findings.get(metric.name)
        if known and 0 <= now - known[0] < metric.interval:
            return known[1], known[2]
        subject = self.subject
        values = {
            "namespace": subject.namespace,
            "name": subject.name,
            "canary": subject.canary,
            "stable": subject.stable,
        }
        answer = await queries.ask(query.substitute(metric.query, values))
        numbers = tuple(series.samples[-1][1] for series in answer.series)
        policy = ThresholdPolicy(metric.min, metric.max, metric.failures, metric.interval)
        reading = Reading(numbers, answer.problem or None)
        before = self._breaches.get(metric.name, Breaches())
        self._breaches[metric.name], finding = judge_threshold(policy, before, reading, now)
        finding = replace(finding, message=f"{metric.name}: {finding.message}")
        value = numbers[0] if len(numbers) == 1 and math.isfinite(numbers[0]) else None
        self._findings[metric.name] = now, finding, value
        return finding, value


def policy_of(analysis: Analysis) -> ErrorRatePolicy:
    """Return the judge's policy for the error rate."""
    rate = analysis.error_rate
    return ErrorRatePolicy(
        alpha=analysis.alpha,
        rho=rate.rho,
        delta=rate.delta,
        min_errors=rate.min_errors,
        dispersion=analysis.dispersion,
        minimum_requests=analysis.minimum_requests,
    )


def _reweighed(judgement: Judgement, weights: Sequence[Weight]) -> Judgement:
    newest = judgement.weights[-1].time if judgement.weights else -math.inf
    for weight in weights:
        if weight.time > newest:
            judgement = reweigh(judgement, weight.time, weight.share)
    return judgement


def _error_rate_status(seen: Assessment, subject: Subject) -> MetricStatus:
    return MetricStatus(
        name=ERROR_RATE,
        source=subject.source,
        outcome=seen.outcome,
        reason=seen.reason,
        message=seen.message,
        canary_requests=int(seen.canary.requests),
        canary_errors=int(seen.canary.errors),
        stable_requests=int(seen.stable.requests),
        stable_errors=int(seen.stable.errors),
        evidence=_rounded(seen.evidence),
        threshold=_rounded(seen.threshold),
        dispersion=_rounded(seen.dispersion),
        dispersion_source=seen.dispersion_source,
    )


def _threshold_status(metric: Metric, finding: Finding, value: float | None) -> MetricStatus:
    return MetricStatus(
        name=metric.name,
        source="Query",
        outcome=finding.outcome,
        reason=finding.reason,
        message=finding.message,
        value=value,
    )


def _rounded(value: float) -> float:
    """Four significant digits: status is for reading, and is written when it changes."""
    return float(f"{min(value, 1e300):.4g}")
