from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.analysis import Arm, Counter, Judgement, RatePolicy, Target, Window, begin, fold, reweigh
from serinus.analysis.rates import assess_rate

from .support import ANCHOR, Generator, Scene, always, churn, clip, judged, pods, proxies, seeded, slow, without

ERRORS = RatePolicy()
LATENCY = RatePolicy(delta=0.01, margin=0.05, bounds=(0.1, 0.2, 0.5))
SCENE = Scene()
CHANGES = ((ANCHOR, 0.1), (ANCHOR + 61.0, 0.1))
EVERYTHING = (
    "log_evidence",
    "log_proof",
    "row_evidence",
    "row_proof",
    "canary",
    "stable",
    "step_canary",
    "step_stable",
)


def scene_window(*, apart: bool, seed: int, failing: float, slowly: bool = False, churned: bool = False) -> Window:
    """A canary that goes bad after 40 s."""
    rng = seeded(seed)
    usual = (0.02, 0.01, 0.005) if slowly else (0.005,)
    bad = (0.02, 0.01, failing) if slowly else (failing,)
    scene = replace(SCENE, cells=slow(3)) if slowly else SCENE
    if not apart:
        scene = replace(scene, proxies=int(rng.integers(1, 4)))
        return proxies(scene, rng, lambda time: bad if time > 40 else usual, always(usual))
    scene = replace(
        scene,
        canaries=int(rng.integers(1, 4)),
        stables=int(rng.integers(1, 5)),
        warm=float(rng.choice([15.0, 0.0, -12.0])),
    )
    window = pods(scene, rng, lambda time: bad if time > 40 else usual, always(usual))
    return churn(window, rng) if churned else window


def replay(window: Window, policy: RatePolicy = ERRORS) -> Judgement:
    judgement = begin(policy, ANCHOR)
    for time, share in CHANGES:
        judgement = reweigh(judgement, time, share)
    return fold(judgement, window)


def live(
    window: Window, polls: list[float], reach: float, policy: RatePolicy
) -> tuple[Judgement, list[tuple[float, float]]]:
    """The operator's loop: a range of `reach` seconds at every poll, weights as they change. And the whole trail."""
    judgement, changes, trail = begin(policy, ANCHOR), list(CHANGES), []
    last = window.start
    for now in polls:
        while changes and changes[0][0] <= now:
            # Everything up to the change was polled before it.
            judgement = fold(judgement, clip(window, min(now - reach, last), changes[0][0]))
            trail += judgement.trail
            judgement = reweigh(judgement, *changes.pop(0))
        judgement = fold(judgement, clip(window, min(now - reach, last), now))
        trail += judgement.trail
        last = now - 2 * window.interval
    return judgement, trail


def assert_same(one: Judgement, other: Judgement) -> None:
    for name in EVERYTHING:
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-8), name
    assert one.round == other.round


scenes = st.tuples(st.booleans(), st.integers(0, 10**6), st.sampled_from([0.005, 0.06, 0.9]), st.booleans())


@settings(max_examples=60)
@given(scenes, st.lists(st.floats(1, 119), max_size=12), st.floats(15, 60))
def test_any_cut_gives_the_same_judgement(
    scene: tuple[bool, int, float, bool], polls: list[float], reach: float
) -> None:
    apart, seed, failing, slowly = scene
    window = scene_window(apart=apart, seed=seed, failing=failing, slowly=slowly, churned=seed % 2 > 0)
    policy = LATENCY if slowly else ERRORS
    once = replay(window, policy)
    cut, trail = live(window, [*sorted(ANCHOR + p for p in polls), window.now], reach, policy)
    assert_same(cut, once)
    assert [time for time, _ in trail] == [time for time, _ in once.trail]
    assert [value for _, value in trail] == pytest.approx([value for _, value in once.trail], abs=1e-8)


