"""CPU of asking for 1,000 rollouts with three metrics each: fetch, parse, index and windows.

A server in another process answers with bodies of the size that Prometheus sends: one proxy, two
places for each route, two pods for each model, the labels of the scrape jobs in
e2e/cluster/manifests/prometheus. Every rollout looks once a second. Run by `make bench-queries`; the
figures are in bench/results/queries.json. `--look MODULE:FUNCTION` adds a judge: it is called with a
rollout's number and its new windows by metric.
"""

import argparse
import asyncio
import importlib
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import aiohttp

from serinus.analysis import Window
from serinus.api.v1alpha1 import Source
from serinus.prometheus.client import Prometheus
from serinus.prometheus.shared import Answer, SharedQueries
from serinus.reconcile.source import Subject
from serinus.reconcile.windows import (
    SHARED_INTERVALS,
    error_window,
    histogram_of,
    latency_window,
    mean_window,
)

RESULTS = Path(__file__).parent / "results" / "queries.json"
SCRAPE = 5.0
OLD, NEW = "a" * 10, "b" * 10
LES = [f"{le}.0" for le in (1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000)] + ["+Inf"]
PROXY = {
    "instance": "10.244.0.5:19001",
    "job": "envoy",
    "namespace": "envoy-gateway-system",
    "pod": "envoy-gateway-public-eg-5391c79d-7d9f8b6c5d-x2z4q",
}
XX, TOTAL = "envoy_cluster_upstream_rq_xx", "envoy_cluster_upstream_rq_total"
TIME = "envoy_cluster_upstream_rq_time_bucket"
Look = Callable[[int, Mapping[str, Window]], object]


@dataclass(frozen=True)
class Mean:
    """The mean that the pods count."""

    count: str = "revenue_count"
    sum: str = "revenue_sum"
    sumsq: str | None = "revenue_sumsq"
    unit: str | None = None


MEAN = Mean()


def name_of(number: int) -> str:
    return f"model-{number:04d}"


def pod(number: int, revision: str) -> dict[str, str]:
    place = 2 * number + (revision == NEW)
    return {
        "instance": f"10.244.{place // 250}.{place % 250}:8080",
        "job": "pods",
        "namespace": "models",
        "node": "node-1",
        "pod": f"{name_of(number)}-{revision}-7bcdf8b6c5-{place:05d}",
        "serinus_revision": revision,
    }


def series(labels: Mapping[str, str], rate: float) -> str:
    """Return one series whose times and values are filled in when it is asked for."""
    return json.dumps({"metric": dict(sorted(labels.items())), "values": f"@{rate:g}@"}, separators=(",", ":"))


def families(rollouts: int) -> dict[str, list[str]]:
    """Return the three answers' series. A rate is what a counter grows by in a scrape; `up` has none."""
    pods = [pod(number, revision) for number in range(rollouts) for revision in (OLD, NEW)]
    ups = [series({**labels, "__name__": "up"}, 0) for labels in (PROXY, *pods)]
    made: dict[str, list[str]] = {"errors": [*ups], "latency": [*ups], "mean": ups[1:]}
    for number in range(rollouts):
        for place in (0, 1):
            cluster = f"httproute/models/{name_of(number)}/rule/0/backend/{place}"
            labels = {**PROXY, "envoy_cluster_name": cluster}
            made["errors"].append(series({**labels, "__name__": TOTAL}, 100))
            for code, rate in (("2", 99), ("5", 1)):
                counter = {**labels, "__name__": XX, "envoy_response_code_class": code}
                made["errors"].append(series(counter, rate))
            for step, le in enumerate(LES, 1):
                made["latency"].append(series({**labels, "__name__": TIME, "le": le}, min(100, 10 * step)))
    for labels in pods:
        made["mean"] += [series({**labels, "__name__": family}, 50) for family in (MEAN.count, MEAN.sum)]
        made["mean"].append(series({**labels, "__name__": str(MEAN.sumsq)}, 100))
    return made


