"""A guard reads the pods by itself: it takes a failing canary back at once, and is never in the way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any, cast

import pytest
from yarl import URL

from serinus.analysis import Outcome
from serinus.api.analysis import ERROR_RATE, GUARD, Analysis
from serinus.api.status import MetricStatus, Phase, RolloutState
from serinus.api.v1alpha1 import Source
from serinus.desired import labels
from serinus.prometheus.direct import INTERVAL, DirectCounters, Endpoint, PodReader, Unreadable
from serinus.prometheus.exposition import Reading
from serinus.prometheus.shared import Answer, SharedQueries
from serinus.reconcile.children import Children
from serinus.reconcile.feeds import feeds
from serinus.reconcile.guard import MOST_PODS, Guard, guard
from serinus.reconcile.judge import Judge, Opinion, numbers_every
from serinus.reconcile.source import Subject

OLD, NEW = "aaaaaaaaaa", "bbbbbbbbbb"
CANARY, STABLE = f"shop-{NEW}-x", f"shop-{OLD}-x"
ANCHOR = 1_000_000.0
ANALYSIS = Analysis(guard=True)
SUBJECT = Subject("models", "shop", OLD, NEW, 0, Source.GATEWAY, live_pods=frozenset({CANARY, STABLE}))


@dataclass
class NoPrometheus:
    """A server that is down, or that holds nothing of these pods."""

    problem: str = "it is down"
    news, due = 0, 0.0

    async def ask(self, _: str, __: float | None = None, **___: bool) -> Answer:
        return Answer(0.0, problem=self.problem)


class Hanging(NoPrometheus):
    """A server that takes every question and answers none."""

    async def ask(self, _: str, __: float | None = None, **___: bool) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError("it answers nothing")


@dataclass
class Pods:
    """Two pods that answer a hundred requests a second, a tenth of them the canary's."""

    bad: dict[str, float] = field(default_factory=dict)
    """Share of failed requests, by pod."""
    broken: set[str] = field(default_factory=set)
    told: dict[str, list[float]] = field(default_factory=lambda: {CANARY: [0.0, 0.0], STABLE: [9e5, 9e2]})

    def serve(self) -> None:
        for pod, rate in ((CANARY, 10.0), (STABLE, 90.0)):
            failed = rate * self.bad.get(pod, 0.0)
            self.told[pod][0] += rate - failed
            self.told[pod][1] += failed

    async def read(self, endpoint: Endpoint, families: Sequence[str]) -> list[Reading]:
        if endpoint.pod in self.broken:
            raise Unreadable("connection refused")
        fine, failed = self.told[endpoint.pod]
        (family,) = families
        return [Reading(family, {"status": "200"}, fine), Reading(family, {"status": "500"}, failed)]


class Rollout:
    """A rollout that is looked at every second."""

    def __init__(self, record: dict[str, Any] | None = None) -> None:
        self.now, self.pods, self.prometheus = ANCHOR, Pods(), NoPrometheus()
        change = {"time": ANCHOR, "weight": 10}
        self.state = RolloutState.model_validate({"phase": Phase.STEPPING, "weights": [change]})
        self.judge, self.patience = Judge(NEW, ANCHOR, record or {}), numbers_every(1)
        counters = DirectCounters(cast("PodReader", self.pods), lambda: self.now)
        sides = ((Endpoint("models", pod, f"http://{pod}/metrics"),) for pod in (CANARY, STABLE))
        self.feeds = feeds(ANALYSIS, SUBJECT, SUBJECT, Guard(counters, *sides))

    async def second(self) -> Opinion:
        self.now += 1.0
        self.pods.serve()
        queries = cast("SharedQueries", self.prometheus)
        return await self.judge.look(queries, queries, self.feeds, ANALYSIS, self.state, self.now, self.patience)

    async def seconds(self, number: int) -> Opinion:
        for _ in range(number):
            opinion = await self.second()
        return opinion


def status(opinion: Opinion) -> MetricStatus:
    return next(metric for metric in opinion.metrics if metric.name == GUARD)


@pytest.mark.parametrize(("rollouts", "patience"), [(1, 30.0), (300, 30.0), (1000, 100.0)])
def test_numbers_are_told_anew_the_more_seldom_the_more_rollouts_there_are(rollouts: int, patience: float) -> None:
    async def scenario() -> None:
        rollout = Rollout()
        rollout.patience = numbers_every(rollouts)
        told = [status(await rollout.second()).canary_requests for _ in range(250)]
        times = [second for second, (before, after) in enumerate(pairwise(told)) if before != after]
        assert times[-1] - times[-2] == patience
        rollout.patience = 1.0  # the others have ended
        assert status(await rollout.second()).canary_requests != told[-1]
        rollout.pods.bad[CANARY] = 1.0
        after = await rollout.seconds(5)
        assert status(after).outcome == "Fail"  # what it comes to is told at once

    asyncio.run(scenario())


