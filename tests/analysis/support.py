"""Traffic for the judge: counters as Prometheus would hold them, from seeded random requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from serinus.analysis import Arm, Counter, Judgement, RatePolicy, Target, Trial, Window, begin, fold, reweigh

ANCHOR = 1_000_000.0
Generator = np.random.Generator
Rate = Callable[[float], float | Sequence[float]]
"""Chances of the kinds of requests at a time, but the first kind, which takes the rest."""

Cells = tuple[tuple[float, ...], ...]
"""What a request of each kind adds to the cells."""
ERRORS: Cells = ((1.0, 0.0), (0.0, 1.0))
"""Kinds are fine and failed."""
MEANS: Cells = ((1.0, 0.0, 0.0), (1.0, 1.0, 1.0))
"""Kinds are values of 0 and of 1; cells are count, sum and sum of squares."""


def slow(bounds: int) -> Cells:
    """Kinds are the buckets of a histogram; cells are cumulative, the last one counts all requests."""
    return tuple(tuple(float(cell >= kind) for cell in range(bounds + 1)) for kind in range(bounds + 1))


def seeded(seed: int) -> Generator:
    return np.random.default_rng(seed)


@dataclass(frozen=True)
class Scene:
    """A rollout: who serves how much, and when each target is scraped."""

    rps: float = 100.0
    share: float = 0.1
    canaries: int = 1
    stables: int = 3
    proxies: int = 1
    interval: float = 5.0
    duration: float = 120.0
    history: float = 60.0
    step: float = 1.0
    warm: float = 15.0
    """Seconds before the rollout since when the canary's pods are scraped, idle."""
    cells: Cells = ERRORS


def pods(scene: Scene, rng: Generator, canary: Rate, stable: Rate) -> Window:
    """Arms apart: every pod is a target with its own scrape offset."""
    counters: list[Counter] = []
    targets: list[Target] = []
    for arm, count in ((Arm.CANARY, scene.canaries), (Arm.STABLE, scene.stables)):
        new = arm is Arm.CANARY
        rps = scene.rps * (scene.share if new else 1.0 - scene.share) / count
        begin_at, rate = (0.0, canary) if new else (-scene.history, stable)
        for number in range(count):
            name = f"{arm.value}-{number}"
            times = _times(scene, (-scene.warm if new else begin_at) + rng.random() * scene.interval)
            targets.append(Target(name, arm, tuple((ANCHOR + t, 1.0) for t in times.tolist())))
            counters.extend(_counters(arm, name, times, _serve(scene, rng, begin_at, times, rps=rps, rate=rate)))
    return _window(scene, counters, targets)


def proxies(scene: Scene, rng: Generator, canary: Rate, stable: Rate) -> Window:
    """Arms together: every proxy reports both."""
    counters: list[Counter] = []
    targets: list[Target] = []
    for number in range(scene.proxies):
        name = f"proxy-{number}"
        times = _times(scene, -scene.history + rng.random() * scene.interval)
        targets.append(Target(name, None, tuple((ANCHOR + t, 1.0) for t in times.tolist())))
        for arm, share, begin_at, rate in (
            (Arm.CANARY, scene.share, 0.0, canary),
            (Arm.STABLE, 1.0 - scene.share, -scene.history, stable),
        ):
            rps = scene.rps * share / scene.proxies
            counters.extend(_counters(arm, name, times, _serve(scene, rng, begin_at, times, rps=rps, rate=rate)))
    return _window(scene, counters, targets)


def _window(scene: Scene, counters: list[Counter], targets: list[Target]) -> Window:
    start = ANCHOR - max(scene.history, 3 * scene.interval)
    return Window(tuple(counters), tuple(targets), start, ANCHOR + scene.duration, scene.interval)


