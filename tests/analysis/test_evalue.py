from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.analysis import mixture
from serinus.analysis.evalue import log_e_values, nearest, worse
from serinus.analysis.policy import BETTER, ODDS

from .support import seeded

ALL = np.array(ODDS)
counts = st.integers(1, 8)
rates = st.floats(1e-4, 0.6)
inside = st.one_of(st.just(1.0), st.floats(0.0, 1.0))
"""How far a point of the null is from the axis: 1 is the edge."""


def bernoulli(n: int, p: float) -> np.ndarray:
    """Chances of 0 to n bad requests out of n."""
    return np.array([math.comb(n, x) * p**x * (1.0 - p) ** (n - x) for x in range(n + 1)])


def expectations(
    sizes: tuple[int, int], point: tuple[float, float], a1: np.ndarray, b1: float, *, rho: float, delta: float
) -> np.ndarray:
    """The mean of each alternative's e-value over every outcome of a block, all rows of one call."""
    (n_c, n_s), (a, b) = sizes, point
    x_c, x_s = np.meshgrid(np.arange(n_c + 1.0), np.arange(n_s + 1.0), indexing="ij")
    chance = np.outer(bernoulli(n_c, a), bernoulli(n_s, b)).ravel()
    values = log_e_values(n_c, x_c.reshape(-1, 1), n_s, x_s.reshape(-1, 1), a1, np.full((1, 1), b1), rho, delta)
    return chance @ np.exp(values)


@given(
    n_c=counts, n_s=counts, b1=rates, rho=st.floats(0.3, 3.0), delta=st.floats(0.0, 0.3), b=st.floats(0, 1), part=inside
)
def test_harm_expects_at_most_one_under_the_null(
    *, n_c: int, n_s: int, b1: float, rho: float, delta: float, b: float, part: float
) -> None:
    a = min(1.0, rho * b + delta) * part
    a1 = worse(np.full((1, 1), b1), rho, delta, ALL)
    assert expectations((n_c, n_s), (a, b), a1, b1, rho=rho, delta=delta).max() <= 1 + 1e-9


@given(n_c=counts, n_s=counts, b1=rates, margin=st.floats(0.001, 0.5), b=st.floats(0, 1), part=inside)
def test_proof_expects_at_most_one_of_a_canary_worse_by_the_margin(
    *, n_c: int, n_s: int, b1: float, margin: float, b: float, part: float
) -> None:
    b *= 1.0 - margin  # elsewhere no canary is worse by the margin
    a = 1.0 - (1.0 - b - margin) * part
    a1 = np.array([BETTER]) * b1
    assert expectations((n_c, n_s), (a, b), a1, b1, rho=1.0, delta=margin).max() <= 1 + 1e-9


@given(n_c=counts, n_s=counts, b=rates, delta=st.floats(0.001, 0.5), margin=st.floats(0.001, 0.49), part=inside)
def test_an_objective_expects_at_most_one_both_ways(
    *, n_c: int, n_s: int, b: float, delta: float, margin: float, part: float
) -> None:
    harm = worse(np.full((1, 1), b), 0.0, delta, ALL)
    assert expectations((n_c, n_s), (delta * part, b), harm, b, rho=0.0, delta=delta).max() <= 1 + 1e-9
    a, proof = 1.0 - (1.0 - delta - margin) * part, np.array([BETTER]) * delta
    assert expectations((n_c, n_s), (a, b), proof, b, rho=0.0, delta=delta + margin).max() <= 1 + 1e-9


def test_the_bound_is_reached_at_the_edge() -> None:
    """It could not be any larger: the test gives nothing away."""
    rng = seeded(20)
    found = []
    for _ in range(60):
        sizes = int(rng.integers(1, 9)), int(rng.integers(1, 26))
        b1, b = 10 ** rng.uniform(-4, -0.5, 2)
        rho, delta = rng.uniform(0.8, 1.5), rng.choice([0.0, 0.005, 0.05])
        a1 = worse(np.full((1, 1), b1), rho, delta, ALL)
        found.append(expectations(sizes, (rho * b + delta, b), a1, b1, rho=rho, delta=delta).max())
    assert 0.999 < max(found) <= 1 + 1e-9


def divergence(p: float, q: float) -> float:
    first = p * math.log(p / q) if p > 0 else 0.0
    return first + (1.0 - p) * math.log((1.0 - p) / (1.0 - q))


def growth(sizes: tuple[float, float], a1: float, b1: float, rho: float, delta: float) -> tuple[float, float]:
    """The best growth of any e-value under `(a1, b1)` by bisection of the projection, and stable's rate there."""
    n_c, n_s = sizes
    low, high = sorted((b1, min(max((a1 - delta) / rho, 1e-15), 1.0 - 1e-12)))
    for _ in range(200):
        b = (low + high) / 2.0
        a = rho * b + delta
        slope = n_c * rho * (a1 - a) * b * (1.0 - b) + n_s * (b1 - b) * a * (1.0 - a)
        low, high = (b, high) if slope > 0 else (low, b)
    b = (low + high) / 2.0
    return n_c * divergence(a1, rho * b + delta) + n_s * divergence(b1, b), b


