"""Every way in which Prometheus can fail to show what happens: each is a reason, and none is "nothing happened"."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest

from serinus.analysis.blindness import blind
from serinus.analysis.finding import Finding, Outcome
from serinus.analysis.reader import begin_reading, read_window
from serinus.analysis.threshold import Breaches, Reading, ThresholdPolicy, judge_threshold
from serinus.api.v1alpha1 import Source
from serinus.prometheus.client import Prometheus
from serinus.prometheus.shared import Answer, SharedQueries
from serinus.reconcile.source import Subject
from serinus.reconcile.windows import error_window

from .control_plane import free_port
from .loopback import Request, Server

CLOCK = time.time  # noqa: TID251 - scrapes carry the time of day
TIMEOUT = 1.0
INTERVAL = 5.0
CLUSTER = "httproute/models/shop/rule/0/backend/{}"
SUBJECT = Subject("models", "shop", "aaaaaaaaaa", "bbbbbbbbbb", 0, Source.GATEWAY)

Reply = Callable[[float], tuple[int, bytes]]
"""Status and body at the time of the question."""


def success(kind: str, result: list[Any]) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode()


def counters(*, age: float = 0.0, value: str = "", up: str = "1", lost: bool = False) -> Reply:
    """Return a proxy's counters for both arms; the newest scrape is `age` seconds old."""

    def reply(at: float) -> tuple[int, bytes]:
        times = [at - age - INTERVAL * place for place in (2, 1, 0)]
        target = {"job": "envoy", "instance": "10.0.0.1:19001"}
        result = [{"metric": {**target, "__name__": "up"}, "values": [[time, up] for time in times]}]
        for place in (0, 1):
            labels = {"__name__": "envoy_cluster_upstream_rq_xx", "envoy_cluster_name": CLUSTER.format(place)}
            labels |= {**target, "envoy_response_code_class": "2"}
            values = [[time, str(100 * number)] for number, time in enumerate(times)]
            values[-1][1] = value or values[-1][1]
            result.append({"metric": labels, "values": values})
        return 200, success("matrix", [] if lost else result)

    return reply


def fixed(status: int, body: bytes) -> Reply:
    return lambda _: (status, body)


def hanging(_: float) -> tuple[int, bytes]:
    time.sleep(3 * TIMEOUT)
    return 200, success("matrix", [])


@contextmanager
def serving(reply: Reply | None) -> Iterator[str]:
    """Serve what a reply says; nothing listens without one."""
    if reply is None:
        yield f"http://127.0.0.1:{free_port()}"
        return

    def answer(request: Request) -> None:
        form = parse_qs(request.body().decode())
        request.reply(*reply(float(form["time"][0])))

    server = Server(answer).start()
    try:
        yield server.address
    finally:
        server.stop()


def ask(reply: Reply | None, expression: str) -> Answer:
    async def scenario(address: str) -> Answer:
        async with aiohttp.ClientSession() as session:
            return await SharedQueries(Prometheus(session, address, TIMEOUT), CLOCK, 0.9).ask(expression)

    with serving(reply) as address:
        return asyncio.run(scenario(address))


ERROR = json.dumps({"status": "error", "errorType": "execution", "error": "too many samples"}).encode()
WHOLE = counters()(1000.0)[1]

BROKEN: dict[str, tuple[Reply | None, str]] = {
    "down": (None, "cannot be reached"),
    "503": (fixed(503, b"Service Unavailable"), "HTTP 503"),
    "hanging": (hanging, "did not answer within 1 s"),
    "error body": (fixed(422, ERROR), "HTTP 422: execution: too many samples"),
    "error body that says 200": (fixed(200, ERROR), "too many samples"),
    "a page to sign in": (fixed(200, b"<html>Sign in</html>"), "not Prometheus'.*Sign in"),
    "an empty body": (fixed(200, b""), "not Prometheus'"),
    "a body that is cut off": (fixed(200, WHOLE[:-40]), "not Prometheus'"),
    "other JSON": (fixed(200, b'{"ok":true}'), "not Prometheus'"),
}
"""The server does not answer, or not with series."""