def test_a_total_failure_is_caught_by_the_second_reading() -> None:
    async def scenario() -> None:
        rollout = Rollout()
        before = await rollout.seconds(10)
        assert before.verdict is not None
        assert before.verdict.outcome is not Outcome.FAIL
        rollout.pods.bad[CANARY] = 1.0
        after = await rollout.seconds(2)
        assert after.verdict is not None
        assert (after.verdict.outcome, after.verdict.metric) == (Outcome.FAIL, GUARD)
        found = status(after)
        assert (found.source, found.outcome, found.reason) == ("Direct", "Fail", "ErrorRateTooHigh")
        assert found.canary_errors is not None
        assert found.canary_errors >= 10
        assert found.evidence is not None

    asyncio.run(scenario())


def test_a_prometheus_that_hangs_is_not_waited_for() -> None:
    """One look begins while all is well, and ends with the failure that the pods have told meanwhile."""

    async def scenario() -> None:
        rollout = Rollout()
        await rollout.seconds(10)
        rollout.prometheus = Hanging()
        looking = asyncio.ensure_future(rollout.second())
        await asyncio.sleep(0)
        rollout.pods.bad[CANARY] = 1.0
        while not looking.done():
            rollout.now += 1.0
            rollout.pods.serve()
            await asyncio.wait({looking}, timeout=INTERVAL)
        found = looking.result()
        assert found.verdict is not None
        assert (found.verdict.outcome, found.verdict.metric) == (Outcome.FAIL, GUARD)

    asyncio.run(asyncio.wait_for(scenario(), 60.0))


def test_queries_of_ones_own_are_not_waited_for_either() -> None:
    async def scenario() -> None:
        rollout = Rollout()
        rollout.prometheus = NoPrometheus("")
        await rollout.seconds(10)
        rollout.pods.bad[CANARY] = 1.0
        rollout.now += 1.0
        rollout.pods.serve()
        analysis = Analysis.model_validate({"guard": True, "metrics": [{"name": "q", "query": "q", "max": 1}]})
        servers = cast("Any", (rollout.prometheus, Hanging()))
        looking = rollout.judge.look(*servers, rollout.feeds, analysis, rollout.state, rollout.now)
        found = await looking
        assert found.verdict is not None
        assert found.verdict.metric == GUARD

    asyncio.run(asyncio.wait_for(scenario(), 60.0))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_what_strikes_both_sides_takes_nobody_back(share: float) -> None:
    async def scenario() -> None:
        rollout = Rollout()
        for second in range(60):
            rollout.pods.bad = {CANARY: share, STABLE: share} if 20 <= second < 40 else {}
            opinion = await rollout.second()
        assert status(opinion).outcome == "Pass"

    asyncio.run(scenario())


def test_a_guard_that_cannot_read_says_so_and_holds_nothing() -> None:
    async def scenario() -> None:
        rollout = Rollout()
        await rollout.seconds(5)
        rollout.pods.broken = {STABLE}
        opinion = await rollout.seconds(8)
        found = status(opinion)
        assert found.outcome == "Blind"
        assert "Prometheus alone judges" in found.message
        assert f"{STABLE}: connection refused" in found.message
        assert opinion.verdict is not None
        assert opinion.verdict.metric == ERROR_RATE  # Prometheus is down, and that is what holds
        evidence = found.evidence
        rollout.pods.broken = set()
        seeing = status(await rollout.seconds(8))
        assert seeing.outcome != "Blind"
        assert evidence is not None

    asyncio.run(scenario())


def test_the_evidence_before_a_restart_of_the_operator_is_its_floor() -> None:
    async def scenario() -> None:
        rollout = Rollout()
        rollout.pods.bad[CANARY] = 0.15
        before = await rollout.seconds(40)
        again = Rollout(before.record)
        again.now, again.pods, again.prometheus = rollout.now + 60.0, rollout.pods, NoPrometheus("")
        recovered = before.record["trial"]["tests"][GUARD]["canary"][0]
        first = status(await again.seconds(1))
        assert [first.canary_requests, first.canary_errors] == [int(number) for number in recovered]
        rollout.pods.bad[CANARY] = 1.0
        opinion = await again.seconds(4)
        assert opinion.verdict is not None
        assert (opinion.verdict.outcome, opinion.verdict.metric) == (Outcome.FAIL, GUARD)

    asyncio.run(scenario())


