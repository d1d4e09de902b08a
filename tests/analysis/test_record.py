from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from serinus.analysis import (
    Judgement,
    MeanPolicy,
    Outcome,
    Policy,
    RatePolicy,
    Trial,
    Window,
    assess_trial,
    begin_trial,
    recover_trial,
    reweigh_trial,
    take_in,
    trial_from_record,
    trial_record,
)

from .support import ANCHOR, MEANS, Scene, always, churn, clip, latch_of, pods, proxies, seeded, slow, without

POLICIES: dict[str, Policy] = {
    "errors": RatePolicy(min_errors=1),
    "latency": RatePolicy(delta=0.01, margin=0.05, bounds=(0.1, 0.2)),
    "score": MeanPolicy(higher_is_better=True, margin=0.0, effect=0.05, minimum=50),
}
CHANGES = ((ANCHOR, 0.1), (ANCHOR + 53.0, 0.3))
SCENE = Scene(duration=90.0, history=60.0, share=0.3)


def scene_windows(seed: int, harm: float) -> dict[str, Window]:
    """Three metrics of a canary that goes worse after 30 s; their sources are pods or proxies at random."""
    rng = seeded(seed)
    apart = rng.random(3) < 0.5
    scene = replace(
        SCENE,
        canaries=int(rng.integers(1, 3)),
        stables=int(rng.integers(1, 4)),
        proxies=int(rng.integers(1, 3)),
        warm=float(rng.choice([15.0, 0.0, -12.0])),
    )
    makes = [pods if each else proxies for each in apart]
    found = {
        "errors": makes[0](scene, rng, lambda t: 0.005 + harm * (t > 30), always(0.005)),
        "latency": makes[1](
            replace(scene, cells=slow(2)), rng, lambda t: (0.03, 0.02 + harm * (t > 30)), always((0.03, 0.02))
        ),
        "score": makes[2](replace(scene, cells=MEANS), rng, lambda t: 0.5 - harm * (t > 30), always(0.5)),
    }
    if seed % 3 == 0:
        found = {name: churn(w, rng) if w.targets[0].arm and name != "score" else w for name, w in found.items()}
    return found


def started(policies: Mapping[str, Policy] = POLICIES) -> Trial:
    return begin_trial(policies, 0.01, ANCHOR)


def polled(trial: Trial, windows: dict[str, Window], times: Sequence[float]) -> Trial:
    """The operator's loop: looks at these times, the weights as they change."""
    for now in times:
        for change in CHANGES:
            if change[0] <= now and (not trial.weights or trial.weights[-1].time < change[0]):
                trial = reweigh_trial(_looked(trial, windows, change[0]), *change)
        trial = _looked(trial, windows, now)
    return trial


def _looked(trial: Trial, windows: dict[str, Window], now: float) -> Trial:
    seen = {}
    for name, window in windows.items():
        since = trial.tests[name].reader.since
        seen[name] = clip(window, window.start if since is None else min(since, now - 15), now)
    return take_in(trial, seen)


def through_json(trial: Trial) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(json.dumps(trial_record(trial)))
    return record


def outcomes(trial: Trial, now: float) -> dict[str, tuple[str, str, float | None]]:
    return {name: (a.outcome, a.reason, a.failed_at) for name, a in assess_trial(trial, now).items()}


def assert_alike(one: Trial, other: Trial, tolerance: float = 1e-6) -> None:
    assert latch_of(one) == latch_of(other)
    assert one.latest == pytest.approx(other.latest, abs=tolerance)
    now = ANCHOR + SCENE.duration
    assert outcomes(one, now) == outcomes(other, now)


scenes = st.tuples(st.integers(0, 10**6), st.sampled_from([0.0, 0.02, 0.05, 0.3]))


@settings(max_examples=30)
@given(scenes, st.floats(1, 89), st.integers(1, 4))
def test_a_restart_at_any_moment_gives_the_same_verdict_at_the_same_sample(
    scene: tuple[int, float], kill: float, polls: int
) -> None:
    """To the record and back from an hour of history, and on as if nothing had happened."""
    windows = scene_windows(*scene)
    times = [ANCHOR + t for t in np.linspace(0.0, kill, polls + 1).tolist()]
    rest = [t for t in np.arange(ANCHOR + kill, ANCHOR + 90, 7.0).tolist() if t > times[-1]] + [ANCHOR + 90]
    before = polled(started(), windows, times)
    whole = polled(before, windows, rest)
    held = {name: clip(window, window.start, times[-1]) for name, window in windows.items()}
    after = recover_trial(through_json(before), held)
    assert latch_of(after) == latch_of(before)
    assert_alike(polled(after, windows, rest), whole)


