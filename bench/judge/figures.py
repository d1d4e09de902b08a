"""Shares with their Monte-Carlo limits, and medians, out of counted outcomes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import ceil, exp, lgamma, log, log1p, sqrt

NEVER = "never"
"""Key of the runs in which a rule never rolled back."""
_STEPS = 60
_Z = 1.959964


def limits(hits: int, runs: int) -> tuple[float, float]:
    """95 % limits of a share after Clopper and Pearson; never too narrow."""
    if runs == 0:
        return 0.0, 1.0
    low = 0.0 if hits == 0 else _solve(lambda p: _tail(hits, runs, p) - 0.025)
    high = 1.0 if hits == runs else _solve(lambda p: _tail(hits + 1, runs, p) - 0.975)
    return low, high


def _solve(rising: Callable[[float], float]) -> float:
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if rising(middle) < 0.0 else (low, middle)
    return 0.5 * (low + high)


def _tail(least: int, runs: int, p: float) -> float:
    """P(at least so many hits); the shorter side is summed."""
    if p <= 0.0 or p >= 1.0:
        return float(p >= 1.0)
    if least > runs * p:
        return _sum(range(least, runs + 1), runs, p)
    return 1.0 - _sum(range(least - 1, -1, -1), runs, p)


def _sum(counts: Iterable[int], runs: int, p: float) -> float:
    total = 0.0
    for count in counts:
        part = exp(
            lgamma(runs + 1)
            - lgamma(count + 1)
            - lgamma(runs - count + 1)
            + count * log(p)
            + (runs - count) * log1p(-p)
        )
        total += part
        if part < total * 1e-12:
            break
    return total


def quantile(counted: Mapping[str, int], share: float, runs: int | None = None) -> float | None:
    """The value that this share of the runs does not exceed; None if they never rolled back.

    Args:
        counted: how many runs had which value, keys being numbers or `NEVER`.
        share: of the runs, in (0, 1].
        runs: all of them; the sum of the counts when absent.
    """
    total = sum(counted.values()) if runs is None else runs
    rank, seen = max(1, ceil(share * total - 1e-9)), 0
    for value in sorted(float(key) for key in counted if key != NEVER):
        seen += counted[_key(counted, value)]
        if seen >= rank:
            return value
    return None


def _key(counted: Mapping[str, int], value: float) -> str:
    short = f"{value:g}"
    return short if short in counted else next(k for k in counted if k != NEVER and float(k) == value)


def median_limits(counted: Mapping[str, int]) -> tuple[float | None, float | None]:
    """95 % limits of the median, by its rank."""
    spread = _Z * 0.5 / sqrt(max(1, sum(counted.values())))
    return quantile(counted, max(1e-9, 0.5 - spread)), quantile(counted, min(1.0, 0.5 + spread))
