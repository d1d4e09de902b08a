"""Keeps the judgement of one rollout up to date and says what it means.

The evidence is a fold over what Prometheus holds since the rollout's anchor. After a
restart it is folded again from there; the record in status is the floor.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from serinus.analysis import (
    Assessment,
    Finding,
    Outcome,
    Policy,
    Trial,
    Verdict,
    Weight,
    Window,
    add_test,
    assess_trial,
    begin_trial,
    combine,
    recover_trial,
    reweigh_trial,
    take_in,
    trial_from_record,
    trial_record,
)
from serinus.api.analysis import ERROR_RATE, Analysis
from serinus.api.status import MetricStatus, RolloutState
from serinus.metrics.series import Series
from serinus.prometheus.shared import Answer, SharedQueries
from serinus.reconcile.feeds import Feed, Pins
from serinus.reconcile.metric_status import of_assessment, of_finding
from serinus.reconcile.policies import NoBound, policies
from serinus.reconcile.source import DEFAULT_INTERVAL
from serinus.reconcile.thresholds import Thresholds
from serinus.reconcile.windows import SHARED_INTERVALS

LOOK_BACK = 3600.0
"""Seconds before the rollout's anchor from which stable's usual rates are learned."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the judge says now. `problem` tells why the metrics cannot be read, in words."""

    verdict: Verdict | None = None
    problem: str = ""
    metrics: tuple[MetricStatus, ...] = ()
    record: dict[str, Any] = field(default_factory=dict)


class Unread(Exception):  # noqa: N818 - a state, named as status names it
    """Prometheus gave no answer that can be used; the message says why."""