def pod(name: str, revision: str, **parts: Any) -> dict[str, Any]:
    annotations = {"prometheus.io/port": "9000", "prometheus.io/path": "/m"}
    metadata = {"name": name, "labels": {labels.REVISION: revision}, "annotations": annotations}
    made: dict[str, Any] = {"metadata": metadata, "status": {"podIP": "10.0.0.1"}}
    for key, value in parts.items():
        made[key] = {**made[key], **value}
    return made


def chosen(*pods: dict[str, Any], known: tuple[str, ...] = ()) -> Guard:
    counters = DirectCounters(cast("PodReader", None), lambda: 0.0)
    counters._pods = {Endpoint("models", name, ""): cast("Any", None) for name in known}
    named: dict[str, Any] = {one.name: {} for one in fields(Children)}
    children = Children(**{**named, "pods": pods})
    return guard(counters, SUBJECT, children)


READY = {"conditions": [{"type": "Ready", "status": "True"}], "podIP": "10.0.0.1"}


class TestChoice:
    def test_each_side_by_its_revision_at_the_place_that_its_annotations_name(self) -> None:
        found = chosen(pod("n", NEW), pod("o", OLD, status={"podIP": "fd00::7"}), pod("x", "cccccccccc"))
        assert found.canary == (Endpoint("models", "n", "http://10.0.0.1:9000/m"),)
        assert found.stable == (Endpoint("models", "o", "http://[fd00::7]:9000/m"),)
        assert found.problem == ""

    @pytest.mark.parametrize(
        ("annotations", "address"),
        [
            ({"prometheus.io/port": "80@metadata.internal:80"}, "10.0.0.1"),
            ({"prometheus.io/port": "9000", "prometheus.io/path": "@metadata.internal/latest"}, "10.0.0.1"),
            ({"prometheus.io/port": "9000/@metadata.internal"}, "10.0.0.1"),
            ({"prometheus.io/port": "\u0669\u0660"}, "10.0.0.1"),
            ({"prometheus.io/port": "9000"}, "metadata.internal"),
            ({"prometheus.io/port": "9000"}, "10.0.0.1@metadata.internal"),
            ({"prometheus.io/port": "9000"}, "169.254.169.254"),
            ({"prometheus.io/port": "9000"}, "127.0.0.1"),
            ({"prometheus.io/port": "9000"}, "::1"),
            ({"prometheus.io/port": "9000"}, "0.0.0.0"),  # noqa: S104 - not bound to
        ],
    )
    def test_nobody_but_the_pod_is_asked_whatever_its_annotations_say(
        self, annotations: dict[str, str], address: str
    ) -> None:
        found = chosen(pod("n", NEW, metadata={"annotations": annotations}, status={"podIP": address}), pod("o", OLD))
        assert found.canary == ()
        assert "canary" in found.problem

    @pytest.mark.parametrize("path", ["/m", "/@metadata.internal", "/a?b=c@d", "//metadata.internal/x"])
    def test_a_path_stays_a_path(self, path: str) -> None:
        annotations = {"prometheus.io/port": "9000", "prometheus.io/path": path}
        (endpoint,) = chosen(pod("n", NEW, metadata={"annotations": annotations}), pod("o", OLD)).canary
        asked = URL(endpoint.url)
        assert (asked.host, asked.port, asked.user) == ("10.0.0.1", 9000, None)

    def test_a_few_of_many_ready_ones_first_and_the_known_ones_before_them(self) -> None:
        many = [pod(f"n{number}", NEW, status=READY if number > 3 else {}) for number in range(12)]
        names = [endpoint.pod for endpoint in chosen(*many, pod("o", OLD), known=("n0", "n11")).canary]
        assert names == ["n11", "n0", "n10", "n4", "n5"]
        assert len(names) == MOST_PODS

    def test_pods_that_end_or_have_no_address_or_no_metrics_are_left_out(self) -> None:
        found = chosen(
            pod("a", NEW, metadata={"deletionTimestamp": "now"}),
            pod("b", NEW, status={"podIP": ""}),
            pod("c", NEW, metadata={"annotations": {}}),
            pod("o", OLD),
        )
        assert found.canary == ()
        assert found.problem == "no pod of the canary has an address and declares runtime.metrics"
