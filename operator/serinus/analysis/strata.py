"""How much worse the canary's mean is, pooled over periods in which its share did not change.

While its share grows, a metric that drifts with the hour would look different on both sides: the
canary got more of the evening (Simpson). Within one period both get the same part of every hour,
so each period h compares for itself: with the difference `d_h` and its variance `v_h` it brings the
information `1 / v_h` and the score `d_h / v_h`, and the pooled difference is `sum d_h/v_h / sum 1/v_h`.

By user bucket the values of one user are correlated, also between periods: a bucket of users is the
unit, a mean is a ratio of sums R with the delta method's variance
`U / (U - 1) sum_u (S_u - R N_u)^2 / (sum N_u)^2` (Deng, Knoblich and Lu, "Applying the delta method in
metric analytics", KDD 2018), and a bucket's deviations are added over the periods before they are squared.

The evidence is the one-sided mSPRT, `decision-engine.md` 2.3: with information I and score S
`M = 2 / sqrt(1 + t^2 I) exp(z^2 / 2) Phi(z)`, `z = S t / sqrt(1 + t^2 I)`, the likelihood ratios mixed over
a half normal of scale t above the margin (Johari et al., Oper. Res. 70(3), 2022, with estimated
variances valid asymptotically: Waudby-Smith et al., Ann. Stat. 52(6), 2024). With `v = 1 / I` and
`D = S / I` it is `2 sqrt(v / (v + t^2)) exp(t^2 D^2 / (2 v (v + t^2))) Phi(D t / sqrt(v (v + t^2)))`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, isfinite, log, log1p, pi, sqrt
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np

LEAST_UNITS = 32
"""User buckets with values that each side needs."""
Numbers: TypeAlias = np.ndarray
_Number = TypeVar("_Number", float, np.ndarray)
_NOISE = 1e-9
"""A spread below this part of the values themselves is rounding: the values are all equal."""
_BROKEN = 1e-6
_DEEP = -10.0


@dataclass(frozen=True, slots=True)
class MeanPolicy:
    """Take the canary back when its mean is worse than stable's by more than the margin.

    The same margin serves both ways: harm is proven when the mean is worse by more than the margin,
    and "not worse by the margin" is what promotion needs proof of.

    Attributes:
        higher_is_better: which way is worse.
        margin: tolerated difference of the means, in the metric's unit, at least 0; above 0 when
            gating, since an equal canary could never prove to be better.
        effect: the difference that one cares about, beyond the margin: where evidence grows fastest.
        beta: probability of ever proving a canary that is worse by the margin, in (0, 1).
        minimum: values per side in a period before they count, at least 2. The normal law needs them.
        units: user buckets of the counters, at least `LEAST_UNITS`; 0 when every value stands for itself.
        gating: a step waits for the proof.

    Raises:
        ValueError: a value is outside of its range; the message begins with the field's name.
    """

    higher_is_better: bool
    margin: float
    effect: float
    beta: float = 0.05
    minimum: int = 200
    units: int = 0
    gating: bool = False

    def __post_init__(self) -> None:
        _check("margin", self.margin, "at least 0", ok=isfinite(self.margin) and self.margin >= 0)
        _check("margin", self.margin, "above 0 when gating", ok=self.margin > 0 or not self.gating)
        _check("effect", self.effect, "above 0", ok=isfinite(self.effect) and self.effect > 0)
        _check("beta", self.beta, "between 0 and 1, both excluded", ok=0 < self.beta < 1)
        _check("minimum", self.minimum, "at least 2", ok=self.minimum >= 2)
        _check("units", self.units, f"0 or at least {LEAST_UNITS}", ok=self.units == 0 or self.units >= LEAST_UNITS)

    @property
    def cells(self) -> int:
        """Numbers per target and arm, see `Counter`."""
        return 2 * self.units or 3

    @property
    def log_proof_threshold(self) -> float:
        """Natural logarithm of 1/beta."""
        return -log(self.beta)


class Strata(NamedTuple):
    """The periods that are over.

    Attributes:
        information: sum of theirs.
        worse: of how much worse the canary's mean was, times information.
        means: per arm (canary, stable), of the mean times information.
        spread: per arm, of what their variances are made of: by user bucket its deviation times
            information, and one more for all; else one number, the variance times squared information.
        counts: per arm, of values.
        sums: per arm, of values.
    """

    information: float
    worse: float
    means: Numbers
    spread: Numbers
    counts: Numbers
    sums: Numbers


class Estimate(NamedTuple):
    """What all periods say together, after each row of the current one.

    Attributes:
        information: 1 / variance of `worse`, 0 as long as nothing can be said.
        worse: how much worse the canary's mean is, in the metric's unit; negative when better.
        strata: the periods, if this one were over after its last row.
    """

    information: list[float]
    worse: list[float]
    strata: Strata

    def log_e(self, policy: MeanPolicy) -> tuple[list[float], list[float]]:
        """Natural logarithms of the evidence for harm, and of that for no harm."""
        scores = [(worse - policy.margin) * known for known, worse in zip(self.information, self.worse, strict=True)]
        pairs = list(zip(self.information, scores, strict=True))
        return (
            [log_mixture(information, score, policy.effect) for information, score in pairs],
            [log_mixture(information, -score, policy.effect) for information, score in pairs],
        )


def no_strata(policy: MeanPolicy) -> Strata:
    """Before the first period."""
    return Strata(0.0, 0.0, np.zeros(2), np.zeros((2, policy.units + 1)), np.zeros(2), np.zeros(2))


def log_mixture(information: float, score: float, effect: float) -> float:
    """Natural logarithm of the one-sided mixture M; 0 without information."""
    scale = 1.0 + effect * effect * information
    z = score * effect / sqrt(scale)
    return log(2.0) - 0.5 * log(scale) + _log_half_normal(z)


def estimate(policy: MeanPolicy, strata: Strata, rows: Numbers) -> Estimate:
    """What the periods and the current one say.

    Args:
        policy: how to compare.
        strata: the periods that are over.
        rows: (2, m, cells): the canary's and stable's cells since the period began, at m times.
    """
    return (_by_unit if policy.units else _by_value)(policy, strata, rows)


def arm_estimate(policy: MeanPolicy, strata: Strata, arm: int) -> tuple[float | None, float]:
    """Mean of an arm (0 canary, 1 stable) and its variance.

    The mean weighs the periods as the comparison does, so the difference of both means is the one
    that is judged. While the periods say nothing it is that of all values, with variance 0; it is
    None without a value.
    """
    if strata.information > 0.0:
        spread = strata.spread[arm]
        variance = float(np.square(spread).sum() if policy.units else spread[0])
        return float(strata.means[arm]) / strata.information, variance / strata.information**2
    count = float(strata.counts[arm])
    return (float(strata.sums[arm]) / count if count > 0.0 else None), 0.0


def counted_enough(policy: MeanPolicy, sums: Numbers) -> bool:
    """Whether both arms have as many values as the policy asks of a period, `sums` being (2, cells)."""
    if not policy.units:
        return bool((sums[:, 0] >= policy.minimum).all())
    numbers = sums[:, 0::2]
    used = (numbers > 0.0).sum(axis=1) >= LEAST_UNITS
    return bool((used & (numbers.sum(axis=1) >= policy.minimum)).all())


def inconsistent(policy: MeanPolicy, row: Numbers) -> bool:
    """Whether an arm's cells contradict each other: squares too small for the sum, or a sum of nothing."""
    if policy.units:
        return bool(np.any((row[0::2] <= 0.0) & (row[1::2] > 0.0)))
    count, total, squares = row.tolist()
    if count <= 0.0:
        return bool(total > 0.0 or squares > 0.0)
    return bool(squares < total * total / count * (1.0 - _BROKEN))


