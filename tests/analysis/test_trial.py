from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from serinus.analysis import (
    Assessment,
    Judgement,
    MeanPolicy,
    Outcome,
    Policy,
    RatePolicy,
    Trial,
    Window,
    add_test,
    assess_trial,
    begin_trial,
    reweigh_trial,
    take_in,
)

from .support import ANCHOR, MEANS, Rate, Scene, always, clip, judged, latch_of, pods, proxies, seeded, slow

ALPHA = 0.01
ERRORS = RatePolicy(dispersion=1.0, gating=False)
LATENCY = RatePolicy(dispersion=1.0, delta=0.01, margin=0.05, bounds=(0.1, 0.2), gating=False)
SCORE = MeanPolicy(higher_is_better=True, margin=0.0, effect=0.05)
SCENE = Scene(history=300.0)


def errors(seed: int, canary: Rate) -> Window:
    return proxies(SCENE, seeded(seed), canary, always(0.005))


def latency(seed: int, canary: Rate) -> Window:
    return proxies(replace(SCENE, cells=slow(2)), seeded(seed), canary, always((0.03, 0.02)))


def scores(seed: int, canary: Rate) -> Window:
    return pods(replace(SCENE, share=0.5, cells=MEANS), seeded(seed), canary, always(0.5))


def started(**policies: Policy | None) -> Trial:
    return reweigh_trial(begin_trial(policies, ALPHA, ANCHOR), ANCHOR, 0.1)


def looked(trial: Trial, windows: dict[str, Window], every: float = 1.0) -> Trial:
    """The operator's loop: a look at all windows every second."""
    end = max(window.now for window in windows.values())
    for now in np.arange(ANCHOR + every, end + every, every):
        seen = {
            name: clip(window, _since(trial, name, window), float(now))
            for name, window in windows.items()
            if name in trial.tests
        }
        trial = take_in(trial, seen)
    return trial


def _since(trial: Trial, name: str, window: Window) -> float:
    since = trial.tests[name].reader.since
    return window.start if since is None or not trial.tests[name].reader.tracks else since


def test_one_test_has_all_of_alpha() -> None:
    window = errors(1, always(0.2))
    trial = take_in(started(errors=ERRORS), {"errors": window})
    found = assess_trial(trial, window.now)["errors"]
    alone = judged(window, ERRORS)
    first = next(time for time, value in alone.trail if value >= math.log(1 / ALPHA))
    assert latch_of(trial) == (first, "errors")
    assert (found.outcome, found.reason, found.threshold) == (Outcome.FAIL, "ErrorRateTooHigh", pytest.approx(100))
    assert found.failed_at == first


def test_two_tests_share_it_each_alone_at_twice_the_threshold() -> None:
    """The canary fails requests and is not slow: its errors must reach 2/alpha, but for what latency brings."""
    bad, fine = errors(11, always(0.025)), latency(2, always((0.03, 0.02)))
    trial = take_in(started(errors=ERRORS, latency=LATENCY), {"errors": bad, "latency": fine})
    found = assess_trial(trial, bad.now)
    assert [a.threshold for a in found.values()] == [pytest.approx(200)] * 2
    assert trial.latch is not None
    assert trial.latch.name == "errors"
    alone = take_in(started(errors=ERRORS), {"errors": bad}).latch
    assert alone is not None
    assert trial.latch.time > alone.time
    crossed = next(v for t, v in judged(bad, ERRORS).trail if t == trial.latch.time)
    assert math.exp(crossed) > 200 - 2  # the healthy test's evidence is about 1 or below
    assert found["errors"].outcome is Outcome.FAIL
    assert found["latency"].outcome is not Outcome.FAIL
    assert "Together with the other metrics: " in found["errors"].message


