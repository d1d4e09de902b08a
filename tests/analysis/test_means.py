from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.analysis.finding import Outcome
from serinus.analysis.means import (
    MeanPolicy,
    Means,
    assess_means,
    begin_means,
    fold_means,
    means_from_record,
    means_record,
    reweigh_means,
)
from serinus.analysis.samples import Arm, Counter, Target, Window
from serinus.analysis.strata import estimate, log_mixture, no_strata

ANCHOR = 1_000_000.0
INTERVAL = 5.0
POLICY = MeanPolicy(higher_is_better=True, margin=0.0, effect=0.05)
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def one_target(rows: np.ndarray, arm: Arm, name: str, offset: float = 0.0) -> tuple[Target, list[Counter]]:
    """A pod that is scraped every interval, its cells growing by `rows` (m, cells) after an idle first scrape."""
    totals = np.vstack([np.zeros(rows.shape[1]), rows.cumsum(axis=0)])
    times = [ANCHOR - INTERVAL + offset + INTERVAL * i for i in range(len(totals))]
    counters = [
        Counter(arm, name, f"cell-{cell}", cell, tuple(zip(times, totals[:, cell].tolist(), strict=True)))
        for cell in range(rows.shape[1])
    ]
    return Target(name, arm, tuple((time, 1.0) for time in times)), counters


def window(canary: Sequence[np.ndarray], stable: Sequence[np.ndarray], offsets: Sequence[float] = ()) -> Window:
    targets, counters = [], []
    pods = [(Arm.CANARY, rows) for rows in canary] + [(Arm.STABLE, rows) for rows in stable]
    for number, (arm, rows) in enumerate(pods):
        offset = offsets[number] if offsets else 0.5 + 0.3 * number
        target, own = one_target(rows, arm, f"pod-{number}", offset)
        targets.append(target)
        counters.extend(own)
    now = max(target.scrapes[-1][0] for target in targets)
    return Window(tuple(counters), tuple(targets), ANCHOR - 3 * INTERVAL, now, INTERVAL)


def only(full: Window, keep: Callable[[str, float], bool]) -> Window:
    """The window with the samples of a target and time that are kept; Prometheus knows no series without any."""
    counters = (c._replace(samples=tuple(s for s in c.samples if keep(c.target, s[0]))) for c in full.counters)
    targets = (replace(t, scrapes=tuple(s for s in t.scrapes if keep(t.name, s[0]))) for t in full.targets)
    return replace(
        full, counters=tuple(c for c in counters if c.samples), targets=tuple(t for t in targets if t.scrapes)
    )


def clip(full: Window, now: float, start: float = -math.inf) -> Window:
    """What Prometheus would have answered at `now`."""
    return replace(only(full, lambda _, time: start <= time <= now), start=max(start, full.start), now=now)


def cells(values: np.ndarray) -> np.ndarray:
    """Count, sum and squares of each row of values."""
    return np.stack([np.full(len(values), values.shape[1]), values.sum(axis=1), (values**2).sum(axis=1)], axis=1)


def traffic(seed: int = 1, scrapes: int = 20, canary: float = 1.0, policy: MeanPolicy = POLICY) -> Window:
    """Two canary pods and two of stable, 60 and 200 values a scrape each, of exponential values."""
    rng = np.random.default_rng(seed)
    if not policy.units:
        pods = [cells(rng.exponential(mean, (scrapes, n))) for mean, n in [(canary, 60)] * 2 + [(1.0, 200)] * 2]
    else:
        pods = []
        for mean in [canary] * 2 + [1.0] * 2:
            counts = rng.poisson(2.0, (scrapes, policy.units))
            sums = counts * mean * rng.exponential(1.0, counts.shape)
            pods.append(np.stack([counts, sums], axis=2).reshape(scrapes, -1))
    return window(pods[:2], pods[2:])