class Server(ThreadingHTTPServer):
    """Answers the three queries as of the newest scrape, and counts them."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, rollouts: int, asked: Any) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = asked
        head, tail = '{"status":"success","data":{"resultType":"matrix","result":[', "]}}"
        self.parts = {family: (head + ",".join(made) + tail).split('"@') for family, made in families(rollouts).items()}

    def body(self, query: str, at: float) -> bytes:
        family = "latency" if TIME[:-7] in query else "errors" if "envoy" in query else "mean"
        newest = int(at / SCRAPE)
        ticks = [newest - back for back in range(SHARED_INTERVALS - 1, -1, -1)]
        made: dict[str, str] = {}
        found = [self.parts[family][0]]
        for part in self.parts[family][1:]:
            rate, rest = part.split('@"', 1)
            if rate not in made:
                values = [
                    [tick * SCRAPE + 0.123, f"{(tick % 100000) * int(rate) if int(rate) else 1}"] for tick in ticks
                ]
                made[rate] = json.dumps(values, separators=(",", ":"))
            found += [made[rate], rest]
        return "".join(found).encode()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        body = self.server.body(form["query"][0], float(form["time"][0]))
        with self.server.asked:
            self.server.asked.value += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def serve(rollouts: int, port: Any, asked: Any) -> None:
    server = Server(rollouts, asked)
    port.value = server.server_port
    server.serve_forever()


@dataclass
class Asker:
    """Looks for every rollout, as the judges do."""

    rollouts: int
    queries: SharedQueries
    look: Look
    spent: dict[str, float] = field(default_factory=lambda: {"windows": 0.0, "look": 0.0})
    windows: int = 0
    seen: dict[str, Answer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.subjects = [
            Subject(
                "models", name_of(number), OLD, NEW, 0, Source.GATEWAY,
                live_pods=frozenset(pod(number, revision)["pod"] for revision in (OLD, NEW)),
            )
            for number in range(self.rollouts)
        ]  # fmt: skip
        self.newest: list[dict[str, Any]] = [{} for _ in self.subjects]
        self.bounds: tuple[float, ...] = ()

    async def round(self) -> None:
        """Let every rollout look once."""
        for number, subject in enumerate(self.subjects):
            selectors = {"errors": subject.errors, "latency": subject.latency, "mean": subject.mean(MEAN)}
            windows = {}
            for metric, selector in selectors.items():
                answer = await self.queries.ask(f"{selector.shared}[{SHARED_INTERVALS * SCRAPE:.0f}s]")
                assert not answer.problem, answer.problem
                scrapes = answer.scrapes("models", subject.name)
                if self.newest[number].get(metric) != scrapes:
                    self.newest[number][metric] = scrapes
                    windows[metric] = self.timed("windows", lambda a=answer, m=metric, s=subject: self.window(s, m, a))
            self.windows += len(windows)
            if windows:
                self.timed("look", lambda n=number, w=windows: self.look(n, w))

    def window(self, subject: Subject, metric: str, answer: Answer) -> Window:
        own, start = answer.of("models", subject.name), answer.at - SHARED_INTERVALS * SCRAPE
        if metric == "errors":
            return error_window(subject, own, start, answer.at)
        if metric == "mean":
            return mean_window(subject, MEAN, own, (), start, answer.at)
        if not self.bounds:
            found = histogram_of(subject, own)
            assert found is not None
            self.bounds = found.bounds[:12]
        return latency_window(subject, own, self.bounds, 1.0, start, answer.at)

    def timed(self, part: str, work: Callable[[], Any]) -> Any:
        start = time.thread_time()
        done = work()
        self.spent[part] += time.thread_time() - start
        return done


async def measure(rollouts: int, seconds: float, address: str, asked: Any, look: Look) -> dict[str, Any]:
    """Look for a while and return what it cost."""
    async with aiohttp.ClientSession() as session:
        queries = SharedQueries(Prometheus(session, address, 20.0), time.time, 0.9)
        asker = Asker(rollouts, queries, look)
        for _ in range(3):
            await asker.round()
            await asyncio.sleep(1.0)
        asked.value, asker.windows, asker.spent = 0, 0, dict.fromkeys(asker.spent, 0.0)
        began, used = time.monotonic(), time.process_time()
        while time.monotonic() < began + seconds:
            begin = time.monotonic()
            await asker.round()
            await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - begin)))
        took, used = time.monotonic() - began, time.process_time() - used
        tick = took / SCRAPE
        questions = queries._questions.values()  # noqa: SLF001 - what the freshness follows
        return {
            "rollouts": rollouts,
            "metrics each": 3,
            "scrape interval s": SCRAPE,
            "seconds": round(took),
            "cores": round(used / took, 3),
            "CPU ms per scrape interval": round(1000 * used / tick),
            "queries per scrape interval": round(asked.value / tick, 1),
            "seconds between polls": round(queries.pause, 2),
            "CPU ms per poll with news": {
                "parse and index": round(1000 * sum(question.cost for question in questions)),
                "windows": round(1000 * asker.spent["windows"] / max(1, asker.windows) * 3 * rollouts),
            },
            "CPU ms of the judge per scrape interval": round(1000 * asker.spent["look"] / tick),
            "series per poll": sum(len(question.task.result().series) for question in questions),
        }


def main() -> None:
    """Run, print and keep the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rollouts", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--look", default="", help="MODULE:FUNCTION to call with a rollout's number and windows")
    options = parser.parse_args()
    look: Look = lambda _number, _windows: None  # noqa: E731
    if options.look:
        module, _, function = options.look.partition(":")
        look = getattr(importlib.import_module(module), function)
    port, asked = multiprocessing.Value("i", 0), multiprocessing.Value("i", 0)
    server = multiprocessing.Process(target=serve, args=(options.rollouts, port, asked), daemon=True)
    server.start()
    while not port.value:
        time.sleep(0.05)
    figures = asyncio.run(measure(options.rollouts, options.seconds, f"http://127.0.0.1:{port.value}", asked, look))
    server.terminate()
    judge = f" --look {options.look}" if options.look else ""
    figures = {"command": f"make bench-queries{judge}", "cpus": os.cpu_count(), **figures}
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
