"""Brings the trial of one rollout up to date with what Prometheus holds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from serinus.analysis import (
    Finding,
    Outcome,
    Policy,
    Trial,
    Weight,
    Window,
    add_test,
    assess_trial,
    begin_trial,
    recover_trial,
    reweigh_trial,
    take_in,
    trial_from_record,
)
from serinus.api.analysis import Analysis
from serinus.metrics.series import Series
from serinus.prometheus.direct import INTERVAL
from serinus.prometheus.shared import Answer, SharedQueries
from serinus.reconcile.feeds import Feed, Pins
from serinus.reconcile.guard import Guard
from serinus.reconcile.layout import Layout
from serinus.reconcile.policies import NoBound, policies
from serinus.reconcile.source import DEFAULT_INTERVAL
from serinus.reconcile.windows import CATCH_UP_INTERVALS, SHARED_INTERVALS

LONGEST_READ = 10.0
"""Seconds of what pods have told that are looked at."""
STEP = 60
"""Seconds by which the ranges of whole histories differ."""
LOOK_BACK = 3600.0
"""Seconds before the rollout's anchor from which stable's usual rates are learned."""


class Unread(Exception):  # noqa: N818 - a state, named as status names it
    """Prometheus gave no answer that can be used; the message says why."""


@dataclass(slots=True)
class Intake:
    """What has been taken in of one rollout.

    Attributes:
        anchor: its first traffic, Unix seconds.
        record: the trial as status held it when the operator started; None for a new rollout.
        pins: what was settled when the counters were first seen.
        trial: the evidence; None before the first answer.
        unsettled: why a test cannot begin with the counters that there are.
    """

    anchor: float
    record: dict[str, Any] | None
    pins: Pins
    trial: Trial | None = None
    unsettled: dict[str, Finding] = field(default_factory=dict)
    _taken: dict[str, object] = field(default_factory=dict)
    """The newest scrapes, and the pods expected to answer, that each test has taken in."""
    _layouts: dict[str, tuple[object, Layout]] = field(default_factory=dict)
    """Where each test's numbers stood in the newest answer, and whose they are."""

    async def begin(
        self,
        queries: SharedQueries,
        feeds: Sequence[Feed],
        analysis: Analysis,
        weights: tuple[Weight, ...],
        now: float,
    ) -> Trial:
        """Return the trial, which knows all weights; it begins at the first look, or where status says it was.

        Raises:
            Unread: what was there before a restart of the operator cannot be read.
        """
        if self.trial is None:
            self.trial = await self._begun(queries, feeds, analysis, weights, now)
        for weight in weights:
            if not self.trial.weights or weight.time > self.trial.weights[-1].time:
                self.trial = reweigh_trial(self.trial, weight.time, weight.share)
        return self.trial

    async def bring(self, queries: SharedQueries, feeds: Sequence[Feed], now: float) -> None:
        """Bring a trial that has begun up to date with what the queries answer.

        Raises:
            Unread: one of them gave nothing; what the others gave is taken in.
        """
        windows: dict[str, Window] = {}
        try:
            for feed in feeds:
                if self.trial and feed.name in self.trial.names and not feed.guard:
                    window = await self._window(queries, feed, self.trial, now)
                    windows |= {feed.name: window} if window else {}
        finally:
            self._take_in(windows)

    async def watch(self, feed: Feed, now: float) -> bool:
        """Take in what a guard reads by itself; return whether that is enough to take the canary back."""
        test = self.trial.tests.get(feed.name) if self.trial else None
        if test is None or feed.guard is None:
            return False
        trial = self._take_in({feed.name: await self._direct(feed, feed.guard, test.policy)})
        return trial is not None and assess_trial(trial, now)[feed.name].outcome is Outcome.FAIL

    def _take_in(self, windows: Mapping[str, Window]) -> Trial | None:
        """Take in windows at once: what was taken in while they were waited for stays."""
        self.trial = take_in(self.trial, windows) if self.trial else None
        return self.trial

    async def _begun(
        self,
        queries: SharedQueries,
        feeds: Sequence[Feed],
        analysis: Analysis,
        weights: tuple[Weight, ...],
        now: float,
    ) -> Trial:
        """Return the trial of a new rollout, or the one of before a restart of the operator."""
        record = self.record
        try:
            known = trial_from_record(record) if record else None
        except ValueError:
            known = None  # written by another version: what Prometheus holds is all there is
        if record is None or known is None:
            return begin_trial(policies(analysis), analysis.alpha, self.anchor)
        windows = {
            feed.name: await self._whole(queries, feed, known.tests[feed.name].policy, now)
            for feed in feeds
            if feed.name in known.tests and not feed.guard
        }
        return recover_trial(record, windows, weights)

    async def _window(self, queries: SharedQueries, feed: Feed, trial: Trial, now: float) -> Window | None:
        """Return what is new for a test; None when nothing is, or while it cannot begin."""
        test = trial.tests.get(feed.name)
        if test is None:
            return await self._settled(queries, feed, now)
        interval, start = test.reader.interval or DEFAULT_INTERVAL, test.reader.since
        widths = (math.ceil(intervals * interval) for intervals in (SHARED_INTERVALS, CATCH_UP_INTERVALS))
        width = next((width for width in widths if start is not None and start >= now - width), None)
        if width is None:
            return await self._whole(queries, feed, test.policy, now, start)
        answer = await _asked(queries, f"{feed.selectors.shared}[{width}s]", interval)
        owner = feed.subject.namespace, feed.subject.name
        shown = answer.scrapes(*owner), feed.subject.live_pods
        if self._taken.get(feed.name) == shown:
            return None
        self._taken[feed.name] = shown
        return self._shown(feed, test.policy, answer.of(*owner), answer.at - width, answer.at)

    async def _direct(self, feed: Feed, guard: Guard, policy: Policy) -> Window:
        """Return what the pods have told lately."""
        answer = await guard.read(feed.subject.counters)
        shown = self._shown(feed, policy, list(answer.series), answer.at - LONGEST_READ, answer.at)
        return replace(shown, interval=INTERVAL)

    async def _whole(
        self, queries: SharedQueries, feed: Feed, policy: Policy, now: float, start: float | None = None
    ) -> Window:
        """Return everything that Prometheus holds since a time, or since an hour before the rollout."""
        width = _wide(now - (self.anchor - LOOK_BACK if start is None else start))
        answer = await _asked(queries, f"{feed.selectors.own}[{width}s]", once=True)
        return self._shown(feed, policy, answer.series, answer.at - width, answer.at)

    async def _settled(self, queries: SharedQueries, feed: Feed, now: float) -> Window | None:
        """Let a test begin once both sides have its counters, with what stable did before."""
        width = math.ceil(SHARED_INTERVALS * DEFAULT_INTERVAL)
        answer = await _asked(queries, f"{feed.selectors.shared}[{width}s]")
        if self._try(feed, answer.of(feed.subject.namespace, feed.subject.name)) is None or self.trial is None:
            return None
        width = _wide(now - self.anchor + LOOK_BACK)
        answer = await _asked(queries, f"{feed.selectors.own}[{width}s]", once=True)
        found = self._try(feed, answer.series)
        if found is None:
            return None
        policy, self.pins = found
        self.trial = add_test(self.trial, feed.name, policy)
        return self._shown(feed, policy, answer.series, answer.at - width, answer.at)

    def _shown(self, feed: Feed, policy: Policy, series: Sequence[Series], start: float, now: float) -> Window:
        """Return what the series show of a test, which stands where it stood in the answer before."""
        asked, layout = self._layouts.get(feed.name, (None, None))
        own = feed.subject, feed.mean
        if layout is None or asked != own or not layout.fits(series):
            layout = feed.layout(policy, series, self.pins)
            self._layouts[feed.name] = own, layout
        return layout.window(feed.subject.live_pods, series, start, now)

    def _try(self, feed: Feed, series: Sequence[Series]) -> tuple[Policy, Pins] | None:
        self.unsettled.pop(feed.name, None)
        try:
            return feed.settle(series, self.pins)
        except NoBound as error:
            message = f"{feed.name}: {error}."
            self.unsettled[feed.name] = Finding(Outcome.BLIND, "NoUsableBounds", message)
        return None


def _wide(seconds: float) -> int:
    """Return a width that stays the same for a while: who comes back for a late answer has to ask the same."""
    return math.ceil(seconds / STEP) * STEP


async def _asked(
    queries: SharedQueries, expression: str, interval: float | None = None, *, once: bool = False
) -> Answer:
    answer = await queries.ask(expression, interval, once=once)
    if answer.problem:
        raise Unread(f"Prometheus: {answer.problem}")
    return answer
