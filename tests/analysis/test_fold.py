from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.analysis import (
    Arm,
    Counter,
    ErrorRatePolicy,
    Judgement,
    Tally,
    Target,
    Window,
    assess,
    begin,
    fold,
    from_status,
    recover,
    reweigh,
    to_status,
)

from .support import ANCHOR, Scene, always, clip, pods, proxies, seeded

POLICY = ErrorRatePolicy()
SCENE = Scene(duration=120.0)
CHANGES = ((ANCHOR, 0.1), (ANCHOR + 61.0, 0.1))


def scene_window(*, apart: bool, seed: int, failing: float, churned: bool = False) -> Window:
    rng = seeded(seed)

    def canary(time: float) -> float:
        return failing if time > 40 else 0.005

    if apart:
        warm = rng.choice([15.0, 0.0, -12.0])
        scene = replace(SCENE, canaries=rng.randint(1, 3), stables=rng.randint(1, 4), warm=warm)
        window = pods(scene, rng, canary, always(0.005))
        return churn(window, rng) if churned else window
    return proxies(SCENE, rng, canary, always(0.005), count=rng.randint(1, 3))


def churn(window: Window, rng: Random) -> Window:
    """One stable pod dies somewhere, another is born somewhere."""
    dies, born = ANCHOR + rng.uniform(10, 80), ANCHOR + rng.uniform(10, 110)
    name = next(t.name for t in window.targets if t.arm is Arm.STABLE)
    targets = [
        replace(t, scrapes=tuple(s for s in t.scrapes if s[0] < dies)) if t.name == name else t for t in window.targets
    ]
    counters = [
        replace(c, samples=tuple(s for s in c.samples if s[0] < dies)) if c.target == name else c
        for c in window.counters
    ]
    times = [born + window.interval * i for i in range(int((window.now - born) // 5) + 1)]
    targets.append(Target("newborn", Arm.STABLE, tuple((t, 1.0) for t in times)))
    for key, error, each in (("2xx", False, 150.0), ("5xx", True, 1.0)):
        samples = tuple((t, each * (i + 1)) for i, t in enumerate(times))
        counters.append(Counter(Arm.STABLE, "newborn", key, error, samples))
    return replace(window, targets=tuple(targets), counters=tuple(counters))


def replay(window: Window, changes: tuple[tuple[float, float], ...] = CHANGES) -> Judgement:
    judgement = begin(POLICY, ANCHOR)
    for time, share in changes:
        judgement = reweigh(judgement, time, share)
    return fold(judgement, window)


def live(window: Window, polls: list[float], reach: float) -> Judgement:
    """The operator's loop: a range of `reach` seconds at every poll, weights as they change."""
    judgement, changes = begin(POLICY, ANCHOR), list(CHANGES)
    last = window.start
    for now in polls:
        while changes and changes[0][0] <= now:
            # Everything up to the change was polled before it.
            judgement = fold(judgement, clip(window, min(now - reach, last), changes[0][0]))
            judgement = reweigh(judgement, *changes.pop(0))
        judgement = fold(judgement, clip(window, min(now - reach, last), now))
        last = now - 2 * window.interval
    return judgement


def shape(judgement: Judgement) -> object:
    """Everything but what was only seen last."""
    return replace(judgement, sights=())


scenes = st.tuples(st.booleans(), st.integers(0, 10**6), st.sampled_from([0.005, 0.06, 1.0]))


@settings(max_examples=150, deadline=None)
@given(scenes, st.lists(st.floats(1, 119), max_size=12), st.floats(15, 60))
def test_any_cut_gives_the_same_judgement(scene: tuple[bool, int, float], polls: list[float], reach: float) -> None:
    apart, seed, failing = scene
    window = scene_window(apart=apart, seed=seed, failing=failing, churned=seed % 2 > 0)
    once = replay(window)
    cut = live(window, [*sorted(ANCHOR + p for p in polls), window.now], reach)
    assert cut.latch == once.latch
    assert cut.log_evidence == pytest.approx(once.log_evidence, abs=1e-9)
    assert (cut.canary, cut.stable, cut.step_canary, cut.step_stable) == (
        once.canary,
        once.stable,
        once.step_canary,
        once.step_stable,
    )


@settings(max_examples=80, deadline=None)
@given(scenes, st.floats(10, 110))
def test_folding_again_changes_nothing(scene: tuple[bool, int, float], until: float) -> None:
    apart, seed, failing = scene
    window = scene_window(apart=apart, seed=seed, failing=failing)
    part = clip(window, window.start, ANCHOR + until)
    once = replay(part)
    assert fold(once, part) == once
    assert shape(fold(once, clip(part, part.now - 20, part.now - 7))) == shape(
        fold(once, clip(part, part.now - 20, part.now - 7))
    )
    assert to_status(fold(once, clip(part, part.now - 30, part.now - 7))) == to_status(once)


@settings(max_examples=150, deadline=None)
@given(scenes, st.lists(st.floats(1, 115), min_size=1, max_size=3))
def test_a_restart_anywhere_gives_the_same_latch_at_the_same_sample(
    scene: tuple[bool, int, float], kills: list[float]
) -> None:
    apart, seed, failing = scene
    window = scene_window(apart=apart, seed=seed, failing=failing, churned=seed % 2 > 0)
    whole = replay(window)
    judgement = begin(POLICY, ANCHOR)
    for time, share in CHANGES:
        judgement = reweigh(judgement, time, share)
    for kill in sorted(kills):
        start = window.start if judgement.since is None else judgement.since
        judgement = fold(judgement, clip(window, start, ANCHOR + kill))
        judgement = from_status(POLICY, to_status(judgement))
    start = window.start if judgement.since is None else judgement.since
    kept = fold(judgement, clip(window, start, window.now))
    assert kept.latch == whole.latch
    assert kept.log_evidence == pytest.approx(whole.log_evidence, abs=1e-9)
    assert recover(POLICY, to_status(judgement), window).latch == whole.latch


def test_what_prometheus_lost_is_kept_by_the_record() -> None:
    window = scene_window(apart=True, seed=3, failing=0.06)
    before = replay(clip(window, window.start, ANCHOR + 100))
    assert before.log_evidence > 0
    lost = clip(window, ANCHOR + 95, ANCHOR + 100)
    recovered = recover(POLICY, to_status(before), lost)
    assert recovered.log_evidence == pytest.approx(before.log_evidence)
    assert recovered.canary == before.canary


def test_a_latch_survives_the_record_and_anything_after() -> None:
    window = scene_window(apart=False, seed=3, failing=1.0)
    failed = replay(window)
    assert failed.latch is not None
    again = from_status(POLICY, to_status(failed))
    assert again.latch == failed.latch
    quiet = Window((), (), window.now, window.now + 60, 5.0)
    assert assess(fold(again, quiet), window.now + 60).outcome == "Fail"


@pytest.mark.parametrize("record", [{}, {"anchor": None}, {"anchor": 1.0, "history": 3}], ids=str)
def test_a_damaged_record_is_refused(record: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="record"):
        from_status(POLICY, record)


def test_a_record_of_another_grid_is_refused() -> None:
    record = to_status(begin(ErrorRatePolicy(odds=(2.0,)), ANCHOR))
    with pytest.raises(ValueError, match="1 alternatives, the policy 10"):
        from_status(POLICY, record)


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_names_and_order_of_pods_do_not_matter(seed: int, *, apart: bool) -> None:
    window = scene_window(apart=apart, seed=seed, failing=0.06)
    names = {t.name: f"x{(i * 7 + seed) % 13}" for i, t in enumerate(window.targets)}
    targets = [replace(t, name=names[t.name]) for t in window.targets]
    counters = [replace(c, target=names[c.target], key=c.key[::-1]) for c in window.counters]
    rng = seeded(seed)
    rng.shuffle(targets)
    rng.shuffle(counters)
    renamed = replay(replace(window, targets=tuple(targets), counters=tuple(counters)))
    original = replay(window)
    assert renamed.log_evidence == pytest.approx(original.log_evidence, abs=1e-9)
    assert (renamed.canary, renamed.stable) == (original.canary, original.stable)


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_more_canary_errors_never_lower_the_evidence(seed: int, *, apart: bool) -> None:
    """Half of the canary's good answers turned into errors, block for block."""
    window = scene_window(apart=apart, seed=seed, failing=0.005)
    worse = []
    for counter in window.counters:
        if counter.arm is Arm.CANARY and not counter.error:
            half = tuple((t, float(v // 2)) for t, v in counter.samples)
            rest = tuple((t, v - v // 2) for t, v in counter.samples)
            worse.append(replace(counter, samples=half))
            worse.append(replace(counter, key="503", error=True, samples=rest))
        else:
            worse.append(counter)
    bad = replay(replace(window, counters=tuple(worse)))
    good = replay(window)
    assert bad.canary.requests == good.canary.requests
    assert bad.log_evidence > good.log_evidence


@pytest.mark.parametrize("apart", [True, False])
def test_history_seen_in_windows_and_history_given_are_both_used(*, apart: bool) -> None:
    rng = seeded(1)
    make = pods if apart else proxies
    window = make(replace(SCENE, history=600.0), rng, always(0.01), always(0.01))
    seen = replay(window)
    assert seen.streams[0].past.requests > 40_000
    short = clip(window, ANCHOR - 15, window.now)
    given = fold(begin(POLICY, ANCHOR, Tally(50_000, 500)), short)
    assert given.streams[0].past.rate == pytest.approx(seen.streams[0].past.rate, rel=0.2)


def test_dispersion_is_measured_over_stable_pods_and_configured_otherwise() -> None:
    rng = seeded(5)
    scene = replace(SCENE, history=600.0)
    apart = replay(pods(scene, rng, always(0.01), always(0.01)))
    assert apart.dispersion[1] == "Measured"
    assert apart.dispersion[0] == pytest.approx(1.0, abs=0.3)
    alone = replay(pods(replace(scene, stables=1), rng, always(0.01), always(0.01)))
    together = replay(proxies(scene, rng, always(0.01), always(0.01)))
    assert alone.dispersion == together.dispersion == (2.0, "Configured")


def test_a_dispersed_stable_is_seen_as_dispersed() -> None:
    rng = seeded(6)
    bursts = [0.0 if rng.random() < 0.8 else 0.05 for _ in range(2000)]
    window = pods(
        replace(SCENE, history=900.0, stables=3, step=5.0),
        rng,
        always(0.01),
        lambda _: rng.choice(bursts),
    )
    assert replay(window).dispersion[0] > 1.5


def test_churn_of_stable_pods_is_survived() -> None:
    """A stable pod dies, another is born: no request is lost or counted twice, nothing hangs."""
    window = scene_window(apart=True, seed=0, failing=0.005)
    stables = [t for t in window.targets if t.arm is Arm.STABLE]
    name = stables[0].name
    middle = ANCHOR + 60
    targets, counters = [], []
    for target in window.targets:
        gone = target.name == name
        kept = tuple(s for s in target.scrapes if not gone or s[0] < middle)
        targets.append(replace(target, scrapes=kept, live=not gone))
    for counter in window.counters:
        kept = tuple(s for s in counter.samples if counter.target != name or s[0] < middle)
        counters.append(replace(counter, samples=kept))
    times = [middle + 3 + 5 * i for i in range(11)]
    targets.append(Target("newborn", Arm.STABLE, tuple((t, 1.0) for t in times)))
    born = tuple((t, 100.0 * (i + 1)) for i, t in enumerate(times))
    counters.append(Counter(Arm.STABLE, "newborn", "2xx", error=False, samples=born))
    churned = replay(replace(window, targets=tuple(targets), counters=tuple(counters)))
    assert churned.round is not None
    assert churned.round >= 20
    childless = replay(replace(window, targets=tuple(targets[:-1]), counters=tuple(counters[:-1])))
    assert churned.stable.requests - childless.stable.requests == pytest.approx(1000, abs=150)


def test_a_silent_stable_pod_does_not_stop_the_judge() -> None:
    window = scene_window(apart=True, seed=2, failing=1.0)
    stables = [t.name for t in window.targets if t.arm is Arm.STABLE]
    silent = stables[0]
    cutoff = ANCHOR + 20
    targets = tuple(
        replace(t, scrapes=tuple(s if s[0] < cutoff else (s[0], 0.0) for s in t.scrapes))
        if t.name == silent and len(stables) > 1
        else t
        for t in window.targets
    )
    counters = tuple(
        replace(c, samples=tuple(s for s in c.samples if s[0] < cutoff))
        if c.target == silent and len(stables) > 1
        else c
        for c in window.counters
    )
    judged = replay(replace(window, targets=targets, counters=counters))
    assert judged.latch is not None
    assert judged.latch.time < ANCHOR + 40 + 30


def test_a_gap_of_prometheus_is_survived() -> None:
    window = scene_window(apart=True, seed=4, failing=0.005)
    first, last = ANCHOR + 30, ANCHOR + 80
    targets = tuple(replace(t, scrapes=tuple(s for s in t.scrapes if not first < s[0] < last)) for t in window.targets)
    counters = tuple(
        replace(c, samples=tuple(s for s in c.samples if not first < s[0] < last)) for c in window.counters
    )
    judged = replay(replace(window, targets=targets, counters=counters))
    assert judged.round is not None
    assert judged.round >= 22
    assert judged.canary == replay(window).canary


def test_late_samples_of_one_proxy_change_nothing_that_matters() -> None:
    window = proxies(SCENE, seeded(8), always(0.05), always(0.005), count=2)
    judgement = reweigh(begin(POLICY, ANCHOR), ANCHOR, 0.1)
    now = ANCHOR
    while now < window.now:
        now += 1.0
        seen = clip(window, now - 30, now)
        late = seen.targets[1].name
        counters = tuple(
            replace(c, samples=tuple(s for s in c.samples if s[0] <= now - 4)) if c.target == late else c
            for c in seen.counters
        )
        scrapes = tuple(s for s in seen.targets[1].scrapes if s[0] <= now - 4)
        targets = (seen.targets[0], replace(seen.targets[1], scrapes=scrapes))
        judgement = fold(judgement, replace(seen, counters=counters, targets=targets))
    judgement = fold(judgement, clip(window, window.now - 30, window.now))
    whole = replay(window, CHANGES[:1])
    assert judgement.canary == whole.canary
    assert judgement.log_evidence == pytest.approx(whole.log_evidence, abs=0.2)


def test_an_interval_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="interval must be above 0"):
        fold(begin(POLICY, ANCHOR), Window((), (), 0.0, 1.0, 0.0))


def test_an_interval_is_pinned_only_by_a_window_that_can_tell_it() -> None:
    window = proxies(SCENE, seeded(1), always(0.05), always(0.005))
    guessed = replace(clip(window, ANCHOR - 3, ANCHOR + 1), interval=15.0)
    assert len(guessed.targets[0].scrapes) == 1
    judgement = fold(begin(POLICY, ANCHOR), guessed)
    assert judgement.interval is None
    assert assess(judgement, ANCHOR + 1).outcome == "Inconclusive"
    assert fold(judgement, window).streams == fold(begin(POLICY, ANCHOR), window).streams


def test_weights_are_checked() -> None:
    judgement = reweigh(begin(POLICY, ANCHOR), ANCHOR, 0.1)
    assert reweigh(judgement, ANCHOR, 0.1) is judgement
    with pytest.raises(ValueError, match="share must be between 0 and 1"):
        reweigh(judgement, ANCHOR, 10)
    with pytest.raises(ValueError, match="time must not be before"):
        reweigh(judgement, ANCHOR - 1, 0.2)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("alpha", 0.0),
        ("alpha", 1.0),
        ("rho", 0.0),
        ("delta", -0.1),
        ("delta", 1.0),
        ("min_errors", 0),
        ("dispersion", 0.5),
        ("restart", 0.0),
        ("minimum_requests", 0),
        ("odds", ()),
        ("odds", (1.0,)),
        ("alpha", float("nan")),
    ],
)
def test_a_malformed_policy_names_the_field(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{field} must be"):
        ErrorRatePolicy(**{field: value})  # type: ignore[arg-type]
