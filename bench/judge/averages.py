"""Values of a business metric, for the test of means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import TypeAlias

import numpy as np

from serinus.analysis import MeanPolicy
from serinus.analysis.strata import estimate, no_strata

from .draws import Generator

Array: TypeAlias = np.ndarray
MEAN = 10.0
_OFTEN = 0.05


@dataclass(frozen=True)
class Values:
    """What both arms' requests are worth.

    Attributes:
        law: normal, lognormal (of which `spread` is sigma) or bernoulli.
        spread: standard deviation in means (normal), sigma (lognormal).
        worse: share by which the canary's mean is lower.
        looks: how often the evidence is looked at.
        between: values of each arm between two looks.
    """

    law: str
    spread: float = 1.0
    worse: float = 0.0
    looks: int = 240
    between: int = 100

    @property
    def mean(self) -> float:
        """Stable's mean."""
        return _OFTEN if self.law == "bernoulli" else MEAN


def crossings(
    values: Values, policy: MeanPolicy, alphas: Sequence[float], runs: int, rng: Generator
) -> dict[float, list[float]]:
    """Values per arm until the evidence reaches 1/alpha, per run; infinity for never."""
    found: dict[float, list[float]] = {alpha: [] for alpha in alphas}
    for _ in range(runs):
        rows = np.cumsum(np.stack([_sums(values, rng, arm) for arm in (1.0 - values.worse, 1.0)]), axis=1)
        evidence = np.array(estimate(policy, no_strata(policy), rows).log_e(policy)[0])
        for alpha in alphas:
            crossed = evidence >= -log(alpha)
            found[alpha].append(values.between * (crossed.argmax() + 1.0) if crossed.any() else np.inf)
    return found


def _sums(values: Values, rng: Generator, factor: float) -> Array:
    """Count, sum and sum of squares between looks."""
    shape = (values.looks, values.between)
    if values.law == "bernoulli":
        total = rng.binomial(values.between, values.mean * factor, values.looks).astype(float)
        return np.stack([np.full(values.looks, float(values.between)), total, total], axis=1)
    if values.law == "lognormal":
        drawn = factor * MEAN * np.exp(values.spread * rng.standard_normal(shape) - 0.5 * values.spread**2)
    else:
        drawn = np.maximum(factor * MEAN * (1.0 + values.spread * rng.standard_normal(shape)), 0.0)
    count = np.full(values.looks, float(values.between))
    return np.stack([count, drawn.sum(axis=1), (drawn * drawn).sum(axis=1)], axis=1)
