from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.analysis import DispersionSource, RatePolicy
from serinus.analysis.past import ENOUGH_ERRORS, HEAVIEST, MEMORY, MOST, Past, change, deviation, no_past
from serinus.analysis.rates import assess_rate

from .support import ANCHOR, Scene, always, judged, pods, proxies, seeded

PODS = 3


def rounds(draws: np.ndarray) -> Past:
    """The past after rounds of 5 s; `draws` of shape (rounds, pods, 1 + rows)."""
    past = no_past(0.0, draws.shape[-1] - 1)
    for number, counts in enumerate(draws):
        past = past.after(5.0 * number, counts)
    return past


def scrapes(draws: np.ndarray) -> Past:
    """The past after rounds of 5 s; `draws` of shape (rounds, proxies, 1 + rows)."""
    past = no_past(0.0, draws.shape[-1] - 1)
    for number, counts in enumerate(draws):
        for proxy, each in enumerate(counts):
            past = past.scraped(5.0 * number + proxy, each, number)
    return past


def drawn(seed: int, rate: np.ndarray, *, requests: float = 200.0) -> np.ndarray:
    """Requests and bad requests of pods whose rates have the shape (rounds, pods, rows)."""
    rng = seeded(seed)
    served = rng.poisson(requests, rate.shape[:2])
    return np.concatenate([served[..., None], rng.binomial(served[..., None], rate)], axis=2).astype(float)


def spread(seed: int, effect: float, mean: float = 0.02, requests: float = 200.0, count: int = 720) -> np.ndarray:
    """Rates by pod and round, from a beta distribution with this design effect."""
    if effect == 1.0:
        return np.full((count, PODS, 1), mean)
    within = (effect - 1.0) / (requests - 1.0)
    size = 1.0 / within - 1.0
    return seeded(seed).beta(mean * size, (1.0 - mean) * size, (count, PODS, 1))


@pytest.mark.parametrize("effect", [1.0, 2.0, 5.0])
def test_the_design_effect_of_pods_is_found(effect: float) -> None:
    found = [float(rounds(drawn(seed, spread(seed + 100, effect))).dispersion(9.0)[0]) for seed in range(5)]
    assert np.median(found) == pytest.approx(effect, rel=0.15)


def test_it_is_a_ratio_of_sums_and_not_a_mean_of_ratios() -> None:
    counts = np.array([[[100.0, 0.0], [100.0, 2.0]], [[1000.0, 30.0], [1000.0, 10.0]]])
    spreads, expected = zip(*map(deviation, counts), strict=True)
    past = rounds(np.tile(counts, (30, 1, 1)))
    assert past.dispersion(9.0) == pytest.approx(np.sum(spreads) / np.sum(expected), rel=1e-3)
    assert past.dispersion(9.0) != pytest.approx(np.mean(np.array(spreads) / np.array(expected)), rel=0.05)


def test_what_moves_all_pods_alike_is_no_dispersion() -> None:
    """An error rate that jumps between nothing and a third from one round to the next."""
    common = np.where(seeded(1).random((720, 1, 1)) < 0.5, 0.001, 0.3) * np.ones((1, PODS, 1))
    assert rounds(drawn(2, common)).dispersion(9.0)[0] == pytest.approx(1.0, abs=0.1)


def test_each_row_has_its_own() -> None:
    rate = np.concatenate([spread(3, 5.0), spread(3, 1.0)], axis=2)
    found = rounds(drawn(4, rate)).dispersion(9.0)
    assert found[0] == pytest.approx(5.0, rel=0.25)
    assert found[1] == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("seed", range(3))
def test_the_edges_of_an_outage_do_not_drown_an_hour(seed: int) -> None:
    """Staggered scrapes: in its first and its last round each pod has seen another part of the outage."""
    rate = np.full((720, PODS, 1), 0.005)
    rate[-60:-50] = 1.0
    rate[[-61, -50]] = seeded(seed).random((2, PODS, 1))
    draws = drawn(5, rate)
    found = rounds(draws).dispersion(9.0)[0]
    assert found < 7.0
    plain = sum(deviation_unlimited(counts) for counts in draws)
    assert found < 0.6 * plain[0] / plain[1]


def deviation_unlimited(counts: np.ndarray) -> np.ndarray:
    served, bad = counts[:, 0], counts[:, 1]
    rate, whole = bad.sum() / served.sum(), served.sum()
    variance = rate * (1.0 - rate) * whole / (whole - 1.0)
    return np.array([((bad - served * rate) ** 2).sum(), variance * (served * (1.0 - served / whole)).sum()])


def test_a_round_counts_for_no_more_than_its_limit() -> None:
    _, expected = deviation(np.array([[1000.0, 500.0], [1000.0, 400.0]]))
    assert expected.tolist() == pytest.approx([HEAVIEST])
    few, small = deviation(np.array([[100.0, 1.0], [100.0, 0.0]]))
    assert small[0] < 1.0
    assert few[0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "counts",
    [[[100.0, 3.0]], [[100.0, 3.0], [0.0, 0.0]], [[100.0, 0.0], [90.0, 0.0]], [[5.0, 5.0], [7.0, 7.0]], [[0.0, 0.0]]],
    ids=["one pod", "one serving", "no error", "errors only", "nothing"],
)
def test_a_round_that_tells_nothing_is_none(counts: list[list[float]]) -> None:
    found, expected = deviation(np.array(counts))
    assert (found[0], expected[0]) == (0.0, 0.0)


def test_it_is_measured_only_with_enough() -> None:
    few = rounds(drawn(6, np.full((10, PODS, 1), 0.001)))
    assert not few.measured(2.5)[0]
    assert few.dispersion(2.5)[0] == 2.5
    many = drawn(6, np.full((400, PODS, 1), 0.01))
    assert rounds(many).measured(2.5)[0]
    assert rounds(many).expected[0] >= ENOUGH_ERRORS


