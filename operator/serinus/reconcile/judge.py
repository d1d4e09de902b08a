"""Says what the metrics of one rollout mean.

The evidence is a fold over what Prometheus holds since the rollout's anchor. After a
restart it is folded again from there; the record in status is the floor.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    next_news,
    standing,
    standing_until,
    trial_record,
)
from serinus.api.analysis import ERROR_RATE, Analysis
from serinus.api.status import MAX_MESSAGE, MetricStatus, RolloutState
from serinus.prometheus.direct import INTERVAL
from serinus.prometheus.shared import SharedQueries
from serinus.reconcile.feeds import Feed, Pins
from serinus.reconcile.intake import Intake, Unread
from serinus.reconcile.metric_status import of_assessment, of_finding
from serinus.reconcile.thresholds import Thresholds

LAG = 0.2
"""Seconds after which Prometheus has what it scraped."""
NUMBERS_EVERY = 30.0
"""Seconds for which what was said stands while no outcome changes: status is not written more often than that."""
NUMBERS_A_SECOND = 10.0
"""Rollouts whose numbers are told anew in a second, however many there are; outcomes are always told at once."""


def numbers_every(rollouts: int) -> float:
    """Return the seconds for which the numbers of each of so many rollouts stand while no outcome changes."""
    return max(NUMBERS_EVERY, rollouts / NUMBERS_A_SECOND)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the judge says now.

    Attributes:
        verdict: None while there is none.
        problem: why the metrics cannot be read, in words.
        metrics: what status shows of each.
        record: what status keeps for a restart.
        due: when there can be more to say, Unix seconds; 0 for at any time.
    """

    verdict: Verdict | None = None
    problem: str = ""
    metrics: tuple[MetricStatus, ...] = ()
    record: dict[str, Any] = field(default_factory=dict)
    due: float = 0.0


@dataclass(frozen=True, slots=True)
class _Said:
    """What was said of a trial, and when, and what its outcomes turned on then.

    While the trial is the same it needs no second look before `until`, and while no outcome changes
    its numbers stand for `patience` seconds.
    """

    time: float
    patience: float
    trial: Trial
    until: float
    standing: tuple[object, ...]
    assessments: Mapping[str, Assessment]
    statuses: Mapping[str, MetricStatus]
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Formed:
    """The opinion that followed from what was said of all tests."""

    said: Mapping[str, MetricStatus]
    opinion: Opinion