def test_the_mean_of_the_e_values_decides() -> None:
    """Neither test would fail the canary alone at 2/alpha, nor may one alone at 1/alpha."""
    windows = {"errors": errors(3, always(0.05)), "latency": latency(4, always((0.03, 0.10)))}
    policies = {"errors": ERRORS, "latency": LATENCY}
    alone = {name: judged(window, policies[name]) for name, window in windows.items()}
    marks = sorted((time, name, value) for name, judgement in alone.items() for time, value in judgement.trail)
    latest = dict.fromkeys(policies, 0.0)
    expected = None
    for time, name, value in marks:
        latest[name] = value
        if expected is None and sum(map(math.exp, latest.values())) / 2 >= 1 / ALPHA:
            expected = (time, max(latest, key=lambda each: latest[each]))
    assert expected is not None
    trial = take_in(started(**policies), windows)
    assert latch_of(trial) == expected
    assert looked(started(**policies), windows).latch == trial.latch
    mean = sum(math.exp(j.log_evidence) for j in alone.values()) / 2
    assert trial.log_evidence == pytest.approx(math.log(mean))


def test_a_test_that_is_blind_keeps_its_value_and_its_part() -> None:
    """Latency has half of the evidence that is needed, and then Prometheus has no more of it."""
    windows = {"errors": errors(5, lambda t: 0.3 if t > 90 else 0.005), "latency": latency(4, always((0.03, 0.07)))}
    trial = started(errors=ERRORS, latency=LATENCY)
    until = next(t for t, v in judged(windows["latency"], LATENCY).trail if v > math.log(20))
    trial = take_in(trial, {"latency": clip(windows["latency"], ANCHOR - 300, until)})
    held = trial.latest["latency"]
    assert math.log(20) < held < math.log(200)
    trial = take_in(trial, {"errors": windows["errors"]})
    assert trial.latest["latency"] == held
    found = assess_trial(trial, ANCHOR + 120)
    assert (found["latency"].outcome, found["latency"].reason) == (Outcome.BLIND, "Stale")
    assert found["errors"].outcome is Outcome.FAIL
    together = (math.exp(held) + math.exp(judged(windows["errors"], ERRORS).log_evidence)) / 2
    assert math.exp(trial.log_evidence) == pytest.approx(together)


def test_a_part_is_kept_for_a_test_that_is_added_late() -> None:
    bad, fine = errors(1, always(0.05)), latency(2, always((0.03, 0.02)))
    early = take_in(started(errors=ERRORS, latency=LATENCY), {"errors": bad, "latency": fine})
    late = started(errors=ERRORS, latency=None)
    assert set(assess_trial(late, ANCHOR)) == {"errors"}
    assert assess_trial(late, ANCHOR)["errors"].threshold == pytest.approx(200)
    late = take_in(late, {"errors": clip(bad, bad.start, ANCHOR + 20)})
    late = add_test(late, "latency", LATENCY)
    added = late.tests["latency"]
    assert isinstance(added, Judgement)
    assert added.weights == late.weights
    late = take_in(late, {"errors": bad, "latency": fine})
    assert latch_of(late) == latch_of(early)
    assert late.latest == pytest.approx(early.latest)


def test_the_leading_test_says_fail_and_stays_with_it() -> None:
    windows = {"errors": errors(1, always(0.006)), "latency": latency(2, always((0.03, 0.4)))}
    trial = take_in(started(errors=ERRORS, latency=LATENCY), windows)
    found = assess_trial(trial, ANCHOR + 120)
    failing = [name for name, each in found.items() if each.outcome is Outcome.FAIL]
    assert failing == ["latency"]
    assert found["latency"].reason == "TooSlow"
    again = assess_trial(trial, ANCHOR + 10_000)
    assert again["latency"].outcome is Outcome.FAIL
    assert again["errors"].outcome is Outcome.BLIND
    assert again["latency"].failed_at == found["latency"].failed_at


def test_a_mean_takes_the_canary_back_too() -> None:
    window = scores(1, always(0.2))
    trial = take_in(started(errors=ERRORS, score=SCORE), {"score": window})
    found = assess_trial(trial, window.now)
    assert (found["score"].outcome, found["score"].reason) == (Outcome.FAIL, "MeanTooLow")
    assert found["errors"].outcome is Outcome.BLIND


