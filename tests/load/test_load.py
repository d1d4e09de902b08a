"""The load client against a model that misbehaves in every way."""

import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from load import Load, Outcome, Plan, Request, Summary, Target, TargetRefusedError, house_prices, recommender
from load.__main__ import main

from .conftest import HOST, Model

Asked = Callable[..., tuple[Load, Summary]]


def test_answers_are_counted_by_version(asked: Asked, model: Model) -> None:
    _, summary = asked("/ok?version=1", "/ok?version=2", "/ok?version=2", count=12)
    assert (summary.sent, summary.total.ok, summary.total.ours, summary.in_flight) == (12, 12, 0, 0)
    assert {version: own.answers for version, own in summary.versions.items()} == {"1": 4, "2": 8}
    assert model.hosts == {HOST}
    assert 0 < summary.total.latency.p50 <= summary.total.latency.max


def test_a_fault_on_purpose_is_not_ours(asked: Asked) -> None:
    load, summary = asked("/ok", "/fault?version=3", "/late", count=12)
    assert (summary.total.ok, summary.total.injected, summary.total.ours) == (8, 4, 0)
    assert (summary.total.faults, summary.total.delayed) == (4, 4)
    assert summary.versions["3"].injected == 4
    first = load.journal.first_injected("3")
    assert first is not None
    assert first.number == 1
    assert load.journal.first_injected("1") is None


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/error", "503"),
        ("/moved", "302"),
        ("/reset", "reset"),
        ("/close", "reset"),
        ("/cut", "incomplete"),
    ],
)
def test_every_other_failure_is_ours_and_is_sent_once(asked: Asked, model: Model, path: str, kind: str) -> None:
    load, summary = asked("/ok", path, count=16)
    assert summary.total.kinds == {kind: 8}
    assert (summary.total.ok, summary.total.injected) == (8, 0)
    # Half of these broke kept connections, where aiohttp by itself would ask again.
    assert model.hits[path] == 8
    assert {failure.outcome for failure in load.journal.failures()} == {Outcome.OURS}
    assert {failure.fresh for failure in load.journal.failures()} == {True, False}


def test_an_unreachable_gateway_is_refused(asked: Asked) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        _, summary = asked("/ok", count=6, url=f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert summary.total.kinds == {"refused": 6}
    assert summary.versions[""].ours == 6


def test_a_hang_ends_at_the_timeout_and_delays_nobody(asked: Asked) -> None:
    load, summary = asked("/hang", "/ok", count=40, rate=40, timeout=0.5)
    assert summary.total.kinds == {"timeout": 20}
    assert summary.total.ok == 20
    answers = load.journal.window()
    starts = sorted(answer.started for answer in answers)
    assert starts[-1] - starts[0] == pytest.approx(39 / 40, abs=0.3)
    assert all(0.4 < answer.latency < 10 for answer in answers if answer.error)


def test_half_of_the_requests_open_a_connection(asked: Asked, model: Model) -> None:
    load, _ = asked("/ok", count=40)
    assert sum(answer.fresh for answer in load.journal.window()) == 20
    assert 20 < len(model.connections) < 40, "the others share what they keep, as far as it is free"


def test_being_late_is_no_failure(model: Model) -> None:
    """A mix that blocks the loop longer than the timeout: the answers wait in the sockets."""

    def stall(number: int) -> Request:
        if number == 10:
            time.sleep(0.6)
        return Request("GET", "/ok")

    load = Load(Plan(Target(model.url, HOST), rate=100, seconds=0.3, timeout=0.3, mix=stall)).start()
    summary = load.join()
    assert (summary.total.ok, summary.total.ours) == (30, 0)
    assert summary.client.lag.max > 300


def test_too_late_requests_are_skipped_not_sent_in_a_burst(model: Model) -> None:
    def stall(number: int) -> Request:
        if number == 2:
            time.sleep(1.5)
        return Request("GET", "/ok")

    summary = Load(Plan(Target(model.url, HOST), rate=20, seconds=2, mix=stall)).start().join()
    assert summary.client.skipped > 0
    assert summary.sent + summary.client.skipped == 40
    assert summary.total.ours == 0


def test_stop_waits_for_what_is_in_flight(model: Model) -> None:
    with Load(Target(model.url, HOST), rate=50) as load:
        while len(load.journal) < 5:
            time.sleep(0.01)
        assert load.running
        since = load.journal.window()[-1].ended
    summary = load.summary()
    assert not load.running
    assert summary.in_flight == 0
    assert summary.sent == summary.total.ok == sum(model.hits.values())
    assert load.window(0, since).total.answers + len(load.journal.window(since)) == summary.sent


def test_moments_of_a_version(asked: Asked) -> None:
    load, _ = asked("/ok?version=1", "/ok?version=2", count=10)
    first, last = load.journal.first_of("2"), load.journal.last_of("2")
    assert first is not None
    assert last is not None
    assert (first.number, last.number) == (1, 9)
    assert first.started < first.ended < last.ended
    assert load.journal.last_of("7") is None
    assert load.journal.versions() == ["1", "2"]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://localhost:80",
        "https://127.0.0.1",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com/",
        "http://10.0.0.1",
        "",
    ],
)
def test_other_machines_are_refused(url: str) -> None:
    with pytest.raises(TargetRefusedError, match=r"only http://127\.0\.0\.1:PORT"):
        Target(url, HOST)


@pytest.mark.parametrize(("name", "value"), [("rate", 0), ("rate", 1e6), ("seconds", float("inf")), ("timeout", -1)])
def test_limits(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        Plan(Target("http://127.0.0.1", HOST), **{name: value})


def test_the_mixes_are_what_the_examples_take() -> None:
    methods = {(r.method, r.path.partition("?")[0]) for r in map(recommender, range(20))}
    assert methods == {("GET", "/recommend"), ("POST", "/predict")}
    bodies = [json.loads(r.body) for r in map(recommender, range(20)) if r.body]
    assert all(len(body["user_ids"]) == 2 and min(body["user_ids"]) > 0 for body in bodies)
    house = house_prices(7)
    assert json.loads(house.body or b"").keys() == {"area", "rooms", "age"}


def test_the_command_line(model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    options = ["--url", model.url, "--host", HOST, "--rate", "50", "--seconds", "0.4", "--json", str(out)]
    assert main(options) == 0
    assert "20 ok, 0 failed on purpose, 0 failed otherwise" in capsys.readouterr().out
    document = json.loads(out.read_text())
    assert document["summary"]["total"]["ok"] == 20
    assert document["versions"]["1"]["firstAnswer"] < document["versions"]["1"]["lastAnswer"]
    assert main([*options[:1], "http://example.com", *options[2:]]) == 2
    assert "only http://127.0.0.1" in capsys.readouterr().err


def test_it_stays_cheap(model: Model) -> None:
    summary = Load(Plan(Target(model.url, HOST), rate=100, seconds=3)).start().join()
    assert summary.total.ours == 0
    assert 0 < summary.client.cpu < 0.25
    assert threading.active_count() < 10
