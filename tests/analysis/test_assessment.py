from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.analysis import (
    Arm,
    Counter,
    ErrorRatePolicy,
    Finding,
    Judgement,
    Outcome,
    Target,
    Window,
    assess,
    begin,
    combine,
    fold,
    reweigh,
)

from .support import ANCHOR, Rate, Scene, always, clip, pods, proxies, seeded

SCENE = Scene(duration=100.0)
POLICY = ErrorRatePolicy()


def judged(window: Window, policy: ErrorRatePolicy = POLICY) -> Judgement:
    return fold(reweigh(begin(policy, ANCHOR), ANCHOR, 0.1), window)


def healthy(*, apart: bool) -> Window:
    make = pods if apart else proxies
    return make(SCENE, seeded(1), always(0.005), always(0.005))


@pytest.mark.parametrize("apart", [True, False])
def test_a_healthy_canary_passes_with_its_numbers(*, apart: bool) -> None:
    window = healthy(apart=apart)
    found = assess(judged(window), window.now)
    assert (found.outcome, found.reason) == (Outcome.PASS, "WithinTolerance")
    assert found.step_canary.requests >= 100
    assert found.evidence < found.threshold == pytest.approx(100.0)
    assert f"{found.step_canary.errors:.0f} of {found.step_canary.requests:.0f}" in found.message
    assert found.failed_at is None


@pytest.mark.parametrize("apart", [True, False])
def test_a_failure_stands_over_anything_that_follows(*, apart: bool) -> None:
    make = pods if apart else proxies
    window = make(SCENE, seeded(1), always(0.5), always(0.005))
    judgement = judged(window)
    found = assess(judgement, window.now + 10_000)
    assert (found.outcome, found.reason) == (Outcome.FAIL, "ErrorRateTooHigh")
    assert found.failed_at is not None
    assert ANCHOR < found.failed_at < ANCHOR + 20
    assert found.evidence >= found.threshold
    assert "reached 100" in found.message


def test_the_outcome_turns_blind_with_the_age_of_the_data() -> None:
    window = healthy(apart=False)
    judgement = judged(window)
    newest = assess(judgement, window.now).newest
    assert newest is not None
    assert assess(judgement, newest + 11.9).outcome is Outcome.PASS
    old = assess(judgement, newest + 12.1)
    assert (old.outcome, old.reason) == (Outcome.BLIND, "Stale")
    assert "12 s ago" in old.message


def blinded(case: str, window: Window) -> Window:
    first, *others = window.targets
    if case == "NoTarget":
        return replace(window, targets=())
    if case == "NoCanaryTarget":
        return replace(window, targets=tuple(t for t in window.targets if t.arm is not Arm.CANARY))
    if case == "NoStableTarget":
        return replace(window, targets=tuple(t for t in window.targets if t.arm is not Arm.STABLE))
    if case == "Stale":
        cut = replace(first, scrapes=first.scrapes[:-4])
        return replace(window, targets=(cut, *others))
    if case == "TargetDown":
        down = replace(first, scrapes=(*first.scrapes[:-1], (first.scrapes[-1][0], 0.0)))
        kept = tuple(
            replace(c, samples=tuple(s for s in c.samples if s[0] < first.scrapes[-1][0]))
            if c.target == first.name
            else c
            for c in window.counters
        )
        return replace(window, targets=(down, *others), counters=kept)
    bad = window.counters[0]
    spoiled = replace(bad, samples=(*bad.samples[:-1], (bad.samples[-1][0], math.nan)))
    return replace(window, counters=(spoiled, *window.counters[1:]))


@pytest.mark.parametrize("case", ["NoTarget", "NoCanaryTarget", "NoStableTarget", "Stale", "TargetDown", "NotANumber"])
def test_blind_tells_why(case: str) -> None:
    window = blinded(case, healthy(apart=True))
    found = assess(judged(window), window.now)
    assert (found.outcome, found.reason) == (Outcome.BLIND, case)


def test_a_dead_pod_is_no_reason_to_be_blind() -> None:
    window = healthy(apart=True)
    gone = Target("gone", Arm.STABLE, ((ANCHOR - 20.0, 1.0), (ANCHOR - 15.0, 0.0)), live=False)
    window = replace(window, targets=(*window.targets, gone))
    assert assess(judged(window), window.now).outcome is Outcome.PASS


