"""CPU of judging 1,000 rollouts with three metrics each: fetch, parse, index, windows, evidence.

A server in another process answers with bodies of the size that Prometheus sends: one proxy, two
places for each route, two pods for each model, the labels of the scrape jobs in
e2e/cluster/manifests/prometheus. Every rollout's judge looks when it is due, as in the operator; what
is left out is the Kubernetes side of a turn. Run by `make bench-queries`; the figures are in
bench/results/queries.json.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import aiohttp

from serinus import garbage
from serinus.api.analysis import Analysis
from serinus.api.status import Phase, RolloutState
from serinus.api.v1alpha1 import Source
from serinus.prometheus.client import Prometheus
from serinus.prometheus.shared import SharedQueries
from serinus.reconcile.feeds import feeds
from serinus.reconcile.judge import Judge, Opinion, numbers_every
from serinus.reconcile.judges import FRESHNESS
from serinus.reconcile.source import Subject
from serinus.reconcile.windows import SHARED_INTERVALS

RESULTS = Path(__file__).parent / "results" / "queries.json"
SCRAPE = 5.0
LOOK = 0.1
"""Seconds between two glances at who is due."""
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
MEAN = {"name": "revenue", "count": "revenue_count", "sum": "revenue_sum", "sumsq": "revenue_sumsq"}
ANALYSIS = Analysis.model_validate(
    {"latency": {}, "means": [{**MEAN, "better": "Higher", "margin": 0.1, "effect": 0.1}]}
)


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


def families(numbers: range) -> dict[str, list[str]]:
    """Return the three answers' series. A rate is what a counter grows by in a scrape; `up` has none."""
    pods = [pod(number, revision) for number in numbers for revision in (OLD, NEW)]
    ups = [series({**labels, "__name__": "up"}, 0) for labels in (PROXY, *pods)]
    made: dict[str, list[str]] = {"errors": [*ups], "latency": [*ups], "mean": ups[1:]}
    for number in numbers:
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
        made["mean"] += [series({**labels, "__name__": family}, 50) for family in (MEAN["count"], MEAN["sum"])]
        made["mean"].append(series({**labels, "__name__": MEAN["sumsq"]}, 100))
    return made


def parts_of(numbers: range) -> dict[str, list[str]]:
    """Return the answers' bodies, cut where values belong."""
    head, tail = '{"status":"success","data":{"resultType":"matrix","result":[', "]}}"
    return {family: (head + ",".join(made) + tail).split('"@') for family, made in families(numbers).items()}


class Server(ThreadingHTTPServer):
    """Answers the three queries as of the newest scrape, and counts them."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, rollouts: int, asked: Any) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = asked
        self.parts = parts_of(range(rollouts))

    def body(self, query: str, at: float) -> bytes:
        family = "latency" if TIME[:-7] in query else "errors" if "envoy" in query else "mean"
        newest = int(at / SCRAPE)
        ticks = [newest - back for back in range(SHARED_INTERVALS - 1, -1, -1)]
        made: dict[str, str] = {}
        own = re.search(r"model-(\d{4})", query)
        parts = parts_of(range(int(own[1]), int(own[1]) + 1)) if own else self.parts
        found = [parts[family][0]]
        for part in parts[family][1:]:
            rate, rest = part.split('@"', 1)
            if rate not in made:
                values = [
                    [tick * SCRAPE + 0.123, f"{(tick % 100000) * int(rate) if int(rate) else 1}"] for tick in ticks
                ]
                made[rate] = json.dumps(values, separators=(",", ":"))
            found += [made[rate], rest]
        return "".join(found).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept, as by Prometheus
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


class Rollouts:
    """Judges, each with its subject and state."""

    def __init__(self, rollouts: int, queries: SharedQueries) -> None:
        self.queries, anchor = queries, time.time() - 30.0
        change = {"time": anchor, "weight": 10}
        self.state = RolloutState.model_validate({"phase": Phase.STEPPING, "weights": [change]})
        self.judges = [(Judge(NEW, anchor, {}), feeds(ANALYSIS, one, one)) for one in map(subject, range(rollouts))]
        self.opinions = [Opinion()] * rollouts

    async def look(self) -> list[str]:
        """Let every rollout look that may have news; return what each metric of the last one says."""
        for place, (judge, sources) in enumerate(self.judges):
            if (now := time.time()) >= self.opinions[place].due:
                patience = numbers_every(len(self.judges))
                opinion = await judge.look(self.queries, self.queries, sources, ANALYSIS, self.state, now, patience)
                assert not opinion.problem, opinion.problem
                self.opinions[place] = opinion
        return [f"{metric.name}: {metric.reason}" for metric in self.opinions[-1].metrics]


def subject(number: int) -> Subject:
    pods = frozenset(pod(number, revision)["pod"] for revision in (OLD, NEW))
    return Subject("models", name_of(number), OLD, NEW, 0, Source.GATEWAY, live_pods=pods)


async def measure(rollouts: int, seconds: float, address: str, asked: Any) -> dict[str, Any]:
    """Look for a while and return what it cost."""
    async with aiohttp.ClientSession() as session:
        queries = SharedQueries(Prometheus(session, address, 20.0), time.time, FRESHNESS)
        models = Rollouts(rollouts, queries)
        for _ in range(15):  # until every test has begun
            said = await models.look()
            await asyncio.sleep(1.0)
        asked.value = 0
        began, used = time.monotonic(), time.process_time()
        while time.monotonic() < began + seconds:
            begin = time.monotonic()
            said = await models.look()
            await asyncio.sleep(max(0.0, LOOK - (time.monotonic() - begin)))
        took, used = time.monotonic() - began, time.process_time() - used
        tick = took / SCRAPE
        shared = [question for question in queries._questions.values() if question.again]  # noqa: SLF001
        return {
            "rollouts": rollouts,
            "metrics each": 3,
            "scrape interval s": SCRAPE,
            "seconds": round(took),
            "cores": round(used / took, 3),
            "CPU ms per scrape interval": round(1000 * used / tick),
            "CPU ms per poll, parse and index": round(1000 * sum(question.cost for question in shared)),
            "queries per poll": len(shared),
            "seconds between polls": round(queries.pause, 2),
            "queries per scrape interval": round(asked.value / tick, 1),
            "series per poll": sum(len(question.task.result().series) for question in shared),
            "the last rollout's tests": said,
        }


def main() -> None:
    """Run, print and keep the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rollouts", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    port, asked = multiprocessing.Value("i", 0), multiprocessing.Value("i", 0)
    server = multiprocessing.Process(target=serve, args=(options.rollouts, port, asked), daemon=True)
    server.start()
    while not port.value:
        time.sleep(0.05)
    garbage.search_seldom()  # as the operator does
    figures = asyncio.run(measure(options.rollouts, options.seconds, f"http://127.0.0.1:{port.value}", asked))
    server.terminate()
    figures = {"command": "make bench-queries", "cpus": os.cpu_count(), **figures}
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