def _times(scene: Scene, first: float) -> np.ndarray:
    count = int((scene.duration - first) // scene.interval) + 1
    return np.round(first + scene.interval * np.arange(count), 3)


def _serve(scene: Scene, rng: Generator, begin_at: float, times: np.ndarray, *, rps: float, rate: Rate) -> np.ndarray:
    """Cells at each scrape, from requests that come as a Poisson process from `begin_at` on."""
    steps = np.arange(begin_at, times[-1], scene.step)
    edges = np.unique(np.concatenate([steps, times[times > begin_at]]))
    middles = (edges[:-1] + edges[1:]) / 2
    others = np.array([np.atleast_1d(rate(float(t))) for t in middles]).reshape(len(middles), -1)
    chances = np.concatenate([1.0 - others.sum(axis=1, keepdims=True), others], axis=1)
    kinds = rng.multinomial(rng.poisson(rps * np.diff(edges)), np.clip(chances, 0.0, 1.0))
    grown = np.concatenate([np.zeros((1, kinds.shape[1])), kinds.cumsum(axis=0)])
    return grown[np.clip(np.searchsorted(edges, times, side="right") - 1, 0, None)] @ np.array(scene.cells)


def _counters(arm: Arm, name: str, times: np.ndarray, cells: np.ndarray) -> list[Counter]:
    """A series exists from its first request on."""
    found = []
    for cell in range(cells.shape[1]):
        samples = tuple(
            (float(ANCHOR + time), float(value)) for time, value in zip(times, cells[:, cell], strict=True) if value
        )
        if samples:
            found.append(Counter(arm, name, f"cell-{cell}", cell, samples))
    return found


def clip(window: Window, start: float, now: float) -> Window:
    """The same as Prometheus would have answered at `now` for the range from `start`."""
    counters = tuple(
        c._replace(samples=kept)
        for c in window.counters
        if (kept := tuple(s for s in c.samples if start <= s[0] <= now))
    )
    targets = tuple(
        replace(t, scrapes=kept)
        for t in window.targets
        if (kept := tuple(s for s in t.scrapes if start <= s[0] <= now))
    )
    return replace(window, counters=counters, targets=targets, start=start, now=now)


def without(window: Window, target: str, start: float, end: float = float("inf")) -> Window:
    """The window in which a target was not scraped in `[start, end)`."""

    def kept(samples: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        return tuple(s for s in samples if not start <= s[0] < end)

    return replace(
        window,
        targets=tuple(replace(t, scrapes=kept(t.scrapes)) if t.name == target else t for t in window.targets),
        counters=tuple(c._replace(samples=kept(c.samples)) if c.target == target else c for c in window.counters),
    )


def churn(window: Window, rng: Generator) -> Window:
    """One stable pod dies somewhere, another is born somewhere."""
    dies, born = ANCHOR + rng.uniform(10, 80), ANCHOR + rng.uniform(10, 110)
    window = without(window, next(t.name for t in window.targets if t.arm is Arm.STABLE), dies)
    times = np.arange(born, window.now, window.interval).tolist()
    cells = sorted({c.cell for c in window.counters})
    counters = [
        Counter(Arm.STABLE, "newborn", f"cell-{cell}", cell, tuple((t, (i + 1) * each) for i, t in enumerate(times)))
        for cell, each in ((cell, 150.0 if cell in {0, cells[-1]} and cells != [0, 1] else 1.0) for cell in cells)
    ]
    newborn = Target("newborn", Arm.STABLE, tuple((t, 1.0) for t in times))
    return replace(window, targets=(*window.targets, newborn), counters=(*window.counters, *counters))


def always(rate: float | Sequence[float]) -> Rate:
    return lambda _: rate


def outage(start: float, length: float, worst: float, usual: float = 0.005) -> Rate:
    """An error rate that is `worst` for a while."""
    return lambda time: worst if start <= time < start + length else usual


def judged(window: Window, policy: RatePolicy | None = None, share: float = 0.1) -> Judgement:
    return fold(reweigh(begin(policy or RatePolicy(), ANCHOR), ANCHOR, share), window)


def failed(judgement: Judgement, alpha: float = 0.01) -> float | None:
    """When the newest fold's evidence first reached 1/alpha, in seconds after the anchor."""
    return next((time - ANCHOR for time, value in judgement.trail if value >= -np.log(alpha)), None)


def latch_of(trial: Trial) -> tuple[float, str] | None:
    return (trial.latch.time, trial.latch.name) if trial.latch else None