@dataclass(slots=True)
class Judge:
    """The judgement of one candidate, from its first traffic on."""

    candidate: str
    anchor: float
    record: dict[str, Any]
    """What status held when this judge was made; empty for a new rollout."""
    _trial: Trial | None = None
    _pins: Pins = field(default_factory=Pins)
    _thresholds: Thresholds = field(default_factory=Thresholds)
    _unsettled: dict[str, Finding] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._pins = Pins.of_record(self.record)
        self._thresholds = Thresholds.recovered(self.record.get("thresholds", {}))

    async def look(
        self, queries: SharedQueries, feeds: Sequence[Feed], analysis: Analysis, state: RolloutState, now: float
    ) -> Opinion:
        """Take in what Prometheus holds and say what it means."""
        weights = tuple(Weight(change.time, change.weight / 100) for change in state.weights)
        problem = ""
        try:
            await self._take_in(queries, feeds, analysis, weights, now)
        except Unread as unread:
            problem = str(unread)
        if self._trial is None:
            return Opinion(problem=problem)
        seen = assess_trial(self._trial, now)
        findings: dict[str, Finding] = {}
        statuses: list[MetricStatus] = []
        for feed in feeds:
            found = seen.get(feed.name) or self._waiting(feed.name, seen)
            findings[feed.name] = found
            statuses.append(_status(feed, found))
        # A test that the spec has dropped since keeps its part of alpha, and what it has found.
        findings |= {name: found for name, found in seen.items() if found.outcome is Outcome.FAIL}
        for metric in analysis.metrics:
            findings[metric.name], status = await self._thresholds.look(queries, feeds[0].subject, metric, now)
            statuses.append(status)
        return Opinion(combine(findings), problem, tuple(statuses), self._recorded(self._trial))

    def _recorded(self, trial: Trial) -> dict[str, Any]:
        return {
            "anchor": self.anchor,
            "trial": trial_record(trial),
            "thresholds": self._thresholds.record,
            **self._pins.record,
        }

    async def _take_in(
        self,
        queries: SharedQueries,
        feeds: Sequence[Feed],
        analysis: Analysis,
        weights: tuple[Weight, ...],
        now: float,
    ) -> None:
        """Bring the trial up to date with what the queries answer.

        Raises:
            Unread: one of them gave nothing; what the others gave is taken in.
        """
        if self._trial is None:
            self._trial = await self._begun(queries, feeds, analysis, weights, now)
        for weight in weights:
            if not self._trial.weights or weight.time > self._trial.weights[-1].time:
                self._trial = reweigh_trial(self._trial, weight.time, weight.share)
        windows: dict[str, Window] = {}
        try:
            for feed in feeds:
                if feed.name in self._trial.names:
                    window = await self._window(queries, feed, self._trial, now)
                    windows |= {feed.name: window} if window else {}
        finally:
            self._trial = take_in(self._trial, windows)

    async def _begun(
        self,
        queries: SharedQueries,
        feeds: Sequence[Feed],
        analysis: Analysis,
        weights: tuple[Weight, ...],
        now: float,
    ) -> Trial:
        """Return the trial of a new rollout, or the one of before a restart of the operator."""
        record = self.record.get("trial")
        try:
            known = trial_from_record(record) if record else None
        except ValueError:
            known = None  # written by another version: what Prometheus holds is all there is
        if record is None or known is None:
            return begin_trial(policies(analysis), analysis.alpha, self.anchor)
        windows = {
            feed.name: await self._whole(queries, feed, known.tests[feed.name].policy, now)
            for feed in feeds
            if feed.name in known.tests
        }
        return recover_trial(record, windows, weights)

    async def _window(self, queries: SharedQueries, feed: Feed, trial: Trial, now: float) -> Window | None:
        """Return what is new for a test; None while it cannot begin."""
        test = trial.tests.get(feed.name)
        if test is None:
            return await self._settled(queries, feed, now)
        width = math.ceil(SHARED_INTERVALS * (test.reader.interval or DEFAULT_INTERVAL))
        start = test.reader.since
        if start is None or start < now - width:
            return await self._whole(queries, feed, test.policy, now, start)
        answer = await _asked(queries, f"{feed.selectors.shared}[{width}s]")
        series = answer.of(feed.subject.namespace, feed.subject.name)
        return feed.window(test.policy, series, answer.at - width, answer.at, self._pins)

    async def _whole(
        self, queries: SharedQueries, feed: Feed, policy: Policy, now: float, start: float | None = None
    ) -> Window:
        """Return everything that Prometheus holds since a time, or since an hour before the rollout."""
        width = math.ceil(now - (self.anchor - LOOK_BACK if start is None else start))
        answer = await _asked(queries, f"{feed.selectors.own}[{width}s]")
        return feed.window(policy, answer.series, answer.at - width, answer.at, self._pins)

    async def _settled(self, queries: SharedQueries, feed: Feed, now: float) -> Window | None:
        """Let a test begin once both sides have its counters, with what stable did before."""
        width = math.ceil(SHARED_INTERVALS * DEFAULT_INTERVAL)
        answer = await _asked(queries, f"{feed.selectors.shared}[{width}s]")
        if self._try(feed, answer.of(feed.subject.namespace, feed.subject.name)) is None or self._trial is None:
            return None
        answer = await _asked(queries, f"{feed.selectors.own}[{math.ceil(now - self.anchor + LOOK_BACK)}s]")
        found = self._try(feed, answer.series)
        if found is None:
            return None
        policy, self._pins = found
        self._trial = add_test(self._trial, feed.name, policy)
        start = answer.at - math.ceil(now - self.anchor + LOOK_BACK)
        return feed.window(policy, answer.series, start, answer.at, self._pins)

    def _try(self, feed: Feed, series: Sequence[Series]) -> tuple[Policy, Pins] | None:
        self._unsettled.pop(feed.name, None)
        try:
            return feed.settle(series, self._pins)
        except NoBound as error:
            message = f"{feed.name}: {error}."
            self._unsettled[feed.name] = Finding(Outcome.BLIND, "NoUsableBounds", message)
        return None

    def _waiting(self, name: str, seen: dict[str, Assessment]) -> Finding:
        """Return what there is to say of a test that has not begun."""
        if self._trial is not None and name not in self._trial.names:
            return Finding(
                Outcome.PASS, "NotJudged", f"{name} was added in mid-rollout and counts from the next one on."
            )
        if name in self._unsettled:
            return self._unsettled[name]
        message = f"{name}: Prometheus has no counters yet that both sides report."
        rate = seen.get(ERROR_RATE)
        served = rate is not None and rate.canary.requests > 0 and rate.outcome is Outcome.PASS
        return Finding(Outcome.BLIND if served else Outcome.INCONCLUSIVE, "NoCounters", message)


def _status(feed: Feed, found: Finding) -> MetricStatus:
    if isinstance(found, Assessment):
        return of_assessment(feed.name, feed.source, found)
    return of_finding(feed.name, feed.source, found)


async def _asked(queries: SharedQueries, expression: str) -> Answer:
    answer = await queries.ask(expression)
    if answer.problem:
        raise Unread(f"Prometheus: {answer.problem}")
    return answer
