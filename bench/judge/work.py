"""Running a part of a cell: the unit that is spread over processes, with a seed of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from zlib import crc32

import numpy as np

from serinus.analysis import MeanPolicy, RatePolicy

from . import averages, latency, peers, replay, stream
from .cells import Cell, Rule
from .figures import NEVER

SEED = 20261122
AT_ONCE = {
    "stream": 1000,
    "total": 1000,
    "proof": 1000,
    "latency": 250,
    "scene": 100,
    "proof-scene": 100,
    "scene-alone": 50,
    "means": 250,
}
"""Runs of one part, by kind of cell."""


def seed_of(cell: Cell, part: int) -> np.random.SeedSequence:
    """The seed of one part of a cell; the same whatever else is run."""
    return np.random.SeedSequence([SEED, crc32(cell.name.encode()), part])


def run(cell: Cell, part: int, runs: int) -> dict[str, dict[str, int]]:
    """How many of the runs had which outcome, by rule."""
    seed = seed_of(cell, part)
    found = _KINDS[cell.kind](cell, runs, seed)
    return {name: counted(values) for name, values in found.items()}


def counted(values: Iterable[float]) -> dict[str, int]:
    """Outcomes as whole numbers, and how often each of them came."""
    keys = (NEVER if np.isinf(value) else f"{round(float(value)):d}" for value in values)
    return dict(Counter(keys))


def _streams(cell: Cell, runs: int, seed: np.random.SeedSequence) -> dict[str, Iterable[float]]:
    traffic = cell.subject
    assert isinstance(traffic, stream.Traffic)
    found = stream.counts(traffic, runs, np.random.default_rng(seed))
    delays = {name: verdict.seconds for name, verdict in _judged(found, cell.rules, traffic.interval).items()}
    if cell.peers:
        n_c, x_c, n_s, x_s = stream.minutes(found, traffic.interval)
        delays["Flagger 5"] = peers.flagger(n_c, x_c, 5)
        delays["Flagger 10"] = peers.flagger(n_c, x_c, 10)
        delays["Kayenta"] = peers.kayenta(n_c, x_c, n_s, x_s)
    return {name: seconds - traffic.late for name, seconds in delays.items()}


def _judged(found: stream.Counts, rules: tuple[Rule, ...], interval: float) -> dict[str, stream.Verdicts]:
    """The verdicts by rule; rules that differ in design effect or alpha alone share the e-values."""
    verdicts: dict[str, stream.Verdicts] = {}
    policies = {(each.policy.rho, each.policy.delta): each.policy for each in rules}  # type: ignore[union-attr]
    for key, policy in policies.items():
        same = [each for each in rules if (each.policy.rho, each.policy.delta) == key]  # type: ignore[union-attr]
        effects = {each.policy.dispersion for each in same}  # type: ignore[union-attr]
        alphas = {each.alpha for each in same}
        table = stream.judged(found, policy, interval, sorted(effects), sorted(alphas))  # type: ignore[arg-type]
        verdicts.update({each.name: table[each.policy.dispersion, each.alpha] for each in same})  # type: ignore[union-attr]
    return verdicts


def _latencies(cell: Cell, runs: int, seed: np.random.SeedSequence) -> dict[str, Iterable[float]]:
    load, policy = cell.subject, cell.rules[0].policy
    assert isinstance(load, latency.Load)
    assert isinstance(policy, RatePolicy)
    found = latency.counts(load, policy.bounds, runs, np.random.default_rng(seed))
    return {name: verdict.seconds for name, verdict in _judged(found, cell.rules, load.interval).items()}


def _totals(cell: Cell, runs: int, seed: np.random.SeedSequence) -> dict[str, Iterable[float]]:
    """Failed requests until the canary failed; and how many scrapes after the first one that held 2.3 D of them.

    Minus infinity is kept as -1: it failed before any scrape held so many.
    """
    traffic = cell.subject
    assert isinstance(traffic, stream.Traffic)
    found = stream.counts(traffic, runs, np.random.default_rng(seed))
    outcome: dict[str, Iterable[float]] = {}
    for name, verdict in _judged(found, cell.rules, traffic.interval).items():
        effect = next(each.policy.dispersion for each in cell.rules if each.name == name)  # type: ignore[union-attr]
        enough = found.x_c[..., 0] >= 2.3 * effect
        due = np.where(enough.any(axis=1), (enough.argmax(axis=1) + 1) * traffic.interval, np.inf)
        with np.errstate(invalid="ignore"):
            late = (verdict.seconds - due) / traffic.interval
        outcome[f"{name}: failed requests"] = verdict.bad
        outcome[f"{name}: scrapes too late"] = np.where(np.isinf(due) | (late < 0.0), -1.0, late)
        outcome[f"{name}: seconds"] = verdict.seconds
    return outcome


def _scenes(cell: Cell, runs: int, seed: np.random.SeedSequence) -> dict[str, Iterable[float]]:
    policies = [(each.name, each.policy, each.alpha) for each in cell.rules]
    return replay.delays(cell.subject, policies, runs, seed, early=cell.early)  # type: ignore[arg-type,return-value]


def _alone(cell: Cell, runs: int, seed: np.random.SeedSequence) -> dict[str, Iterable[float]]:
    policies = [(each.name, each.policy, each.alpha) for each in cell.rules]
    return replay.delays_alone(cell.subject, policies, runs, seed)  # type: ignore[arg-type,return-value]


def _proofs(cell: Cell, runs: int, seed: np.random.SeedSequence) -> dict[str, Iterable[float]]:
    traffic, policy = cell.subject, cell.rules[0].policy
    assert isinstance(traffic, stream.Traffic)
    assert isinstance(policy, RatePolicy)
    found = stream.counts(traffic, runs, np.random.default_rng(seed))
    effects = [each.policy.dispersion for each in cell.rules]  # type: ignore[union-attr]
    table = stream.proven(found, policy, traffic.interval, effects)
    return {each.name: table[effect].requests for each, effect in zip(cell.rules, effects, strict=True)}


def _proof_scenes(cell: Cell, runs: int, seed: np.random.SeedSequence) -> dict[str, Iterable[float]]:
    every = cell.subject.duration if cell.nulls else 30.0  # type: ignore[union-attr]
    each = cell.rules[0]
    return {each.name: replay.proofs(cell.subject, each.policy, runs, seed, every)}  # type: ignore[arg-type]


def _means(cell: Cell, runs: int, seed: np.random.SeedSequence) -> dict[str, Iterable[float]]:
    policy = cell.rules[0].policy
    assert isinstance(policy, MeanPolicy)
    alphas = {each.alpha: each.name for each in cell.rules}
    rng = np.random.default_rng(seed)
    found = averages.crossings(cell.subject, policy, list(alphas), runs, rng)  # type: ignore[arg-type]
    return {alphas[alpha]: values for alpha, values in found.items()}


_KINDS = {
    "stream": _streams,
    "latency": _latencies,
    "total": _totals,
    "scene": _scenes,
    "scene-alone": _alone,
    "proof": _proofs,
    "proof-scene": _proof_scenes,
    "means": _means,
}