def test_a_target_that_never_answered_is_down() -> None:
    window = healthy(apart=True)
    window = replace(window, targets=(*window.targets, Target("new", Arm.CANARY, ())))
    found = assess(judged(window), window.now)
    assert (found.outcome, found.reason) == (Outcome.BLIND, "TargetDown")
    assert "new has not answered" in found.message


@pytest.mark.parametrize(("arm", "reason"), [(Arm.CANARY, "CanaryIdle"), (Arm.STABLE, "StableIdle")])
def test_an_idle_arm_is_inconclusive(arm: Arm, reason: str) -> None:
    window = healthy(apart=True)
    window = replace(window, counters=tuple(c for c in window.counters if c.arm is not arm))
    found = assess(judged(window), window.now)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, reason)


def test_too_few_requests_of_this_step_are_inconclusive() -> None:
    window = healthy(apart=True)
    judgement = reweigh(judged(clip(window, window.start, ANCHOR + 88)), ANCHOR + 88, 0.2)
    judgement = fold(judgement, window)
    found = assess(judgement, window.now)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, "TooFewRequests")
    assert found.canary.requests > 500
    policy = ErrorRatePolicy(minimum_requests=100_000)
    few = assess(judged(window, policy), window.now)
    assert (few.outcome, few.reason) == (Outcome.INCONCLUSIVE, "TooFewRequests")
    assert "100000 are needed on each" in few.message


def test_overwhelming_evidence_from_few_errors_waits_for_more() -> None:
    window = proxies(SCENE, seeded(1), always(0.3), always(0.005))
    policy = ErrorRatePolicy(min_errors=10_000)
    found = assess(judged(window, policy), window.now)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, "TooFewErrors")
    assert found.evidence > found.threshold


@settings(max_examples=60, deadline=None)
@given(
    apart=st.booleans(),
    lost=st.sampled_from(["targets", "canary", "stable", "counters", "scrapes", "age"]),
    seed=st.integers(0, 99),
)
def test_never_pass_on_no_data(*, apart: bool, lost: str, seed: int) -> None:
    make = pods if apart else proxies
    window = make(replace(SCENE, duration=30.0), seeded(seed), always(0.0), always(0.0))
    now = window.now
    if lost == "targets":
        window = replace(window, targets=())
    elif lost == "counters":
        window = replace(window, counters=())
    elif lost == "scrapes":
        window = replace(
            window,
            targets=tuple(replace(t, scrapes=()) for t in window.targets),
            counters=tuple(replace(c, samples=()) for c in window.counters),
        )
    elif lost == "age":
        now += 60
    else:
        window = replace(window, counters=tuple(c for c in window.counters if c.arm != lost))
    assert assess(judged(window, ErrorRatePolicy(minimum_requests=1)), now).outcome is not Outcome.PASS


def test_nothing_seen_at_all_is_blind() -> None:
    assert assess(begin(POLICY, ANCHOR), ANCHOR).reason == "NoTarget"


def first_failing_scrape(window: Window, failed: int) -> float:
    """When the canary's counters first hold that many errors."""
    times = sorted({t for c in window.counters if c.arm is Arm.CANARY for t, _ in c.samples})
    for time in times:
        held = sum(
            max((v for t, v in c.samples if t <= time), default=0.0)
            for c in window.counters
            if c.arm is Arm.CANARY and c.error
        )
        if held >= failed:
            return time
    raise AssertionError


@pytest.mark.parametrize(("dispersion", "needed"), [(1.0, 3), (2.0, 5)])
@pytest.mark.parametrize("seed", range(8))
def test_a_total_failure_is_caught_at_the_first_scrape_of_a_proxy(seed: int, dispersion: float, needed: int) -> None:
    scene = replace(SCENE, rps=30.0, history=600.0)
    window = proxies(scene, seeded(seed), always(1.0), always(0.0005))
    latch = judged(window, ErrorRatePolicy(dispersion=dispersion)).latch
    assert latch is not None
    assert latch.time <= first_failing_scrape(window, needed)


