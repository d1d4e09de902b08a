from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.analysis.power import requests_needed


@pytest.mark.parametrize(
    ("stable", "delta", "dispersion", "least", "most"),
    [
        (0.005, 0.0, 1.0, 3850, 3950),  # decision-engine.md 2.5 says 3,900 for 1 % against 0.5 %
        (0.005, 0.005, 1.0, 1850, 2000),
        (0.005, 0.0, 2.0, 7700, 7900),
        (0.05, 0.0, 1.0, 300, 400),
    ],
)
def test_it_is_what_the_evidence_grows_by(
    stable: float, delta: float, dispersion: float, least: int, most: int
) -> None:
    found = requests_needed(stable, 1.0, delta, dispersion, 0.01)
    assert found is not None
    assert least <= found <= most


@pytest.mark.parametrize(("stable", "delta"), [(0.0, 0.0), (0.5, 0.0), (0.3, 0.4), (1.0, 0.0)])
def test_where_nothing_is_twice_as_bad_it_is_none(stable: float, delta: float) -> None:
    assert requests_needed(stable, 1.0, delta, 1.0, 0.01) is None


@given(st.floats(1e-6, 0.4), st.floats(1e-4, 0.2), st.floats(1.0, 20.0))
def test_a_smaller_alpha_and_more_dispersion_take_more(stable: float, alpha: float, dispersion: float) -> None:
    def needed(alpha: float, dispersion: float) -> int:
        return requests_needed(stable, 1.0, 0.0, dispersion, alpha) or 0

    assert needed(alpha / 2, dispersion) >= needed(alpha, dispersion) >= needed(alpha, 1.0) > 0
