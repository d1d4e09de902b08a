from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.analysis import (
    Arm,
    Assessment,
    Counter,
    Finding,
    Judgement,
    Outcome,
    RatePolicy,
    Target,
    Window,
    begin,
    combine,
    fold,
    reweigh,
)
from serinus.analysis.mixture import mean_exp
from serinus.analysis.rates import assess_rate, failure

from .support import (
    ANCHOR,
    Generator,
    Rate,
    Scene,
    always,
    clip,
    failed,
    judged,
    outage,
    pods,
    proxies,
    seeded,
    slow,
)

SCENE = Scene(duration=100.0)
POLICY = RatePolicy()
LAX = RatePolicy(gating=False)
LATENCY = RatePolicy(delta=0.01, margin=0.05, bounds=(0.1, 0.2, 0.5), gating=False)
OBJECTIVE = RatePolicy(rho=0.0, delta=0.01, margin=0.01)
MAKES = pytest.mark.parametrize("make", [pods, proxies])


def assessed(window: Window, policy: RatePolicy = POLICY, now: float | None = None) -> Assessment:
    return assess_rate(judged(window, policy), window.now if now is None else now, 0.01)


def healthy(*, apart: bool = True, duration: float = 100.0) -> Window:
    make = pods if apart else proxies
    return make(replace(SCENE, duration=duration), seeded(1), always(0.005), always(0.005))


@pytest.mark.parametrize("apart", [True, False])
def test_a_healthy_canary_passes_with_its_numbers(*, apart: bool) -> None:
    judgement = judged(healthy(apart=apart), LAX)
    found = assess_rate(judgement, ANCHOR + 100, 0.01)
    assert (found.outcome, found.reason) == (Outcome.PASS, "WithinTolerance")
    assert found.evidence < found.threshold == pytest.approx(100.0)
    assert found.proof_threshold == pytest.approx(20.0)
    assert found.failed_at is None
    assert found.bound is None
    for side in (found.canary, found.stable):
        assert side.bad is not None
        assert side.rate == pytest.approx(side.bad / side.requests)
        assert side.low is not None
        assert side.high is not None
        assert side.low <= side.rate <= side.high
    requests, bad = judgement.step_canary
    assert 100 < requests <= found.canary.requests
    assert f"In this step the canary failed {bad:.0f} of {requests:.0f} requests" in found.message


@pytest.mark.parametrize("apart", [True, False])
def test_a_gating_test_passes_only_when_it_is_proven(*, apart: bool) -> None:
    short = assessed(healthy(apart=apart, duration=40.0))
    assert (short.outcome, short.reason) == (Outcome.INCONCLUSIVE, "NotProven")
    assert short.proof < 20
    make = pods if apart else proxies
    long = make(Scene(duration=300.0, rps=200.0), seeded(1), always(0.001), always(0.001))
    found = assessed(long)
    assert (found.outcome, found.reason) == (Outcome.PASS, "WithinTolerance")
    assert found.proof >= 20


def test_proof_stays_once_it_was_found() -> None:
    window = proxies(Scene(duration=300.0, rps=200.0), seeded(1), lambda t: 0.001 if t < 200 else 0.02, always(0.001))
    values = [judged(clip(window, window.start, ANCHOR + t)).log_proof for t in range(20, 301, 20)]
    assert values == sorted(values)
    assert values[-1] > math.log(20)


def test_the_outcome_turns_blind_with_the_age_of_the_data() -> None:
    window = healthy(apart=False)
    judgement = judged(window, LAX)
    newest = assess_rate(judgement, window.now, 0.01).newest
    assert newest is not None
    assert assess_rate(judgement, newest + 11.9, 0.01).outcome is Outcome.PASS
    old = assess_rate(judgement, newest + 12.1, 0.01)
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
        return replace(window, targets=(replace(first, scrapes=first.scrapes[:-4]), *others))
    if case == "TargetDown":
        last = first.scrapes[-1][0]
        down = replace(first, scrapes=(*first.scrapes[:-1], (last, 0.0)))
        kept = tuple(
            c._replace(samples=tuple(s for s in c.samples if s[0] < last)) if c.target == first.name else c
            for c in window.counters
        )
        return replace(window, targets=(down, *others), counters=kept)
    bad = window.counters[0]
    spoiled = bad._replace(samples=(*bad.samples[:-1], (bad.samples[-1][0], math.nan)))
    return replace(window, counters=(spoiled, *window.counters[1:]))


