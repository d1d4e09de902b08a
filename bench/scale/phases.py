"""The steps that every subject goes through, each with its figures."""

import json
import os
import random
import statistics
import subprocess
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.kube import Manifest, path
from tests.integration.waiting import eventually

from . import plain
from .metrics_source import SCRAPE
from .serinus import Serinus
from .stand import Stand
from .subject import STEP, Figures, Subject, model_keys, where
from .usage import Sampler, cpu_seconds, machine_idle, resident_mib
from .watching import Key, Table

PATIENCE = 1800.0
HEALTHY = 30.0
"""Seconds for which canaries are judged before they fail."""
SETTLE = 20.0
QUICK = {"steps": [{"weight": STEP, "minDuration": "0s"}], "drain": "1s", "watchAfterPromotion": "10s"}
"""Rollouts while models churn: the judge alone decides how long they take."""


@contextmanager
def measured(stand: Stand, subject: Subject, figures: Figures) -> Iterator[None]:
    """Add what the subject used meanwhile."""
    began, cpu, requests = time.monotonic(), cpu_seconds(subject.pid), stand.requests(subject.name)
    queries, (idle, whole) = stand.prometheus.queries(), machine_idle()
    with (
        Sampler(lambda: resident_mib(subject.pid)) as memory,
        Sampler(lambda: subject.queue_age() or 0.0, SCRAPE) as ages,
    ):
        yield
    seconds = time.monotonic() - began
    idle_after, whole_after = machine_idle()
    figures |= {
        "seconds measured": round(seconds, 1),
        "CPU % of a core": round(100 * (cpu_seconds(subject.pid) - cpu) / seconds, 2),
        "resident MiB": round(resident_mib(subject.pid), 1),
        "resident MiB max": round(max((value for _, value in memory.readings), default=0.0), 1),
        "API requests/s": round((stand.requests(subject.name) - requests) / seconds, 1),
        "queries/s": round((stand.prometheus.queries() - queries) / seconds, 2),
        "load average": round(os.getloadavg()[0], 1),
        "machine idle %": round(100 * (idle_after - idle) / (whole_after - whole), 0),
    }
    if subject.queue_age() is not None:
        figures["queue age max s"] = round(max((value for _, value in ages.readings), default=0.0), 2)


def by_hand(stand: Stand, count: int) -> Figures:
    """Apply plain Deployments and Services and take them away again; the measure for `converge`."""
    table = Table(stand.plane, "deployments", plain.available)
    manifests = [part for number in range(count) for part in plain.manifests(number, "v1")]
    stand.create_namespaces({part["metadata"]["namespace"] for part in manifests})
    wanted = {(part["metadata"]["namespace"], part["metadata"]["name"]) for part in manifests}
    began = time.monotonic()
    applied = apply_file(stand, manifests)
    _until(lambda: sum(map(bool, list(table.rows.values()))) >= len(wanted), "plain Deployments are available")
    figures = {"applied after s": round(applied, 1), "converged after s": round(time.monotonic() - began, 1)}
    for namespace in {namespace for namespace, _ in wanted}:
        for plural in ("services", "deployments"):
            stand.kube.call("DELETE", path(plural, namespace), {"propagationPolicy": "Background"})
    _until(lambda: not table.rows, "plain Deployments are gone")
    table.stop()
    return figures


def converge(stand: Stand, subject: Subject, count: int) -> Figures:
    """Apply all models at once and wait until all serve."""
    manifests = [part for number in range(count) for part in subject.manifests(number, "v1")]
    stand.create_namespaces({part["metadata"]["namespace"] for part in manifests})
    wanted, figures = model_keys(count), Figures()
    with measured(stand, subject, figures):
        began = time.monotonic()
        applied = apply_file(stand, manifests)
        _until(lambda: wanted <= subject.resting(), "all models serve")
        converged = time.monotonic() - began
    return {"applied after s": round(applied, 1), "converged after s": round(converged, 1), **figures}


def idle(stand: Stand, subject: Subject, seconds: float) -> Figures:
    """Change nothing, once the subject has nothing more to do."""
    time.sleep(SETTLE)
    seen: deque[float] = deque([1.0], maxlen=10)
    while any(seen):
        seen.append(subject.queue_age() or 0.0)
        time.sleep(1.0)
    figures = Figures()
    with measured(stand, subject, figures):
        time.sleep(seconds)
    return figures


