from __future__ import annotations

import math
import timeit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.analysis.interval import interval, mean_interval

ALPHA = 0.05
RUNS = 400


@given(
    n=st.floats(1e-3, 1e14),
    share=st.floats(0.0, 1.0),
    alpha=st.floats(1e-9, 0.5),
    dispersion=st.floats(1.0, 100.0),
)
def test_the_estimate_lies_inside_and_the_bounds_in_0_to_1(
    n: float, share: float, alpha: float, dispersion: float
) -> None:
    low, high = interval(n, share * n, alpha, dispersion)
    assert 0.0 <= low <= high <= 1.0
    assert low <= share + 1e-12
    assert high >= share - 1e-12


@given(n=st.floats(1.0, 1e9), share=st.floats(0.0, 1.0), alpha=st.floats(1e-6, 0.2))
def test_good_and_bad_are_mirror_images(n: float, share: float, alpha: float) -> None:
    low, high = interval(n, share * n, alpha)
    mirrored = interval(n, n - share * n, alpha)
    assert (1.0 - mirrored[1], 1.0 - mirrored[0]) == pytest.approx((low, high), abs=1e-9)


@given(n=st.integers(1, 100_000), x=st.integers(0, 100_000), alpha=st.floats(1e-6, 0.2))
def test_the_martingale_is_one_over_alpha_at_the_bounds(n: int, x: int, alpha: float) -> None:
    x = min(x, n)
    mixed = math.lgamma(x + 0.5) + math.lgamma(n - x + 0.5) - math.lgamma(n + 1) - math.log(math.pi)
    for bound in interval(n, x, alpha):
        if not 1e-12 < bound < 1.0 - 1e-12:
            continue
        value = mixed - x * math.log(bound) - (n - x) * math.log1p(-bound)
        assert value == pytest.approx(-math.log(alpha), abs=1e-4)


@pytest.mark.parametrize("share", [0.0, 0.004, 0.5, 1.0])
def test_it_shrinks_with_requests_and_widens_with_dispersion_and_certainty(share: float) -> None:
    def width(n: float, alpha: float = ALPHA, dispersion: float = 1.0) -> float:
        low, high = interval(n, share * n, alpha, dispersion)
        return high - low

    widths = [width(10.0**k) for k in range(1, 12)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 1e-4
    assert width(1000, dispersion=5.0) > width(1000)
    assert width(1000, dispersion=0.1) == width(1000)
    assert width(1000, alpha=0.001) > width(1000)
    assert width(1000, dispersion=4.0) == pytest.approx(width(250))


@pytest.mark.parametrize(
    ("requests", "bad", "expected"),
    [
        (0, 0, (0.0, 1.0)),
        (math.nan, 0, (0.0, 1.0)),
        (-3, 0, (0.0, 1.0)),
        (10, math.nan, (0.0, 1.0)),
        (1e-12, 0, (0.0, 1.0)),
        (1, 0, (0.0, 0.975)),
        (1, 1, (0.025, 1.0)),
    ],
)
def test_nothing_seen_says_nothing(requests: float, bad: float, expected: tuple[float, float]) -> None:
    assert interval(requests, bad, ALPHA) == pytest.approx(expected)


def test_all_none_and_too_many() -> None:
    assert interval(1000, 0, ALPHA)[0] == 0.0
    assert interval(1000, 0, ALPHA)[1] == pytest.approx(0.0070, abs=2e-4)
    assert interval(1000, 1000, ALPHA)[1] == 1.0
    assert interval(1000, 1100, ALPHA) == interval(1000, 1000, ALPHA)
    assert interval(1000, -1, ALPHA) == interval(1000, 0, ALPHA)


@pytest.mark.parametrize("n", [1e12, 1e15, 1e18, 1e300])
def test_huge_counts_are_narrow_and_finite(n: float) -> None:
    low, high = interval(n, n / 100.0, ALPHA)
    assert 0.0099 < low < 0.01 < high < 0.0101
    assert interval(n, 0.0, ALPHA)[1] < 1e-9


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, math.nan])
def test_a_bad_alpha_is_named(alpha: float) -> None:
    with pytest.raises(ValueError, match=r"^alpha must be between 0 and 1"):
        interval(10, 1, alpha)
    with pytest.raises(ValueError, match=r"^alpha must be between 0 and 1"):
        mean_interval(0.0, 1.0, alpha, 1.0)


