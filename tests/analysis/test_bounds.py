from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.analysis.bounds import choose

DEFAULT = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
NATIVE = tuple(0.001 * 2 ** (k / 8) for k in range(100))


def lognormal(bounds: tuple[float, ...], requests: float, median: float = 0.05, sigma: float = 0.6) -> list[float]:
    shares = (0.5 * math.erfc(math.log(bound / median) / sigma / math.sqrt(2)) for bound in bounds)
    return [float(round(requests * share)) for share in shares]


@pytest.mark.parametrize(
    ("bounds", "slower", "requests", "chosen"),
    [
        # Client defaults, a model of 50 ms: the body, the tail, two beyond the slowest; not the four far above.
        (DEFAULT, lognormal(DEFAULT, 2_000), 2_000, (0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75)),
        # Nearly all are slower than the first three.
        ((0.1, 0.2, 0.3, 1.0, 2.0), [1000, 999, 991, 500, 0], 1000, (1.0, 2.0)),
        # Exactly 99 % may be slower.
        ((0.1, 0.2), [990, 0], 1000, (0.1, 0.2)),
        # All are too low: nothing can be said.
        ((0.1, 0.2), [1000, 995], 1000, ()),
        # All are above the slowest.
        ((1.0, 2.0, 3.0, 4.0), [0, 0, 0, 0], 500, (1.0, 2.0)),
        # An infinite bound and zero say nothing.
        ((0.0, 1.0, math.inf), [10, 5, 0], 500, (1.0,)),
        ((0.0, 1.0, math.inf), [0, 0, 0], 0, (1.0,)),
        # Of bounds with equal counts the lowest.
        ((0.1, 0.2, 0.3, 0.4), [100, 100, 100, 100], 1000, (0.1,)),
        ((), [], 1000, ()),
        ((), [], 0, ()),
        ((0.5,), [0], 0, (0.5,)),
    ],
)
def test_cases(bounds: tuple[float, ...], slower: list[float], requests: float, chosen: tuple[float, ...]) -> None:
    assert choose(bounds, slower, requests) == chosen


@pytest.mark.parametrize("requests", [0.0, 5.0, 99.0])
def test_few_requests_are_no_guide_but_too_low_stays_too_low(requests: float) -> None:
    chosen = choose(NATIVE, lognormal(NATIVE, requests), requests, most=12)
    assert len(chosen) == 12
    assert chosen[-1] == NATIVE[-1]
    if requests == 0.0:
        assert chosen[0] == NATIVE[0]
        ranks = [NATIVE.index(bound) for bound in chosen]
        assert {after - before for before, after in pairwise(ranks)} == {9}
    else:
        assert chosen[0] > 0.005


def test_a_native_histogram_is_cut_along_the_tail() -> None:
    requests = 1e6
    slower = dict(zip(NATIVE, lognormal(NATIVE, requests), strict=True))
    chosen = choose(NATIVE, list(slower.values()), requests)
    assert len(chosen) == 12
    shares = [slower[bound] / requests for bound in chosen]
    wanted = (0.9, 0.75, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01, 0.005, 0.001)
    assert shares[:10] == pytest.approx(wanted, rel=0.2)
    assert shares[10:] == [0.0, 0.0]
    assert NATIVE.index(chosen[11]) == NATIVE.index(chosen[10]) + 1


@st.composite
def histograms(draw: st.DrawFn) -> tuple[list[float], list[float], float]:
    bounds = sorted(draw(st.sets(st.floats(1e-6, 1e4), max_size=60)))
    requests = draw(st.one_of(st.just(0.0), st.integers(1, 10**7).map(float)))
    slower = sorted((draw(st.floats(0.0, 1.0)) * requests for _ in bounds), reverse=True)
    return bounds, slower, requests


@given(histogram=histograms(), most=st.integers(1, 20))
def test_whatever_the_histogram(histogram: tuple[list[float], list[float], float], most: int) -> None:
    bounds, slower, requests = histogram
    chosen = choose(bounds, slower, requests, most)
    assert chosen == choose(tuple(bounds), tuple(slower), requests, most)
    assert len(chosen) <= most
    assert list(chosen) == sorted(set(chosen))
    share = dict(zip(bounds, slower, strict=True))
    assert all(share[bound] <= 0.99 * requests for bound in chosen)
    usable = [bound for bound in bounds if share[bound] <= 0.99 * requests]
    assert bool(chosen) is bool(usable)
    above = [bound for bound in usable if share[bound] == 0.0]
    if above and most > 1:
        assert chosen[-1] >= above[0]


@pytest.mark.parametrize(
    ("bounds", "slower", "most", "message"),
    [
        ([1.0, 1.0], [0, 0], 12, "^bounds must ascend"),
        ([2.0, 1.0], [0, 0], 12, "^bounds must ascend"),
        ([1.0, math.nan], [0, 0], 12, "^bounds must ascend"),
        ([1.0, 2.0], [0], 12, "^slower must have one count per bound, got 1 for 2"),
        ([1.0], [0], 0, "^most must be at least 1"),
    ],
)
def test_bad_input_is_named(bounds: list[float], slower: list[float], most: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose(bounds, slower, 1000, most)
