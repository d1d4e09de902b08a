"""Random requests: how many there are, and how many of them are bad."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray
Generator: TypeAlias = np.random.Generator


def bad_of(rng: Generator, requests: Array, rate: Array | float, effect: float = 1.0, kind: str = "beta") -> Array:
    """Bad requests among those of each pod and interval, with a design effect.

    Args:
        rng: where chance comes from.
        requests: of each pod and interval.
        rate: that they are bad with, broadcast to the requests.
        effect: the variance of a count is that many times the binomial one.
        kind: `beta`: a pod has bad intervals, its rate in each is drawn from a beta law;
            `bursts`: bad requests come `effect` at a time.
    """
    rate = np.broadcast_to(rate, requests.shape)
    if effect <= 1.0:
        return rng.binomial(requests, rate)
    if kind == "bursts":
        size = round(effect)
        return size * rng.binomial(requests // size, rate) + rng.binomial(requests % size, rate)
    within = np.minimum((effect - 1.0) / np.maximum(requests - 1.0, 1.0), 0.999)
    weight = 1.0 / within - 1.0
    inner = np.clip(rate, 1e-12, 1.0 - 1e-12)
    drawn = rng.beta(np.maximum(inner * weight, 1e-12), np.maximum((1.0 - inner) * weight, 1e-12))
    drawn = np.where((rate <= 0.0) | (rate >= 1.0), rate, drawn)
    return rng.binomial(requests, np.clip(np.nan_to_num(drawn), 0.0, 1.0))
