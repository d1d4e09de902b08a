from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.analysis.evalue import Block, log_e_values, project
from serinus.analysis.mixture import Mixture, fresh_mixture, log_sum
from serinus.analysis.policy import ODDS

from .support import seeded

rates = st.floats(1e-4, 0.4)
rhos = st.floats(1.0, 2.0)
deltas = st.floats(0.0, 0.1)
counts = st.integers(1, 12)


def block(n_c: float, x_c: float, n_s: float, x_s: float) -> Block:
    return Block(0.0, 1.0, 1.0, n_c, x_c, n_s, x_s)


def chance(n: int, x: int, p: float) -> float:
    return math.comb(n, x) * p**x * (1 - p) ** (n - x)


def expectation(n_c: int, n_s: int, a: float, b: float, **how: object) -> list[float]:
    total = [0.0] * len(ODDS)
    for x_c in range(n_c + 1):
        for x_s in range(n_s + 1):
            weight = chance(n_c, x_c, a) * chance(n_s, x_s, b)
            values = log_e_values(block(n_c, x_c, n_s, x_s), odds=ODDS, **how)  # type: ignore[arg-type]
            total = [t + weight * math.exp(v) for t, v in zip(total, values, strict=True)]
    return total


@given(n_c=counts, n_s=counts, b1=rates, rho=rhos, delta=deltas, b=rates, inside=st.floats(0, 1))
def test_expectation_is_at_most_one_under_the_null(
    *, n_c: int, n_s: int, b1: float, rho: float, delta: float, b: float, inside: float
) -> None:
    a = min(1.0, rho * b + delta) * inside
    assert max(expectation(n_c, n_s, a, b, b1=b1, rho=rho, delta=delta)) <= 1 + 1e-9


def test_expectation_at_the_edge_of_the_null_on_a_random_grid() -> None:
    rng = seeded(20)
    worst = 0.0
    for _ in range(60):
        n_c, n_s = rng.randint(1, 8), rng.randint(1, 25)
        b1, b = 10 ** rng.uniform(-4, -0.5), 10 ** rng.uniform(-4, -0.5)
        rho, delta = rng.uniform(0.8, 1.5), rng.choice([0.0, 0.005, 0.05])
        a = min(1.0, rho * b + delta)
        worst = max(worst, *expectation(n_c, n_s, a, b, b1=b1, rho=rho, delta=delta))
    assert 0.9 < worst <= 1 + 1e-9


@given(
    n_c=st.integers(1, 5000),
    n_s=st.integers(1, 100000),
    b1=st.floats(1e-6, 0.9),
    rho=rhos,
    delta=deltas,
    odd=st.sampled_from(ODDS),
)
def test_projection_equals_bisection(*, n_c: int, n_s: int, b1: float, rho: float, delta: float, odd: float) -> None:
    limit = rho * b1 + delta
    if limit > 0.999:
        return
    a1 = odd * limit / (1 - limit + odd * limit)
    low, high = b1, min((a1 - delta) / rho, 1 - 1e-9)
    for _ in range(60):
        b = (low + high) / 2
        a = rho * b + delta
        slope = n_c * rho * (a1 - a) * b * (1 - b) + n_s * (b1 - b) * a * (1 - a)
        low, high = (b, high) if slope > 0 else (low, b)
    assert project(n_c, n_s, a1, b1, rho=rho, delta=delta) == pytest.approx(low, rel=1e-6)


@given(n_c=st.integers(2, 200), n_s=st.integers(1, 2000), b1=rates, data=st.data())
def test_monotone_in_canary_errors_and_falling_in_stable_errors(
    n_c: int, n_s: int, b1: float, data: st.DataObject
) -> None:
    x_c = data.draw(st.integers(0, n_c - 1))
    x_s = data.draw(st.integers(0, n_s - 1))
    here = log_e_values(block(n_c, x_c, n_s, x_s), b1, 1.0, 0.005, ODDS)
    worse = log_e_values(block(n_c, x_c + 1, n_s, x_s), b1, 1.0, 0.005, ODDS)
    both = log_e_values(block(n_c, x_c, n_s, x_s + 1), b1, 1.0, 0.005, ODDS)
    assert all(w > h for w, h in zip(worse, here, strict=True))
    assert all(s <= h + 1e-12 for s, h in zip(both, here, strict=True))


@pytest.mark.parametrize("counted", [block(0, 0, 100, 1), block(10, 3, 0, 0), block(0, 0, 0, 0)], ids=str)
def test_a_block_without_one_arm_says_nothing(counted: Block) -> None:
    assert log_e_values(counted, 0.01, 1.0, 0.005, ODDS) == [0.0] * len(ODDS)


def test_nothing_is_worse_than_a_stable_that_always_fails() -> None:
    assert log_e_values(block(10, 10, 10, 10), 0.9999999, 1.0, 0.005, ODDS) == [0.0] * len(ODDS)


@given(
    st.lists(st.tuples(st.integers(1, 6), st.lists(st.floats(-9, 9), min_size=3, max_size=3))),
    st.floats(1, 5),
)
def test_recursion_equals_the_snapshot_form(blocks: list[tuple[int, list[float]]], dispersion: float) -> None:
    mixture, opened = fresh_mixture(3), [(0, 0.5)]
    sums, snapshots = [0.0] * 3, [[0.0] * 3]
    starts = 1
    for more, values in blocks:
        starts += more - 1
        for k in range(len(opened), starts):
            opened.append((k, 0.5 / (k * (k + 1))))
            snapshots.append(list(sums))
        sums = [s + v / dispersion for s, v in zip(sums, values, strict=True)]
        mixture = mixture.opened(starts).times(values, dispersion)
    explicit = 1.0 - sum(weight for _, weight in opened)
    for (_, weight), snapshot in zip(opened, snapshots, strict=True):
        explicit += weight * sum(math.exp(a - b) for a, b in zip(sums, snapshot, strict=True)) / 3
    assert mixture.log_value == pytest.approx(math.log(explicit), abs=1e-9)


def test_mixture_begins_at_one_and_survives_any_size() -> None:
    assert fresh_mixture(10).log_value == pytest.approx(0.0)
    assert fresh_mixture(2).times([9000.0, -9000.0], 1.0).log_value > 8990
    assert Mixture((-1e6, -1e6)).log_value == pytest.approx(math.log(0.5))
    assert Mixture((0.0,), 5).opened(3).starts == 5
    assert log_sum(-math.inf, 2.0) == 2.0