@pytest.mark.parametrize("effect", [1.0, 2.0, 5.0])
@pytest.mark.parametrize("proxies", [1, 2, 3])
def test_behind_proxies_each_round_is_compared_with_the_one_before(effect: float, proxies: int) -> None:
    """What is configured is the least: faults that last for several rounds are not seen so."""
    found = []
    for seed in range(5):
        whole = drawn(seed, spread(seed + 100, effect)[:, :1])
        past = scrapes(thinned(whole[:, 0], proxies, seed))
        found.append(float(past.dispersion(1.0)[0]))
        assert past.dispersion(2.5)[0] == max(2.5, found[-1])
        assert past.measured(2.5)[0] == (found[-1] > 2.5)
    assert np.median(found) == pytest.approx(effect, rel=0.2)


def thinned(counts: np.ndarray, proxies: int, seed: int) -> np.ndarray:
    """What each proxy counts when requests go to them by chance; shape (rounds, proxies, 2)."""
    rng, share = seeded(seed + 50), np.full(proxies, 1.0 / proxies)
    requests, bad = counts.astype(int).T
    wrong = rng.multinomial(bad, share)
    return np.stack([wrong + rng.multinomial(requests - bad, share), wrong], axis=2).astype(float)


def test_behind_proxies_no_more_is_believed_than_lets_a_good_canary_be_proven_in_time() -> None:
    clumps = np.full((720, 1, 1), 0.001)
    clumps[::20] = 0.2
    past = scrapes(drawn(5, clumps))
    assert past.spread[0] > 2 * MOST * past.expected[0]
    assert (past.dispersion(2.0)[0], past.dispersion(25.0)[0]) == (MOST, 25.0)


def test_behind_proxies_a_slow_change_is_no_dispersion() -> None:
    rising = np.linspace(0.001, 0.05, 2000)[:, None, None]
    assert scrapes(drawn(3, rising)).dispersion(1.0)[0] == pytest.approx(1.0, abs=0.1)


def test_proxies_that_differ_are_no_dispersion() -> None:
    apart = np.broadcast_to(np.array([0.0, 0.02])[None, :, None], (2000, 2, 1))
    assert scrapes(drawn(3, apart)).dispersion(1.0)[0] == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(("usual", "most"), [(0.0001, 5.0), (0.005, 2.5)])
def test_behind_proxies_an_outage_is_not_most_of_the_hour(usual: float, most: float) -> None:
    rates = np.full((720, 1, 1), usual)
    rates[400:420] = 0.5
    assert scrapes(drawn(4, rates, requests=500.0)).dispersion(1.0)[0] < most


@pytest.mark.parametrize(
    ("before", "now"), [((0.0, 0.0), (50.0, 2.0)), ((9.0, 0.0), (40.0, 0.0)), ((1.0, 1.0), (3.0, 3.0))]
)
def test_two_rounds_that_tell_nothing_are_none(before: tuple[float, float], now: tuple[float, float]) -> None:
    found, expected = change(np.array(before), np.array(now), np.array([0.01]))
    assert (found[0], expected[0]) == (0.0, 0.0)


@given(st.lists(st.tuples(st.integers(1, 10**6), st.floats(0, 1)), min_size=2, max_size=2))
def test_two_rounds_tell_what_two_pods_would(drawn: list[tuple[int, float]]) -> None:
    both = np.array([[requests, round(requests * share)] for requests, share in drawn], dtype=float)
    for mine, other in zip(change(*both, np.ones(1)), deviation(both), strict=True):
        assert mine == pytest.approx(other, rel=1e-6, abs=1e-9)


@given(st.integers(0, 10**6), st.floats(0.0001, 0.5), st.integers(1, 60))
def test_it_is_at_least_one_and_never_a_nan(seed: int, rate: float, count: int) -> None:
    past = rounds(drawn(seed, np.full((count, PODS, 1), rate), requests=30.0))
    assert past.dispersion(1.0)[0] >= 1.0
    assert 0.0 < past.rates[0] < 1.0


def test_what_was_seen_is_forgotten_within_an_hour_or_so() -> None:
    past = no_past(0.0, 1).after(0.0, np.array([[10_000.0, 1000.0], [10_000.0, 900.0]]))
    later = past.after(MEMORY, np.zeros((2, 2)))
    assert later.counts.tolist() == pytest.approx((past.counts / math.e).tolist())
    assert later.spread == pytest.approx(past.spread / math.e)
    assert past.after(-50.0, np.zeros((1, 2))).time == 0.0
    assert no_past(0.0, 1).rates[0] == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("make", "stables", "source"),
    [(pods, 3, "MEASURED"), (pods, 1, "CONFIGURED"), (proxies, 3, "CONFIGURED")],
)
def test_a_judgement_says_where_its_dispersion_comes_from(make: object, stables: int, source: str) -> None:
    scene = Scene(history=600.0, stables=stables, proxies=3)
    window = make(scene, seeded(5), always(0.01), always(0.01))  # type: ignore[operator]
    found = assess_rate(judged(window, RatePolicy(dispersion=2.5)), ANCHOR + 120, 0.01)
    assert found.dispersion_source is DispersionSource[source]
    assert found.dispersion == (pytest.approx(1.1, abs=0.3) if source == "MEASURED" else 2.5)


def test_a_dispersed_stable_is_seen_as_dispersed() -> None:
    rng = seeded(6)
    window = pods(Scene(history=900.0, step=5.0), rng, always(0.01), lambda _: 0.0 if rng.random() < 0.8 else 0.05)
    assert judged(window).streams[1].past.dispersion(2.0)[0] > 1.5
