"""What Prometheus would hold of a rollout, run by run: for the shipped fold, with all its structure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from serinus.analysis import Arm, Counter, Target, Window

from .draws import Generator, bad_of

Array: TypeAlias = np.ndarray
ANCHOR = 1_000_000.0


@dataclass(frozen=True)
class Scene:
    """A rollout: who serves how much, how it fails, and when each target is scraped.

    Times are seconds since the canary gets traffic.

    Attributes:
        rps: requests a second, both arms together.
        weights: changes of the canary's share: (time, share).
        canary: its error rate.
        stable: stable's.
        pods: the pods of canary and stable are the targets; otherwise one proxy.
        canaries: pods of the canary.
        stables: pods of stable.
        interval: between scrapes.
        duration: of a run.
        history: stable is scraped since so long.
        late: the canary is as stable until then.
        outage: length, at a random time, and the rate at which both arms fail in it.
        outages: lengths to choose from, one outage after the other, and that rate.
        drift: both arms' rate at the begin and at the end.
        effect: design effect of errors, by pod and interval.
        kind: of the over-dispersion, see `bad_of`.
        life: mean seconds until a pod is replaced by a new one, 0 for never.
        reset: mean seconds until a process restarts in place and counts from 0, 0 for never.
        missing: share of the scrapes that fail.
        behind: samples show up late by up to so many intervals; judged at every interval.
    """

    rps: float = 100.0
    weights: tuple[tuple[float, float], ...] = ((0.0, 0.1),)
    canary: float = 0.005
    stable: float = 0.005
    pods: bool = True
    canaries: int = 2
    stables: int = 3
    interval: float = 15.0
    duration: float = 3600.0
    history: float = 600.0
    late: float = 0.0
    outage: tuple[float, float] | None = None
    outages: tuple[tuple[float, ...], float] | None = None
    drift: tuple[float, float] | None = None
    effect: float = 1.0
    kind: str = "beta"
    life: float = 0.0
    reset: float = 0.0
    missing: float = 0.0
    behind: float = 0.0


@dataclass(frozen=True)
class Series:
    """One counter of one target: the times of its samples, and its value at each."""

    arm: Arm
    target: str
    key: str
    cell: int
    times: Array
    values: Array


@dataclass(frozen=True)
class Film:
    """A whole run, from which any window can be cut.

    Attributes:
        scene: of which it is.
        series: of all targets.
        targets: name, arm, times of scrapes, and 1 or 0 for each.
        lag: how much later than its time each target's sample can be seen.
    """

    scene: Scene
    series: tuple[Series, ...]
    targets: tuple[tuple[str, Arm | None, Array, Array], ...]
    lag: dict[str, float]

    def window(self, now: float) -> Window:
        """What Prometheus would have answered at that time."""
        until = {name: now - self.lag[name] for name, _, _, _ in self.targets}
        targets = []
        for name, arm, times, ups in self.targets:
            end = int(np.searchsorted(times, until[name], side="right"))
            if end:
                targets.append(Target(name, arm, tuple(zip(_stamps(times[:end]), ups[:end].tolist(), strict=True))))
        counters = []
        for series in self.series:
            end = int(np.searchsorted(series.times, until[series.target], side="right"))
            if end:
                samples = zip(_stamps(series.times[:end]), series.values[:end].tolist(), strict=True)
                counters.append(Counter(series.arm, series.target, series.key, series.cell, tuple(samples)))
        start = ANCHOR - self.scene.history
        return Window(tuple(counters), tuple(targets), start, ANCHOR + now, self.scene.interval)


def _stamps(times: Array) -> list[float]:
    return (ANCHOR + np.round(times, 3)).tolist()


def film(scene: Scene, rng: Generator, runs: int = 1) -> Film:
    """One run with its counters of good and of bad answers; or several that share all but the bad answers.

    Several runs are told as a histogram is: cell k counts what is not bad in run k, the last cell all.
    """
    spans = _outages(scene, rng)
    series: list[Series] = []
    targets: list[tuple[str, Arm | None, Array, Array]] = []
    if scene.pods:
        for arm, number in ((Arm.CANARY, scene.canaries), (Arm.STABLE, scene.stables)):
            for place in range(number):
                for name, born, died in _lives(scene, rng, arm, place):
                    times, ups = _scrapes(scene, rng, born, died)
                    targets.append((name, arm, times, ups))
                    part = (name, arm, 1.0 / number, born, died)
                    series.extend(_served(scene, rng, spans, part, times[ups == 1.0], runs))
    else:
        times, ups = _scrapes(scene, rng, -scene.history, scene.duration)
        targets.append(("proxy", None, times, ups))
        for arm in (Arm.CANARY, Arm.STABLE):
            part = ("proxy", arm, 1.0, -scene.history, scene.duration)
            series.extend(_served(scene, rng, spans, part, times[ups == 1.0], runs))
    lag = {name: scene.behind * scene.interval * rng.random() for name, _, _, _ in targets}
    return Film(scene, tuple(series), tuple(targets), lag)


def _outages(scene: Scene, rng: Generator) -> tuple[tuple[float, float, float], ...]:
    """Begin, end and rate of what befalls both arms."""
    if scene.outage:
        length, rate = scene.outage
        at = rng.uniform(0.0, scene.duration - length)
        return ((at, at + length, rate),)
    found, at = [], rng.uniform(5.0, 60.0)
    while scene.outages and at < scene.duration:
        lengths, rate = scene.outages
        found.append((at, at + rng.choice(lengths), rate))
        at = found[-1][1] + rng.uniform(60.0, 300.0)
    return tuple(found)


def _lives(scene: Scene, rng: Generator, arm: Arm, place: int) -> list[tuple[str, float, float]]:
    """The pods that hold one place one after the other: name, begin and end."""
    # The canary's pods are ready, and scraped, before they get traffic.
    born, found = (-scene.history if arm is Arm.STABLE else -2.0 * scene.interval), []
    while born < scene.duration:
        died = scene.duration
        if scene.life:
            died = max(born, 0.0 if arm is Arm.CANARY else born) + rng.exponential(scene.life)
        found.append((f"{arm.value}-{place}-{len(found)}", born, min(died, scene.duration)))
        born = died
    return found


def _scrapes(scene: Scene, rng: Generator, born: float, died: float) -> tuple[Array, Array]:
    """When a target is scraped while it lives, and whether it answers."""
    times = np.arange(born + rng.random() * scene.interval, died, scene.interval)
    ups = (rng.random(len(times)) >= scene.missing).astype(float)
    return times, ups


def _served(  # noqa: PLR0913, PLR0917
    scene: Scene,
    rng: Generator,
    spans: tuple[tuple[float, float, float], ...],
    part: tuple[str, Arm, float, float, float],
    times: Array,
    runs: int,
) -> list[Series]:
    """The counters of one target, each from the first answer on that it counts."""
    name, arm, share, born, died = part
    resets = _resets(scene, rng, born, died)
    inner = [born, died, 0.0, scene.late, *resets]
    inner += [at for begin, end, _ in spans for at in (begin, end)] + [at for at, _ in scene.weights]
    edges = np.unique(np.concatenate([times, [at for at in inner if born <= at <= died]]))
    middles, lengths = 0.5 * (edges[:-1] + edges[1:]), np.diff(edges)
    requests = rng.poisson(lengths * scene.rps * share * _shares(scene, arm, middles))
    rates = _rates(scene, arm, spans, middles)
    bad = bad_of(rng, np.tile(requests, (runs, 1)), rates, scene.effect, scene.kind)
    cells = [*(requests - bad), requests if runs > 1 else bad[0]]
    key = "histogram#{}" if runs > 1 else "answers-{}"  # buckets fall together, counters each by itself
    found = []
    for cell, counted in enumerate(cells):
        total = np.concatenate([[0.0], np.cumsum(counted)])
        values = total[np.searchsorted(edges, times)]
        if resets:
            base = np.concatenate([[0.0], total[np.searchsorted(edges, resets)]])
            values = values - base[np.searchsorted(resets, times, side="right")]
        there = values > 0.0
        found.append(Series(arm, name, key.format(cell), cell, times[there], values[there]))
    return found


def _resets(scene: Scene, rng: Generator, born: float, died: float) -> list[float]:
    found, at = [], born
    while scene.reset:
        at += rng.exponential(scene.reset)
        if at >= died:
            break
        found.append(at)
    return found


def _shares(scene: Scene, arm: Arm, times: Array) -> Array:
    """The arm's share of the traffic at these times."""
    share = np.zeros(len(times))
    for at, weight in scene.weights:
        share[times > at] = weight
    return share if arm is Arm.CANARY else 1.0 - share


def _rates(scene: Scene, arm: Arm, spans: tuple[tuple[float, float, float], ...], times: Array) -> Array:
    """The arm's error rate at these times."""
    usual = np.full(len(times), scene.stable)
    if scene.drift:
        first, last = scene.drift
        usual = first + (last - first) * np.clip(times / scene.duration, 0.0, 1.0)
    if arm is Arm.CANARY:
        usual = np.where(times >= scene.late, usual + scene.canary - scene.stable, usual)
    for begin, end, rate in spans:
        usual = np.where((times > begin) & (times < end), np.maximum(rate, usual), usual)
    return usual
