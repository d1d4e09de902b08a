"""Numbers as people read them."""

import pytest

from serinus.cli.views.numbers import gauge


@pytest.mark.parametrize(
    ("value", "limit", "shown"),
    [
        (1.0, 100.0, "░░░░░░░░ 1/100"),
        (10.0, 100.0, "████░░░░ 10/100"),
        (2380.0, 100.0, "████████ 2,380/100"),
        (8.951e25, 20.0, "████████ 8.95e+25/20"),
        (None, 100.0, ""),
        (5.0, None, ""),
    ],
)
def test_evidence_on_its_way_to_the_limit(value: float | None, limit: float | None, shown: str) -> None:
    assert gauge(value, limit) == shown