@pytest.mark.parametrize("case", ["NoTarget", "NoCanaryTarget", "NoStableTarget", "Stale", "TargetDown", "NotANumber"])
def test_blind_tells_why(case: str) -> None:
    found = assessed(blinded(case, healthy()), LAX)
    assert (found.outcome, found.reason) == (Outcome.BLIND, case)


def test_a_dead_pod_is_no_reason_to_be_blind() -> None:
    window = healthy()
    gone = Target("gone", Arm.STABLE, ((ANCHOR - 20.0, 1.0), (ANCHOR - 15.0, 0.0)), live=False)
    assert assessed(replace(window, targets=(*window.targets, gone)), LAX).outcome is Outcome.PASS


def test_a_target_that_never_answered_is_down() -> None:
    window = healthy()
    found = assessed(replace(window, targets=(*window.targets, Target("new", Arm.CANARY, ()))), LAX)
    assert (found.outcome, found.reason) == (Outcome.BLIND, "TargetDown")
    assert "new has not answered" in found.message


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize(("arm", "reason"), [(Arm.CANARY, "CanaryIdle"), (Arm.STABLE, "StableIdle")])
def test_an_idle_arm_is_inconclusive(arm: Arm, reason: str, *, apart: bool) -> None:
    window = healthy(apart=apart)
    window = replace(window, counters=tuple(c for c in window.counters if c.arm is not arm))
    found = assessed(window, LAX)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, reason)


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize(("arm", "reason"), [(Arm.CANARY, "CanaryIdle"), (Arm.STABLE, "StableIdle")])
def test_an_arm_that_idles_since_the_newest_weight_is_inconclusive(arm: Arm, reason: str, *, apart: bool) -> None:
    """It served before; in this step its counters stand still."""
    window = healthy(apart=apart)
    counters = []
    for counter in window.counters:
        held = max((v for t, v in counter.samples if t <= ANCHOR + 40), default=0.0)
        still = tuple((t, min(v, held)) for t, v in counter.samples)
        counters.append(counter._replace(samples=still) if counter.arm is arm else counter)
    window = replace(window, counters=tuple(counters))
    judgement = judged(clip(window, window.start, ANCHOR + 50), LAX)
    judgement = fold(reweigh(judgement, ANCHOR + 50, 0.2), window)
    found = assess_rate(judgement, window.now, 0.01)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, reason)
    assert found.canary.requests > 100
    assert "in this step" in found.message


def test_too_few_requests_of_this_step_are_inconclusive() -> None:
    window = healthy()
    judgement = reweigh(judged(clip(window, window.start, ANCHOR + 85), LAX), ANCHOR + 85, 0.2)
    found = assess_rate(fold(judgement, window), window.now, 0.01)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, "TooFewRequests")
    assert found.canary.requests > 500
    few = assessed(window, RatePolicy(minimum_requests=100_000))
    assert (few.outcome, few.reason) == (Outcome.INCONCLUSIVE, "TooFewRequests")
    assert "100000 are needed on each" in few.message