@given(
    n_c=st.integers(1, 5000),
    n_s=st.integers(1, 100_000),
    b1=st.floats(1e-5, 0.9),
    rho=st.floats(1.0, 2.0),
    delta=st.floats(0.0, 0.1),
    odd=st.sampled_from(ODDS),
)
def test_harm_grows_as_fast_as_the_best_e_value(
    *, n_c: int, n_s: int, b1: float, rho: float, delta: float, odd: float
) -> None:
    limit = rho * b1 + delta
    if limit > 0.99:
        return
    a1 = float(worse(np.array([b1]), rho, delta, np.array([odd]))[0])
    best, b0 = growth((n_c, n_s), a1, b1, rho, delta)
    got = float(log_e_values(n_c, np.array(n_c * a1), n_s, np.array(n_s * b1), np.array(a1), np.array(b1), rho, delta))
    assert got == pytest.approx(best, rel=1e-3, abs=1e-4)
    assert float(nearest(n_c, n_s, np.array(a1), np.array(b1), rho, delta)) == pytest.approx(b0, rel=1e-5, abs=1e-9)


@given(
    n_c=st.integers(1, 5000),
    n_s=st.integers(1, 100_000),
    b1=st.floats(1e-6, 0.9),
    margin=st.floats(0.001, 0.09),
    better=st.sampled_from(BETTER),
)
def test_proof_grows_as_fast_as_the_best_e_value(
    *, n_c: int, n_s: int, b1: float, margin: float, better: float
) -> None:
    best, _ = growth((n_c, n_s), better * b1, b1, 1.0, margin)
    a1, b = np.array(better * b1), np.array(b1)
    got = float(log_e_values(n_c, n_c * a1, n_s, n_s * b, a1, b, 1.0, margin))
    assert got == pytest.approx(best, rel=1e-3, abs=1e-6)


@given(
    n_c=st.integers(2, 200),
    n_s=st.integers(1, 2000),
    b1=rates,
    rho=st.floats(0.5, 2.0),
    delta=st.floats(0.001, 0.1),
    data=st.data(),
)
def test_evidence_rises_with_the_canary_s_bad_requests_and_proof_falls(
    *, n_c: int, n_s: int, b1: float, rho: float, delta: float, data: st.DataObject
) -> None:
    x_c, x_s = data.draw(st.integers(0, n_c - 1)), data.draw(st.integers(0, n_s - 1))
    b = np.full((1, 1), b1)
    for sign, a1, how in ((1.0, worse(b, rho, delta, ALL), rho), (-1.0, np.array([BETTER]) * b1, 1.0)):
        here, more, both = (
            log_e_values(n_c, np.full((1, 1), c), n_s, np.full((1, 1), s), a1, b, how, delta)
            for c, s in ((x_c, x_s), (x_c + 1.0, x_s), (x_c, x_s + 1.0))
        )
        assert (sign * (more - here) > -1e-12).all()
        assert (sign * (here - both) > -1e-9).all()


@pytest.mark.parametrize(("n_c", "n_s"), [(0, 100), (10, 0), (0, 0)])
def test_a_block_without_one_arm_says_nothing(n_c: int, n_s: int) -> None:
    b1 = np.full((1, 1), 0.01)
    values = log_e_values(
        n_c, np.full((1, 1), n_c), n_s, np.full((1, 1), 0), worse(b1, 1.0, 0.005, ALL), b1, 1.0, 0.005
    )
    assert (values == 0.0).all()


@pytest.mark.parametrize("b1", [0.995, 0.9999999])
def test_nothing_is_worse_than_a_stable_that_always_fails(b1: float) -> None:
    rates1 = np.full((1, 1), b1)
    ten = np.full((1, 1), 10.0)
    values = log_e_values(10, ten, 10, ten, worse(rates1, 1.0, 0.005, ALL), rates1, 1.0, 0.005)
    assert (values == 0.0).all()


def test_rows_and_alternatives_side_by_side_are_what_they_are_alone() -> None:
    rng = seeded(1)
    b1 = rng.uniform(0.001, 0.5, (4, 1))
    x_c, x_s = rng.integers(0, 20, (4, 1)).astype(float), rng.integers(0, 100, (4, 1)).astype(float)
    a1 = worse(b1, 1.0, 0.01, ALL)
    together = log_e_values(20, x_c, 100, x_s, a1, b1, 1.0, 0.01)
    assert together.shape == (4, len(ODDS))
    for row in range(4):
        for j in range(len(ODDS)):
            alone = log_e_values(20, x_c[row], 100, x_s[row], a1[row, j : j + 1], b1[row], 1.0, 0.01)
            assert alone == pytest.approx(together[row, j], abs=1e-12)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.lists(st.floats(-9, 9), min_size=6, max_size=6)), max_size=12),
)
def test_the_recursion_equals_the_mixture_over_the_starts_one_by_one(blocks: list[tuple[int, list[float]]]) -> None:
    """Every start keeps a snapshot of the sums when it was opened; two rows of three alternatives."""
    logs, starts = mixture.fresh(2, 3), 1
    sums = np.zeros((2, 3))
    opened = [(0.5, sums)]
    for more, numbers in blocks:
        logs = mixture.opened(logs, starts, starts + more)
        opened += [(0.5 / (k * (k + 1)), sums) for k in range(starts, starts + more)]
        starts += more
        values = np.array(numbers).reshape(2, 3)
        sums, logs = sums + values, logs + values
    rest = 1.0 - sum(weight for weight, _ in opened)
    explicit = rest + sum(weight * np.exp(sums - snapshot).mean(axis=1) for weight, snapshot in opened)
    assert mixture.values(logs, starts) == pytest.approx(np.log(explicit), abs=1e-9)


def test_the_mixture_begins_at_one_and_survives_any_size() -> None:
    assert mixture.values(mixture.fresh(2, 10), 1) == pytest.approx([0.0, 0.0])
    assert mixture.values(np.array([[9000.0, -9000.0]]), 1)[0] > 8990
    assert mixture.values(np.full((1, 2), -1e6), 1)[0] == pytest.approx(math.log(0.5))
    assert mixture.opened(np.zeros((1, 2)), 5, 3).tolist() == [[0.0, 0.0]]
