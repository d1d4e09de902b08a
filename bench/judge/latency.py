"""Requests by histogram bucket, for the test of latency: a lognormal service and slower versions of it."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, log, sqrt
from typing import TypeAlias

import numpy as np

from serinus.analysis import RatePolicy, choose

from .draws import Generator
from .stream import HOUR, Counts

Array: TypeAlias = np.ndarray
CLASSIC = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""The default buckets of Prometheus' client libraries."""
GROWTH = 2.0**0.125
NATIVE = tuple(GROWTH**k for k in range(-64, 28))
"""Bounds of a native histogram of schema 3 around what is measured here."""
MEDIAN, SIGMA = 0.05, 0.6


@dataclass(frozen=True)
class Load:
    """Latencies of both arms.

    Attributes:
        rps: requests a second, both arms together.
        share: the canary's.
        slower: factor by which `part` of the canary's requests are slower.
        part: share of the canary's requests that are slower.
        native: exponential buckets with a tolerance on the time axis, else the classic default ones.
        interval: between scrapes.
        duration: of a run.
    """

    rps: float = 100.0
    share: float = 0.1
    slower: float = 1.0
    part: float = 1.0
    native: bool = False
    interval: float = 15.0
    duration: float = HOUR


def policy_of(load: Load, delta: float, **more: float) -> RatePolicy:
    """The policy with bounds chosen as the operator does, from stable's usual hour."""
    bounds = NATIVE if load.native else CLASSIC
    requests = load.rps * HOUR
    slower = [round(requests * (1.0 - usual(bound))) for bound in bounds]
    return RatePolicy(delta=delta, margin=0.05, bounds=choose(bounds, slower, requests), **more)


def usual(bound: float) -> float:
    """Share of stable's requests that take at most so long."""
    return 0.5 * (1.0 + erf(log(bound / MEDIAN) / SIGMA / sqrt(2.0))) if bound > 0.0 else 0.0


def is_null(load: Load, bounds: tuple[float, ...], delta: float) -> bool:
    """Whether the canary is within the tolerance at every bound."""
    return all(_canary(load, bound) >= usual(bound) - delta - 1e-12 for bound in bounds)


def counts(load: Load, bounds: tuple[float, ...], runs: int, rng: Generator) -> Counts:
    """Requests slower than each bound, in each block of each run."""
    shape = (runs, round(load.duration / load.interval))
    mean = load.rps * load.interval
    n_c, x_c = _drawn(rng, mean * load.share, [_canary(load, bound) for bound in bounds], shape)
    quick = [usual(bound) for bound in bounds]
    n_s, x_s = _drawn(rng, mean * (1.0 - load.share), quick, shape)
    before, slow = _drawn(rng, mean * HOUR / load.interval, quick, (runs, 1))
    history = np.concatenate([before[..., None], slow], axis=2).swapaxes(0, 1)
    return Counts(n_c, x_c, n_s, x_s, history, load.share)


def _canary(load: Load, bound: float) -> float:
    """Share of the canary's requests that take at most the bound it is held against."""
    against = bound * (GROWTH if load.native else 1.0)
    return (1.0 - load.part) * usual(against) + load.part * usual(against / load.slower)


def _drawn(rng: Generator, mean: float, quick: list[float], shape: tuple[int, int]) -> tuple[Array, Array]:
    """Requests, and those slower than each bound."""
    shares = np.diff([0.0, *quick, 1.0])
    buckets = rng.poisson(mean * np.maximum(shares, 0.0), (*shape, len(shares)))
    slower = np.cumsum(buckets[..., ::-1], axis=-1)[..., ::-1]
    return slower[..., 0], slower[..., 1:]
