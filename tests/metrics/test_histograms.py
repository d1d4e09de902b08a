"""Buckets are counted on their bounds: nothing is ever interpolated, and nothing guessed."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.metrics.histograms import Durations, common, durations, increase
from serinus.metrics.series import Buckets, Series, on_grid

INF = math.inf


def buckets(*parts: tuple[float, float, float], count: float | None = None) -> Buckets:
    lower, upper, held = zip(*parts, strict=True)
    total = tuple(accumulate(held))
    return Buckets(total[-1] if count is None else count, lower, upper, total)


def exponential(scale: int, values: list[float]) -> Buckets:
    """Return the sample of an exponential histogram that observed values above zero."""
    growth = 2.0 ** (2.0**-scale)
    places: dict[int, int] = {}
    for value in values:
        place = math.ceil(math.log2(value) * 2.0**scale - 1e-9)
        places[place] = places.get(place, 0) + 1
    return buckets(*((growth ** (place - 1), growth**place, float(places[place])) for place in sorted(places)))


def native(*samples: Buckets, scale: float = 1.0) -> Durations:
    return Durations({}, tuple((10.0 * number, sample) for number, sample in enumerate(samples)), scale)


@pytest.mark.parametrize(
    ("bound", "held"),
    [(0.25, 0.0), (0.5, 0.0), (1.0, 4.0), (1.0 + 1e-12, 4.0), (1.0 - 1e-12, 4.0), (2.0, 9.0), (3.0, 9.0), (0.7, None), (1.5, None)],
)  # fmt: skip
def test_a_count_is_known_on_bounds_and_in_gaps_only(bound: float, held: float | None) -> None:
    assert buckets((0.5, 1.0, 4.0), (1.0, 2.0, 5.0)).at_most(bound) == held


def test_what_is_below_zero_and_around_it_took_at_most_any_time() -> None:
    made = buckets((-0.2, -0.1, 1.0), (-0.001, 0.001, 2.0), (0.5, 1.0, 4.0))
    assert (made.at_most(0.001), made.at_most(0.25), made.at_most(1.0)) == (3.0, 3.0, 7.0)
    assert made.at_most(0.0005) is None
    assert made.bounds == {0.5, 1.0}


def test_an_empty_histogram_holds_nothing_below_any_bound() -> None:
    assert (Buckets(0.0).at_most(1.0), Buckets(0.0).bounds, Buckets(0.0).growth) == (0.0, frozenset(), None)


@pytest.mark.parametrize("scale", range(-4, 9))
def test_the_growth_is_read_from_any_bucket(scale: int) -> None:
    growth = 2.0 ** (2.0**-scale)
    assert exponential(scale, [0.05, 0.2, 7.0]).growth == pytest.approx(growth)
    around_zero = buckets((-1e-38, 1e-38, 3.0), (growth, growth**2, 1.0))
    assert around_zero.growth == pytest.approx(growth)


@pytest.mark.parametrize(
    "made",
    [
        buckets((-INF, 1.0, 1.0), (1.0, 2.0, 3.0)),
        buckets((1.0, 2.0, 1.0), (2.0, INF, 3.0)),
        buckets((0.1, 0.2, 1.0), (0.2, 0.4, 3.0)),
        buckets((0.01, 0.1, 1.0), (0.1, 1.0, 3.0)),
        buckets((1.0, 2.0, 1.0), (2.0, 8.0, 3.0)),
    ],
)
def test_bounds_that_somebody_chose_have_no_growth(made: Buckets) -> None:
    assert made.growth is None


def test_a_wider_scale_keeps_the_counts_of_the_bounds_that_it_still_has() -> None:
    values = [0.011 * 1.13**place for place in range(60)]
    fine, wide = exponential(3, values), exponential(1, values)
    growth = 2.0**0.5
    kept = [bound for bound in fine.bounds if on_grid(bound, growth)]
    assert len(kept) > 5
    assert all(fine.at_most(bound) == wide.at_most(bound) for bound in kept)
    lost = [bound for bound in fine.bounds if not on_grid(bound, growth) and min(values) < bound < max(values)]
    assert lost
    assert all(wide.at_most(bound) is None for bound in lost)


@given(st.lists(st.floats(1e-4, 100.0), min_size=1, max_size=50), st.integers(0, 5), st.integers(-20, 20))
def test_a_count_is_exact_or_not_there(values: list[float], scale: int, place: int) -> None:
    bound = 2.0 ** (place / 4)
    held = exponential(scale, values).at_most(bound)
    near = any(abs(value / bound - 1.0) < 1e-6 for value in values)
    assert held is None or near or held == sum(value <= bound for value in values)


def le(bound: str, *values: float, name: str = "x_bucket") -> Series:
    return Series({"__name__": name, "le": bound}, tuple((10.0 * place, value) for place, value in enumerate(values)))


def test_classic_buckets_are_counters_by_their_bound() -> None:
    made = durations([le("25.0", 1, 2), le("5e2", 3, 4), le("+Inf", 5, 6), le("bad", 1)], 0.001)
    assert made.at_most(0.025) == ((0.0, 1), (10.0, 2))
    assert made.at_most(0.5, since=5.0) == ((10.0, 4),)
    assert made.all() == ((0.0, 5), (10.0, 6))
    assert made.bounds == {0.025, 0.5}
    assert (made.growth, made.has(0.025), made.has(0.1)) == (None, True, False)


def test_a_bound_that_is_not_there_gives_no_numbers() -> None:
    assert all(math.isnan(value) for _, value in durations([le("1", 1, 2), le("+Inf", 3, 4)], 1.0).at_most(0.5))
    wide = native(exponential(3, [0.5, 0.7]), exponential(-2, [0.5, 0.7]))
    first, second = wide.at_most(0.5)
    assert first == (0.0, 1.0)
    assert math.isnan(second[1])


def test_where_both_kinds_are_scraped_the_native_one_serves() -> None:
    both = Series({"__name__": "x"}, (), ((0.0, exponential(3, [0.5])),))
    made = durations([le("1", 1), both, le("+Inf", 1)], 1.0)
    assert made.native
    assert not made.classic


def test_bounds_in_common_are_those_of_every_histogram() -> None:
    one = durations([le("1", 1), le("2", 1), le("5", 1), le("+Inf", 1)], 1.0)
    other = durations([le("2.0", 1), le("5", 1), le("7", 1), le("+Inf", 1)], 1.0)
    assert common([one, other]) == ((2.0, 5.0), None)
    assert common([one, durations([le("3", 1), le("+Inf", 1)], 1.0)]) == ((), None)


def test_exponential_histograms_of_two_scales_meet_at_the_wider_ones_bounds() -> None:
    values = [0.01 * 1.2**place for place in range(30)]
    bounds, growth = common([native(exponential(3, values)), native(exponential(3, values), exponential(2, values))])
    assert growth == pytest.approx(2**0.25)
    assert bounds
    assert all(on_grid(bound, 2**0.25) for bound in bounds)
    ratios = [after / before for before, after in pairwise(bounds)]
    assert min(ratios) == pytest.approx(2**0.25)


def test_custom_native_buckets_and_classic_ones_have_the_same_bounds_in_common() -> None:
    custom = native(buckets((-INF, 0.1, 1.0), (0.1, 0.5, 2.0), (0.5, INF, 1.0)))
    classic = durations([le("0.1", 1), le("0.5", 1), le("+Inf", 1)], 1.0)
    assert common([custom, classic]) == ((0.1, 0.5), None)


def test_a_histogram_without_observations_does_not_stand_in_the_way() -> None:
    assert common([native(Buckets(0.0)), native(exponential(0, [0.3, 0.9]))])[0] == (0.25, 0.5, 1.0)


@pytest.mark.parametrize(
    ("values", "grown"), [((), 0), ((5,), 0), ((5, 7, 9), 4), ((5, 9, 3, 4), 8), ((5, math.nan, 9), 4)]
)
def test_what_a_counter_grew_by_includes_resets(values: tuple[float, ...], grown: float) -> None:
    assert increase(tuple((float(place), value) for place, value in enumerate(values))) == grown