def folded(policy: MeanPolicy, seen: Window, weights: Sequence[tuple[float, float]] = ()) -> Means:
    means = begin_means(policy, ANCHOR)
    for time, share in weights:
        means = reweigh_means(means, time, share)
    return fold_means(means, seen)


def same(one: Means, other: Means) -> bool:
    return (
        (one.log_evidence, one.log_proof, one.period, one.until)
        == (
            other.log_evidence,
            other.log_proof,
            other.period,
            other.until,
        )
        and (one.sums == other.sums).all()
        and all(np.array_equal(getattr(one.strata, f), getattr(other.strata, f)) for f in ("worse", "spread", "sums"))
    )


# The formula


@pytest.mark.parametrize("higher", [True, False])
def test_the_evidence_is_the_formula_of_the_mixture(higher: bool) -> None:  # noqa: FBT001
    rng = np.random.default_rng(5)
    canary, stable = rng.normal(4.9, 1.0, (1, 500)), rng.normal(5.0, 1.2, (1, 900))
    policy = MeanPolicy(higher, margin=0.02, effect=0.1)
    means = folded(policy, window([cells(canary)], [cells(stable)], offsets=[1.0, 1.0]))
    spread_c, spread_s = canary.var(ddof=1), stable.var(ddof=1)
    pooled = (499 * spread_c + 899 * spread_s) / 1398
    v = max(spread_c, pooled) / 500 + max(spread_s, pooled) / 900
    gap = float(stable.mean() - canary.mean())
    delta = (gap if higher else -gap) - 0.02

    def mixture(d: float) -> float:
        t, scale = 0.1, v + 0.01
        phi = 0.5 * math.erfc(-d * t / math.sqrt(v * scale) / math.sqrt(2))
        return math.log(2 * math.sqrt(v / scale) * math.exp(t * t * d * d / (2 * v * scale)) * phi)

    assert means.log_evidence == pytest.approx(mixture(delta))
    assert means.log_proof == pytest.approx(max(0.0, mixture(-delta)))
    assert means.trail == ((ANCHOR + 1.0, means.log_evidence),)


@given(information=st.floats(0.0, 1e12), score=st.floats(-1e9, 1e9), effect=st.floats(1e-6, 1e6))
def test_the_mixture_is_finite_and_rises_with_the_score(information: float, score: float, effect: float) -> None:
    value = log_mixture(information, score, effect)
    assert math.isfinite(value)
    assert value <= log_mixture(information, score + 1.0 + abs(score), effect) + 1e-9
    assert log_mixture(0.0, 0.0, effect) == pytest.approx(0.0, abs=1e-12)


def test_the_mixture_has_no_seam_where_its_expansion_begins() -> None:
    values = [log_mixture(1.0, z * math.sqrt(2.0), 1.0) for z in (-9.999999, -10.0, -10.000001)]
    assert values == pytest.approx([values[1]] * 3, rel=1e-6)


# False alarms and power, looking at every scrape

DRAWS: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(1.0, 1.0, shape),
    "lognormal": lambda rng, shape: np.exp(rng.normal(-0.5, 1.0, shape)),
    "bernoulli": lambda rng, shape: (rng.random(shape) < 0.05) * 20.0,
}


def rates(policy: MeanPolicy, draw: Draw, runs: int, *, n: tuple[int, int], canary: float = 1.0) -> tuple[float, float]:
    """Shares of runs with evidence at 1/0.05, and with proof, over 60 looks of `n` values per side."""
    rng = np.random.default_rng(7)
    alarms = proofs = 0
    for _ in range(runs):
        rows = np.stack([cells(draw(rng, (60, n[0])) * canary), cells(draw(rng, (60, n[1])))]).cumsum(axis=1)
        harm, proof = estimate(policy, no_strata(policy), rows).log_e(policy)
        alarms += max(harm) >= -math.log(0.05)
        proofs += max(proof) >= policy.log_proof_threshold
    return alarms / runs, proofs / runs


