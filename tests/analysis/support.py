"""Traffic for the judge: counters as Prometheus would hold them, from seeded random requests."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from serinus.analysis import Arm, Counter, Target, Window

ANCHOR = 1_000_000.0
Rate = Callable[[float], float]


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - a simulation


def poisson(rng: random.Random, mean: float) -> int:
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count


def binomial(rng: random.Random, trials: int, rate: float) -> int:
    if rate <= 0 or trials == 0:
        return 0
    if rate >= 1:
        return trials
    if trials * rate > 50 and trials * (1 - rate) > 50:
        drawn = rng.gauss(trials * rate, math.sqrt(trials * rate * (1 - rate)))
        return min(trials, max(0, round(drawn)))
    return sum(rng.random() < rate for _ in range(trials))


@dataclass(frozen=True)
class Scene:
    """A rollout: who serves how much, and when each target is scraped."""

    rps: float = 100.0
    share: float = 0.1
    canaries: int = 1
    stables: int = 3
    interval: float = 5.0
    duration: float = 300.0
    history: float = 60.0
    step: float = 1.0
    warm: float = 15.0
    """Seconds before the rollout since when the canary's pods are scraped, idle."""


def pods(scene: Scene, rng: random.Random, canary: Rate, stable: Rate) -> Window:
    """Arms apart: every pod is a target with its own scrape offset."""
    counters: list[Counter] = []
    targets: list[Target] = []
    for arm, count in ((Arm.CANARY, scene.canaries), (Arm.STABLE, scene.stables)):
        share = scene.share if arm is Arm.CANARY else 1.0 - scene.share
        begin = 0.0 if arm is Arm.CANARY else -scene.history
        rate = canary if arm is Arm.CANARY else stable
        for number in range(count):
            name = f"{arm.value}-{number}"
            first = -scene.warm if arm is Arm.CANARY else begin
            times = _times(scene, first + rng.random() * scene.interval)
            served = _serve(scene, rng, begin, times, rps=scene.rps * share / count, rate=rate)
            targets.append(Target(name, arm, tuple((ANCHOR + t, 1.0) for t in times)))
            counters.extend(_counters(arm, name, times, served))
    start = ANCHOR - max(scene.history, 3 * scene.interval)
    return Window(tuple(counters), tuple(targets), start, ANCHOR + scene.duration, scene.interval)


def proxies(scene: Scene, rng: random.Random, canary: Rate, stable: Rate, count: int = 1) -> Window:
    """Arms together: every proxy reports both."""
    counters: list[Counter] = []
    targets: list[Target] = []
    for number in range(count):
        name = f"proxy-{number}"
        times = _times(scene, -scene.history + rng.random() * scene.interval)
        targets.append(Target(name, None, tuple((ANCHOR + t, 1.0) for t in times)))
        for arm, share, rate in (
            (Arm.CANARY, scene.share, canary),
            (Arm.STABLE, 1.0 - scene.share, stable),
        ):
            begin = 0.0 if arm is Arm.CANARY else -scene.history
            served = _serve(scene, rng, begin, times, rps=scene.rps * share / count, rate=rate)
            counters.extend(_counters(arm, name, times, served))
    start = ANCHOR - max(scene.history, 3 * scene.interval)
    return Window(tuple(counters), tuple(targets), start, ANCHOR + scene.duration, scene.interval)


def _times(scene: Scene, first: float) -> list[float]:
    count = int((scene.duration - first) // scene.interval) + 1
    return [round(first + i * scene.interval, 3) for i in range(count)]


def _serve(
    scene: Scene,
    rng: random.Random,
    begin: float,
    times: Sequence[float],
    *,
    rps: float,
    rate: Rate,
) -> list[tuple[int, int]]:
    served, good, bad, at = [], 0, 0, begin
    for time in times:
        while at < time - 1e-9:
            until = min(time, at + scene.step)
            requests = poisson(rng, rps * (until - at))
            errors = binomial(rng, requests, rate((at + until) / 2))
            good, bad, at = good + requests - errors, bad + errors, until
        served.append((good, bad))
    return served


def _counters(arm: Arm, name: str, times: Sequence[float], served: Sequence[tuple[int, int]]) -> list[Counter]:
    """A series exists from its first request on."""
    found = []
    for key, index in (("2xx", 0), ("5xx", 1)):
        samples = tuple(
            (ANCHOR + time, float(counts[index])) for time, counts in zip(times, served, strict=True) if counts[index]
        )
        if samples:
            found.append(Counter(arm, name, key, index, samples))
    return found


def clip(window: Window, start: float, now: float) -> Window:
    """The same as Prometheus would have answered at `now` for the range from `start`."""
    counters = tuple(
        replace(c, samples=kept)
        for c in window.counters
        if (kept := tuple(s for s in c.samples if start <= s[0] <= now))
    )
    targets = tuple(
        replace(t, scrapes=kept)
        for t in window.targets
        if (kept := tuple(s for s in t.scrapes if start <= s[0] <= now))
    )
    return replace(window, counters=counters, targets=targets, start=start, now=now)


def outages(rng: random.Random, usual: float, worst: float, lengths: Sequence[float]) -> Rate:
    """An error rate that both arms share: `worst` in stretches of the given lengths."""
    spans: list[tuple[float, float]] = []
    at = rng.uniform(5.0, 60.0)
    while at < 3600.0:
        spans.append((at, at + rng.choice(lengths)))
        at = spans[-1][1] + rng.uniform(20.0, 120.0)
    return lambda time: worst if any(a <= time < b for a, b in spans) else usual


def always(rate: float) -> Rate:
    return lambda _: rate