@pytest.mark.parametrize("rate", [0.005, 0.05, 0.5])
def test_looking_all_the_time_misses_the_rate_no_more_often_than_alpha(rate: float) -> None:
    rng = np.random.default_rng(1)
    bad = rng.binomial(20, rate, size=(RUNS, 100)).cumsum(axis=1)
    missed = 0
    for run in bad.tolist():
        looks = (interval(20.0 * (i + 1), x, ALPHA) for i, x in enumerate(run))
        missed += any(not low <= rate <= high for low, high in looks)
    assert missed / RUNS <= ALPHA + 0.01


def test_dispersion_covers_requests_that_fail_together() -> None:
    rng = np.random.default_rng(2)
    # Batches of five requests with one fate: design effect 5.
    bad = 5 * rng.binomial(4, 0.05, size=(RUNS, 100)).cumsum(axis=1)
    missed = {1.0: 0, 5.0: 0}
    for dispersion in missed:
        for run in bad.tolist():
            looks = (interval(20.0 * (i + 1), x, ALPHA, dispersion) for i, x in enumerate(run))
            missed[dispersion] += any(not low <= 0.05 <= high for low, high in looks)
    assert missed[5.0] / RUNS <= ALPHA + 0.01
    assert missed[1.0] / RUNS > 0.2


@given(
    mean=st.floats(-1e6, 1e6),
    variance=st.floats(1e-12, 1e6),
    scale=st.floats(1e-3, 1e3),
    alpha=st.floats(1e-9, 0.5),
)
def test_the_interval_of_a_mean_is_where_its_martingale_stays_below(
    mean: float, variance: float, scale: float, alpha: float
) -> None:
    low, high = mean_interval(mean, variance, alpha, scale)
    assert low <= mean <= high
    half, square = (high - low) / 2.0, scale * scale
    value = 0.5 * math.log(variance / (variance + square)) + square * half**2 / (2 * variance * (variance + square))
    if half > 1e-4 * abs(mean):
        assert value == pytest.approx(-math.log(alpha), rel=1e-3, abs=1e-3)


def test_the_interval_of_a_mean_shrinks_and_knows_when_it_knows_nothing() -> None:
    widths = [np.ptp(mean_interval(1.0, 10.0**-k, ALPHA, 0.05)) for k in range(12)]
    assert widths == sorted(widths, reverse=True)
    for variance in (0.0, -1.0, math.nan, math.inf):
        assert mean_interval(1.0, variance, ALPHA, 0.05) == (-math.inf, math.inf)
    assert mean_interval(1.0, 1e-320, ALPHA, 1e10) == (1.0, 1.0)
    for scale in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"^scale must be above 0"):
            mean_interval(1.0, 1.0, ALPHA, scale)


def test_looking_all_the_time_misses_the_mean_no_more_often_than_alpha() -> None:
    rng = np.random.default_rng(3)
    values = rng.exponential(1.0, size=(RUNS, 40, 50))
    counts = 50.0 * np.arange(1, 41)
    sums, squares = values.sum(axis=2).cumsum(axis=1), (values**2).sum(axis=2).cumsum(axis=1)
    missed = 0
    for run in range(RUNS):
        means = sums[run] / counts
        variances = (squares[run] / counts - means**2) / counts
        looks = (
            mean_interval(m, v, ALPHA, 0.1)
            for m, v, n in zip(means.tolist(), variances.tolist(), counts.tolist(), strict=True)
            if n >= 200
        )
        missed += any(not low <= 1.0 <= high for low, high in looks)
    assert missed / RUNS <= ALPHA + 0.01


def test_it_is_quick() -> None:
    assert min(timeit.repeat(lambda: interval(12345.0, 67.0, 0.01, 2.0), number=200, repeat=5)) / 200 < 60e-6
    assert min(timeit.repeat(lambda: mean_interval(1.0, 0.01, 0.01, 0.05), number=200, repeat=5)) / 200 < 60e-6
