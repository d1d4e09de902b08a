"""Says what the metrics of one rollout mean.

The evidence is a fold over what Prometheus holds since the rollout's anchor. After a
restart it is folded again from there; the record in status is the floor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from serinus.analysis import (
    Assessment,
    Finding,
    Outcome,
    Trial,
    Verdict,
    Weight,
    assess_trial,
    combine,
    trial_record,
    trusted,
)
from serinus.api.analysis import ERROR_RATE, Analysis
from serinus.api.status import MetricStatus, RolloutState
from serinus.prometheus.shared import SharedQueries
from serinus.reconcile.feeds import Feed, Pins
from serinus.reconcile.intake import Intake, Unread
from serinus.reconcile.metric_status import of_assessment, of_finding
from serinus.reconcile.thresholds import Thresholds

RECORDED = 15.0
"""Seconds for which a record stands while no outcome changes: it is the floor after a restart, no more."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the judge says now. `problem` tells why the metrics cannot be read, in words."""

    verdict: Verdict | None = None
    problem: str = ""
    metrics: tuple[MetricStatus, ...] = ()
    record: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The newest assessment, and of what: a trial and which of its tests could be trusted."""

    trial: Trial
    trusted: tuple[bool, ...]
    assessments: Mapping[str, Assessment]
    statuses: dict[str, MetricStatus] = field(default_factory=dict)
    """Those that were asked for."""


@dataclass(frozen=True, slots=True)
class _Recorded:
    time: float
    outcomes: Mapping[str, Outcome]
    record: dict[str, Any]


class Judge:
    """The judgement of one candidate, from its first traffic on."""

    def __init__(self, candidate: str, anchor: float, record: dict[str, Any]) -> None:
        """Begin with what status held: an empty record for a new rollout."""
        self.candidate, self.anchor = candidate, anchor
        self._intake = Intake(anchor, record.get("trial"), Pins.of_record(record))
        self._thresholds = Thresholds.recovered(record.get("thresholds", {}))
        self._problem = ""
        self._heard: object = None
        """How many answers had come, and what was asked, at the newest look that took something in."""
        self._seen: _Seen | None = None
        self._recorded: _Recorded | None = None

    async def look(
        self, queries: SharedQueries, feeds: Sequence[Feed], analysis: Analysis, state: RolloutState, now: float
    ) -> Opinion:
        """Take in what Prometheus holds and say what it means."""
        await self._bring(queries, feeds, analysis, state, now)
        trial, problem = self._intake.trial, self._problem
        if trial is None:
            return Opinion(problem=problem)
        seen = self._assessed(trial, now)
        findings: dict[str, Finding] = {feed.name: seen.get(feed.name) or self._waiting(feed) for feed in feeds}
        statuses = [self._status(feed, findings[feed.name]) for feed in feeds]
        # A test that the spec has dropped since keeps its part of alpha, and what it has found.
        findings |= {name: found for name, found in seen.items() if found.outcome is Outcome.FAIL}
        for metric in analysis.metrics:
            findings[metric.name], status = await self._thresholds.look(queries, feeds[0].subject, metric, now)
            statuses.append(status)
        deciding = {name: found for name, found in findings.items() if not _may_wait(name, found, feeds)}
        return Opinion(combine(deciding), problem, tuple(statuses), self._record(trial, findings, now))

    async def _bring(
        self, queries: SharedQueries, feeds: Sequence[Feed], analysis: Analysis, state: RolloutState, now: float
    ) -> None:
        """Take in what is new, unless nothing can be: a thousand rollouts look every second."""
        asked = tuple(state.weights), feeds[0].subject.live_pods, [feed.name for feed in feeds]
        if self._heard == (queries.news, asked) and now < queries.due:
            return
        weights = tuple(Weight(change.time, change.weight / 100) for change in state.weights)
        try:
            await self._intake.bring(queries, feeds, analysis, weights, now)
            self._problem = ""
        except Unread as unread:
            self._problem = str(unread)
        self._heard = queries.news, asked

    def _assessed(self, trial: Trial, now: float) -> Mapping[str, Assessment]:
        """Return what the tests say; while no sample has come, only its age can change that."""
        seen, marks = self._seen, trusted(trial, now)
        if seen is None or seen.trial is not trial or seen.trusted != marks:
            seen = self._seen = _Seen(trial, marks, assess_trial(trial, now))
        return seen.assessments

    def _status(self, feed: Feed, found: Finding) -> MetricStatus:
        if self._seen is None or not isinstance(found, Assessment):
            return of_finding(feed.name, feed.source, found)
        known = self._seen.statuses
        if feed.name not in known:
            known[feed.name] = of_assessment(feed.name, feed.source, found)
        return known[feed.name]

    def _record(self, trial: Trial, findings: Mapping[str, Finding], now: float) -> dict[str, Any]:
        """Return what status keeps."""
        outcomes = {name: found.outcome for name, found in findings.items()}
        kept = self._recorded
        if kept is None or kept.outcomes != outcomes or not 0.0 <= now - kept.time < RECORDED:
            record = {
                "anchor": self.anchor,
                "trial": trial_record(trial),
                "thresholds": self._thresholds.record,
                **self._intake.pins.record,
            }
            kept = self._recorded = _Recorded(now, outcomes, record)
        return kept.record

    def _waiting(self, feed: Feed) -> Finding:
        """Return what there is to say of a test that has not begun."""
        intake, seen, name = self._intake, self._seen, feed.name
        if intake.trial is not None and name not in intake.trial.names:
            return Finding(
                Outcome.PASS, "NotJudged", f"{name} was added in mid-rollout and counts from the next one on."
            )
        if name in intake.unsettled:
            return intake.unsettled[name]
        rate = seen.assessments.get(ERROR_RATE) if seen else None
        served = rate is not None and rate.canary.requests > 0 and rate.outcome is Outcome.PASS
        return Finding(Outcome.BLIND if served else Outcome.INCONCLUSIVE, "NoCounters", f"{feed.missing}.")


def _may_wait(name: str, found: Finding, feeds: Sequence[Feed]) -> bool:
    """Tell whether a test has nothing to say yet and no step waits for it."""
    return found.outcome is Outcome.INCONCLUSIVE and any(feed.name == name and not feed.gating for feed in feeds)
