"""The e-value of one block of requests against "the canary is not worse than allowed".

Null hypothesis, for the requests of every block: `p_canary <= rho * p_stable + delta`, a convex
half plane. For an alternative `(a1, b1)` outside of it, let `(a0, b0)` be the point of the half
plane that minimises `n_c KL(a1 || a) + n_s KL(b1 || b)`. The likelihood ratio of `(a1, b1)` to
`(a0, b0)` has expectation at most 1 under every point of the null: the construction of Turner, Ly
and Gruenwald, "Generic E-variables for exact sequential k-sample tests" (J. Stat. Plan. Inference
230, 2024, arXiv 2106.02693) for two Bernoulli samples in blocks, with the convex nulls of Turner
and Gruenwald (Stat. Probab. Lett. 2023, arXiv 2203.09785).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, log1p

_STEPS = 80
_CERTAIN = 1.0 - 1e-9


@dataclass(frozen=True, slots=True)
class Block:
    """Requests of both arms that were served under the same conditions.

    Attributes:
        start: no request is older, Unix seconds.
        end: no canary request is newer, Unix seconds.
        time: the newest sample that the block needed.
        n_c: requests of the canary.
        x_c: errors among them.
        n_s: requests of stable.
        x_s: errors among them.
    """

    start: float
    end: float
    time: float
    n_c: float
    x_c: float
    n_s: float
    x_s: float


def log_e_values(block: Block, b1: float, rho: float, delta: float, odds: Sequence[float]) -> list[float]:
    """Natural logarithms of the block's e-values, one per alternative.

    Args:
        block: the counts.
        b1: stable's error rate as expected from data before the block, in (0, 1).
        rho: relative tolerance, above 0.
        delta: absolute tolerance, in [0, 1).
        odds: the alternatives: multiples, above 1, of the odds of the rate `rho * b1 + delta`.

    Returns:
        Zeros where the block says nothing: an arm without requests, or stable expected to fail so
        often that no canary could be worse.
    """
    limit = rho * b1 + delta
    if block.n_c <= 0.0 or block.n_s <= 0.0 or limit >= _CERTAIN:
        return [0.0] * len(odds)
    limit_odds = limit / (1.0 - limit)
    log_b1, log_not_b1 = log(b1), log1p(-b1)
    good_c, good_s = block.n_c - block.x_c, block.n_s - block.x_s
    logs = []
    for multiple in odds:
        a1 = multiple * limit_odds / (1.0 + multiple * limit_odds)
        log_not_a1 = -log1p(multiple * limit_odds)
        b0 = project(block.n_c, block.n_s, a1, b1, rho=rho, delta=delta)
        a0 = rho * b0 + delta
        value = good_c * (log_not_a1 - log1p(-a0)) + good_s * (log_not_b1 - log1p(-b0))
        if block.x_c:
            value += block.x_c * (log(a1) - log(a0))
        if block.x_s:
            value += block.x_s * (log_b1 - log(b0))
        logs.append(value)
    return logs


def project(  # noqa: PLR0913 - the six numbers of the formula
    n_c: float, n_s: float, a1: float, b1: float, *, rho: float, delta: float
) -> float:
    """Stable's rate `b0` at the point of the null's edge that is nearest to `(a1, b1)`.

    It is the root in `[b1, (a1 - delta) / rho]` of
    `n_c rho (a1 - a) b (1 - b) + n_s (b1 - b) a (1 - a)` with `a = rho b + delta`, the derivative
    of the convex objective without its positive denominators. Newton's steps, replaced by halving
    wherever they leave the bracket; they end at the precision of floating point.
    """
    low, high = b1, min((a1 - delta) / rho, _CERTAIN)
    weight = n_c * rho
    b = (weight * high * b1 + n_s * b1 * high) / (weight * b1 + n_s * high)
    for _ in range(_STEPS):
        a = rho * b + delta
        spread_b, spread_a = b * (1.0 - b), a * (1.0 - a)
        value = weight * (a1 - a) * spread_b + n_s * (b1 - b) * spread_a
        if value > 0.0:
            low = b
        elif value < 0.0:
            high = b
        else:
            break
        slope = weight * ((a1 - a) * (1.0 - 2.0 * b) - rho * spread_b) + n_s * (
            (b1 - b) * rho * (1.0 - 2.0 * a) - spread_a
        )
        following = b - value / slope if slope else low
        if not low < following < high:
            following = 0.5 * (low + high)
        if abs(following - b) <= 1e-14 * b:
            b = following
            break
        b = following
    return b
