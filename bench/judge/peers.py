"""The rules of Flagger and Kayenta, for many runs at once.

Both see one value per minute. Flagger (`pkg/controller/scheduler.go`): a check fails when the
canary's success rate over the last minute is below 99 %, or when it has none; failed checks add up,
and a tick first rolls back if there are `threshold` of them, then checks. Kayenta (`NetflixACAJudge`,
`MannWhitney`): every ten minutes, all points so far; a metric is High when the 98 % interval of the
shift between canary and stable (Mann-Whitney, normal approximation, ties, continuity) lies above a
quarter of the estimate and the ratio of means is not below 1. The one metric being High fails the
canary. The interval's ends are exact here: the limit of the original's root finder without tolerance.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray
MINUTE = 60.0
SUCCESS = 0.99
_Z98 = 2.3263478740408408
_TOLERANCE = 0.25
_LOOK = 10


def flagger(requests: Array, errors: Array, threshold: int) -> Array:
    """Seconds until the rollback, per run; infinity for none. Counts by minute, shape (runs, minutes)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        success = 1.0 - errors / requests
    failed = ~(success >= SUCCESS)
    reached = np.cumsum(failed, axis=1) >= threshold
    minute = np.where(reached.any(axis=1), reached.argmax(axis=1) + 2, np.inf)
    return np.where(minute <= requests.shape[1], minute * MINUTE, np.inf)


def kayenta(n_c: Array, x_c: Array, n_s: Array, x_s: Array, look: int = _LOOK) -> Array:
    """Seconds until the rollback, per run; infinity for none. Counts by minute, shape (runs, minutes)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        canary, stable = x_c / n_c, x_s / n_s
    delay = np.full(len(canary), np.inf)
    for minutes in range(look, canary.shape[1] + 1, look):
        open_ = np.flatnonzero(np.isinf(delay))
        if not len(open_):
            break
        found = worse(canary[open_, :minutes], stable[open_, :minutes])
        delay[open_[found]] = minutes * MINUTE
    return delay


def worse(experiment: Array, control: Array) -> Array:
    """Whether Kayenta's judge fails the canary; NaN is no value. Shapes (runs, points)."""
    x, y = np.sort(experiment, axis=1), np.sort(control, axis=1)
    n_x, n_y = (~np.isnan(x)).sum(axis=1), (~np.isnan(y)).sum(axis=1)
    empty = (n_x == 0) | (n_y == 0)
    pairs = np.sort((x[:, :, None] - y[:, None, :]).reshape(len(x), -1), axis=1)
    number = n_x * n_y
    rank = np.ceil(0.5 * number + 0.5 + _Z98 * _deviation(x, y, n_x, n_y)).astype(int)
    low = _at(pairs, np.clip(number - rank, 0, None))
    middle = np.clip(number - 1, 0, None)
    estimate = 0.5 * (_at(pairs, middle // 2) + _at(pairs, (middle + 1) // 2))
    high = low > _TOLERANCE * np.abs(estimate)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (np.nansum(x, axis=1) / n_x) / (np.nansum(y, axis=1) / n_y)
    effect = ~np.isfinite(ratio) | (ratio == 0.0) | (ratio >= 1.0)
    same = (n_x == n_y) & ((x == y) | (np.isnan(x) & np.isnan(y))).all(axis=1)
    # No data at all: half or more of the metrics without data is a score of 0.
    return empty | (high & effect & ~same)


def _deviation(x: Array, y: Array, n_x: Array, n_y: Array) -> Array:
    """Standard deviation of the statistic, with ties; shifted against each other the sides share none."""
    constant = (np.nanmax(x, axis=1, initial=-1.0) == np.nanmin(x, axis=1, initial=2.0)) & (
        np.nanmax(y, axis=1, initial=-1.0) == np.nanmin(y, axis=1, initial=2.0)
    )
    ties = np.where(constant, 0.0, _ties(x) + _ties(y))  # constant sides get noise there
    total = np.maximum(n_x + n_y, 2)
    return np.sqrt(np.maximum(n_x * n_y / 12.0 * ((total + 1) - ties / (total * (total - 1.0))), 0.0))


def _ties(values: Array) -> Array:
    """Sum of `t^3 - t` over groups of t equal values."""
    equal = (values[:, :, None] == values[:, None, :]).sum(axis=2)
    return np.where(equal > 0, equal.astype(float) ** 2 - 1.0, 0.0).sum(axis=1)


def _at(rows: Array, index: Array) -> Array:
    return np.take_along_axis(rows, index[:, None], axis=1)[:, 0]
