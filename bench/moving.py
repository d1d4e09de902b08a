"""Requests dropped while a Deployment becomes a ModelDeployment, by the commands of the guide as they stand.

One load goes through the route that moves, another one calls the old Service by its name: through a route of its own, since
the client stands outside the cluster. Half of both over new connections, without retries. Run by `make bench-moving`; the
figures are committed in bench/results/moving.json.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from demo import images, install
from demo.site import ROOT, Site, bring_up
from load import Load
from load.plan import Plan, Target
from scenarios.stand import GATEWAY_LAG, Manifest
from scenarios.transitions import Ledger

RESULT = ROOT / "bench" / "results" / "moving.json"
GUIDE = ROOT / "docs" / "guides" / "moving-a-deployment.md"
BLOCKS = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)
STEPS = ("write", "start", "look", "a tenth", "all", "leave the old route", "the old Service leads on", "remove")
OLD = "recommender"
GATEWAY = {"name": "public", "namespace": "gateway"}
RATE = 60.0
"""Requests a second of each load."""
BETWEEN = 5.0
"""Seconds that a reader looks at the error rates after each step, at least the longest request."""


def service() -> Manifest:
    """Return the old Service."""
    ports = [{"port": 80, "targetPort": "web"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": OLD},
        "spec": {"selector": {"app": OLD}, "ports": ports},
    }


def deployment() -> Manifest:
    """Return the old Deployment: the example's container as people run it."""
    runtime = yaml.safe_load((ROOT / "examples" / "recommender" / "v1.yaml").read_text())["spec"]["runtime"]
    container = {
        "name": "web",
        "image": runtime["image"],
        "ports": [{"name": "web", "containerPort": runtime["port"]}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "web"}, "periodSeconds": 2, "timeoutSeconds": 10},
        "resources": runtime["resources"],
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "10"]}}},
    }
    template = {"metadata": {"labels": {"app": OLD}}, "spec": {"containers": [container]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": OLD}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": OLD}, "spec": spec}


def route(name: str, host: str) -> Manifest:
    """Return a route to the old Service."""
    rules = [{"backendRefs": [{"name": OLD, "port": 80}], "timeouts": {"request": "5s"}}]
    spec = {"parentRefs": [GATEWAY], "hostnames": [host], "rules": rules}
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": name}, "spec": spec}


def shell(site: Site, namespace: str, home: Path) -> dict[str, str]:
    """Return the environment of the guide's reader: kubectl and serinus, in the namespace."""
    config = yaml.safe_load(site.kubeconfig.read_text())
    for entry in config["contexts"]:
        entry["context"]["namespace"] = namespace
    config["current-context"] = site.context
    (home / "config").write_text(yaml.safe_dump(config))
    (home / "serinus").write_text(f'#!/bin/sh\nexec {sys.executable} -m serinus.cli.main "$@"\n')
    (home / "serinus").chmod(0o755)
    found = f"{home}:{site.bin}:{os.environ['PATH']}"
    return {**os.environ, "PATH": found, "KUBECONFIG": str(home / "config"), "PYTHONPATH": str(ROOT / "operator")}


def run(step: str, environment: dict[str, str], home: Path) -> float:
    """Run a block of the guide and return how long it took."""
    block, began = BLOCKS[STEPS.index(step)], time.monotonic()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=home, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    print(f"{step}:\n{done.stdout}{done.stderr}", flush=True)
    if done.returncode:
        raise SystemExit(f"the guide's command ended with {done.returncode}: {block}")
    return round(time.monotonic() - began, 1)


def play(environment: dict[str, str], home: Path, ledgers: list[Ledger]) -> dict[str, float]:
    """Run the guide's commands after the first under load, and return how long each block took."""
    taken = {}
    for step in ("before", *STEPS[1:], "after"):
        for ledger in ledgers:
            ledger.begin(step)
        if step in STEPS:
            taken[step] = run(step, environment, home)
        time.sleep(BETWEEN)
    return taken


def figures(ledgers: dict[str, Ledger], taken: dict[str, float]) -> dict[str, Any]:
    """Return what the loads saw."""
    return {
        "command": "make bench-moving",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, load average {os.getloadavg()[2]:.0f}",
        "seconds": taken,
        "loads": {
            name: {
                "requests": len(ledger.load.journal.window()),
                "requests per second": RATE,
                "answers": {step: dict(counts) for step, counts in ledger.counts().items()},
                "dropped": ledger.dropped(),
            }
            for name, ledger in ledgers.items()
        },
    }


def main() -> int:
    """Run, print and keep the figures; 1 when a request was dropped."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    site = bring_up(os.environ.get("CLUSTER_NAME", "serinus"))
    images.load(site.name, [images.operator(), images.recommender(1)])
    install.chart(site)
    namespace = f"moving-{uuid.uuid4().hex[:6]}"
    hosts = {"the route": f"{namespace}.example.com", "the old Service": f"inside.{namespace}.example.com"}
    install.apply(site, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    try:
        for manifest in (deployment(), service(), route(OLD, hosts["the route"])):
            install.apply(site, manifest, "--namespace", namespace)
        site.kubectl("--namespace", namespace, "rollout", "status", f"deployment/{OLD}", "--timeout=120s")
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            home = Path(folder)
            environment = shell(site, namespace, home)
            run(STEPS[0], environment, home)
            # Only now: this route is the client's, and no part of what moves.
            install.apply(site, route("inside", hosts["the old Service"]), "--namespace", namespace)
            time.sleep(GATEWAY_LAG)
            plans = {name: Plan(Target(site.gateway_url, host), rate=RATE) for name, host in hosts.items()}
            ledgers = {name: Ledger(stack.enter_context(Load(plan))) for name, plan in plans.items()}
            taken = play(environment, home, list(ledgers.values()))
            gone = ["wait", "pods", f"--selector=app={OLD}", "--for=delete", "--timeout=60s"]
            site.kubectl("--namespace", namespace, *gone)
        found = figures(ledgers, taken)
    finally:
        site.kubectl("delete", "namespace", namespace, "--wait=false")
    RESULT.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))
    return 1 if any(load["dropped"] for load in found["loads"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