@pytest.mark.parametrize("seed", range(8))
def test_a_total_failure_of_a_pod_is_caught_when_stable_was_scraped_after_it(seed: int) -> None:
    scene = replace(SCENE, rps=60.0, history=600.0)
    window = pods(scene, seeded(seed), always(1.0), always(0.0005))
    latch = judged(window).latch
    assert latch is not None
    assert latch.time <= first_failing_scrape(window, 6) + scene.interval


@pytest.mark.parametrize("make", [proxies, pods])
def test_5_percent_against_half_a_percent(make: object) -> None:
    found = [
        judged(make(SCENE, seeded(seed), always(0.05), always(0.005))).latch  # type: ignore[operator]
        for seed in range(12)
    ]
    times = sorted(latch.time - ANCHOR if latch else math.inf for latch in found)
    assert times[len(times) // 2] < 75


@pytest.mark.parametrize("make", [proxies, pods])
def test_a_version_against_itself_is_kept(make: object) -> None:
    scene = replace(SCENE, duration=300.0, rps=200.0)
    for seed in range(12):
        judgement = judged(make(scene, seeded(seed), always(0.02), always(0.02)))  # type: ignore[operator]
        assert judgement.latch is None


def outage(start: float, length: float, worst: float) -> Rate:
    return lambda time: worst if start <= time < start + length else 0.005


@pytest.mark.parametrize("worst", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("length", [10.0, 30.0, 100.0])
def test_a_shared_outage_between_staggered_scrapes_fails_nobody(length: float, worst: float) -> None:
    """Both arms fail alike from the middle of an interval on: 12 pod layouts each."""
    for seed in range(12):
        rng = seeded(seed)
        scene = replace(
            SCENE,
            duration=150.0,
            rps=400.0,
            share=0.3,
            canaries=1 + seed % 3,
            stables=1 + seed % 4,
            step=0.25,
        )
        shared = outage(20.0 + 5.0 * rng.random(), length, worst)
        judgement = judged(pods(scene, rng, shared, shared), ErrorRatePolicy(dispersion=1.0))
        assert judgement.latch is None
        assert judgement.log_evidence < 1.0


def test_unready_pods_are_waited_for_all_the_same() -> None:
    shared = outage(22.0, 30.0, 1.0)
    for seed in range(12):
        window = pods(replace(SCENE, rps=400.0, step=0.25), seeded(seed), shared, shared)
        unready = replace(window, targets=tuple(replace(t, live=False) for t in window.targets))
        assert judged(unready).streams == judged(window).streams


def test_a_shared_outage_while_the_weight_rises_fails_nobody() -> None:
    """Half of a proxy's interval is bad for both arms, and the canary lives only in that half."""
    scrapes = tuple((ANCHOR + t, 1.0) for t in range(-60, 31, 15))
    for bad in (20.0, 100.0, 190.0):
        stable = tuple((t, 400.0 * i) for i, (t, _) in enumerate(scrapes))
        spoiled = tuple((t, bad if t > ANCHOR else 0.0) for t, _ in scrapes)
        born = ANCHOR + 15
        window = Window(
            (
                Counter(Arm.STABLE, "p", "2xx", error=False, samples=stable),
                Counter(Arm.STABLE, "p", "5xx", error=True, samples=spoiled),
                Counter(Arm.CANARY, "p", "2xx", error=False, samples=((born, 100 - bad / 2),)),
                Counter(Arm.CANARY, "p", "5xx", error=True, samples=((born, bad / 2),)),
            ),
            (Target("p", None, scrapes),),
            ANCHOR - 60,
            ANCHOR + 30,
            15.0,
        )
        judgement = fold(reweigh(begin(POLICY, ANCHOR), ANCHOR + 7, 0.333), window)
        assert judgement.latch is None


def test_fail_over_blind_over_inconclusive_over_pass() -> None:
    findings = {o.value: Finding(o, f"Because{o.value}", f"{o.value}.") for o in Outcome}
    for decider in ("Fail", "Blind", "Inconclusive", "Pass"):
        verdict = combine(findings)
        assert verdict.metric == decider
        assert (verdict.outcome, verdict.reason) == (decider, f"Because{decider}")
        del findings[decider]
    assert combine({}).outcome is Outcome.INCONCLUSIVE
