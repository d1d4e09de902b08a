"""Seconds that the command line takes with 1,000 models, each run a process of its own.

The models have the status that an operator wrote, one in ten on its way, with two pods and an Event each, in 20
namespaces of a real API server. The commands take turns; the first turn warms up and does not count. Run by
`make bench-status`; the figures are in bench/results/status.json.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from cluster import programs
from serinus.desired import labels
from tests.integration.conftest import CRD, install, start_plane
from tests.integration.control_plane import ControlPlane
from tests.integration.kube import Kube
from tests.integration.test_cli import put, stored

RESULTS = Path(__file__).parent / "results" / "status.json"
MODELS, NAMESPACES, PODS = 1000, 20, 2
STABLE, STEPPING = stored("Stable"), stored("Stepping")
ONE = "model-0010"
"""A model on its way."""


class Taken(NamedTuple):
    """What one run took: seconds by the clock, and seconds of CPU of the process."""

    wall: float
    cpu: float


def namespace_of(number: int) -> str:
    return f"team-{number % NAMESPACES:02}"


def make(kube: Kube, number: int) -> None:
    """Make a model as an operator leaves it, with its pods and an Event."""
    name, namespace = f"model-{number:04}", namespace_of(number)
    model = STEPPING if number % 10 == 0 else STABLE
    put(kube, namespace, model, name)
    revision = str(model["status"]["stable"]["revision"])
    for place in range(PODS):
        meta = {"name": f"{name}-{revision}-{place}", "labels": labels.selector(name, revision)}
        kube.create(
            "pods", namespace, {"metadata": meta, "spec": {"containers": [{"name": "model", "image": "model"}]}}
        )
    about = {"kind": "ModelDeployment", "name": name, "namespace": namespace}
    told = {"reason": "WeightRaised", "message": "The canary gets 20 %", "type": "Normal"}
    kube.create("events", namespace, {"metadata": {"name": name}, "involvedObject": about, **told})


@contextmanager
def crowded(home: Path) -> Iterator[ControlPlane]:
    """Bring an API server up with all models, and take it down again."""
    plane = start_plane(programs.assets(), home)
    try:
        kube = Kube(plane)
        install(kube, CRD)
        for number in range(NAMESPACES):
            kube.create("namespaces", "", {"metadata": {"name": namespace_of(number)}})
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda number: make(kube, number), range(MODELS)))
        yield plane
    finally:
        plane.stop()


def run(plane: ControlPlane, *arguments: str) -> Taken:
    """Run a command once, and see that it shows what it was asked for."""
    command = [sys.executable, "-m", "serinus.cli.main", *arguments, f"--kubeconfig={plane.kubeconfig}"]
    environment = {**os.environ, "PYTHONPATH": "operator"}
    spent, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    wall, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    shown = sum("model-" in line for line in done.stdout.splitlines())
    if done.returncode or ONE not in done.stdout or ("-A" in arguments and shown != MODELS):
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr or done.stdout}")
    return Taken(wall, used.ru_utime + used.ru_stime - spent.ru_utime - spent.ru_stime)


def summary(taken: list[Taken]) -> dict[str, float | list[float]]:
    """Return the figures of one command."""
    walls = [round(one.wall, 3) for one in taken]
    return {
        "min s": min(walls),
        "median s": statistics.median(walls),
        "max s": max(walls),
        "CPU s, median": round(statistics.median(one.cpu for one in taken), 3),
        "runs s": walls,
    }


def main() -> None:
    """Run, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15, choices=range(1, 101), metavar="1-100")
    runs = parser.parse_args().runs
    commands = {
        "serinus status NAME": ("status", ONE, "-n", namespace_of(int(ONE[-4:]))),
        "serinus status -A": ("status", "-A"),
        "serinus list -A": ("list", "-A"),
    }
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, crowded(Path(home)) as plane:
        turns = [{told: run(plane, *given) for told, given in commands.items()} for _ in range(runs + 1)][1:]
    figures = {
        "command": "make bench-status",
        "cpus": os.cpu_count(),
        "load average": round(os.getloadavg()[0], 1),
        "ModelDeployments": MODELS,
        "namespaces": NAMESPACES,
        **{told: summary([turn[told] for turn in turns]) for told in commands},
    }
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
