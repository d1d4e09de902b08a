"""Runs through the shipped fold, with all its structure: one by one, or several that share the scrapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log
from typing import TypeAlias

import numpy as np

from serinus.analysis import Judgement, RatePolicy, Trial, begin, begin_trial, fold, reweigh, reweigh_trial, take_in

from .scene import ANCHOR, Film, Scene, film

Array: TypeAlias = np.ndarray
NAME = "error-rate"
TOGETHER = 20
"""Runs that share scrapes, requests and outages, and differ in which requests are bad."""
_LOOKS = (300.0, 900.0, 1800.0)
"""Where a run is cut that is expected to end early; it does not change the verdict."""


class Watched(Judgement):
    """A judgement whose rows are runs: it keeps the evidence of each of them at each block."""

    __slots__ = ()
    seen: list[Array] = []

    @property
    def log_evidence(self) -> float:
        """Of all rows together, which nobody asks for; each row's is kept."""
        Watched.seen.append(self.row_evidence)
        return 0.0


def watched(scene: Scene, policy: RatePolicy, runs: int) -> Watched:
    """So many runs under the same policy, with all changes of the weight."""
    rows = replace(policy, bounds=tuple(float(number) for number in range(1, runs + 1)))
    judgement = begin(rows, ANCHOR)
    for at, share in scene.weights:
        judgement = reweigh(judgement, ANCHOR + at, share)
    return Watched(*judgement)


def looks(scene: Scene, *, early: bool) -> list[float]:
    """When a run is looked at: once at the end, unless it may end early or samples are late."""
    if scene.behind:
        return np.arange(scene.interval, scene.duration + scene.interval, scene.interval).tolist()
    first = [at for at in _LOOKS if at < scene.duration] if early else []
    return [*first, scene.duration]


def failed_after(shown: Film, policy: RatePolicy, alpha: float, runs: int, *, early: bool = False) -> Array:
    """Seconds from the anchor until the sample that made the canary fail, by run; infinity for never."""
    judgement, delay = watched(shown.scene, policy, runs), np.full(runs, np.inf)
    newest = -np.inf
    for now in looks(shown.scene, early=early):
        Watched.seen.clear()
        judgement = fold(judgement, shown.window(now))
        for (time, *_), evidence in zip(judgement.trail, Watched.seen, strict=True):
            newest = max(newest, time)
            delay[np.isinf(delay) & (evidence >= -log(alpha))] = newest - ANCHOR
        if np.isfinite(delay).all():
            break
    return delay


def failed_alone(shown: Film, policy: RatePolicy, alpha: float) -> float:
    """The same of a film with one run, by the trial that ships."""
    trial = begun(shown.scene, policy, alpha)
    trial = take_in(trial, {NAME: shown.window(shown.scene.duration)})
    return trial.latch.time - ANCHOR if trial.latch else np.inf


def begun(scene: Scene, policy: RatePolicy, alpha: float) -> Trial:
    """The trial with all changes of the weight."""
    trial = begin_trial({NAME: policy}, alpha, ANCHOR)
    for at, share in scene.weights:
        trial = reweigh_trial(trial, ANCHOR + at, share)
    return trial


def delays(
    scene: Scene,
    policies: Sequence[tuple[str, RatePolicy, float]],
    runs: int,
    seed: np.random.SeedSequence,
    *,
    early: bool,
) -> dict[str, list[float]]:
    """Seconds from when the canary became bad until it failed, by name of the policy."""
    found: dict[str, list[float]] = {name: [] for name, _, _ in policies}
    for child, number in _films(seed, runs):
        shown = film(scene, np.random.default_rng(child), number)
        for name, policy, alpha in policies:
            found[name].extend(failed_after(shown, policy, alpha, number, early=early) - scene.late)
    return found


def delays_alone(
    scene: Scene, policies: Sequence[tuple[str, RatePolicy, float]], runs: int, seed: np.random.SeedSequence
) -> dict[str, list[float]]:
    """The same, each run by itself and by the trial that ships: with counters of good and of bad answers."""
    found: dict[str, list[float]] = {name: [] for name, _, _ in policies}
    for child in seed.spawn(runs):
        shown = film(scene, np.random.default_rng(child))
        for name, policy, alpha in policies:
            found[name].append(failed_alone(shown, policy, alpha) - scene.late)
    return found


def _films(seed: np.random.SeedSequence, runs: int) -> list[tuple[np.random.SeedSequence, int]]:
    """Seeds, and how many runs there are with each; at least two."""
    films = -(-runs // TOGETHER)
    return [(child, max(2, min(TOGETHER, runs))) for child in seed.spawn(films)]


def proofs(scene: Scene, policy: RatePolicy, runs: int, seed: np.random.SeedSequence, every: float) -> list[float]:
    """Requests of the canary until it was proven not to be worse; infinity for never."""
    found: list[float] = []
    for child, number in _films(seed, runs):
        shown = film(scene, np.random.default_rng(child), number)
        judgement, needed = watched(scene, policy, number), np.full(number, np.inf)
        for now in np.arange(every, scene.duration + 1.0, every).tolist():
            judgement = fold(judgement, shown.window(now))
            new = np.isinf(needed) & (judgement.row_proof >= policy.log_proof_threshold)
            needed[new] = float(judgement.canary[0])
            if np.isfinite(needed).all():
                break
        found.extend(needed)
    return found