@pytest.mark.parametrize("name", list(DRAWS))
@pytest.mark.parametrize("higher", [True, False])
@pytest.mark.parametrize("n", [(100, 100), (20, 180)])
def test_an_equal_canary_is_rarely_accused(name: str, higher: bool, n: tuple[int, int]) -> None:  # noqa: FBT001
    for effect in (0.05, 0.5):
        policy = replace(POLICY, higher_is_better=higher, effect=effect)
        assert rates(policy, DRAWS[name], 300, n=n)[0] <= 0.05


@pytest.mark.parametrize("name", list(DRAWS))
def test_at_the_margin_there_are_few_alarms_and_few_proofs(name: str) -> None:
    policy = replace(POLICY, margin=0.1)
    alarms, proofs = rates(policy, DRAWS[name], 300, n=(100, 100), canary=0.9)
    assert max(alarms, proofs) <= 0.05


def test_a_worse_canary_is_found_and_an_equal_one_proven() -> None:
    assert rates(replace(POLICY, effect=0.2), DRAWS["normal"], 100, n=(100, 100), canary=0.9)[0] > 0.9
    assert rates(replace(POLICY, effect=0.2), DRAWS["normal"], 100, n=(100, 100), canary=1.1) == (0.0, 1.0)
    assert rates(replace(POLICY, margin=0.1, effect=0.1), DRAWS["normal"], 100, n=(100, 100))[1] > 0.9


SHARES = (0.05, 0.2, 0.5, 0.8)


