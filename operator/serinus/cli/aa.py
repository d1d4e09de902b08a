"""Pretended rollouts of a healthy version: a part of stable's own requests is called the canary's.

With four pods or more, some pods are the canary's: what makes pods differ is then in the answer. With
fewer, and with proxies, every request is the canary's with the probability of its share; that tells
nothing about differences between pods, so it is the kinder of the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from serinus.analysis import Arm, Counter, MeanPolicy, Outcome, Policy, Target, Weight, Window
from serinus.analysis.increments import Increment
from serinus.analysis.reader import begin_reading, drained, read_window
from serinus.cli.lines import Broken
from serinus.cli.replay import Tick, replay
from serinus.cli.tape import Tape

ENOUGH_PODS = 4
HISTORY = 3600.0
"""Longest time before a pretended rollout from which stable's usual rates are learned, in seconds."""
_HISTORY_PART = 0.25
_LOOKS = 1.05
"""Ratio of the times, since the rollout's start, of two looks."""
_Counted = dict[str, list[Increment]]


@dataclass(frozen=True, slots=True)
class Stand:
    """What pretended rollouts are made of.

    Attributes:
        tape: stable's samples and the policies; its only weight is the pretended one.
        counted: what each target counted between its scrapes, by test.
        pods: stable's pods, ascending; none when requests are divided.
        chosen: how many of them are the canary's.
        share: of the requests.
    """

    tape: Tape
    counted: dict[str, _Counted]
    pods: tuple[str, ...]
    chosen: int
    share: float

    @property
    def by(self) -> str:
        """Return what is divided."""
        return "pods" if self.pods else "requests"


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one pretended rollout.

    Attributes:
        decided: the tick that failed, else the last.
        proven: the first tick that passed, None if none did.
    """

    decided: Tick
    proven: Tick | None


def stand(tape: Tape, share: float) -> Stand:
    """Prepare the runs.

    Raises:
        Broken: there is too little of stable.
    """
    alone = {name: _alone(window) for name, window in tape.windows.items()}
    start = min(window.start for window in alone.values())
    end = max(window.now for window in alone.values())
    interval = max(window.interval for window in alone.values())
    anchor = start + max(3 * interval, min(HISTORY, _HISTORY_PART * (end - start)))
    if end < anchor + 3 * interval:
        raise Broken(
            f"holds {end - start:.0f} s of stable; --aa needs at least {6 * interval:.0f} s, and an hour is better"
        )
    names = {target.name for window in alone.values() for target in window.targets}
    proxies = any(target.arm is None for window in alone.values() for target in window.targets)
    pods = tuple(sorted(names)) if len(names) >= ENOUGH_PODS and not proxies else ()
    left_out, kept = dict(tape.left_out), dict(tape.policies)
    for name, policy in tape.policies.items():
        if isinstance(policy, MeanPolicy) and not pods:
            left_out[name] = "sums cannot be divided by request: --aa judges means with four pods or more"
            del kept[name]
    if not kept:
        raise Broken("--aa: a policy of means alone needs at least four pods of stable")
    chosen = max(1, round(share * len(pods)))
    windows = {name: alone[name] for name in kept}
    counted = {name: _increments(window, kept[name], anchor) for name, window in windows.items()}
    prepared = Tape(kept, windows, tape.alpha, (Weight(anchor, share),), left_out)
    return Stand(prepared, counted, pods, chosen, share)


def runs(prepared: Stand, count: int, seed: int) -> Iterator[Run]:
    """Judge so many pretended rollouts; the same seed gives the same ones."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        yield _judged(_divided(prepared, rng))


def _judged(tape: Tape) -> Run:
    proven = last = None
    for tick in replay(tape, _looks(tape)):
        last = tick
        if tick.verdict.outcome is Outcome.FAIL:
            break
        if proven is None and tick.verdict.outcome is Outcome.PASS:
            proven = tick
    assert last is not None  # noqa: S101 - `_looks` gives at least the end
    return Run(last, proven)


def _looks(tape: Tape) -> list[float]:
    """When to judge: often at first. The evidence is followed sample by sample all the same."""
    interval = max(window.interval for window in tape.windows.values())
    after, looks = interval, []
    while tape.anchor + after < tape.end:
        looks.append(tape.anchor + after)
        after = max(after + interval, after * _LOOKS)
    return [*looks, tape.end]


