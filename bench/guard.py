"""Seconds from a version's first failed answer until its route weight is 0, seen by the guard.

The operator as a process on a real API server with real controllers; the node, the gateway and Prometheus are the
stand-ins of tests/integration. Prometheus is scraped every 15 s and shows no failure at all: what is measured is
the guard alone. Run by `make bench-guard`; the figures are in bench/results/guard.json.
"""

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cluster import programs
from cluster.addons import GATEWAY_API
from tests.integration.conftest import CRD, install
from tests.integration.control_plane import ControlPlane
from tests.integration.counting import Counting, own_address
from tests.integration.gateway import Gateway
from tests.integration.kube import Kube
from tests.integration.node import Node
from tests.integration.operator_process import OperatorProcess
from tests.integration.prometheus import Prometheus
from tests.integration.stand import NAME, Space, Stand, image, new_namespace, spec
from tests.integration.waiting import eventually

RESULTS = Path(__file__).parent / "results" / "guard.json"
RATE, WEIGHT, SCRAPE = 100.0, 20, 15.0
ROLLOUT = {"steps": [{"weight": WEIGHT, "minDuration": "10m"}]}


@contextmanager
def standing(home: Path) -> Iterator[Stand]:
    """Bring the stand up, and take it down again."""
    plane = ControlPlane(programs.assets(), home)
    try:
        plane.start()
        kube = Kube(plane)
        install(kube, CRD)
        install(kube, programs.module(programs.GATEWAY_GRAPH, GATEWAY_API) / "config" / "crd" / "standard")
        plane.start_controllers()
        prometheus = Prometheus(kube)
        prometheus.every = SCRAPE
        operator = OperatorProcess(plane.kubeconfig, prometheus.address, home / "operator.log")
        stand = Stand(plane, kube, Node(kube), Gateway(kube), prometheus, operator)
        parts = (stand.node, stand.gateway, prometheus)
        for part in parts:
            part.start()
        operator.start()
        operator.wait_until_healthy()
        try:
            yield stand
        finally:
            operator.stop()
            for part in parts:
                part.stop()
    finally:
        plane.stop()


def shown(space: Space) -> bool:
    """Tell whether the guard has seen enough of a canary at its weight."""
    found = space.status().get("metrics") or []
    passing = any(metric["name"] == "guard" and metric["outcome"] == "Pass" for metric in found)
    return passing and space.status()["weight"] == WEIGHT


def one(space: Space, stable: str) -> float:
    """Roll out a version that fails after a while; return the seconds until its weight is 0."""
    container, pods = image(2), Counting(RATE * WEIGHT / 100)
    space.stand.node.at[container] = own_address()
    try:
        space.apply(
            spec(container, runtime={"metrics": {"port": pods.port}}, analysis={"guard": True}, rollout=ROLLOUT)
        )
        revision = space.hash(container)
        eventually(lambda: shown(space), "the guard sees a healthy canary", 120.0, show=space.tell)
        time.sleep(random.uniform(0.0, 2.0))  # at any time between two readings
        first = pods.fail()
        zero = eventually(lambda: since(space, revision, first), "weight 0", show=space.tell)
        space.wait(lambda status: status["phase"] == "RolledBack", "rolled back")
        assert space.status()["stable"]["image"] == stable
        return zero - first
    finally:
        pods.stop()


def since(space: Space, revision: str, first: float) -> float:
    """Return when the route first gave a revision nothing after a moment, 0 as long as it has not."""
    for change in space.recorder.of("httproutes", NAME):
        backends = change.object["spec"]["rules"][0]["backendRefs"]
        total = sum(backend["weight"] for backend in backends)
        share = sum(backend["weight"] for backend in backends if backend["name"].endswith(revision)) / total
        if change.at >= first and share < 0.001:
            return change.at
    return 0.0


def main() -> None:
    """Run, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20, choices=range(1, 101), metavar="1-100")
    runs = parser.parse_args().runs
    seconds: list[float] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, standing(Path(home)) as stand:
        space, container = Space(stand, new_namespace(stand.kube)), image(1)
        pods = Counting(RATE * (1.0 - WEIGHT / 100))
        stand.node.at[container] = own_address()
        space.apply(
            spec(container, runtime={"metrics": {"port": pods.port}}, analysis={"guard": True}, rollout=ROLLOUT)
        )
        space.stable(container)
        space.recorder.watch("httproutes")
        for number in range(runs):
            seconds.append(round(one(space, container), 2))
            print(f"run {number + 1:2}: {seconds[-1]:.2f} s", flush=True)
        with suppress(OSError):
            space.close()
    figures = {
        "command": "make bench-guard",
        "cpus": os.cpu_count(),
        "load average": round(os.getloadavg()[1], 1),
        "scrape interval s": SCRAPE,
        "canary requests per second": RATE * WEIGHT / 100,
        "median s": statistics.median(seconds),
        "p95 s": sorted(seconds)[-(-95 * len(seconds) // 100) - 1],
        "max s": max(seconds),
        "runs s": seconds,
    }
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