class Judge:
    """The judgement of one candidate, from its first traffic on."""

    def __init__(self, candidate: str, anchor: float, record: dict[str, Any]) -> None:
        """Begin with what status held: an empty record for a new rollout."""
        self.candidate, self.anchor = candidate, anchor
        self._intake = Intake(anchor, record.get("trial"), Pins.of_record(record))
        self._thresholds = Thresholds.recovered(record.get("thresholds", {}))
        self._problem = ""
        self._limits: list[tuple[Finding, MetricStatus]] = []
        self._heard: object = None
        """How many answers had come, and what was asked, at the newest look that took something in."""
        self._said: _Said | None = None
        self._formed: _Formed | None = None

    async def look(  # noqa: PLR0913, PLR0917 - what a judgement rests on
        self,
        queries: SharedQueries,
        custom: SharedQueries,
        feeds: Sequence[Feed],
        analysis: Analysis,
        state: RolloutState,
        now: float,
        patience: float = NUMBERS_EVERY,
    ) -> Opinion:
        """Take in what Prometheus holds and say what it means; `custom` answers the user's own PromQL.

        What was said stands for `patience` seconds while no outcome changes, see `numbers_every`.
        What a guard reads waits for no Prometheus: where that is enough to take the canary back, nothing else is.
        """
        weights = tuple(Weight(change.time, change.weight / 100) for change in state.weights)
        try:
            trial = await self._intake.begin(queries, feeds, analysis, weights, now)
        except Unread as unread:
            self._problem = str(unread)
            return Opinion(problem=self._problem)
        asking = self._ask(queries, custom, feeds, analysis, weights, now)
        guard = next((feed for feed in feeds if feed.guard), None)
        await (self._guarded(guard, asking, now) if guard else asking)
        trial = self._intake.trial or trial
        said = self._say(trial, feeds, patience, now)
        formed = self._formed
        if (
            formed is None
            or formed.said is not said.statuses
            or formed.opinion.problem != self._problem
            or len(said.statuses) != len(feeds)  # what is said of a test that waits may change at any look
            or analysis.metrics
        ):
            formed = self._formed = _Formed(said.statuses, self._form(said, feeds))
        return replace(formed.opinion, due=self._due(trial, feeds, analysis, said, queries, now))

    def _due(  # noqa: PLR0913, PLR0917 - all that may say something new
        self, trial: Trial, feeds: Sequence[Feed], analysis: Analysis, said: _Said, queries: SharedQueries, now: float
    ) -> float:
        """Return when there can be more to say: what is asked at any time, a guard or a query, knows no time."""
        if self._problem or analysis.metrics or len(trial.tests) < len(feeds) or any(feed.guard for feed in feeds):
            return 0.0
        scrape = next_news(trial, now)
        # The later a scrape is the less likely it comes in the next moment: its target may be down.
        news = scrape + LAG if scrape > now else now + max(LAG, (now - scrape) / 2)
        return max(queries.due, min(news, said.until, said.time + said.patience))

    def _form(self, said: _Said, feeds: Sequence[Feed]) -> Opinion:
        """Return what follows from the tests, and from the user's own queries."""
        seen, statuses = said.assessments, []
        findings: dict[str, Finding] = {}
        for feed in feeds:
            findings[feed.name] = found = seen.get(feed.name) or self._waiting(feed, seen)
            statuses.append(said.statuses.get(feed.name) or of_finding(feed.name, feed.source, found))
        # A test that the spec has dropped since keeps its part of alpha, and what it has found.
        findings |= {name: found for name, found in seen.items() if found.outcome is Outcome.FAIL}
        for found, status in self._limits:
            findings[status.name] = found
            statuses.append(status)
        waiting = {feed.name for feed in feeds if _may_wait(feed, findings[feed.name])}
        deciding = {name: found for name, found in findings.items() if name not in waiting}
        record = {**said.record, "thresholds": self._thresholds.record}
        return Opinion(combine(deciding), self._problem, tuple(statuses), record)

    async def _guarded(self, feed: Feed, asking: Coroutine[Any, Any, None], now: float) -> None:
        """Read the pods every second while Prometheus is asked, and wait for it no more once they have told enough."""
        asked = asyncio.ensure_future(asking)
        try:
            while not await self._intake.watch(feed, now):
                done, _ = await asyncio.wait({asked}, timeout=INTERVAL)
                if done:
                    break
        finally:
            asked.cancel()  # what it waits for is shared and comes to the next who asks
            await asyncio.wait({asked})
        if not asked.cancelled():
            asked.result()

    async def _ask(  # noqa: PLR0913, PLR0917 - all that is asked
        self,
        queries: SharedQueries,
        custom: SharedQueries,
        feeds: Sequence[Feed],
        analysis: Analysis,
        weights: tuple[Weight, ...],
        now: float,
    ) -> None:
        """Take in what is new, unless nothing can be: a thousand rollouts look all the time."""
        asked = weights, feeds[0].subject.live_pods, [feed.name for feed in feeds]
        if self._heard != (queries.news, asked) or now >= queries.due:
            try:
                await self._intake.bring(queries, feeds, now)
                self._problem = ""
            except Unread as unread:
                self._problem = str(unread)
            self._heard = queries.news, asked
        self._limits = [await self._thresholds.look(custom, feeds[0].subject, one, now) for one in analysis.metrics]

    def _say(self, trial: Trial, feeds: Sequence[Feed], patience: float, now: float) -> _Said:
        """Return what the tests say: anew when an outcome may have changed, else every now and then."""
        said = self._said
        if said is not None and 0.0 <= now - said.time < min(said.patience, patience):
            if said.trial is trial and now <= said.until:
                return said
            if said.standing == standing(trial, now):
                self._said = said = replace(said, trial=trial, until=standing_until(trial, now))
                return said
        return self._anew(trial, feeds, patience, now)

    def _anew(self, trial: Trial, feeds: Sequence[Feed], patience: float, now: float) -> _Said:
        seen = assess_trial(trial, now)
        seen |= {feed.name: feed.explained(seen[feed.name]) for feed in feeds if feed.name in seen}
        statuses = {feed.name: _status(feed, seen[feed.name]) for feed in feeds if feed.name in seen}
        record = {"anchor": self.anchor, "trial": trial_record(trial), **self._intake.pins.record}
        marks, until = standing(trial, now), standing_until(trial, now)
        self._said = said = _Said(now, patience, trial, until, marks, seen, statuses, record)
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


def _status(feed: Feed, seen: Assessment) -> MetricStatus:
    """Return what status says of a test; of a guard that cannot read also why."""
    status = of_assessment(feed.name, feed.source, seen)
    if feed.guard is None or seen.outcome is not Outcome.BLIND:
        return status
    why = feed.guard.problem or seen.message
    message = f"The guard cannot read the pods, {why}. Prometheus alone judges meanwhile."
    return status.model_copy(update={"message": message[:MAX_MESSAGE]})


def _may_wait(feed: Feed, found: Finding) -> bool:
    """Tell whether no step waits for what a test says: it has nothing to say yet, or is a guard, which can only fail."""
    if feed.guard:
        return found.outcome is not Outcome.FAIL
    return found.outcome is Outcome.INCONCLUSIVE and not feed.gating
