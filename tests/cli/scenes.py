"""Small recordings from seeded random requests, and the program run on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner, Result

from serinus.cli.main import main

START = 1_780_000_000.0
BOUNDS = (0.025, 0.05, 0.1, 0.25, 0.5)
Line = dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """A rollout: stable is recorded for `history` seconds before the canary's first weight."""

    stables: int = 3
    canaries: int = 1
    rps: float = 60.0
    share: float = 0.1
    history: float = 60.0
    duration: float = 120.0
    interval: float = 5.0
    stable_errors: float = 0.005
    canary_errors: float = 0.005
    slower: float = 1.0
    """By which factor the canary takes longer."""
    seed: int = 1
    buckets: bool = False
    mean: bool = False

    @property
    def anchor(self) -> float:
        return START + self.history

    @property
    def end(self) -> float:
        return self.anchor + self.duration


def record(scene: Scene) -> list[Line]:
    """Every pod is a target with its own offset."""
    rng = np.random.default_rng(scene.seed)
    lines: list[Line] = [{"time": scene.anchor, "weight": 100 * scene.share}]
    for role, count in (("stable", scene.stables), ("canary", scene.canaries)):
        for number in range(count):
            lines.extend(_pod(scene, rng, role, f"{role}-{number}", count))
    return sorted(lines, key=lambda line: line["time"])


def _pod(scene: Scene, rng: np.random.Generator, role: str, pod: str, count: int) -> Iterable[Line]:
    canary = role == "canary"
    share = scene.share if canary else 1.0 - scene.share
    errors = scene.canary_errors if canary else scene.stable_errors
    time = (scene.anchor - 2 * scene.interval if canary else START) + rng.uniform(0, scene.interval)
    totals, last = np.zeros(2 + len(BOUNDS) + 1 + 3), time
    while time <= scene.end:
        served = max(0.0, time - max(last, scene.anchor)) if canary else time - last
        requests = int(rng.poisson(scene.rps * share / count * served))
        seconds = rng.lognormal(np.log(0.05 * (scene.slower if canary else 1.0)), 0.6, requests)
        slow = [int((seconds <= bound).sum()) for bound in BOUNDS]
        values = rng.gamma(4.0, 2.5, requests)
        totals += [
            requests,
            rng.binomial(requests, errors),
            *slow,
            requests,
            requests,
            values.sum(),
            (values**2).sum(),
        ]
        line: Line = {"time": round(time, 3), "role": role, "pod": pod, "requests": totals[0], "errors": totals[1]}
        if scene.buckets:
            names = [*map(str, BOUNDS), "+Inf"]
            line["buckets"] = dict(zip(names, totals[2 : 3 + len(BOUNDS)].tolist(), strict=True))
        if scene.mean:
            line |= dict(zip(("count", "sum", "sumsq"), totals[-3:].tolist(), strict=True))
        yield line
        last, time = time, time + scene.interval


def proxied(lines: Iterable[Line]) -> list[Line]:
    """One proxy that reports both roles: the pods' counts at the scrapes of a grid, summed."""
    found: list[Line] = []
    totals: dict[str, dict[str, tuple[float, float]]] = {"stable": {}, "canary": {}}
    grid, step = START + 5.0, 5.0
    for line in sorted(lines, key=lambda line: line["time"]):
        while line["time"] > grid:
            for role, pods in totals.items():
                if pods:
                    requests, errors = (sum(values) for values in zip(*pods.values(), strict=True))
                    found.append({"time": grid, "role": role, "pod": "proxy-0", "requests": requests, "errors": errors})
            grid += step
        if "weight" in line:
            found.append(line)
        else:
            totals[line["role"]][line["pod"]] = line["requests"], line["errors"]
    return found


def write(folder: Path, lines: Iterable[Line], name: str = "recording.jsonl") -> str:
    path = folder / name
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def simulate(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["simulate", *arguments], input=stdin, catch_exceptions=False)


def told(result: Result) -> list[Line]:
    """Return what the program printed."""
    return [json.loads(line) for line in result.stdout.splitlines()]


Edit = Callable[[list[Line]], list[Line]]