@settings(max_examples=50)
@given(
    apart=st.booleans(),
    lost=st.sampled_from(["targets", "canary", "stable", "counters", "scrapes", "age"]),
    slowly=st.booleans(),
    seed=st.integers(0, 99),
)
def test_never_pass_on_no_data(*, apart: bool, lost: str, slowly: bool, seed: int) -> None:
    policy = replace(LATENCY if slowly else LAX, minimum_requests=1)
    scene = replace(SCENE, duration=30.0, cells=slow(3)) if slowly else replace(SCENE, duration=30.0)
    none = always((0.0, 0.0, 0.0) if slowly else 0.0)
    window = (pods if apart else proxies)(scene, seeded(seed), none, none)
    now = window.now
    if lost == "targets":
        window = replace(window, targets=())
    elif lost == "counters":
        window = replace(window, counters=())
    elif lost == "scrapes":
        window = replace(
            window,
            targets=tuple(replace(t, scrapes=()) for t in window.targets),
            counters=tuple(c._replace(samples=()) for c in window.counters),
        )
    elif lost == "age":
        now += 60
    else:
        window = replace(window, counters=tuple(c for c in window.counters if c.arm != lost))
    assert assessed(window, policy, now).outcome is not Outcome.PASS


def test_nothing_seen_at_all_is_blind() -> None:
    found = assess_rate(begin(POLICY, ANCHOR), ANCHOR, 0.01)
    assert (found.outcome, found.reason) == (Outcome.BLIND, "NoTarget")
    assert found.canary.rate is None


def first_failing_scrape(window: Window, bad: int) -> float:
    """When the canary's counters first hold that many errors, in seconds after the anchor."""
    times = sorted({t for c in window.counters if c.arm is Arm.CANARY for t, _ in c.samples})
    for time in times:
        held = sum(
            max((v for t, v in c.samples if t <= time), default=0.0)
            for c in window.counters
            if c.arm is Arm.CANARY and c.cell == 1
        )
        if held >= bad:
            return time - ANCHOR
    raise AssertionError


@pytest.mark.parametrize(("dispersion", "needed"), [(1.0, 3), (2.0, 5)])
@pytest.mark.parametrize("seed", range(6))
def test_a_total_failure_is_caught_at_the_first_scrape_of_a_proxy(seed: int, dispersion: float, needed: int) -> None:
    scene = replace(SCENE, rps=30.0, history=600.0, duration=40.0)
    window = proxies(scene, seeded(seed), always(1.0), always(0.0005))
    caught = failed(judged(window, RatePolicy(dispersion=dispersion)))
    assert caught is not None
    assert caught <= first_failing_scrape(window, needed) + 1e-6


@pytest.mark.parametrize("seed", range(6))
def test_a_total_failure_of_a_pod_is_caught_when_stable_was_scraped_after_it(seed: int) -> None:
    scene = replace(SCENE, rps=60.0, history=600.0, duration=40.0)
    window = pods(scene, seeded(seed), always(1.0), always(0.0005))
    caught = failed(judged(window))
    assert caught is not None
    assert caught <= first_failing_scrape(window, 6) + scene.interval