class _Arm(NamedTuple):
    """What the values of one arm come to."""

    number: float
    """Of values; 2 where there are fewer."""
    mean: float
    inner: float
    """Sum of the squared deviations from the mean."""
    consistent: bool


def _by_value(policy: MeanPolicy, strata: Strata, rows: Numbers) -> Estimate:
    """In bare Python: mostly there is one row, and for six numbers arrays cost four times as much."""
    information, worse = [], []
    for canary, stable in zip(*rows.tolist(), strict=True):
        sides = _side(*canary), _side(*stable)
        # A small sample with few rare values shows too little spread just when its mean is off. No arm
        # is taken to spread less than both together; a variance that is too large is only slower.
        pooled = (sides[0].inner + sides[1].inner) / max(sides[0].number + sides[1].number - 2.0, 1.0)
        spread = [max(side.inner / (side.number - 1.0), pooled) / side.number for side in sides]
        variance = sum(spread)
        able = min(canary[0], stable[0]) >= policy.minimum and all(side.consistent for side in sides)
        own = 1.0 / variance if able and variance > 0.0 else 0.0
        total = strata.information + own
        weighted = strata.worse + own * _gap(policy, sides[0].mean, sides[1].mean)
        information.append(total)
        worse.append(weighted / total if total > 0.0 else 0.0)
    after = Strata(
        total,
        weighted,
        strata.means + own * np.array([side.mean for side in sides]),
        strata.spread + own * own * np.array(spread)[:, None],
        strata.counts + rows[:, -1, 0],
        strata.sums + rows[:, -1, 1],
    )
    return Estimate(information, worse, after)