def missed(windows: dict[str, Window], seed: int) -> dict[str, Window]:
    """Some targets were not scraped for some time."""
    rng = seeded(seed)
    found = dict(windows)
    for name, window in windows.items():
        for _ in range(4):
            target = window.targets[int(rng.integers(len(window.targets)))].name
            since = ANCHOR + rng.uniform(-20, 85)
            found[name] = without(found[name], target, since, since + rng.choice([5.0, 10.0, 20.0, 40.0]))
    return found


@settings(max_examples=8)
@given(scenes, st.booleans())
@example((38, 0.1), True)
def test_a_look_every_second_and_one_look_fail_at_the_same_sample(scene: tuple[int, float], holes: bool) -> None:  # noqa: FBT001
    """Missed scrapes are for rates: a mean waits for a silent pod, and is marked with the others' scrapes of before."""
    windows, policies = scene_windows(*scene), dict(POLICIES)
    if holes:
        windows, _ = missed(windows, scene[0]), policies.pop("score")
        del windows["score"]
    often = polled(started(policies), windows, np.arange(ANCHOR, ANCHOR + 91, 1.0).tolist())
    assert_alike_but_sights(often, polled(started(policies), windows, [ANCHOR, ANCHOR + 90]))


@settings(max_examples=15)
@given(scenes, st.floats(20, 85), st.floats(21, 90))
def test_what_came_while_the_operator_was_away_is_found_at_its_sample(
    scene: tuple[int, float], kill: float, back: float
) -> None:
    """The restart took a while; the canary failed in the meantime, or the weights were changed before the record."""
    windows = scene_windows(*scene)
    before = polled(started(), windows, [ANCHOR + kill])
    back = ANCHOR + max(back, kill)
    held = {name: clip(window, window.start, back) for name, window in windows.items()}
    rest = [ANCHOR + 90.0]
    away = reweigh_missed(recover_trial(through_json(before), held), back)
    whole = reweigh_missed(take_in(before, held), back)
    assert latch_of(away) == latch_of(whole)
    assert_alike(polled(away, windows, rest), polled(whole, windows, rest))


def reweigh_missed(trial: Trial, now: float) -> Trial:
    for time, share in CHANGES:
        if trial.weights[-1].time < time <= now:
            trial = reweigh_trial(trial, now, share)
    return trial


@settings(max_examples=15)
@given(scenes, st.lists(st.floats(1, 89), min_size=1, max_size=3))
def test_going_on_from_the_record_alone_is_as_good(scene: tuple[int, float], kills: list[float]) -> None:
    """Windows from `since` on are enough; nothing before is asked for again."""
    windows = scene_windows(*scene)
    times = sorted({0.0, *kills, 90.0})
    whole = trial = started()
    for time in times:
        whole = polled(whole, windows, [ANCHOR + time])
        trial = trial_from_record(through_json(polled(trial, windows, [ANCHOR + time])))
    assert_alike_but_sights(trial, whole)


