"""Seconds from the first failed answer of a version that always fails until it has no traffic.

Real cluster, real gateway, Prometheus at 5 s, a tenth of 100 requests a second for the
canary. Run by `make bench-safety`; the figures are committed in bench/results/safety.json.
"""

import argparse
import json
import os
import platform
import statistics
import time
import uuid
from pathlib import Path
from typing import Any

from demo import images, install
from demo.site import Site, bring_up
from load import Load
from load.plan import Plan, Target
from scenarios.stand import GATEWAY_LAG, Model, weight_history

RESULTS = Path(__file__).parent / "results" / "safety.json"
RATE, WEIGHT, SCRAPE = 100.0, 10, 5
SPEC: dict[str, Any] = {
    "route": {"timeout": "5s"},
    "rollout": {"steps": [{"weight": WEIGHT, "minDuration": "1m"}], "drain": "5s"},
}


def one(model: Model, load: Load, number: int) -> float:
    """Apply a failing version of its own, and return the seconds until its weight is 0."""
    model.wait("rest", lambda status: status["phase"] in {"Stable", "RolledBack"})
    stable = model.status["stable"]["revision"]
    began = time.time()
    with weight_history(model) as history:
        model.apply("recommender/v4.yaml", **SPEC, runtime={"env": [{"name": "RUN", "value": str(number)}]})
        model.wait("traffic", lambda status: status["weight"] == WEIGHT or status["phase"] == "RollingBack")
        model.wait_phase("RolledBack")
    failed = next(answer for answer in load.journal.window(began) if answer.fault)
    safe = history.first(lambda weights: weights.get(stable) == 100, after=failed.ended)
    assert safe is not None
    return safe - failed.ended


def prepared(site: Site) -> Model:
    """Return a model whose first version serves, in a namespace of its own."""
    images.load(site.name, [images.operator(), images.recommender(1), images.recommender(4)])
    install.chart(site)
    namespace = f"bench-{uuid.uuid4().hex[:6]}"
    install.apply(site, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    model = Model(site, namespace, host=f"{namespace}.example.com")
    model.apply("recommender/v1.yaml", **SPEC)
    model.wait_stable()
    time.sleep(GATEWAY_LAG)
    return model


def main() -> None:
    """Run, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20, choices=range(1, 101), metavar="1-100")
    runs = parser.parse_args().runs
    site = bring_up(os.environ.get("CLUSTER_NAME", "serinus"))
    model = prepared(site)
    seconds: list[float] = []
    try:
        with Load(Plan(Target(site.gateway_url, model.host), rate=RATE, seconds=60.0 * runs)) as load:
            for number in range(runs):
                seconds.append(round(one(model, load, number), 2))
                print(f"run {number + 1:2}: {seconds[-1]:.2f} s", flush=True)
        failures = [answer.as_dict() for answer in load.journal.failures()]
    finally:
        site.kubectl("delete", "namespace", model.namespace, "--wait=false")
    figures = {
        "command": "make bench-safety",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "scrape interval s": SCRAPE,
        "canary requests per second": RATE * WEIGHT / 100,
        "median s": statistics.median(seconds),
        "max s": max(seconds),
        "requests": load.summary().sent,
        "requests failed by anything but the version": failures,
        "runs s": seconds,
    }
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