@settings(max_examples=40)
@given(scenes, st.floats(10, 110))
def test_folding_again_changes_nothing(scene: tuple[bool, int, float, bool], until: float) -> None:
    apart, seed, failing, slowly = scene
    window = scene_window(apart=apart, seed=seed, failing=failing, slowly=slowly)
    part = clip(window, window.start, ANCHOR + until)
    once = replay(part, LATENCY if slowly else ERRORS)
    again = fold(once, part)
    assert again.trail == ()
    assert_same(again, once)
    assert_same(fold(once, clip(part, part.now - 20, part.now - 7)), once)


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("slowly", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_names_keys_and_order_do_not_matter(seed: int, *, apart: bool, slowly: bool) -> None:
    window = scene_window(apart=apart, seed=seed, failing=0.06, slowly=slowly)
    names = {t.name: f"x{(i * 7 + seed) % 13}" for i, t in enumerate(window.targets)}
    targets = [replace(t, name=names[t.name]) for t in window.targets]
    counters = [c._replace(target=names[c.target], key=f"{c.cell * 5 % 7}-{c.key[::-1]}") for c in window.counters]
    rng = seeded(seed)
    renamed = replace(
        window,
        targets=tuple(targets[i] for i in rng.permutation(len(targets))),
        counters=tuple(counters[i] for i in rng.permutation(len(counters))),
    )
    policy = LATENCY if slowly else ERRORS
    assert_same(replay(renamed, policy), replay(window, policy))


def moved(window: Window, arm: Arm, rng: Generator) -> Window:
    """The arm's targets have their counters exchanged; what they count together stays."""
    names = [t.name for t in window.targets if t.arm is arm or t.arm is None]
    other = dict(zip(names, rng.permutation(names).tolist(), strict=True))
    return replace(
        window,
        counters=tuple(c._replace(target=other[c.target]) if c.arm is arm else c for c in window.counters),
    )


@pytest.mark.parametrize("make", [pods, proxies])
@pytest.mark.parametrize("seed", range(4))
def test_only_sums_over_the_pods_matter(make: object, seed: int) -> None:
    """Pods scraped together, whose requests were served by others of their arm."""
    rng = seeded(seed)
    scene = replace(SCENE, canaries=3, stables=3, proxies=3)
    window = make(scene, rng, always(0.03), always(0.01))  # type: ignore[operator]
    aligned = _aligned(window)
    policy = RatePolicy(dispersion=1.0)
    here = judged(aligned, policy)
    for arm in Arm:
        there = judged(moved(aligned, arm, rng), policy)
        assert there.canary.tolist() == here.canary.tolist()
        if aligned.targets[0].arm:  # a proxy's scrape is a block of its own
            assert there.log_evidence == pytest.approx(here.log_evidence, abs=1e-8)
            assert there.log_proof == pytest.approx(here.log_proof, abs=1e-8)


def _aligned(window: Window) -> Window:
    """All scrapes at the first moment of their interval."""

    def floor(samples: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        return tuple((time // window.interval * window.interval, value) for time, value in samples)

    return replace(
        window,
        targets=tuple(replace(t, scrapes=floor(t.scrapes)) for t in window.targets),
        counters=tuple(c._replace(samples=floor(c.samples)) for c in window.counters),
    )


def spoiled(window: Window, arm: Arm) -> Window:
    """Half of an arm's fine answers turned into errors, block for block."""
    counters = []
    for counter in window.counters:
        if counter.arm is arm and counter.cell == 0:
            counters.append(counter._replace(samples=tuple((t, float(v // 2)) for t, v in counter.samples)))
            rest = tuple((t, v - v // 2) for t, v in counter.samples)
            counters.append(counter._replace(key="other", cell=1, samples=rest))
        else:
            counters.append(counter)
    return replace(window, counters=tuple(counters))


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_more_canary_errors_never_lower_the_evidence_nor_raise_the_proof(seed: int, *, apart: bool) -> None:
    window = scene_window(apart=apart, seed=seed, failing=0.005)
    good, bad = replay(window), replay(spoiled(window, Arm.CANARY))
    assert bad.canary[0] == good.canary[0]
    assert bad.canary[1] > good.canary[1]
    assert bad.log_evidence > good.log_evidence
    assert all(b >= g - 1e-9 for (_, b), (_, g) in zip(bad.trail, good.trail, strict=True))
    assert bad.log_proof <= good.log_proof + 1e-9


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("lowest", [3, 8, 40])
def test_a_minimum_of_errors_is_a_pure_delay(lowest: int, *, apart: bool) -> None:
    """Evidence is that of no minimum from the block on that brings enough errors, and nothing before."""
    window = scene_window(apart=apart, seed=2, failing=0.5)
    free, held = replay(window, RatePolicy(min_errors=1)), replay(window, RatePolicy(min_errors=lowest))
    pairs = list(zip(free.trail, held.trail, strict=True))
    assert held.log_evidence == free.log_evidence > 0
    first = next(i for i, ((_, f), (_, h)) in enumerate(pairs) if f == h > 0)
    assert all(h <= 0.0 for _, (_, h) in pairs[:first])
    assert all(f == h for (_, f), (_, h) in pairs[first:])


def test_a_minimum_of_errors_delays_each_row_by_itself() -> None:
    """One row has errors enough, the other none: only the first one speaks."""
    scene = replace(SCENE, cells=slow(2))
    window = proxies(scene, seeded(1), always((0.3, 0.0)), always((0.01, 0.0)))
    policy = replace(LATENCY, bounds=(0.1, 0.2))
    found = replay(window, policy)
    assert found.canary[2] == 0
    assert found.row_evidence[0] > 5
    assert found.row_evidence[1] <= 0.0
    delayed = replay(window, replace(policy, min_errors=100_000))
    assert delayed.log_evidence <= 0.0


@pytest.mark.parametrize("apart", [True, False])
def test_history_tells_stable_s_usual_rate(*, apart: bool) -> None:
    make = pods if apart else proxies
    window = make(replace(SCENE, history=600.0), seeded(1), always(0.01), always(0.01))
    past = replay(window).streams[0].past
    assert past.counts[0] > 40_000
    assert past.rates[0] == pytest.approx(0.01, rel=0.2)


def test_churn_of_stable_pods_is_survived() -> None:
    """A stable pod dies, another is born: no request is lost or counted twice, nothing hangs."""
    window = scene_window(apart=True, seed=0, failing=0.005)
    dead = next(t.name for t in window.targets if t.arm is Arm.STABLE)
    window = without(window, dead, ANCHOR + 60)
    window = replace(window, targets=tuple(replace(t, live=t.name != dead) for t in window.targets))
    childless = replay(window)
    times = [ANCHOR + 63 + 5 * i for i in range(12)]
    born = Counter(Arm.STABLE, "newborn", "cell-0", 0, tuple((t, 100.0 * (i + 1)) for i, t in enumerate(times)))
    newborn = Target("newborn", Arm.STABLE, tuple((t, 1.0) for t in times))
    churned = replay(replace(window, targets=(*window.targets, newborn), counters=(*window.counters, born)))
    assert churned.round is not None
    assert churned.round >= 20
    assert churned.stable[0] - childless.stable[0] == pytest.approx(1050, abs=160)


def test_a_replaced_canary_pod_loses_no_request() -> None:
    """The pod is gone after 60 s, and its successor counts from zero."""
    window = scene_window(apart=True, seed=3, failing=0.06)
    old = next(t for t in window.targets if t.arm is Arm.CANARY)
    cut = next(t for t, _ in old.scrapes if t > ANCHOR + 60)
    held = {
        c.key: max((v for t, v in c.samples if t < cut), default=0.0) for c in window.counters if c.target == old.name
    }
    after = [
        c._replace(target="next", samples=tuple((t, v - held[c.key]) for t, v in c.samples if t >= cut))
        for c in window.counters
        if c.target == old.name
    ]
    successor = Target("next", Arm.CANARY, tuple(s for s in old.scrapes if s[0] >= cut))
    parted = without(window, old.name, cut)
    parted = replace(
        parted,
        targets=(*(replace(t, live=t.name != old.name) for t in parted.targets), successor),
        counters=(*parted.counters, *(c for c in after if c.samples)),
    )
    whole, replaced = replay(window), replay(parted)
    # A newborn's first scrape closes the round that it lies in: the newest one is open still.
    assert replaced.canary[0] == pytest.approx(whole.canary[0], abs=0.1 * whole.canary[0])
    assert replaced.log_evidence == pytest.approx(whole.log_evidence, rel=0.3)


def test_resets_of_a_pod_lose_no_request_that_was_scraped() -> None:
    window = scene_window(apart=True, seed=5, failing=0.06)
    name = next(t.name for t in window.targets if t.arm is Arm.STABLE)
    cut = next(t for t, _ in next(t for t in window.targets if t.name == name).scrapes if t > ANCHOR + 50)

    def restarted(counter: Counter) -> Counter:
        held = max((v for t, v in counter.samples if t <= cut), default=0.0)
        samples = tuple((t, v if t <= cut else v - held) for t, v in counter.samples)
        return counter._replace(samples=tuple(s for s in samples if s[1]))

    counters = tuple(restarted(c) if c.target == name else c for c in window.counters)
    assert_same(replay(replace(window, counters=counters)), replay(window))


def test_a_silent_stable_pod_does_not_stop_the_judge() -> None:
    window = pods(SCENE, seeded(2), always(1.0), always(0.005))
    judgement = judged(without(window, "stable-0", ANCHOR + 20))
    assert judgement.round is not None
    assert judgement.round >= 22
    found = next(time for time, value in judgement.trail if value >= np.log(100))
    assert found < ANCHOR + 50


def test_a_gap_of_prometheus_is_survived() -> None:
    window = scene_window(apart=True, seed=4, failing=0.005)
    gap = window
    for target in window.targets:
        gap = without(gap, target.name, ANCHOR + 30, ANCHOR + 80)
    whole, found = replay(window), replay(gap)
    assert found.round is not None
    assert found.round >= 22
    assert found.canary.tolist() == whole.canary.tolist()
    assert found.log_proof <= whole.log_proof


@pytest.mark.parametrize("apart", [True, False])
def test_a_missed_scrape_or_a_value_that_is_none_costs_no_request(*, apart: bool) -> None:
    window = scene_window(apart=apart, seed=7, failing=0.005)
    target = window.targets[0]
    missed = next(t for t, _ in target.scrapes if t > ANCHOR + 50)
    counters = tuple(
        c._replace(samples=tuple((t, float("nan") if t == missed else v) for t, v in c.samples))
        if c.target == target.name
        else c
        for c in window.counters
    )
    whole = replay(window)
    for spoilt in (without(window, target.name, missed, missed + 1), replace(window, counters=counters)):
        found = replay(spoilt)
        assert found.canary.tolist() == whole.canary.tolist()
        assert found.stable.tolist() == whole.stable.tolist()


def test_late_samples_of_one_proxy_change_nothing_that_matters() -> None:
    window = proxies(replace(SCENE, proxies=2), seeded(8), always(0.05), always(0.005))
    judgement = reweigh(begin(ERRORS, ANCHOR), ANCHOR, 0.1)
    late = window.targets[1].name
    now = ANCHOR
    while now < window.now:
        now += 1.0
        judgement = fold(judgement, without(clip(window, now - 30, now), late, now - 4))
    judgement = fold(judgement, clip(window, window.now - 30, window.now))
    whole = judged(window)
    assert judgement.canary.tolist() == whole.canary.tolist()
    # The dispersion that a block is tempered by is known a round sooner or later.
    assert judgement.log_evidence == pytest.approx(whole.log_evidence, rel=0.2)


def test_an_interval_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="interval must be above 0"):
        fold(begin(ERRORS, ANCHOR), Window((), (), 0.0, 1.0, 0.0))


def test_an_interval_is_pinned_only_by_a_window_that_can_tell_it() -> None:
    window = proxies(SCENE, seeded(1), always(0.05), always(0.005))
    guessed = replace(clip(window, ANCHOR - 3, ANCHOR + 1), interval=15.0)
    assert len(guessed.targets[0].scrapes) == 1
    judgement = fold(begin(ERRORS, ANCHOR), guessed)
    assert judgement.reader.interval is None
    assert assess_rate(judgement, ANCHOR + 1, 0.01).outcome != "Pass"
    assert_same(fold(judgement, window), fold(begin(ERRORS, ANCHOR), window))


def test_a_gap_of_years_is_passed_over_and_judging_goes_on() -> None:
    """As after a jump of a clock: not one round of it is walked through."""
    scene = Scene(duration=240.0, history=60.0)
    calm = pods(scene, seeded(3), always(0.005), always(0.005))
    years = 10 * 365 * 86400.0
    later = replace(
        calm,
        counters=tuple(c._replace(samples=tuple((t + years, v + 1e6) for t, v in c.samples)) for c in calm.counters),
        targets=tuple(replace(t, scrapes=tuple((at + years, up) for at, up in t.scrapes)) for t in calm.targets),
        start=calm.start + years,
        now=calm.now + years,
    )
    before = fold(reweigh(begin(RatePolicy(), ANCHOR), ANCHOR, 0.1), calm)
    after = fold(before, later)
    assert after.round is not None
    assert before.round is not None
    assert after.round - before.round > years / scene.interval - 100
    assert after.canary[0] > before.canary[0]
    assert after.log_evidence < 3.0