def over_a_day(seed: int) -> tuple[Window, list[tuple[float, float]]]:
    """No difference; the canary's share grows while everybody's mean rises by half."""
    rng = np.random.default_rng(seed)
    rows: list[list[np.ndarray]] = [[], []]
    for scrape in range(40):
        share = SHARES[scrape // 10]
        for side, n in zip(rows, (int(400 * share), int(400 * (1 - share))), strict=True):
            side.append(cells(rng.normal(1.0 + 0.5 * scrape / 39, 0.3, (1, n)))[0])
    weights = [(ANCHOR - 1.0 + 50.0 * i, share) for i, share in enumerate(SHARES)]
    return window([np.array(rows[0])], [np.array(rows[1])], offsets=[0.0, 0.0]), weights


def test_a_drift_while_the_weight_grows_is_no_difference() -> None:
    policy = replace(POLICY, higher_is_better=False)
    alarms = naive = 0
    for seed in range(60):
        seen, weights = over_a_day(seed)
        alarms += max(log for _, log in folded(policy, seen, weights).trail) >= -math.log(0.05)
        naive += max(log for _, log in folded(policy, seen).trail) >= -math.log(0.05)
    assert alarms / 60 <= 0.05
    assert naive / 60 > 0.9


def by_users(rng: np.random.Generator, *, units: int, canary: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """400 users with conversion rates of their own, half of them the canary's: by bucket, and by value."""
    users, looks, requests = 400, 40, 400
    own = rng.beta(0.5, 4.5, users)
    bucket, arm = rng.integers(0, units, users), rng.random(users) < 0.5
    by_unit, by_value = np.zeros((2, looks, 2 * units)), np.zeros((2, looks, 3))
    for look in range(looks):
        user = rng.integers(0, users, requests)
        for side, of in enumerate((arm[user], ~arm[user])):
            who = user[of]
            won = rng.random(len(who)) < own[who] * (canary if side == 0 else 1.0)
            by_unit[side, look, 0::2] = np.bincount(bucket[who], minlength=units)
            by_unit[side, look, 1::2] = np.bincount(bucket[who], weights=won, minlength=units)
            by_value[side, look] = len(who), won.sum(), won.sum()
    return by_unit.cumsum(axis=1), by_value.cumsum(axis=1)


def test_users_who_differ_do_not_count_as_many_when_judged_by_bucket() -> None:
    rng = np.random.default_rng(11)
    policy, plain = MeanPolicy(True, 0.0, 0.02, units=64), MeanPolicy(True, 0.0, 0.02)
    alarms, naive = 0, 0
    for _ in range(100):
        by_unit, by_value = by_users(rng, units=64)
        alarms += max(estimate(policy, no_strata(policy), by_unit).log_e(policy)[0]) >= -math.log(0.05)
        naive += max(estimate(plain, no_strata(plain), by_value).log_e(plain)[0]) >= -math.log(0.05)
    assert alarms / 100 <= 0.05
    assert naive / 100 > 0.1


def test_users_who_convert_half_as_often_are_found_by_bucket() -> None:
    rng = np.random.default_rng(12)
    policy = MeanPolicy(True, 0.0, 0.05, units=64)
    found = 0
    for _ in range(20):
        by_unit, _ = by_users(rng, units=64, canary=0.3)
        found += max(estimate(policy, no_strata(policy), by_unit).log_e(policy)[0]) >= -math.log(0.05)
    assert found >= 18


def test_buckets_that_differ_for_good_are_not_evidence_twice_in_two_periods() -> None:
    policy = MeanPolicy(True, 0.0, 0.05, units=64)
    rng = np.random.default_rng(13)
    own = rng.uniform(0.0, 1.0, (2, 64))
    row = np.stack([np.full((2, 64), 1000.0), 1000.0 * own], axis=2).reshape(2, 1, -1)
    once = estimate(policy, no_strata(policy), row)
    twice = estimate(policy, once.strata, row)
    assert twice.information[0] == pytest.approx(once.information[0])
    assert twice.worse[0] == pytest.approx(once.worse[0])


# What is no evidence


def test_no_evidence_before_the_minimum_on_each_side() -> None:
    rng = np.random.default_rng(3)
    few, many = cells(rng.normal(0.1, 0.01, (1, 199))), cells(rng.normal(9.0, 0.01, (1, 5000)))
    assert folded(POLICY, window([few], [many], offsets=[1.0, 1.0])).log_evidence == 0.0
    assert folded(POLICY, window([many], [few], offsets=[1.0, 1.0])).log_proof == 0.0
    enough = cells(rng.normal(0.1, 0.01, (1, 200)))
    assert folded(POLICY, window([enough], [many], offsets=[1.0, 1.0])).log_evidence > 100.0


@pytest.mark.parametrize(("canary", "stable"), [(3.0, 3.0), (3.1, 3.0), (0.0, 0.1), (0.0, 0.0)])
def test_equal_values_are_no_evidence(canary: float, stable: float) -> None:
    pods = [cells(np.full((5, 300), value)) for value in (canary, stable)]
    means = folded(replace(POLICY, higher_is_better=False), window([pods[0]], [pods[1]]))
    assert (means.log_evidence, means.log_proof) == (0.0, 0.0)
    assert assess_means(means, ANCHOR + 21.0, 100.0).outcome is Outcome.PASS
    gating = folded(replace(POLICY, margin=0.1, gating=True), window([pods[0]], [pods[1]]))
    assert assess_means(gating, ANCHOR + 21.0, 100.0).reason == "NotProven"


def test_one_side_without_any_spread_is_still_compared() -> None:
    rng = np.random.default_rng(4)
    canary, stable = np.zeros((5, 100)), (rng.random((5, 900)) < 0.2) * 1.0
    assert folded(POLICY, window([cells(canary)], [cells(stable)])).log_evidence > 5.0


@pytest.mark.parametrize("side", ["canary", "stable"])
def test_an_arm_without_values_is_inconclusive(side: str) -> None:
    some, none = cells(np.random.default_rng(1).normal(5.0, 1.0, (5, 300))), np.zeros((5, 3))
    seen = window([none], [some]) if side == "canary" else window([some], [none])
    means = folded(replace(POLICY, gating=True, margin=0.1), seen)
    found = assess_means(means, seen.now, 100.0)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, "TooFewObservations")
    assert getattr(found, side).rate is None
    assert (found.evidence, found.proof) == (1.0, 1.0)


def test_too_few_user_buckets_are_inconclusive() -> None:
    policy = MeanPolicy(True, 0.0, 0.05, units=64)
    row = np.zeros((4, 128))
    row[:, 0:60:2], row[:, 1:60:2] = 50.0, np.random.default_rng(1).uniform(0, 9, (4, 30))
    found = assess_means(folded(policy, window([row], [row])), ANCHOR + 16.0, 100.0)
    assert found.reason == "TooFewObservations"
    assert "32 user buckets" in found.message


# Bad data


@pytest.mark.parametrize("factor", [0.0, 0.5])
def test_squares_too_small_for_the_sum_are_blind(factor: float) -> None:
    rows = cells(np.random.default_rng(1).normal(5.0, 1.0, (5, 300)))
    broken = rows * np.array([1.0, 1.0, factor])
    for seen, name in ((window([broken], [rows]), "The canary"), (window([rows], [broken]), "Stable")):
        means = folded(POLICY, seen)
        found = assess_means(means, seen.now, 100.0)
        assert means.log_evidence == 0.0
        assert (found.outcome, found.reason) == (Outcome.BLIND, "Inconsistent")
        assert found.message.startswith(name)


def test_a_bucket_with_a_sum_of_no_values_is_blind() -> None:
    policy = MeanPolicy(True, 0.0, 0.05, units=32)
    row = np.ones((4, 64))
    row[:, 0] = 0.0
    found = assess_means(folded(policy, window([row], [row])), ANCHOR + 16.0, 100.0)
    assert (found.outcome, found.reason) == (Outcome.BLIND, "Inconsistent")


def broken_at(full: Window, index: int, value: float) -> Window:
    first = full.counters[1]
    samples = tuple((t, value if i == index else v) for i, (t, v) in enumerate(first.samples))
    return replace(full, counters=(full.counters[0], first._replace(samples=samples), *full.counters[2:]))


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_no_number_is_blind_while_it_is_the_newest_and_lost_it_is_not(value: float) -> None:
    full = traffic()
    seen = broken_at(full, 20, value)
    found = assess_means(folded(POLICY, seen), full.now, 100.0)
    assert (found.outcome, found.reason) == (Outcome.BLIND, "NotANumber")
    in_between = folded(POLICY, broken_at(full, 10, value))
    assert assess_means(in_between, full.now, 100.0).outcome is Outcome.PASS
    assert in_between.sums == pytest.approx(folded(POLICY, full).sums)


def test_silence_is_blind() -> None:
    full = traffic()
    assert assess_means(folded(POLICY, full), full.now + 60.0, 100.0).reason == "Stale"
    assert assess_means(begin_means(POLICY, ANCHOR), ANCHOR, 100.0).reason == "NoTarget"


def test_a_pod_that_starts_again_counts_on() -> None:
    full = traffic()
    cut = full.targets[0].scrapes[10][0]
    reset = tuple(
        c._replace(samples=tuple((t, v - dict(c.samples)[cut] if t > cut else v) for t, v in c.samples))
        if c.target == full.targets[0].name
        else c
        for c in full.counters
    )
    one, other = folded(POLICY, full), folded(POLICY, replace(full, counters=reset))
    assert other.sums == pytest.approx(one.sums)
    assert other.log_evidence == pytest.approx(one.log_evidence)


# Folding

WEIGHTS = [(ANCHOR, 0.1), (ANCHOR + 30.0, 0.2), (ANCHOR + 61.0, 0.5)]
UNITS = MeanPolicy(higher_is_better=False, margin=0.01, effect=0.05, minimum=50, units=32)
PLAIN = MeanPolicy(higher_is_better=True, margin=0.01, effect=0.05)


def churning(policy: MeanPolicy, born: int, gone: int) -> Window:
    """One of the canary's pods is born at a scrape, and one of stable's goes away at another."""
    full = traffic(seed=9, policy=policy, canary=0.9)
    young, old = full.targets[1], full.targets[2]
    birth, death = young.scrapes[born][0], old.scrapes[gone][0]

    def kept(target: str, time: float) -> bool:
        return not (target == young.name and time < birth) and not (target == old.name and time > death)

    return only(full, kept)


@pytest.mark.parametrize("policy", [PLAIN, UNITS], ids=["plain", "units"])
@settings(max_examples=25, deadline=None)
@given(
    looks=st.lists(st.floats(-5.0, 100.0), max_size=25),
    kill=st.integers(0, 25),
    overlap=st.floats(0.0, 40.0),
    born=st.integers(0, 20),
    gone=st.integers(0, 20),
)
def test_live_with_a_restart_and_replay_agree_exactly(  # noqa: PLR0917 - what is drawn
    policy: MeanPolicy, looks: list[float], kill: int, overlap: float, born: int, gone: int
) -> None:
    full = churning(policy, born, gone)
    replay = folded(policy, full, WEIGHTS)
    live, trail = begin_means(policy, ANCHOR), []
    weights = list(WEIGHTS)
    for index, look in enumerate([*sorted(looks), full.now - ANCHOR]):
        while weights and weights[0][0] <= ANCHOR + look:
            live = reweigh_means(live, *weights.pop(0))
        if index == kill:
            live = means_from_record(policy, json.loads(json.dumps(means_record(live))))
        since = live.reader.since
        live = fold_means(live, clip(full, ANCHOR + look, -math.inf if since is None else since - overlap))
        trail.extend(live.trail)
    assert same(live, replay)
    assert tuple(trail) == replay.trail
    assert [time for time, _ in trail] == sorted(time for time, _ in trail)


def test_a_late_sample_of_one_pod_changes_nothing() -> None:
    full = traffic()
    late, live = full.targets[0].name, begin_means(POLICY, ANCHOR)
    trail: list[tuple[float, float]] = []
    for step in range(101):
        now = ANCHOR + step
        mixed = only(full, lambda name, time: time <= now - (4.0 if name == late else 0.0))  # noqa: B023
        mixed = replace(mixed, now=now)
        live = fold_means(live, mixed)
        trail.extend(live.trail)
    assert tuple(trail) == folded(POLICY, full).trail


def test_names_and_order_of_pods_do_not_matter() -> None:
    full = traffic()
    rng = random.Random(1)  # noqa: S311 - an order
    counters, targets = list(full.counters), list(full.targets)
    rng.shuffle(counters)
    rng.shuffle(targets)
    other = folded(POLICY, replace(full, counters=tuple(counters), targets=tuple(targets)))
    assert other.log_evidence == folded(POLICY, full).log_evidence


def test_a_window_again_adds_nothing() -> None:
    full = traffic()
    once = folded(POLICY, full)
    again = fold_means(once, full)
    assert same(once, again)
    assert again.trail == ()


def test_what_was_counted_before_the_rollout_does_not_count() -> None:
    full = traffic()
    later = begin_means(POLICY, ANCHOR + 50.0)
    assert fold_means(later, full).sums[1][0] < folded(POLICY, full).sums[1][0] / 1.8


def test_the_newest_change_of_weight_again_does_nothing() -> None:
    means = reweigh_means(begin_means(POLICY, ANCHOR), ANCHOR, 0.1)
    assert reweigh_means(means, ANCHOR, 0.1) is means
    assert reweigh_means(means, ANCHOR + 9.0, 0.1) is means
    with pytest.raises(ValueError, match=r"^time must not be before the newest change"):
        reweigh_means(means, ANCHOR - 1.0, 0.2)
    with pytest.raises(ValueError, match=r"^share must be between 0 and 1"):
        reweigh_means(means, ANCHOR, 1.2)


def test_restarting_again_and_again_without_reading_changes_nothing() -> None:
    full = traffic()
    kept = fold_means(begin_means(POLICY, ANCHOR), clip(full, ANCHOR + 50.0))
    record = means_record(kept)
    for _ in range(3):
        again = means_from_record(POLICY, json.loads(json.dumps(record)))
        assert means_record(again) == record
    since = again.reader.since
    assert since is not None
    assert same(fold_means(again, clip(full, full.now, since)), folded(POLICY, full))


@pytest.mark.parametrize(
    "damage",
    [
        {"strata": [1.0]},
        {"sums": [[1.0]]},
        {"sums": [[math.nan] * 3] * 2},
        {"cursors": 5},
        {"weights": [[1.0, 7.0]]},
        {"anchor": None},
        {"logProof": "high"},
    ],
)
def test_a_damaged_record_is_refused(damage: dict[str, Any]) -> None:
    record = means_record(folded(POLICY, traffic()))
    with pytest.raises(ValueError, match=r"^record is damaged"):
        means_from_record(POLICY, record | damage)
    with pytest.raises(ValueError, match=r"^record is damaged"):
        means_from_record(UNITS, record)


# What it says


def test_the_assessment_has_the_numbers() -> None:
    full = traffic(scrapes=60)
    policy = replace(POLICY, margin=0.01, gating=True)
    means = folded(policy, full, WEIGHTS)
    found = assess_means(means, full.now, 300.0)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, "NotProven")
    assert (found.threshold, found.proof_threshold) == (300.0, 20.0)
    # The last scrapes still wait for those of the first pod.
    assert found.canary.requests == 60 * 120 - 60
    assert found.stable.requests == 59 * 400
    for side in (found.canary, found.stable):
        assert side.low is not None
        assert side.high is not None
        assert side.rate is not None
        assert side.bad is None
        assert side.low < side.rate < side.high
        assert side.low < 1.0 < side.high
    assert f"{found.canary.rate:.6g}" in found.message
    assert "against 300" in found.message
    assert found.newest == full.now
    assert found.failed_at is None


