from __future__ import annotations

import math

import numpy as np
import pytest

from serinus.analysis import RatePolicy
from serinus.analysis.policy import BETTER


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("rho", value) for value in (-0.1, math.inf, math.nan)),
        *(("delta", value) for value in (-0.1, 1.0, math.nan)),
        *(("margin", value) for value in (0.0, -0.01, 1.0, math.nan)),
        *(("beta", value) for value in (0.0, 1.0, math.nan)),
        *(("min_errors", value) for value in (0, -1)),
        *(("dispersion", value) for value in (0.5, math.inf, math.nan)),
        *(("restart", value) for value in (0.0, -1.0, math.nan)),
        *(("minimum_requests", value) for value in (0, -1)),
        *(("odds", value) for value in ((), (1.0,), (2.0, 0.5), (math.inf,), (math.nan,))),
        *(("bounds", value) for value in ((0.0,), (-1.0, 1.0), (0.2, 0.1), (0.1, 0.1), (0.1, math.inf), (math.nan,))),
    ],
)
def test_a_bad_value_is_refused_with_the_field_first(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{field} must be .*, got "):
        RatePolicy(**{field: value})  # type: ignore[arg-type]


def test_an_objective_needs_a_share_that_may_be_bad() -> None:
    with pytest.raises(ValueError, match=r"^delta must be above 0 for an absolute objective"):
        RatePolicy(rho=0.0, delta=0.0)
    assert RatePolicy(rho=0.0, delta=0.01).delta == 0.01


@pytest.mark.parametrize(("rho", "delta", "margin"), [(1.0, 0.02, 0.01), (1.0, 0.01, 0.01), (0.0, 0.6, 0.5)])
def test_a_margin_that_no_canary_could_be_proven_within_is_refused(rho: float, delta: float, margin: float) -> None:
    """Rolled back at delta, it would be promoted within less; and no rate is above 1."""
    with pytest.raises(ValueError, match=r"^margin must be "):
        RatePolicy(rho=rho, delta=delta, margin=margin)


def test_rows_cells_and_their_shape() -> None:
    errors = RatePolicy()
    assert (errors.rows, errors.cells) == (1, 2)
    assert (np.array([95.0, 5.0]) @ errors.shape).tolist() == [100, 5]
    latency = RatePolicy(bounds=(0.1, 0.2, 0.5))
    assert (latency.rows, latency.cells) == (3, 4)
    # At most 100 ms, 200 ms, 500 ms, and all: requests, then those slower than each bound.
    assert (np.array([50.0, 80.0, 90.0, 95.0]) @ latency.shape).tolist() == [95, 45, 15, 5]


def test_the_alternatives_and_the_nulls_that_they_are_held_against() -> None:
    factors, rhos, deltas = RatePolicy(rho=1.25, odds=(2.0, 5.0)).columns
    assert factors.tolist() == [2.0, 5.0, *BETTER]
    assert rhos.tolist() == [1.25, 1.25, 1.0, 1.0, 1.0]
    assert deltas.tolist() == [0.005, 0.005, 0.01, 0.01, 0.01]
    _, rhos, deltas = RatePolicy(rho=0.0, delta=0.1, margin=0.1, odds=(2.0,)).columns
    assert rhos.tolist() == [0.0] * 4
    assert deltas.tolist() == [0.1, 0.2, 0.2, 0.2]


def test_the_proof_is_enough_at_one_over_beta() -> None:
    assert math.exp(RatePolicy(beta=0.04).log_proof_threshold) == pytest.approx(25.0)
