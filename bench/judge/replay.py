"""Runs through the shipped `Trial`, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np

from serinus.analysis import RatePolicy, Trial, begin_trial, reweigh_trial, take_in

from .scene import ANCHOR, Film, Scene, film

NAME = "error-rate"
_LOOKS = (300.0, 900.0, 1800.0)
"""Where a run is cut that is expected to end early; it does not change the verdict."""


def begun(scene: Scene, policy: RatePolicy, alpha: float) -> Trial:
    """The trial with all changes of the weight."""
    trial = begin_trial({NAME: policy}, alpha, ANCHOR)
    for at, share in scene.weights:
        trial = reweigh_trial(trial, ANCHOR + at, share)
    return trial


def looks(scene: Scene, *, early: bool) -> list[float]:
    """When a run is looked at: once at the end, unless it may end early or samples are late."""
    if scene.behind:
        return np.arange(scene.interval, scene.duration + scene.interval, scene.interval).tolist()
    first = [at for at in _LOOKS if at < scene.duration] if early else []
    return [*first, scene.duration]


def failed_after(run: Film, policy: RatePolicy, alpha: float, *, early: bool = False) -> float:
    """Seconds from the anchor until the sample that made the canary fail; infinity for never."""
    trial = begun(run.scene, policy, alpha)
    for now in looks(run.scene, early=early):
        trial = take_in(trial, {NAME: run.window(now)})
        if trial.latch:
            return trial.latch.time - ANCHOR
    return inf


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
    for child in seed.spawn(runs):
        run = film(scene, np.random.default_rng(child))
        for name, policy, alpha in policies:
            found[name].append(failed_after(run, policy, alpha, early=early) - scene.late)
    return found


def proofs(scene: Scene, policy: RatePolicy, runs: int, seed: np.random.SeedSequence, every: float) -> list[float]:
    """Requests of the canary until it was proven not to be worse; infinity for never."""
    found = []
    for child in seed.spawn(runs):
        run, needed = film(scene, np.random.default_rng(child)), inf
        trial = begun(scene, policy, 0.01)
        for now in np.arange(every, scene.duration + 1.0, every).tolist():
            trial = take_in(trial, {NAME: run.window(now)})
            test = trial.tests[NAME]
            if test.log_proof >= policy.log_proof_threshold:
                needed = float(test.canary[0])
                break
        found.append(needed)
    return found
