"""Requests dropped in each transition of a model's life, 10 repetitions of each on the real cluster.

One load runs through all of it, half over kept and half over new connections, without retries.
Run by `make bench-drops`; the figures are committed in bench/results/drops.json and drops.md.
"""

import argparse
import json
import os
import platform
import sys
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from demo import images, install
from demo.site import Site, bring_up
from load import Load
from load.plan import Plan, Target
from scenarios import transitions as play
from scenarios.stand import Model
from scenarios.transitions import CREATE, DELETE, RATE, ROUTELESS, SPEC, Ledger

RESULTS = Path(__file__).parent / "results"
TRANSITIONS = (
    CREATE, "scale up", "scale down", "first step", "operator restart", "second step", "promote", "chart upgrade",
    "roll back", "delete of a canary", "abort", DELETE,
)  # fmt: skip
BETWEEN = "in between"
KEPT = 50
"""Dropped requests that are kept in full."""


def one(model: Model, ledger: Ledger, number: int) -> None:
    """Play a whole life of a model."""
    ledger.begin(CREATE)
    play.create(model)
    for transition, pods in (("scale up", 3), ("scale down", 2)):
        ledger.begin(transition)
        play.scale(model, pods)
    ledger.begin("first step")
    model.apply("recommender/v2.yaml", **SPEC)
    model.wait("weight 10", lambda s: s["weight"] == 10)
    ledger.begin("operator restart")
    play.restart_operator(model.site)
    ledger.begin("second step")
    model.wait("weight 50", lambda s: s["weight"] >= 50)
    ledger.begin("promote")
    model.wait_stable()
    ledger.begin("chart upgrade")
    play.upgrade_chart(model.site)
    ledger.begin("roll back")
    model.apply("recommender/v4.yaml", **SPEC)
    model.wait_phase("RolledBack")
    ledger.begin(BETWEEN)
    revision = play.held_canary(model, f"run-{number}")
    ledger.begin("delete of a canary")
    play.delete_canary(model, revision)
    ledger.begin("abort")
    model.command("abort", revision)
    model.wait_phase("RolledBack")
    ledger.begin(DELETE)
    play.delete(model)


def prepared(site: Site) -> Model:
    """Return a model that is still to be made, in a namespace of its own."""
    images.load(site.name, [images.operator(), *(images.recommender(number) for number in (1, 2, 4))])
    install.chart(site)
    namespace = f"bench-{uuid.uuid4().hex[:6]}"
    install.apply(site, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    return Model(site, namespace, host=f"{namespace}.example.com")


def row(ledger: Ledger, transition: str, dropped: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what one transition came to over all repetitions."""
    spans = ledger.spans(transition)
    answers = [answer for span in spans for answer in ledger.load.journal.window(*span)]
    kinds = Counter("failed on purpose" if answer.fault else answer.kind for answer in answers)
    return {
        "transition": transition,
        "repetitions": len(spans),
        "seconds": round(sum(end - begin for begin, end in spans), 1),
        "requests": len(answers),
        "over new connections": sum(answer.fresh for answer in answers),
        "answers": dict(kinds.most_common()),
        "dropped": sum(failure["during"] == transition for failure in dropped),
    }


def table(figures: dict[str, Any]) -> str:
    """Return the figures as Markdown."""
    lines = [
        "# Requests dropped in each transition",
        "",
        (
            f"`{figures['command']}` on {figures['machine']}; {figures['requests']} requests at"
            f" {figures['requests per second']} a second, half over new connections, no retries."
        ),
        "Without a route, before `create` and after `delete`, the gateway answers 404.",
        "",
        "| transition | repetitions | requests | 2xx | 404 | failed on purpose | dropped |",
        "|---|---|---|---|---|---|---|",
    ]
    for entry in figures["transitions"]:
        answers = entry["answers"]
        shown = (answers.get("200", 0), answers.get("404", 0), answers.get("failed on purpose", 0))
        cells = (entry["transition"], entry["repetitions"], entry["requests"], *shown, entry["dropped"])
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    gateway, client = figures["answers of class 5"].values()
    lines += ["", f"Answers of class 5: the gateway counted {gateway}, the client {client}.", ""]
    return "\n".join(lines)


def keep(ledger: Ledger, gateway: Counter[str]) -> dict[str, Any]:
    """Write what there is so far, and return it."""
    load = ledger.load
    dropped, summary = ledger.dropped(), load.summary()
    figures = {
        "command": "make bench-drops",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, load average {os.getloadavg()[2]:.0f}",
        "requests": summary.sent,
        "requests per second": round(summary.sent / summary.seconds),
        "skipped by a late client": summary.client.skipped,
        "transitions": [row(ledger, transition, dropped) for transition in TRANSITIONS],
        "answers of class 5": {"by the gateway": gateway["5"], "by the client": play.client_answers(load)["5"]},
        "dropped": dropped[:KEPT],
    }
    (RESULTS / "drops.json").write_text(json.dumps(figures, indent=2) + "\n")
    (RESULTS / "drops.md").write_text(table(figures))
    return figures


def main() -> int:
    """Run, print and keep the figures; 1 when a request was dropped or the gateway counts otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10, choices=range(1, 31), metavar="1-30")
    runs = parser.parse_args().runs
    site = bring_up(os.environ.get("CLUSTER_NAME", "serinus"))
    model = prepared(site)
    before = play.gateway_answers(site)
    try:
        with Load(Plan(Target(site.gateway_url, model.host), rate=RATE)) as load:
            ledger = Ledger(load)
            for number in range(runs):
                began = time.monotonic()
                one(model, ledger, number)
                ledger.begin(ROUTELESS)
                figures = keep(ledger, play.gateway_answers(site) - before)
                print(f"run {number + 1:2}: {time.monotonic() - began:.0f} s", figures["answers of class 5"])
                print(f"        {len(ledger.dropped())} dropped", flush=True)
    finally:
        site.kubectl("delete", "namespace", model.namespace, "--wait=false")
    figures = keep(ledger, play.gateway_answers(site) - before)
    print(table(figures))
    gateway, client = figures["answers of class 5"].values()
    return 1 if figures["dropped"] or gateway != client else 0


if __name__ == "__main__":
    sys.exit(main())