def _side(count: float, total: float, squares: float) -> _Arm:
    safe = max(count, 2.0)
    mean = total / safe
    inner = squares - total * mean
    return _Arm(safe, mean, inner if inner > _NOISE * squares else 0.0, inner >= -_BROKEN * squares)


def _by_unit(policy: MeanPolicy, strata: Strata, rows: Numbers) -> Estimate:
    counts, means, spread, able = _units(rows)
    variance = np.square(spread).sum(axis=2).sum(axis=0)
    able &= (counts >= policy.minimum).all(axis=0) & (variance > 0.0)
    own = np.divide(1.0, variance, out=np.zeros_like(variance), where=able)
    total = strata.information + own
    known = total > 0.0
    weighted = strata.worse + own * _gap(policy, means[0], means[1])
    worse = np.divide(weighted, total, out=np.zeros_like(total), where=known)
    parts = strata.spread[:, None, :] + own[:, None] * spread
    squares = np.square(parts).sum(axis=2).sum(axis=0)
    information = np.divide(total * total, squares, out=np.zeros_like(total), where=known & (squares > 0.0))
    after = Strata(
        float(total[-1]),
        float(weighted[-1]),
        strata.means + own[-1] * means[:, -1],
        parts[:, -1],
        strata.counts + counts[:, -1],
        strata.sums + rows[:, -1, 1::2].sum(axis=1),
    )
    return Estimate(information.tolist(), worse.tolist(), after)


def _units(rows: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Values, means and deviations of each arm's buckets, and whether there are enough of them."""
    # Contiguous, so that sums over the buckets are added in the same order however many rows there are.
    numbers, sums = np.ascontiguousarray(rows[:, :, 0::2]), np.ascontiguousarray(rows[:, :, 1::2])
    counts, used = numbers.sum(axis=2), (numbers > 0.0).sum(axis=2)
    safe = np.maximum(counts, 1.0)
    means = sums.sum(axis=2) / safe
    deviations = (sums - means[:, :, None] * numbers) / safe[:, :, None]
    deviations[np.abs(deviations) < _NOISE * means[:, :, None]] = 0.0
    degrees = np.maximum(used - 1.0, 1.0)
    deviations *= np.sqrt((degrees + 1.0) / degrees)[:, :, None]
    # The same floor as for values, per value; what an arm lacks is one more deviation.
    variances = np.square(deviations).sum(axis=2)
    pooled = (variances * safe * safe).sum(axis=0) / safe.sum(axis=0)
    lacking = np.sqrt(np.maximum(pooled / safe - variances, 0.0))
    return counts, means, np.concatenate([deviations, lacking[:, :, None]], axis=2), (used >= LEAST_UNITS).all(axis=0)


def _gap(policy: MeanPolicy, canary: _Number, stable: _Number) -> _Number:
    """How much worse the canary's mean is."""
    return stable - canary if policy.higher_is_better else canary - stable


def _log_half_normal(z: float) -> float:
    """`z^2 / 2 + log Phi(z)`, which stays moderate where each of the two does not."""
    if z > _DEEP:
        return 0.5 * z * z + log(0.5 * erfc(-z / sqrt(2.0)))
    inverse = 1.0 / (z * z)
    return -0.5 * log(2.0 * pi) - log(-z) + log1p(-inverse * (1.0 - 3.0 * inverse * (1.0 - 5.0 * inverse)))


def _check(field: str, value: object, allowed: str, *, ok: bool) -> None:
    if not ok:
        raise ValueError(f"{field} must be {allowed}, got {value}")
