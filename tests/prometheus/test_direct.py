"""Counters that pods tell by themselves become series as Prometheus would hold them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web

from serinus.prometheus import direct
from serinus.prometheus.direct import MOST_BYTES, DirectCounters, Endpoint, PodReader
from serinus.prometheus.shared import Answer

FAMILY = "http_requests_total"
Counts = dict[str, float]
"""Requests by status."""


@dataclass
class Pods:
    """Pods by name, each with what it answers; `asked` tells who was asked, in order."""

    told: dict[str, Counts | Callable[[], web.StreamResponse]]
    delays: dict[str, float] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    port: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["pod"]
        self.asked.append(name)
        await asyncio.sleep(self.delays.get(name, 0.0))
        self.answered.append(name)
        counts = self.told[name]
        if callable(counts):
            return counts()
        return web.Response(text="".join(f'{FAMILY}{{status="{key}"}} {value}\n' for key, value in counts.items()))

    def endpoint(self, name: str) -> Endpoint:
        return Endpoint("models", name, f"http://127.0.0.1:{self.port}/{name}")


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@contextlib.asynccontextmanager
async def serving(pods: Pods) -> AsyncIterator[PodReader]:
    app = web.Application()
    app.router.add_get("/{pod}", pods.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pods.port = runner.addresses[0][1]
    try:
        async with aiohttp.ClientSession() as session:
            yield PodReader(session)
    finally:
        await runner.cleanup()


def counted(answer: Answer, pod: str) -> dict[str, list[float]]:
    """Return what each status of a pod counted, reading by reading."""
    return {
        one.labels["status"]: [value for _, value in one.samples]
        for one in answer.series
        if one.labels["pod"] == pod and not one.is_up
    }


def ups(answer: Answer) -> dict[str, list[float]]:
    return {one.labels["pod"]: [value for _, value in one.samples] for one in answer.series if one.is_up}


def replay(pods: Pods, *steps: Callable[[], None]) -> tuple[Answer, DirectCounters]:
    """Read once, and once more after each step, a second apart."""

    async def scenario() -> tuple[Answer, DirectCounters]:
        clock = Clock()
        async with serving(pods) as reader:
            counters = DirectCounters(reader, clock)
            answer = await counters.read([FAMILY], [pods.endpoint("new")], [pods.endpoint("old")])
            for step in steps:
                step()
                clock.now += 1.0
                answer = await counters.read([FAMILY], [pods.endpoint("new")], [pods.endpoint("old")])
        return answer, counters

    return asyncio.run(scenario())


def test_counting_starts_at_the_first_reading() -> None:
    """A pod that has served for a week did not serve all of it in the last second."""
    pods = Pods({"new": {"200": 5.0}, "old": {"200": 1e6, "500": 3.0}})
    answer, counters = replay(
        pods,
        lambda: pods.told.update(new={"200": 9.0}, old={"200": 1e6 + 90, "500": 4.0}),
        lambda: pods.told.update(new={"200": 9.0, "500": 2.0}),
    )
    assert counted(answer, "new") == {"200": [0.0, 4.0, 4.0], "500": [2.0]}
    assert counted(answer, "old") == {"200": [0.0, 90.0, 90.0], "500": [0.0, 1.0, 1.0]}
    assert ups(answer) == {"new": [1.0, 1.0, 1.0], "old": [1.0, 1.0, 1.0]}
    assert counters.problem == ""


def test_a_process_that_began_anew_counts_on() -> None:
    pods = Pods({"new": {"200": 50.0, "500": 1.0}, "old": {"200": 1.0}})
    answer, _ = replay(
        pods,
        lambda: pods.told.update(new={"200": 60.0, "500": 1.0}),
        lambda: pods.told.update(new={"200": 7.0}),
        lambda: pods.told.update(new={"200": 8.0, "500": 2.0}),
    )
    assert counted(answer, "new") == {"200": [0.0, 10.0, 17.0, 18.0], "500": [0.0, 0.0, 0.0, 2.0]}


def test_stable_is_read_after_the_canary_and_its_times_lie_after() -> None:
    pods = Pods({"new": {"200": 1.0}, "old": {"200": 1.0}}, delays={"new": 0.05})
    answer, _ = replay(pods)
    assert pods.asked == ["new", "old"]
    assert pods.answered == ["new", "old"]
    (canary,), (stable,) = (one.samples for one in answer.series if one.is_up)
    assert stable[0] >= canary[0]


def test_looks_in_the_same_second_share_a_reading() -> None:
    async def scenario() -> None:
        pods, clock = Pods({"new": {}, "old": {}}), Clock()
        async with serving(pods) as reader:
            counters = DirectCounters(reader, clock)
            for clock.now, times in ((1000.0, 1), (1000.5, 1), (1000.95, 2), (900.0, 3)):
                await counters.read([FAMILY], [pods.endpoint("new")], [])
                assert len(pods.asked) == times

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (lambda: web.Response(status=503), "HTTP 503"),
        (lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}), "HTTP 302"),
        (lambda: web.Response(text=f"{FAMILY} many\n"), "not in Prometheus' text format"),
        (lambda: web.Response(body=b"\xff\xfe"), "not in Prometheus' text format"),
        (lambda: web.Response(body=b"x" * (MOST_BYTES + 1)), "larger than"),
    ],
)
def test_a_pod_that_cannot_be_read_is_down_and_says_why(answer: Callable[[], web.StreamResponse], text: str) -> None:
    pods = Pods({"new": answer, "old": {"200": 1.0}})
    found, counters = replay(pods)
    assert ups(found) == {"new": [0.0], "old": [1.0]}
    assert counters.problem.startswith("new: ")
    assert text in counters.problem


def test_nobody_answers_and_nobody_listens() -> None:
    async def scenario() -> None:
        pods = Pods({"new": {}}, delays={"new": 5.0})
        async with serving(pods) as reader:
            counters = DirectCounters(reader, Clock())
            gone = Endpoint("models", "old", "http://127.0.0.1:1/metrics")
            answer = await counters.read([FAMILY], [pods.endpoint("new")], [gone])
        assert ups(answer) == {"new": [0.0], "old": [0.0]}
        assert f"new: no answer within {direct.TIMEOUT:g} s" in counters.problem
        assert "old: Cannot connect" in counters.problem

    asyncio.run(scenario())


def test_a_pod_that_went_is_forgotten() -> None:
    async def scenario() -> None:
        pods, clock = Pods({"a": {"200": 1.0}, "b": {"200": 1.0}}), Clock()
        async with serving(pods) as reader:
            counters = DirectCounters(reader, clock)
            await counters.read([FAMILY], [pods.endpoint("a")], [])
            clock.now += 1.0
            answer = await counters.read([FAMILY], [pods.endpoint("b")], [])
        assert set(ups(answer)) == {"b"} == counters.known

    asyncio.run(scenario())


def test_labels_of_the_pod_s_own_do_not_hide_those_of_the_target() -> None:
    pods = Pods({"new": lambda: web.Response(text=f'{FAMILY}{{pod="mine",status="200"}} 1\n'), "old": {}})
    answer, _ = replay(pods)
    (series,) = [one for one in answer.series if not one.is_up]
    assert (series.labels["pod"], series.labels["exported_pod"]) == ("new", "mine")


def test_label_sets_are_the_same_objects_in_every_answer() -> None:
    async def scenario() -> None:
        pods, clock = Pods({"new": {"200": 1.0}}), Clock()
        async with serving(pods) as reader:
            counters = DirectCounters(reader, clock)
            first = await counters.read([FAMILY], [pods.endpoint("new")], [])
            clock.now += 1.0
            second = await counters.read([FAMILY], [pods.endpoint("new")], [])
        assert all(one.labels is other.labels for one, other in zip(first.series, second.series, strict=True))

    asyncio.run(scenario())