@pytest.mark.parametrize("seed", range(3))
def test_a_replay_fails_at_the_sample_that_a_look_every_second_failed_at(seed: int) -> None:
    """An error rate, a latency and a mean, of proxies and of pods."""
    windows = {
        "errors": pods(SCENE, seeded(seed), always(0.02), always(0.005)),
        "latency": latency(seed, always((0.03, 0.06))),
        "score": scores(seed, always(0.46)),
    }
    trial = started(errors=ERRORS, latency=LATENCY, score=SCORE)
    whole, live = take_in(trial, windows), looked(trial, windows)
    assert live.latest == pytest.approx(whole.latest)
    assert latch_of(live) == latch_of(whole)


def test_blocks_at_one_time_count_in_their_order() -> None:
    """Two proxies answered in the same millisecond: the newest evidence is that after both."""
    window = proxies(replace(SCENE, proxies=2), seeded(2), always(0.01), always(0.02))
    first = {t.name: t.scrapes[0][0] for t in window.targets}
    shift = first["proxy-0"] - first["proxy-1"]

    def moved(samples: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        return tuple((round(t + shift, 6), v) for t, v in samples)

    window = replace(
        window,
        targets=tuple(replace(t, scrapes=moved(t.scrapes)) if t.name == "proxy-1" else t for t in window.targets),
        counters=tuple(c._replace(samples=moved(c.samples)) if c.target == "proxy-1" else c for c in window.counters),
    )
    trial = take_in(started(errors=ERRORS), {"errors": window})
    test = trial.tests["errors"]
    times = [time for time, _ in judged(window, ERRORS).trail]
    assert len(set(times)) < len(times)
    assert trial.latest["errors"] == test.log_evidence


def test_weights_change_in_mid_way() -> None:
    window = errors(1, always(0.005))
    trial = started(errors=ERRORS, score=SCORE)
    trial = take_in(trial, {"errors": clip(window, window.start, ANCHOR + 60)})
    before = _requests(assess_trial(trial, ANCHOR + 60))
    trial = reweigh_trial(trial, ANCHOR + 60, 0.2)
    assert [w.share for w in trial.weights] == [0.1, 0.2]
    assert all(test.weights == trial.weights for test in trial.tests.values())
    found = assess_trial(trial, ANCHOR + 60)["errors"]
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, "CanaryIdle")
    assert _requests(assess_trial(trial, ANCHOR + 60)) == before
    trial = take_in(trial, {"errors": window})
    assert assess_trial(trial, window.now)["errors"].outcome is Outcome.PASS
    assert _requests(assess_trial(trial, window.now)) > before
    assert reweigh_trial(trial, ANCHOR + 60, 0.2) is trial


def _requests(found: dict[str, Assessment]) -> float:
    return found["errors"].canary.requests


@pytest.mark.parametrize("policies", [{"errors": ERRORS}, {"errors": None}], ids=["begun", "not begun"])
def test_weights_rise_in_time(policies: dict[str, Policy | None]) -> None:
    trial = reweigh_trial(begin_trial(policies, ALPHA, ANCHOR), ANCHOR, 0.1)
    with pytest.raises(ValueError, match=r"^time must not be before the newest change"):
        reweigh_trial(trial, ANCHOR - 1, 0.2)
    with pytest.raises(ValueError, match=r"^share must be between 0 and 1"):
        reweigh_trial(trial, ANCHOR + 1, 1.2)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, 2.0, math.nan])
def test_alpha_is_a_probability(alpha: float) -> None:
    with pytest.raises(ValueError, match=r"^alpha must be between 0 and 1"):
        begin_trial({"errors": ERRORS}, alpha, ANCHOR)


def test_a_trial_has_a_test() -> None:
    with pytest.raises(ValueError, match=r"^policies must hold a test"):
        begin_trial({}, ALPHA, ANCHOR)


def test_a_trial_that_has_seen_nothing_says_nothing() -> None:
    trial = started(errors=ERRORS, latency=LATENCY, score=SCORE)
    assert {each.outcome for each in assess_trial(trial, ANCHOR).values()} == {Outcome.BLIND}
    assert trial.log_evidence == pytest.approx(0.0)
    assert take_in(trial, {}).latest == trial.latest