def test_the_means_shown_differ_by_what_is_judged() -> None:
    seen, weights = over_a_day(3)
    means = folded(replace(POLICY, higher_is_better=False), seen, weights)
    found = assess_means(means, seen.now, 100.0)
    assert found.canary.rate is not None
    assert found.stable.rate is not None
    assert abs(found.canary.rate - found.stable.rate) < 0.02


def test_proof_passes_and_stays() -> None:
    full = traffic(canary=2.0)
    policy = replace(POLICY, margin=0.1, gating=True)
    means = folded(policy, full)
    found = assess_means(means, full.now, 100.0)
    assert (found.outcome, found.reason) == (Outcome.PASS, "WithinTolerance")
    assert found.proof >= 20.0
    assert found.evidence < 1.0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"margin": -1.0}, "margin must be at least 0"),
        ({"margin": math.nan}, "margin must be at least 0"),
        ({"margin": 0.0, "gating": True}, "margin must be above 0 when gating"),
        ({"effect": 0.0}, "effect must be above 0"),
        ({"effect": math.inf}, "effect must be above 0"),
        ({"beta": 0.0}, "beta must be between 0 and 1"),
        ({"beta": 1.0}, "beta must be between 0 and 1"),
        ({"minimum": 1}, "minimum must be at least 2"),
        ({"units": 31}, "units must be 0 or at least 32"),
        ({"units": -1}, "units must be 0 or at least 32"),
    ],
)
def test_a_malformed_policy_names_the_field(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"^" + message):
        MeanPolicy(**({"higher_is_better": True, "margin": 0.1, "effect": 0.1} | fields))


def test_an_interval_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="interval must be above 0"):
        fold_means(begin_means(POLICY, ANCHOR), replace(traffic(), interval=0.0))
