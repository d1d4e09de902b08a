"""Asks the user's own queries and remembers how often in a row they were out of bounds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from serinus.analysis import (
    Breaches,
    Compare,
    Finding,
    Reading,
    ThresholdPolicy,
    breaches_from_record,
    breaches_record,
    judge_threshold,
)
from serinus.api.analysis import Metric
from serinus.api.status import MetricStatus
from serinus.metrics import query
from serinus.prometheus.shared import SharedQueries
from serinus.reconcile.metric_status import of_finding
from serinus.reconcile.source import Subject


@dataclass(frozen=True, slots=True)
class _Known:
    """The newest evaluation of a query."""

    time: float
    finding: Finding
    status: MetricStatus


@dataclass(slots=True)
class Thresholds:
    """The queries of one rollout."""

    breaches: dict[str, Breaches] = field(default_factory=dict)
    _known: dict[str, _Known] = field(default_factory=dict)

    @classmethod
    def recovered(cls, record: Mapping[str, Any]) -> "Thresholds":
        """Return what was remembered before a restart of the operator; what is damaged starts over."""
        breaches = {}
        for name, entry in record.items():
            try:
                breaches[name] = breaches_from_record(entry)
            except ValueError:
                continue
        return cls(breaches)

    @property
    def record(self) -> dict[str, Any]:
        """Return what status keeps of it."""
        return {name: breaches_record(breaches) for name, breaches in self.breaches.items()}

    async def look(
        self, queries: SharedQueries, subject: Subject, metric: Metric, now: float
    ) -> tuple[Finding, MetricStatus]:
        """Evaluate a query when it is due, and say what it means."""
        known = self._known.get(metric.name)
        if known is None or not 0 <= now - known.time < metric.interval:
            known = await self._evaluate(queries, subject, metric, now)
            self._known[metric.name] = known
        return known.finding, known.status

    async def _evaluate(self, queries: SharedQueries, subject: Subject, metric: Metric, now: float) -> _Known:
        compare = Compare(metric.compare) if metric.compare else Compare.NONE
        policy = ThresholdPolicy(metric.min, metric.max, metric.failures, metric.interval, compare)
        canary = await _reading(queries, subject, metric, subject.canary)
        stable = await _reading(queries, subject, metric, subject.stable) if metric.compare else None
        before = self.breaches.get(metric.name, Breaches())
        self.breaches[metric.name], finding = judge_threshold(policy, before, canary, now, stable)
        finding = replace(finding, message=f"{metric.name}: {finding.message}")
        value = canary.values[0] if len(canary.values) == 1 and math.isfinite(canary.values[0]) else None
        return _Known(now, finding, of_finding(metric.name, "Query", finding, value))


async def _reading(queries: SharedQueries, subject: Subject, metric: Metric, revision: str) -> Reading:
    values = {
        "namespace": subject.namespace,
        "name": subject.name,
        "canary": subject.canary,
        "stable": subject.stable,
        "revision": revision,
    }
    answer = await queries.ask(query.substitute(metric.query, values))
    numbers = tuple(series.samples[-1][1] if series.samples else math.nan for series in answer.series)
    return Reading(numbers, answer.problem or None)
