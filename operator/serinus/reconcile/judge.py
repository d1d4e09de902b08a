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
    standing,
    trial_record,
)
from serinus.api.analysis import ERROR_RATE, Analysis
from serinus.api.status import MetricStatus, RolloutState
from serinus.prometheus.shared import SharedQueries
from serinus.reconcile.feeds import Feed, Pins
from serinus.reconcile.intake import Intake, Unread
from serinus.reconcile.metric_status import of_assessment, of_finding
from serinus.reconcile.thresholds import Thresholds

NUMBERS_EVERY = 10.0
"""Seconds for which what was said stands while no outcome changes: status is not written more often than that."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the judge says now. `problem` tells why the metrics cannot be read, in words."""

    verdict: Verdict | None = None
    problem: str = ""
    metrics: tuple[MetricStatus, ...] = ()
    record: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Said:
    """What was said of a trial, and when, and what its outcomes turned on then."""

    time: float
    standing: tuple[object, ...]
    assessments: Mapping[str, Assessment]
    statuses: Mapping[str, MetricStatus]
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
        self._said: _Said | None = None

    async def look(
        self, queries: SharedQueries, feeds: Sequence[Feed], analysis: Analysis, state: RolloutState, now: float
    ) -> Opinion:
        """Take in what Prometheus holds and say what it means."""
        await self._bring(queries, feeds, analysis, state, now)
        trial, problem = self._intake.trial, self._problem
        if trial is None:
            return Opinion(problem=problem)
        said = self._say(trial, feeds, now)
        seen, statuses = said.assessments, []
        findings: dict[str, Finding] = {}
        for feed in feeds:
            findings[feed.name] = found = seen.get(feed.name) or self._waiting(feed, seen)
            statuses.append(said.statuses.get(feed.name) or of_finding(feed.name, feed.source, found))
        # A test that the spec has dropped since keeps its part of alpha, and what it has found.
        findings |= {name: found for name, found in seen.items() if found.outcome is Outcome.FAIL}
        for metric in analysis.metrics:
            findings[metric.name], status = await self._thresholds.look(queries, feeds[0].subject, metric, now)
            statuses.append(status)
        deciding = {name: found for name, found in findings.items() if not _may_wait(name, found, feeds)}
        record = {**said.record, "thresholds": self._thresholds.record}
        return Opinion(combine(deciding), problem, tuple(statuses), record)

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

    def _say(self, trial: Trial, feeds: Sequence[Feed], now: float) -> _Said:
        """Return what the tests say: anew when an outcome may have changed, else every now and then."""
        said, marks = self._said, standing(trial, now)
        if said is None or said.standing != marks or not 0.0 <= now - said.time < NUMBERS_EVERY:
            seen = assess_trial(trial, now)
            sources = {feed.name: feed.source for feed in feeds}
            statuses = {name: of_assessment(name, sources[name], seen[name]) for name in seen.keys() & sources.keys()}
            record = {"anchor": self.anchor, "trial": trial_record(trial), **self._intake.pins.record}
            said = self._said = _Said(now, marks, seen, statuses, record)
        return said

    def _waiting(self, feed: Feed, seen: Mapping[str, Assessment]) -> Finding:
        """Return what there is to say of a test that has not begun."""
        intake, name = self._intake, feed.name
        if intake.trial is not None and name not in intake.trial.names:
            return Finding(
                Outcome.PASS, "NotJudged", f"{name} was added in mid-rollout and counts from the next one on."
            )
        if name in intake.unsettled:
            return intake.unsettled[name]
        rate = seen.get(ERROR_RATE)
        served = rate is not None and rate.canary.requests > 0 and rate.outcome is Outcome.PASS
        return Finding(Outcome.BLIND if served else Outcome.INCONCLUSIVE, "NoCounters", f"{feed.missing}.")


def _may_wait(name: str, found: Finding, feeds: Sequence[Feed]) -> bool:
    """Tell whether a test has nothing to say yet and no step waits for it."""
    return found.outcome is Outcome.INCONCLUSIVE and any(feed.name == name and not feed.gating for feed in feeds)