def storm(stand: Stand, subject: Subject, count: int) -> Figures:
    """Roll out to many models at once, and let all canaries fail in the same moment."""
    wanted, traffic = model_keys(count), stand.traffic
    began = time.monotonic()
    stand.apply([part for number in range(count) for part in subject.change(number, "v2")])
    _until(lambda: wanted <= _stepping(stand), "all canaries have traffic")
    under_way = time.monotonic() - began
    time.sleep(SETTLE)
    steady, falling = Figures(), Figures()
    with measured(stand, subject, steady):
        time.sleep(HEALTHY)
    bad = {(namespace, name) for (namespace, _), (name, _) in traffic.canaries().items()}
    names = {name for _, name in bad}
    traffic.safe_at.clear()
    with measured(stand, subject, falling):
        failed = traffic.fail(lambda name, _share: name in names)
        _until(lambda: wanted <= traffic.safe_at.keys(), "no canary has traffic")
    seconds = sorted(traffic.safe_at[key] - failed for key in wanted)
    _until(lambda: wanted <= subject.rolled_back(), "all are rolled back")
    traffic.fail(lambda _name, _share: False)
    return {
        "rollouts": count,
        "all have traffic after s": round(under_way, 1),
        "weight 0 after s, p50": round(statistics.median(seconds), 2),
        "weight 0 after s, p95": round(seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))], 2),
        "weight 0 after s, max": round(seconds[-1], 2),
        "while healthy": steady,
        "while failing": falling,
    }


def churn(stand: Stand, subject: Serinus, count: int, minutes: float) -> Figures:
    """Change a random model every second: new versions good and bad, sizes, deletions."""
    dice, versions = random.Random(0), iter(range(3, 10**6))
    stand.traffic.fail(lambda name, share: share < 0.5 and zlib.crc32(name.encode()) % 4 == 0)
    figures, done = Figures(), 0
    with measured(stand, subject, figures), Sampler(lambda: resident_mib(subject.pid), 5.0) as memory:
        end = time.monotonic() + 60 * minutes
        while (left := end - time.monotonic()) > 0:
            _change_one(stand, subject, dice, dice.randrange(count), f"v{next(versions)}")
            done += 1
            time.sleep(min(left, 1.0))
    stand.traffic.fail(lambda _name, _share: False)
    late = [reading for reading in memory.readings if reading[0] > end - 60 * minutes / 2]
    slope = statistics.linear_regression([at for at, _ in late], [value for _, value in late]).slope
    return {
        "minutes": minutes,
        "changes": done,
        "resident MiB at the start": round(memory.readings[0][1], 1),
        "resident MiB half way": round(late[0][1], 1),
        "resident MiB at the end": round(memory.readings[-1][1], 1),
        "MiB an hour in the second half": round(3600 * slope, 1),
        **figures,
    }


def _change_one(stand: Stand, subject: Serinus, dice: random.Random, number: int, version: str) -> None:
    what = dice.random()
    if what < 0.1:
        stand.kube.delete("modeldeployments", *where(number))
    else:
        stand.apply(subject.manifests(number, version, rollout=QUICK, replicas=2 if what < 0.3 else 1))


def apply_file(stand: Stand, manifests: list[Manifest]) -> float:
    """Apply all at once as a person does; return for how many seconds that went on."""
    file = stand.home / "apply.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}))
    began = time.monotonic()
    command: list[str | Path] = [stand.plane.assets / "kubectl", f"--kubeconfig={stand.plane.kubeconfig}"]
    command += [
        f"--cache-dir={stand.home / 'kube'}",
        "apply",
        "--server-side",
        "--validate=false",
        f"--filename={file}",
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    return time.monotonic() - began


def _stepping(stand: Stand) -> set[Key]:
    return {key for key, (_, share) in stand.traffic.canaries().items() if share > 0.99 * STEP / 100}


def _until(look: Callable[[], bool], what: str) -> None:
    eventually(look, what, PATIENCE)