@MAKES
def test_5_percent_against_half_a_percent(make: object) -> None:
    found = [
        failed(judged(make(SCENE, seeded(seed), always(0.05), always(0.005))))  # type: ignore[operator]
        for seed in range(11)
    ]
    times = sorted(math.inf if time is None else time for time in found)
    assert times[len(times) // 2] < 75


@MAKES
def test_a_version_against_itself_is_kept(make: object) -> None:
    scene = replace(SCENE, duration=200.0, rps=200.0)
    for seed in range(10):
        window = make(scene, seeded(seed), always(0.02), always(0.02))  # type: ignore[operator]
        assert failed(judged(window)) is None


@pytest.mark.parametrize("worst", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("length", [10.0, 30.0, 100.0])
def test_a_shared_outage_between_staggered_scrapes_fails_nobody(length: float, worst: float) -> None:
    """Both arms fail alike from the middle of an interval on: 8 layouts of pods each."""
    for seed in range(8):
        rng = seeded(seed)
        scene = replace(
            SCENE, duration=130.0, rps=400.0, share=0.3, canaries=1 + seed % 3, stables=1 + seed % 4, step=0.5
        )
        shared = outage(20.0 + 5.0 * rng.random(), length, worst)
        judgement = judged(pods(scene, rng, shared, shared), RatePolicy(dispersion=1.0), 0.3)
        assert failed(judgement) is None
        assert judgement.log_evidence < 1.0


def test_unready_pods_are_waited_for_all_the_same() -> None:
    shared = outage(22.0, 30.0, 1.0)
    for seed in range(6):
        window = pods(replace(SCENE, rps=400.0, step=0.5), seeded(seed), shared, shared)
        unready = replace(window, targets=tuple(replace(t, live=False) for t in window.targets))
        assert judged(unready).trail == judged(window).trail


@pytest.mark.parametrize("bad", [20.0, 100.0, 190.0])
def test_a_shared_outage_while_the_weight_rises_fails_nobody(bad: float) -> None:
    """Half of a proxy's interval is bad for both arms, and the canary lives only in that half."""
    scrapes = tuple((ANCHOR + t, 1.0) for t in range(-60, 31, 15))
    born = ANCHOR + 15
    window = Window(
        (
            Counter(Arm.STABLE, "p", "2xx", 0, tuple((t, 400.0 * i) for i, (t, _) in enumerate(scrapes))),
            Counter(Arm.STABLE, "p", "5xx", 1, tuple((t, bad if t > ANCHOR else 0.0) for t, _ in scrapes)),
            Counter(Arm.CANARY, "p", "2xx", 0, ((born, 100 - bad / 2),)),
            Counter(Arm.CANARY, "p", "5xx", 1, ((born, bad / 2),)),
        ),
        (Target("p", None, scrapes),),
        ANCHOR - 60,
        ANCHOR + 30,
        15.0,
    )
    assert failed(fold(reweigh(begin(POLICY, ANCHOR), ANCHOR + 7, 0.333), window)) is None


def test_fail_over_blind_over_inconclusive_over_pass() -> None:
    findings = {o.value: Finding(o, f"Because{o.value}", f"{o.value}.") for o in Outcome}
    for decider in ("Fail", "Blind", "Inconclusive", "Pass"):
        verdict = combine(findings)
        assert verdict.metric == decider
        assert (verdict.outcome, verdict.reason) == (decider, f"Because{decider}")
        del findings[decider]
    assert combine({}).outcome is Outcome.INCONCLUSIVE


# Latency: a row for each bound.

USUAL = (0.15, 0.04, 0.01)
"""Shares of requests between the bounds 100, 200 and 500 ms, and over."""


def latency(
    make: object, seed: int, canary: tuple[float, ...], stable: tuple[float, ...] = USUAL, **scene: float
) -> Window:
    settled = replace(SCENE, history=200.0, cells=slow(3), **scene)  # type: ignore[arg-type]
    window: Window = make(settled, seeded(seed), always(canary), always(stable))  # type: ignore[operator]
    return window


@MAKES
@pytest.mark.parametrize(
    ("slower", "bound"),
    [((0.5, 0.04, 0.01), 0.1), ((0.15, 0.2, 0.01), 0.2), ((0.15, 0.04, 0.15), 0.5), ((0.2, 0.1, 0.6), 0.5)],
    ids=["at 100 ms", "at 200 ms", "the tail", "all of it"],
)
def test_a_canary_that_is_slower_anywhere_is_found(make: object, slower: tuple[float, ...], bound: float) -> None:
    window = latency(make, 1, slower)
    judgement = judged(window, LATENCY)
    assert failed(judgement) is not None
    reason, message = failure(judgement, 0.01)
    assert reason == "TooSlow"
    assert "exceeded" in message
    told = assess_rate(judgement, window.now, 0.01)
    assert told.bound == bound
    assert told.canary.rate == pytest.approx(sum(slower[LATENCY.bounds.index(bound) :]), abs=0.05)


@MAKES
@pytest.mark.parametrize("canary", [USUAL, (0.10, 0.03, 0.005), (0.0, 0.0, 0.0)], ids=["equal", "faster", "instant"])
def test_a_canary_that_is_no_slower_is_kept(make: object, canary: tuple[float, ...]) -> None:
    for seed in range(6):
        assert failed(judged(latency(make, seed, canary, rps=300.0), LATENCY)) is None


def test_rows_share_the_evidence_by_averaging() -> None:
    judgement = judged(latency(proxies, 1, (0.15, 0.04, 0.06)), LATENCY)
    assert judgement.log_evidence == pytest.approx(float(mean_exp(judgement.row_evidence)))
    alone = [
        judged(_row(latency(proxies, 1, (0.15, 0.04, 0.06)), row), replace(LATENCY, bounds=(bound,)))
        for row, bound in enumerate(LATENCY.bounds)
    ]
    assert judgement.row_evidence == pytest.approx([float(j.row_evidence[0]) for j in alone])
    mean = np.mean([math.exp(j.log_evidence) for j in alone])
    assert math.exp(judgement.log_evidence) == pytest.approx(mean)
    assert judgement.log_proof == pytest.approx(min(j.log_proof for j in alone))


def _row(window: Window, row: int) -> Window:
    """The window of one bound alone: its bucket and all requests."""
    return replace(
        window,
        counters=tuple(c._replace(cell=0 if c.cell == row else 1) for c in window.counters if c.cell in {row, 3}),
    )


def test_an_error_rate_is_a_row_of_slow_requests() -> None:
    """Failed answers, and answers that took longer than the only bound, are judged alike."""
    window = proxies(SCENE, seeded(3), always(0.03), always(0.01))
    policy = RatePolicy(dispersion=1.0)
    cumulative = []
    for counter in window.counters:
        cumulative.append(counter._replace(key=f"all-{counter.cell}", cell=1))
        if counter.cell == 0:
            cumulative.append(counter)
    errors = judged(window, policy)
    slowly = judged(replace(window, counters=tuple(cumulative)), replace(policy, bounds=(0.2,)))
    assert slowly.trail == pytest.approx(np.array(errors.trail))
    assert slowly.log_proof == pytest.approx(errors.log_proof)


def test_a_tolerance_in_time_is_a_later_bucket_of_the_canary() -> None:
    """Everything takes the canary up to one bucket longer: told from stable's next bound, it is no slower."""
    moved = (0.35, 0.15, 0.05)
    scene = replace(SCENE, history=200.0, cells=slow(3), rps=200.0)
    rng = seeded(4)
    stable = pods(scene, rng, always(moved), always(USUAL))
    plain = judged(stable, LATENCY)
    assert failed(plain) is not None
    # The canary's cell k now counts what it answered within bound k + 1.
    shifted = replace(
        stable,
        counters=tuple(
            c._replace(cell=c.cell - 1) if c.arm is Arm.CANARY and 0 < c.cell < 3 else c
            for c in stable.counters
            if c.arm is not Arm.CANARY or c.cell
        ),
    )
    shifted = replace(shifted, counters=tuple(c for c in shifted.counters if not (c.arm is Arm.STABLE and c.cell == 2)))
    two = replace(LATENCY, bounds=(0.1, 0.2))
    shifted = replace(shifted, counters=tuple(c._replace(cell=min(c.cell, 2)) for c in shifted.counters))
    tolerant = judged(shifted, two)
    assert failed(tolerant) is None
    assert tolerant.canary[0] == plain.canary[0]


# An absolute objective looks at the canary alone.


@MAKES
def test_an_objective_holds_the_canary_against_its_share(make: object) -> None:
    worse = make(SCENE, seeded(1), always(0.08), always(0.3))  # type: ignore[operator]
    judgement = judged(worse, OBJECTIVE)
    assert failed(judgement) is not None
    found = assess_rate(judgement, worse.now, 0.01)
    assert "1 % are allowed" in found.message
    better = make(SCENE, seeded(1), always(0.004), always(0.0))  # type: ignore[operator]
    assert failed(judged(better, OBJECTIVE)) is None


@MAKES
def test_an_objective_needs_no_stable_at_all(make: object) -> None:
    window = make(replace(SCENE, rps=400.0), seeded(1), always(0.001), always(0.5))  # type: ignore[operator]
    alone = replace(window, counters=tuple(c for c in window.counters if c.arm is Arm.CANARY))
    one, other = judged(alone, OBJECTIVE), judged(window, OBJECTIVE)
    dispersion = {float(j.streams[1].past.dispersion(2.0)[0]) for j in (one, other)}
    found = assess_rate(one, window.now, 0.01)
    assert found.outcome is Outcome.PASS
    if len(dispersion) == 1:
        assert one.log_evidence == pytest.approx(other.log_evidence)


# The proof is wrong about a canary that is worse by exactly the margin no more often than beta.


def short(rng: Generator, make: object, rate: Rate, margin: float) -> Judgement:
    scene = Scene(
        rps=150.0,
        share=0.4,
        canaries=int(rng.integers(1, 4)),
        stables=int(rng.integers(1, 4)),
        duration=100.0,
        history=30.0,
        step=2.5,
    )

    def worse(time: float) -> float:
        usual = rate(time)
        assert isinstance(usual, float)
        return usual + margin

    window = make(scene, rng, worse, rate)  # type: ignore[operator]
    return judged(window, RatePolicy(margin=margin, dispersion=1.0, beta=0.1), 0.4)


@MAKES
def test_the_proof_is_false_at_most_in_beta_of_the_runs(make: object) -> None:
    """Staggered scrapes, and outages that both arms share, in every second run."""
    runs, false = 200, 0
    for seed in range(runs):
        rng = seeded(seed)
        length, begins = rng.choice([7.0, 12.0, 30.0]), rng.uniform(5.0, 60.0)
        rate = outage(begins, length, 0.5) if seed % 2 else always(0.005)
        judgement = short(rng, make, rate, 0.02)
        false += judgement.log_proof >= judgement.policy.log_proof_threshold
    assert false <= runs * 0.1 + 3 * math.sqrt(runs * 0.1 * 0.9)


@MAKES
def test_the_proof_finds_a_version_that_is_no_worse(make: object) -> None:
    """A proof that never comes would be right as well."""
    proven = 0
    for seed in range(10):
        scene = Scene(rps=150.0, share=0.4, duration=100.0, history=30.0)
        window = make(scene, seeded(seed), always(0.005), always(0.005))  # type: ignore[operator]
        judgement = judged(window, RatePolicy(margin=0.02, dispersion=1.0, beta=0.1), 0.4)
        proven += judgement.log_proof >= judgement.policy.log_proof_threshold
    assert proven >= 8


@MAKES
def test_a_weight_that_rises_in_a_shared_outage_proves_nothing_false(make: object) -> None:
    """The canary serves only before the outage, stable all along: it looks better by that, and is worse."""
    false = 0
    for seed in range(60):
        rng = seeded(seed)
        change = 30.0 + 5.0 * rng.random()
        shared = outage(change, 40.0, 0.3)
        scene = Scene(rps=200.0, share=0.3, duration=90.0, history=30.0, step=2.5)
        window = make(scene, rng, lambda t, shared=shared: shared(t) + 0.02, shared)  # type: ignore[operator]
        gone = _without_canary(window, ANCHOR + change)
        judgement = begin(RatePolicy(margin=0.02, dispersion=1.0, beta=0.1), ANCHOR)
        judgement = reweigh(reweigh(judgement, ANCHOR, 0.3), ANCHOR + change, 0.0)
        judgement = fold(judgement, gone)
        false += judgement.log_proof >= judgement.policy.log_proof_threshold
    assert false <= 60 * 0.1 + 3 * math.sqrt(60 * 0.1 * 0.9)


def _without_canary(window: Window, since: float) -> Window:
    """The canary's counters stand still since then."""
    counters = []
    for counter in window.counters:
        if counter.arm is Arm.CANARY:
            held = max((v for t, v in counter.samples if t <= since), default=0.0)
            still = tuple((t, min(v, held)) for t, v in counter.samples)
            counters.append(counter._replace(samples=tuple(s for s in still if s[1])))
        else:
            counters.append(counter)
    return replace(window, counters=tuple(counters))
