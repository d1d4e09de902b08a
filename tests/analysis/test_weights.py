from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.analysis import RatePolicy, Weight, begin, reweigh
from serinus.analysis.evalue import Block
from serinus.analysis.weights import PROPAGATION, fit, fit_proof

from .support import ANCHOR


def block(n_c: float, x_c: float, n_s: float, x_s: float) -> Block:
    return Block(100.0, 120.0, n_c, np.array([x_c]), n_s, np.array([x_s]))


def numbers(found: Block) -> tuple[float, float, float, float]:
    return found.n_c, float(found.x_c[0]), found.n_s, float(found.x_s[0])


@pytest.mark.parametrize("time", [0.0, 100.0 - PROPAGATION, 120.0, 130.0])
def test_a_block_without_a_change_is_left_as_it_is(time: float) -> None:
    whole = block(10, 1, 90, 9)
    weights = [Weight(-100.0, 0.1), Weight(time, 0.5)] if time < 120 else [Weight(0.0, 0.1), Weight(time, 0.5)]
    assert fit(whole, weights) is whole
    assert fit_proof(whole, weights) is whole
    assert fit(whole, []) is whole


@pytest.mark.parametrize(
    ("weights", "n_s", "n_c"),
    [
        # The share rises from a tenth to a half: one stable request per canary request can be of the same moment,
        # and one canary request per nine of stable's.
        ([(0.0, 0.1), (110.0, 0.5)], 40, 10),
        # It follows a new weight only later.
        ([(0.0, 0.1), (91.0, 0.5)], 40, 10),
        # Down again: the same shares are in force.
        ([(0.0, 0.5), (110.0, 0.1)], 40, 10),
        # The first share: before it the canary had nothing.
        ([(110.0, 0.5)], 40, 0),
        # Two changes within: the highest and the lowest count.
        ([(0.0, 0.1), (101.0, 0.8), (102.0, 0.2)], 10, 10),
        # What was over before the block does not count.
        ([(0.0, 0.99), (50.0, 0.1), (110.0, 0.5)], 40, 10),
        # The whole traffic: no stable request can be of the same moment.
        ([(0.0, 0.1), (110.0, 1.0)], 0, 10),
    ],
)
def test_only_requests_of_the_same_moment_are_compared(
    weights: list[tuple[float, float]], n_s: float, n_c: float
) -> None:
    changes = [Weight(time, share) for time, share in weights]
    found = fit(block(40, 3, 90, 2), changes)
    assert numbers(found) == pytest.approx((40, 3, n_s, min(2, n_s)))
    found = fit_proof(block(40, 3, 90, 2), changes)
    assert numbers(found) == pytest.approx((n_c, min(3, n_c), 90, 2))


@given(
    n_c=st.integers(0, 100),
    n_s=st.integers(0, 100),
    bad=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    shares=st.lists(st.floats(0, 1), min_size=1, max_size=4),
    first=st.floats(50, 115),
)
def test_a_fitted_block_never_has_more_and_keeps_the_bad_ones(
    n_c: int, n_s: int, bad: tuple[float, float], shares: list[float], first: float
) -> None:
    whole = block(n_c, n_c * bad[0], n_s, n_s * bad[1])
    weights = [Weight(first + 7 * i, share) for i, share in enumerate(shares)]
    against, favour = fit(whole, weights), fit_proof(whole, weights)
    assert numbers(against)[:2] == numbers(whole)[:2]
    assert numbers(favour)[2:] == numbers(whole)[2:]
    assert 0 <= against.n_s <= whole.n_s
    assert 0 <= favour.n_c <= whole.n_c
    assert against.x_s[0] == min(whole.x_s[0], against.n_s)
    assert favour.x_c[0] == min(whole.x_c[0], favour.n_c)


@pytest.mark.parametrize("share", [-0.1, 1.1, 10.0, math.nan])
def test_a_share_is_a_share(share: float) -> None:
    with pytest.raises(ValueError, match="share must be between 0 and 1"):
        Weight(0.0, share)


def test_changes_come_in_order_and_once() -> None:
    judgement = reweigh(begin(RatePolicy(), ANCHOR), ANCHOR, 0.1)
    assert reweigh(judgement, ANCHOR, 0.1) is judgement
    with pytest.raises(ValueError, match="time must not be before"):
        reweigh(judgement, ANCHOR - 1, 0.2)