@pytest.mark.parametrize("case", BROKEN)
def test_a_server_that_gives_no_series_is_a_problem_in_words(case: str) -> None:
    reply, problem = BROKEN[case]
    answer = ask(reply, "up[15s]")
    assert answer.series == ()
    with pytest.raises(AssertionError, match=problem):
        raise AssertionError(answer.problem)


def finding(reply: Reply) -> Finding | None:
    """Return what the judge of a rollout that began a minute ago makes of the answer."""
    answer = ask(reply, f"{SUBJECT.errors.shared}[15s]")
    assert not answer.problem
    window = error_window(SUBJECT, answer.of("models", "shop"), answer.at - 60.0, answer.at)
    return blind(read_window(begin_reading(answer.at - 60.0, 2), window), answer.at)


COUNTERS: dict[str, tuple[Reply, str]] = {
    "empty": (counters(lost=True), "NoTarget"),
    "not a number": (counters(value="NaN"), "NotANumber"),
    "infinite": (counters(value="+Inf"), "NotANumber"),
    "below zero": (counters(value="-1"), "NotANumber"),
    "stale": (counters(age=20.0), "Stale"),
    "target down": (counters(up="0"), "TargetDown"),
}
"""The server answers, and what it holds must not be judged."""


@pytest.mark.parametrize("case", COUNTERS)
def test_counters_that_cannot_be_trusted_are_blind_with_the_reason(case: str) -> None:
    reply, reason = COUNTERS[case]
    found = finding(reply)
    assert found is not None
    assert (found.outcome, found.reason) == (Outcome.BLIND, reason)
    assert found.message.endswith(".")


def test_counters_in_order_are_not_blind() -> None:
    assert finding(counters()) is None


def vector(*values: str) -> Reply:
    result = [{"metric": {"pod": f"p{place}"}, "value": [1, value]} for place, value in enumerate(values)]
    return fixed(200, success("vector", result))


QUERIES: dict[str, tuple[Reply, Outcome]] = {
    "one number": (vector("0.2"), Outcome.PASS),
    "empty": (vector(), Outcome.BLIND),
    "not a number": (vector("NaN"), Outcome.BLIND),
    "infinite": (vector("+Inf"), Outcome.BLIND),
    "several series": (vector("0.2", "0.3"), Outcome.BLIND),
    "503": (fixed(503, b"busy"), Outcome.BLIND),
    "error body": (fixed(422, ERROR), Outcome.BLIND),
}
"""Answers to a query of the user's."""


@pytest.mark.parametrize("case", QUERIES)
def test_a_custom_query_is_judged_by_one_number_or_not_at_all(case: str) -> None:
    reply, outcome = QUERIES[case]
    answer = ask(reply, "my_query")
    reading = Reading(tuple(one.samples[-1][1] for one in answer.series), answer.problem or None)
    _, found = judge_threshold(ThresholdPolicy(maximum=1.0, failures=1), Breaches(), reading, 1000.0)
    assert found.outcome is outcome
    assert found.message


def test_a_server_that_hangs_does_not_keep_the_others_waiting() -> None:
    """A hundred rollouts that ask at once are told after two seconds, while the server hangs for thirty."""

    def silent(_: float) -> tuple[int, bytes]:
        time.sleep(10.0)
        return 200, b""

    async def scenario(address: str) -> tuple[set[str], float]:
        async with aiohttp.ClientSession() as session:
            shared = SharedQueries(Prometheus(session, address, 30.0), CLOCK, 0.9)
            start = time.monotonic()
            answers = await asyncio.gather(*(shared.ask("up[15s]") for _ in range(100)))
            again = [await shared.ask("up[15s]") for _ in range(100)]
            return {answer.problem for answer in (*answers, *again)}, time.monotonic() - start

    with serving(silent) as address:
        problems, took = asyncio.run(scenario(address))
    assert problems == {f"{address} has not answered for 2 s"}
    assert took < 4.0
