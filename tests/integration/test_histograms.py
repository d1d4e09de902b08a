"""Histograms as a real Prometheus holds them: classic ones, exponential ones, and those with custom buckets."""

from __future__ import annotations

import asyncio
import math
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from cluster import programs
from cluster.console import ClusterError
from serinus.analysis import Arm, Window
from serinus.api.v1alpha1 import RuntimeMetrics, Source
from serinus.metrics.series import Series
from serinus.prometheus.client import Prometheus, Unavailable
from serinus.prometheus.shared import Answer, SharedQueries
from serinus.reconcile.source import Subject
from serinus.reconcile.windows import histogram_of, latency_window

from .control_plane import free_port
from .loopback import Request, Server
from .waiting import eventually

CLOCK = time.time  # noqa: TID251 - scrapes carry the time of day
OLD, NEW = "aaaaaaaaaa", "bbbbbbbbbb"
LES = ("0.01", "0.1", "1", "10", "+Inf")
OWN = "prometheus_http_request_duration_seconds"
PLAIN, CUSTOM, EXPONENTIAL = "plain", "custom", "exponential"


class Exporter(Server):
    """Exposes `latency_seconds` at a path for each revision; the canary's requests are slower."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        super().__init__(self.answer)
        self.start()

    def answer(self, request: Request) -> None:
        body = self.page(request.path.strip("/")).encode()
        request.reply(200, body, {"Content-Type": "text/plain; version=0.0.4"})

    def page(self, revision: str) -> str:
        requests = 10 * int(10 * (time.monotonic() - self.started))
        shares = (0.1, 0.5, 0.9, 1.0, 1.0) if revision == OLD else (0.0, 0.1, 0.5, 0.9, 1.0)
        lines = [
            f'latency_seconds_bucket{{handler="/",le="{le}"}} {int(requests * share)}'
            for le, share in zip(LES, shares, strict=True)
        ]
        rest = [f'latency_seconds_sum{{handler="/"}} {requests}', f'latency_seconds_count{{handler="/"}} {requests}']
        return "\n".join(["# TYPE latency_seconds histogram", *lines, *rest, ""])


def pod(model: str, revision: str) -> str:
    return f"{model}-{revision}-7bcdf-x2z4q"


def job(model: str, address: str, path: str, **more: Any) -> dict[str, Any]:
    """Return a scrape job that takes one address for a pod of each revision."""
    targets = [
        {
            "targets": [address],
            "labels": {"namespace": "models", "pod": pod(model, revision), "__metrics_path__": path.format(revision)},
        }
        for revision in (OLD, NEW)
    ]
    return {"job_name": model, "static_configs": targets, **more}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    try:
        program = programs.built("prometheus")
    except (ClusterError, OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"no Prometheus: {error}")
    home = tmp_path_factory.mktemp("prometheus")
    exporter, port = Exporter(), free_port()
    exported, own = f"127.0.0.1:{exporter.server_port}", f"127.0.0.1:{port}"
    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [
            job(PLAIN, exported, "/{}"),
            job(CUSTOM, exported, "/{}", convert_classic_histograms_to_nhcb=True),
            job(EXPONENTIAL, own, "/metrics", scrape_native_histograms=True),
        ],
    }
    (home / "prometheus.yml").write_text(yaml.safe_dump(config))
    yield from running(program, home, own)
    exporter.stop()


def running(program: Path, home: Path, own: str) -> Iterator[str]:
    options = [f"--config.file={home / 'prometheus.yml'}", f"--storage.tsdb.path={home / 'data'}"]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen([program, *options, f"--web.listen-address={own}"], stdout=log, stderr=log)
        try:
            yield f"http://{own}"
        finally:
            process.terminate()
            process.wait(20)


def ask(address: str, expression: str) -> Answer:
    async def scenario() -> Answer:
        async with aiohttp.ClientSession() as session:
            return await SharedQueries(Prometheus(session, address, 10.0), CLOCK, 0.9).ask(expression)

    return asyncio.run(scenario())


def subject(model: str) -> Subject:
    base = OWN if model == EXPONENTIAL else "latency_seconds"
    return Subject("models", model, OLD, NEW, 0, Source.PODS, RuntimeMetrics(latency=base))


@dataclass
class Seen:
    """What was seen of one model: the answer to its own query, once both pods were scraped three times."""

    subject: Subject
    series: list[Series]
    at: float

    def window(self, bounds: tuple[float, ...], shift: float = 1.0) -> Window:
        return latency_window(self.subject, self.series, bounds, shift, self.at - 60.0, self.at)


def look(address: str, model: str) -> Seen:
    what = subject(model)

    def scraped() -> Seen | None:
        ask(address, "vector(1)")  # Prometheus counts its own requests, too
        answer = ask(address, f"{what.latency.own}[60s]")
        ups = [one for one in answer.series if one.is_up and len(one.samples) >= 3]
        seen = Seen(what, answer.of("models", model), answer.at)
        return seen if len(ups) == 2 and histogram_of(what, seen.series) else None

    return eventually(scraped, f"Prometheus has histograms of {model}")


def newest(window: Window) -> dict[tuple[Arm, int], float]:
    """Return the newest value of each number, summed over label sets."""
    found: dict[tuple[Arm, int], float] = {}
    for counter in window.counters:
        place = counter.arm, counter.cell
        found[place] = found.get(place, 0.0) + counter.samples[-1][1]
    return found


@pytest.mark.parametrize("model", [PLAIN, CUSTOM])
def test_chosen_buckets_are_counters_at_their_bounds(address: str, model: str) -> None:
    seen = look(address, model)
    found = histogram_of(seen.subject, seen.series)
    assert found is not None
    assert (found.bounds, found.growth) == ((0.01, 0.1, 1.0, 10.0), None)
    assert found.requests > 0
    shares = [slower / found.requests for slower in found.slower]
    assert shares == pytest.approx([0.9, 0.5, 0.1, 0.0], abs=0.01)
    values = newest(seen.window(found.bounds))
    for arm, expected in ((Arm.STABLE, (0.1, 0.5, 0.9, 1.0)), (Arm.CANARY, (0.0, 0.1, 0.5, 0.9))):
        counted = [values[arm, cell] / values[arm, 4] for cell in range(4)]
        assert counted == pytest.approx(expected, abs=0.01)


def test_the_custom_buckets_are_native_and_the_plain_ones_are_not(address: str) -> None:
    native = {
        model: any(one.histograms for one in look(address, model).series) for model in (PLAIN, CUSTOM, EXPONENTIAL)
    }
    assert native == {PLAIN: False, CUSTOM: True, EXPONENTIAL: True}


def test_targets_are_the_pods_at_their_interval(address: str) -> None:
    seen = look(address, PLAIN)
    window = seen.window((0.1,))
    assert [(one.name, one.arm) for one in window.targets] == [
        (f"models/{pod(PLAIN, OLD)}", Arm.STABLE),
        (f"models/{pod(PLAIN, NEW)}", Arm.CANARY),
    ]
    assert window.interval == pytest.approx(1.0, abs=0.2)
    times = {at for target in window.targets for at, _ in target.scrapes}
    assert {at for counter in window.counters for at, _ in counter.samples} <= times


def test_exponential_buckets_are_counted_as_prometheus_counts_them(address: str) -> None:
    """`histogram_fraction` interpolates only inside of buckets, so on their bounds it is exact."""
    seen = look(address, EXPONENTIAL)
    found = histogram_of(seen.subject, seen.series)
    assert found is not None
    assert found.growth is not None
    assert found.growth == pytest.approx(2 ** (1 / 8), rel=1e-9)
    bound = found.bounds[len(found.bounds) // 2]
    window = seen.window((bound,))
    counters = [one for one in window.counters if "/api/v1/query'" in one.key and one.arm is Arm.STABLE]
    by_cell = {one.cell: dict(one.samples) for one in counters}
    at = max(by_cell[0])
    series = f'{OWN}{{handler="/api/v1/query",pod="{pod(EXPONENTIAL, OLD)}"}} @ {at}'
    told = ask(address, f"histogram_fraction(0, {bound!r}, {series}) * histogram_count({series})")
    ((_, expected),) = told.series[0].samples
    assert by_cell[0][at] == pytest.approx(expected)
    assert ask(address, f"histogram_count({series})").series[0].samples[0][1] == by_cell[1][at]


def test_the_canary_is_read_at_bounds_that_are_longer_by_whole_buckets(address: str) -> None:
    seen = look(address, EXPONENTIAL)
    found = histogram_of(seen.subject, seen.series)
    assert found is not None
    assert found.growth is not None
    shifted, straight = seen.window(found.bounds, found.growth), seen.window(found.bounds)
    assert all(math.isfinite(value) for one in shifted.counters for _, value in one.samples)
    last = len(found.bounds)
    for cell in range(last):
        assert newest(shifted)[Arm.CANARY, cell] >= newest(straight)[Arm.CANARY, cell]
        assert newest(shifted)[Arm.STABLE, cell] == newest(straight)[Arm.STABLE, cell]


def test_the_shared_query_finds_the_same_as_the_own_one(address: str) -> None:
    for model in (PLAIN, CUSTOM):
        seen = look(address, model)
        shared = ask(address, f"{seen.subject.latency.shared}[60s]")
        also = replace(seen, series=shared.of("models", model), at=shared.at)
        keys = {one.key for one in seen.window((0.1,)).counters}
        assert {one.key for one in also.window((0.1,)).counters} == keys
        assert len(also.window((0.1,)).targets) == 2


def test_a_query_that_does_not_parse_is_told_with_the_place(address: str) -> None:
    async def scenario() -> tuple[str | None, str | None]:
        async with aiohttp.ClientSession() as session:
            prometheus = Prometheus(session, address, 10.0)
            with pytest.raises(Unavailable, match="parse error"):
                await prometheus.query("up{", CLOCK())
            return await prometheus.check("sum(up)"), await prometheus.check("sum(up{")

    fine, wrong = asyncio.run(scenario())
    assert fine is None
    assert wrong is not None
    assert wrong.startswith("1:8: parse error")