def _alone(window: Window) -> Window:
    counters = tuple(counter for counter in window.counters if counter.arm is Arm.STABLE)
    reporting = {counter.target for counter in counters}
    targets = tuple(target for target in window.targets if target.name in reporting)
    times = [time for target in targets for time, _ in target.scrapes]
    return replace(window, counters=counters, targets=targets, start=min(times), now=max(times))


def _increments(window: Window, policy: Policy, anchor: float) -> _Counted:
    found: _Counted = {target.name: [] for target in window.targets}
    _, increments = drained(read_window(begin_reading(anchor, policy.cells), window))
    for name, increment in increments:
        found[name].append(increment)
    return found


def _divided(prepared: Stand, rng: np.random.Generator) -> Tape:
    """A tape in which a part of stable is the canary."""
    places = rng.choice(len(prepared.pods), prepared.chosen, replace=False) if prepared.pods else ()
    canary = frozenset(prepared.pods[place] for place in places)
    windows = {name: _relabelled(prepared, name, canary, rng) for name in prepared.tape.windows}
    return replace(prepared.tape, windows=windows)


def _relabelled(prepared: Stand, name: str, canary: frozenset[str], rng: np.random.Generator) -> Window:
    policy, window = prepared.tape.policies[name], prepared.tape.windows[name]
    anchor = prepared.tape.anchor
    targets: list[Target] = []
    counters: list[Counter] = []
    for target, increments in prepared.counted[name].items():
        arm = None if not prepared.pods else Arm.CANARY if target in canary else Arm.STABLE
        served = [i for i in increments if i.start >= anchor] if arm is Arm.CANARY else increments
        if not served:
            continue
        counts = np.stack([increment.stable for increment in served])
        times = [increment.end for increment in served]
        if not served[0].birth:
            times = [served[0].start, *times]
            counts = np.vstack([np.zeros(counts.shape[1]), counts])
        targets.append(Target(target, arm, tuple((time, 1.0) for time in times)))
        for side, part in _parts(prepared, policy, arm, counts, np.array(times), rng):
            counters.extend(_counters(side, target, times, part))
    return replace(window, counters=tuple(counters), targets=tuple(targets))


def _parts(  # noqa: PLR0913, PLR0917 - what is divided, and how
    prepared: Stand, policy: Policy, arm: Arm | None, counts: np.ndarray, times: np.ndarray, rng: np.random.Generator
) -> list[tuple[Arm, np.ndarray]]:
    """Divide what one target counted between the sides."""
    if arm is Arm.STABLE or isinstance(policy, MeanPolicy):
        return [(arm or Arm.STABLE, counts)]
    if arm is Arm.CANARY:
        kept = min(1.0, prepared.share * len(prepared.pods) / prepared.chosen)
        return [(arm, _thinned(counts, np.full(len(counts), kept), bool(policy.bounds), rng))]
    begun = np.concatenate([[False], times[:-1] >= prepared.tape.anchor])
    own = _thinned(counts, np.where(begun, prepared.share, 0.0), bool(policy.bounds), rng)
    return [(Arm.CANARY, own), (Arm.STABLE, counts - own)]


def _thinned(counts: np.ndarray, kept: np.ndarray, cumulative: bool, rng: np.random.Generator) -> np.ndarray:  # noqa: FBT001 - of the counts
    """What is left when every request is kept with a probability of its own row."""
    classes = np.diff(counts, axis=1, prepend=0.0) if cumulative else counts
    whole = np.maximum(np.rint(classes), 0.0).astype(np.int64)
    left = rng.binomial(whole, kept[:, None]).astype(float)
    return np.cumsum(left, axis=1) if cumulative else left


def _counters(arm: Arm, target: str, times: list[float], counts: np.ndarray) -> Iterator[Counter]:
    totals = np.cumsum(counts, axis=0)
    for cell in range(counts.shape[1]):
        samples = tuple(zip(times, totals[:, cell].tolist(), strict=True))
        yield Counter(arm, target, str(cell), cell, samples)