def assert_alike_but_sights(one: Trial, other: Trial) -> None:
    assert latch_of(one) == latch_of(other)
    assert one.latest == pytest.approx(other.latest, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_what_prometheus_has_forgotten_is_kept_by_the_record(seed: int) -> None:
    windows = scene_windows(seed, 0.012)
    before = polled(started(), windows, [ANCHOR, ANCHOR + 70])
    lost = {name: clip(window, ANCHOR + 66, ANCHOR + 70) for name, window in windows.items()}
    found = recover_trial(through_json(before), lost)
    assert found.latest == pytest.approx(before.latest, abs=1e-6)
    for name, test in before.tests.items():
        again = found.tests[name]
        if isinstance(test, Judgement) and isinstance(again, Judgement):
            assert again.canary.tolist() == test.canary.tolist()
            assert again.log_proof == pytest.approx(test.log_proof, abs=1e-8)
    after = polled(found, windows, [ANCHOR + 90])
    whole = polled(before, windows, [ANCHOR + 90])
    assert latch_of(after) == latch_of(whole)
    assert after.latest == pytest.approx(whole.latest, abs=1.5)  # a block or two are lost


def test_nothing_at_all_from_prometheus_is_nothing_lost() -> None:
    before = polled(started(), scene_windows(1, 0.02), [ANCHOR, ANCHOR + 70])
    found = recover_trial(through_json(before), {})
    assert found.latest == pytest.approx(before.latest)
    assert through_json(found) == through_json(before)


def test_a_latch_survives_the_record_and_anything_after() -> None:
    windows = scene_windows(1, 0.3)
    failed = polled(started(), windows, [ANCHOR, ANCHOR + 70])
    assert failed.latch is not None
    quiet = {name: Window((), (), w.now, w.now + 60, 5.0) for name, w in windows.items()}
    for record in (through_json(failed), through_json(trial_from_record(through_json(failed)))):
        for held in ({}, quiet, windows):
            found = recover_trial(record, held)
            assert found.latch == failed.latch
            assert assess_trial(found, ANCHOR + 200)[failed.latch.name].outcome is Outcome.FAIL


def test_weights_that_changed_after_the_record_are_added() -> None:
    windows = scene_windows(2, 0.0)
    before = polled(started(), windows, [ANCHOR, ANCHOR + 40])
    weights = reweigh_trial(before, *CHANGES[1]).weights
    found = recover_trial(through_json(before), windows, weights)
    assert found.weights == weights
    assert all(test.weights[-1].share == 0.3 for test in found.tests.values())
    assert recover_trial(through_json(found), windows, weights).weights == weights


def test_a_test_that_had_not_begun_is_still_to_come() -> None:
    trial = reweigh_trial(begin_trial({**POLICIES, "late": None}, 0.01, ANCHOR), ANCHOR, 0.1)
    found = trial_from_record(through_json(trial))
    assert found.names == trial.names
    assert set(found.tests) == set(POLICIES)
    assert through_json(found) == through_json(trial)


def test_policies_come_back_as_they_were() -> None:
    odd: dict[str, Policy] = {
        "errors": RatePolicy(rho=0.0, delta=0.02, margin=0.03, odds=(2.0, 5.0), gating=False),
        "latency": RatePolicy(delta=0.01, margin=0.05, beta=0.1, bounds=(0.1, 0.25)),
        "score": MeanPolicy(higher_is_better=False, margin=0.1, effect=0.2, units=32),
    }
    found = trial_from_record(through_json(started(odd)))
    assert {name: test.policy for name, test in found.tests.items()} == odd


@pytest.mark.parametrize("times", [[], [ANCHOR], [ANCHOR, ANCHOR + 20], [ANCHOR, ANCHOR + 80]])
def test_the_record_holds_no_null(times: list[float]) -> None:
    """Argo CD's actions would take such an entry away."""
    trial = polled(started(), scene_windows(1, 0.5), times)
    assert "null" not in json.dumps(trial_record(trial))
    assert trial_record(trial_from_record(through_json(trial))) == trial_record(trial)


def test_a_record_of_before_has_nulls() -> None:
    record = through_json(polled(started(), scene_windows(1, 0.0), []))
    absent = dict.fromkeys(("interval", "separate", "round", "resume", "until"))
    older = {name: {**absent, **entry} for name, entry in record["tests"].items()}
    assert through_json(trial_from_record({**record, "latch": None, "tests": older})) == record


def test_the_record_is_small() -> None:
    windows = scene_windows(4, 0.02)
    sizes = {
        name: len(json.dumps(entry))
        for name, entry in through_json(polled(started(), windows, [ANCHOR, ANCHOR + 80]))["tests"].items()
    }
    assert sizes["errors"] < 3500
    assert sizes["latency"] < 5000
    assert sizes["score"] < 2500


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: {},
        lambda record: {**record, "alpha": None},
        lambda record: {**record, "names": 3},
        lambda record: {**record, "tests": {"errors": {}}},
        lambda record: {**record, "latch": [1.0]},
        lambda record: {**record, "weights": [[1.0]]},
        lambda record: {**record, "tests": {"errors": {**record["tests"]["errors"], "streams": 3}}},
        lambda record: {**record, "tests": {"errors": {**record["tests"]["errors"], "policy": {"rho": "x"}}}},
    ],
)
def test_a_damaged_record_is_refused(damage: Any) -> None:
    record = through_json(polled(started(), scene_windows(1, 0.0), [ANCHOR, ANCHOR + 20]))
    with pytest.raises(ValueError, match="record"):
        trial_from_record(damage(record))


def test_a_record_of_another_grid_is_refused() -> None:
    record = through_json(polled(started(), scene_windows(1, 0.0), [ANCHOR, ANCHOR + 20]))
    record["tests"]["errors"]["policy"]["odds"] = [2.0]
    with pytest.raises(ValueError, match=r"record has alternatives of shape \(1, 10\), the policy \(1, 1\)"):
        trial_from_record(record)
