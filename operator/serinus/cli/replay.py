"""Drives the judge over a tape, tick by tick, as the operator would have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp

from serinus.analysis import (
    Arm,
    Assessment,
    Judgement,
    Outcome,
    Trial,
    Verdict,
    assess_trial,
    begin_trial,
    combine,
    reweigh_trial,
    take_in,
)
from serinus.cli.tape import Tape, clip, share_at

_LARGEST = 700.0


@dataclass(frozen=True, slots=True)
class Rows:
    """The rates at every bound of a latency test.

    Attributes:
        canary: requests, then those slower than each bound.
        stable: the same.
        dispersion: at each bound.
    """

    canary: tuple[float, ...]
    stable: tuple[float, ...]
    dispersion: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """What the judge said at a moment.

    Attributes:
        time: Unix seconds.
        share: of the requests that the canary had, 0 to 1.
        evidence: of all tests together.
        threshold: the evidence at which the canary is taken back.
        verdict: of all tests.
        tests: what each of them said.
        rows: of the tests that compare several rates at once, all of these.
    """

    time: float
    share: float
    evidence: float
    threshold: float
    verdict: Verdict
    tests: Mapping[str, Assessment]
    rows: Mapping[str, Rows]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a replay.

    Attributes:
        tick: the one that decided: the first that failed, else the first that passed, else the last.
        passed: the first tick that passed, None if none did.
        ticks: how many there were.
    """

    tick: Tick
    passed: Tick | None
    ticks: int


def replay(tape: Tape, times: Iterable[float]) -> Iterator[Tick]:
    """Judge the tape at these times, ascending."""
    trial = begin_trial(tape.policies, tape.alpha, tape.anchor)
    weights = list(tape.weights)
    for time in times:
        while weights and weights[0].time <= time:
            change = weights.pop(0)
            if change.time >= tape.anchor:
                trial = reweigh_trial(trial, change.time, change.share)
        trial = _seen(trial, tape, time)
        yield _tick(trial, tape, time)


def result(ticks: Sequence[Tick]) -> Result:
    """Return what came of a replay with at least one tick."""
    passed = next((tick for tick in ticks if tick.verdict.outcome is Outcome.PASS), None)
    failed = next((tick for tick in ticks if tick.verdict.outcome is Outcome.FAIL), None)
    return Result(failed or passed or ticks[-1], passed, len(ticks))


def first_canary(tape: Tape) -> float | None:
    """Return when the canary was first sampled with its share, or None if never."""
    found = (
        time
        for window in tape.windows.values()
        for counter in window.counters
        if counter.arm is Arm.CANARY
        for time, _ in counter.samples
        if time >= tape.anchor
    )
    return min(found, default=None)


def _seen(trial: Trial, tape: Tape, time: float) -> Trial:
    windows = {}
    for name, window in tape.windows.items():
        since = trial.tests[name].reader.since
        windows[name] = clip(window, window.start if since is None else since, time)
    return take_in(trial, windows)


def _tick(trial: Trial, tape: Tape, time: float) -> Tick:
    tests = assess_trial(trial, time)
    return Tick(
        time,
        share_at(tape.weights, time),
        exp(min(trial.latch.log_evidence if trial.latch else trial.log_evidence, _LARGEST)),
        1.0 / tape.alpha,
        combine(tests),
        tests,
        {name: _rows(test) for name, test in trial.tests.items() if isinstance(test, Judgement) and test.policy.bounds},
    )


def _rows(test: Judgement) -> Rows:
    dispersion = test.streams[0].past.dispersion(test.policy.dispersion)
    return Rows(tuple(test.canary.tolist()), tuple(test.stable.tolist()), tuple(dispersion.tolist()))
