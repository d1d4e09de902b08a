"""Confidence intervals that hold at every look at once, as status shows them beside each estimate.

`P(the true value is ever outside of its interval) <= alpha`, however often one looks and whenever
one stops: the interval is all values that a test martingale has not rejected at 1/alpha (Ville
1939; Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric,
nonasymptotic confidence sequences", Ann. Stat. 49(2), 2021).

Both assume that the estimated value does not change while it is estimated. They are for people to
read; the verdict comes from tests that assume no such thing.
"""

from __future__ import annotations

from math import exp, expm1, inf, isfinite, lgamma, log, log1p, pi, sqrt

_MOST = 1e12
"""Requests beyond which logarithms of gamma functions lose the digits needed; more are scaled down to it."""
_STEPS = 60
_LOG_PRIOR = log(pi)
"""Logarithm of B(1/2, 1/2)."""


def interval(requests: float, bad: float, alpha: float, dispersion: float = 1.0) -> tuple[float, float]:
    """Always-valid interval of a constant rate, `bad / requests` being its estimate.

    The martingale is `B(x + 1/2, n - x + 1/2) / B(1/2, 1/2) / (p^x (1 - p)^(n - x))`, the mixture
    over Jeffreys' prior of the likelihood ratios against p. Counts are divided by the dispersion:
    each ratio to the power 1/D is an e-value still (Jensen).

    Args:
        requests: seen so far, cumulative.
        bad: of them; what lies outside of 0 to `requests` counts as the nearest of these.
        alpha: probability of ever missing the rate, in (0, 1).
        dispersion: design effect of the counts; below 1 counts as 1.

    Returns:
        Bounds in [0, 1] around the estimate; (0, 1) without a request.

    Raises:
        ValueError: alpha is outside of (0, 1).
    """
    _check(alpha)
    if not requests > 0.0 or bad != bad:  # noqa: PLR0124 - only NaN differs from itself
        return 0.0, 1.0
    shrink = max(1.0, dispersion, requests / _MOST)
    n = requests / shrink
    x = min(max(bad / shrink, 0.0), n)
    edge = lgamma(x + 0.5) + lgamma(n - x + 0.5) - lgamma(n + 1.0) - _LOG_PRIOR + log(alpha)
    low = 0.0 if x <= 0.0 else 1.0 / (1.0 + exp(-_lower(n, x, edge)))
    if x <= 0.0:
        return low, -expm1(edge / n)
    if x >= n:
        return exp(edge / n), 1.0
    return low, 1.0 / (1.0 + exp(_lower(n, n - x, edge)))


def _lower(n: float, x: float, edge: float) -> float:
    """The lower root, in log-odds t, of `x t - n log(1 + e^t) = edge`.

    The left side is the log-likelihood, concave in t and below `x t`, so Newton's steps from
    `edge / x` on climb towards the root and never pass it: stopping early is only wider.
    """
    t = max(edge / x, -700.0)
    for _ in range(_STEPS):
        rate = 1.0 / (1.0 + exp(-t))
        slope = x - n * rate
        missing = edge - (x * t - n * (log1p(exp(t)) if t < 0.0 else t + log1p(exp(-t))))
        if slope <= 0.0 or missing <= 0.0:
            break
        step = missing / slope
        t += step
        if step <= 1e-12:
            break
    return t


def mean_interval(mean: float, variance: float, alpha: float, scale: float) -> tuple[float, float]:
    """Always-valid interval of a constant mean, or difference of means, by the normal mixture.

    It inverts `sqrt(v / (v + s^2)) exp(s^2 (m - mu)^2 / (2 v (v + s^2))) >= 1/alpha`, so its half width
    is `sqrt(v (v + s^2) / s^2 (2 log(1/alpha) + log((v + s^2) / v)))` (Johari, Koomen, Pekelis and
    Walsh, "Always valid inference", Oper. Res. 70(3), 2022). With an estimated variance it holds
    asymptotically (Waudby-Smith et al., Ann. Stat. 52(6), 2024).

    Args:
        mean: the estimate m.
        variance: v of the estimate, not of one value.
        alpha: probability of ever missing the mean, in (0, 1).
        scale: s, the deviation that one cares about, above 0; the interval is narrowest when it is found.

    Returns:
        Bounds around the estimate; both infinite when the variance is 0 or no number, since equal
        values tell nothing of the spread.

    Raises:
        ValueError: alpha is outside of (0, 1), or the scale is not above 0.
    """
    _check(alpha)
    if not (isfinite(scale) and scale > 0.0):
        raise ValueError(f"scale must be above 0, got {scale}")
    if not (isfinite(variance) and variance > 0.0 and isfinite(mean)):
        return -inf, inf
    # v / s^2 is the only ratio that matters; products of v itself could underflow.
    ratio = variance / scale / scale
    if not ratio > 0.0:
        return mean, mean
    half = scale * sqrt(ratio * (1.0 + ratio) * (log1p(1.0 / ratio) - 2.0 * log(alpha)))
    return mean - half, mean + half


def _check(alpha: float) -> None:
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha must be between 0 and 1, both excluded, got {alpha}")
