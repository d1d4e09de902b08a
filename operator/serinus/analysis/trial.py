"""All statistical tests of one rollout, under one alpha.

Each test has an e-process; their mean is one too, so it reaches 1/alpha for a canary that no test
should fail with a probability of at most alpha, over the whole rollout and whatever the dependence
between them (Vovk and Wang, "E-values: calibration, combination and applications", Ann. Stat. 49,
2021). The number of tests is fixed at the start. A test that is Blind keeps its value and its part.

    trial = begin_trial({"error-rate": RatePolicy(), "latency": None}, alpha=0.01, anchor=now)
    trial = add_test(trial, "latency", RatePolicy(bounds=...))      # once its bounds are known
    trial = reweigh_trial(trial, time, share)
    trial = take_in(trial, {"error-rate": window})
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from math import exp, inf, log
from typing import NamedTuple, TypeAlias

import numpy as np

from .assessment import Assessment, spoken
from .blindness import blind, sighted_until
from .finding import Outcome
from .fold import fold
from .judgement import Judgement, begin, reweigh
from .means import MeanPolicy, Means, assess_means, begin_means, fold_means, mean_failure, reweigh_means
from .mixture import mean_exp
from .policy import RatePolicy
from .rates import assess_rate, failure
from .reader import next_scrape
from .samples import Window
from .weights import Weight

Policy: TypeAlias = RatePolicy | MeanPolicy
Test: TypeAlias = Judgement | Means


@dataclass(frozen=True, slots=True)
class Latch:
    """The first time that the evidence reached 1/alpha; it never opens again.

    Attributes:
        time: the newest sample of the block that did it.
        log_evidence: natural logarithm of the mean evidence then.
        name: the test with the most evidence.
    """

    time: float
    log_evidence: float
    name: str


class Trial(NamedTuple):
    """The tests of one rollout. Make it with `begin_trial`.

    Attributes:
        alpha: probability of ever failing a canary that is not worse than allowed.
        anchor: the rollout's start, Unix seconds.
        names: of all tests, fixed at the start.
        tests: those that have begun.
        weights: changes of the canary's share, ascending.
        latest: natural logarithm of each test's newest evidence.
        latch: set by the first crossing of 1/alpha.
    """

    alpha: float
    anchor: float
    names: tuple[str, ...]
    tests: Mapping[str, Test]
    weights: tuple[Weight, ...]
    latest: Mapping[str, float]
    latch: Latch | None = None

    @property
    def log_evidence(self) -> float:
        """Natural logarithm of the evidence: of the mean over the tests."""
        return float(mean_exp(np.array([self.latest[name] for name in self.names])))


def begin_trial(policies: Mapping[str, Policy | None], alpha: float, anchor: float) -> Trial:
    """A trial that has seen nothing.

    Args:
        policies: every test by name; None where the policy is only known later, see `add_test`.
        alpha: for all of them together, over the whole rollout.
        anchor: the rollout's start, Unix seconds.

    Raises:
        ValueError: alpha is not between 0 and 1, or there is no test.
    """
    if not 0.0 < alpha < 1.0:
        msg = f"alpha must be between 0 and 1, both excluded, got {alpha}"
        raise ValueError(msg)
    if not policies:
        msg = "policies must hold a test, got none"
        raise ValueError(msg)
    trial = Trial(alpha, anchor, tuple(policies), {}, (), dict.fromkeys(policies, 0.0))
    for name, policy in policies.items():
        trial = add_test(trial, name, policy) if policy else trial
    return trial


def add_test(trial: Trial, name: str, policy: Policy) -> Trial:
    """The trial with a test that could not begin before; it has seen nothing either."""
    test: Test = begin(policy, trial.anchor) if isinstance(policy, RatePolicy) else begin_means(policy, trial.anchor)
    for weight in trial.weights:
        test = _reweighed(test, weight)
    return trial._replace(tests={**trial.tests, name: test})


def reweigh_trial(trial: Trial, time: float, share: float) -> Trial:
    """The trial of a canary that gets `share` of the requests from `time` on, as `reweigh`.

    Raises:
        ValueError: the share is outside of [0, 1], or the time is before the newest change.
    """
    change = Weight(time, share)
    if trial.weights:
        newest = trial.weights[-1]
        if change == newest:
            return trial
        if time < newest.time:
            msg = f"time must not be before the newest change at {newest.time}, got {time}"
            raise ValueError(msg)
    tests = {name: _reweighed(test, change) for name, test in trial.tests.items()}
    return trial._replace(tests=tests, weights=(*trial.weights, change))


def take_in(trial: Trial, windows: Mapping[str, Window]) -> Trial:
    """The trial after one window for each test that has news; the same one when none has.

    The evidence of all tests is followed in the order of the samples' times, so that a replay of
    long windows fails at the same sample as a look every second.
    """
    tests, changed = dict(trial.tests), False
    marks: list[tuple[float, str, float]] = []
    for name, window in windows.items():
        test = tests[name]
        folded = fold(test, window) if isinstance(test, Judgement) else fold_means(test, window)
        if folded is not test:
            tests[name], changed = folded, True
            # A block may need an older newest sample than the one before it: their order stays.
            times = accumulate((time for time, _ in folded.trail), max)
            marks.extend((time, name, value) for time, (_, value) in zip(times, folded.trail, strict=True))
    if not marks:
        return trial._replace(tests=tests) if changed else trial
    return _followed(trial._replace(tests=tests), sorted(marks, key=lambda mark: mark[:2]))


def assess_trial(trial: Trial, now: float) -> dict[str, Assessment]:
    """What each test that has begun says at time `now`.

    Once the trial has failed, the test with the most evidence then says Fail and why.
    """
    alone = trial.alpha / len(trial.names)
    found = {}
    for name, test in trial.tests.items():
        if isinstance(test, Judgement):
            found[name] = assess_rate(test, now, alone)
        else:
            found[name] = assess_means(test, now, 1.0 / alone)
    if trial.latch and trial.latch.name in found:
        found[trial.latch.name] = _failed(trial, trial.latch, found[trial.latch.name], alone)
    return found


def standing(trial: Trial, now: float) -> tuple[object, ...]:
    """What the outcomes at time `now` turn on: while it stays the same an assessment changes in its numbers only."""
    return (trial.latch, *(_turns_on(test, now) for test in trial.tests.values()))


def standing_until(trial: Trial, now: float) -> float:
    """Until when (included) `standing` is the same as at time `now` while nothing more is taken in."""
    return min((sighted_until(test.reader, now) for test in trial.tests.values()), default=inf)


def next_news(trial: Trial, now: float) -> float:
    """When the next scrape of what any test reads is due, or was if it is late; `now` while that cannot be told."""
    return min((next_scrape(test.reader, now) for test in trial.tests.values()), default=now)


def _turns_on(test: Test, now: float) -> tuple[object, ...]:
    known = blind(test.reader, now), test.log_proof >= test.policy.log_proof_threshold
    if not isinstance(test, Judgement):
        return (known[0] is None, known[1], test.log_evidence != 0.0)
    served, wanted = (float(test.step_canary[0]), float(test.step_stable[0])), test.policy.minimum_requests
    return (known[0] is None, known[1], *((count > 0.0, count >= wanted) for count in served))


def _failed(trial: Trial, latch: Latch, found: Assessment, alone: float) -> Assessment:
    test = trial.tests[latch.name]
    reason, message = failure(test, alone) if isinstance(test, Judgement) else mean_failure(test, 1.0 / alone)
    if len(trial.names) > 1:
        together = spoken(exp(min(latch.log_evidence, 700.0)))
        message += f" Together with the other metrics: {together} of {spoken(1.0 / trial.alpha)}."
    return replace(found, outcome=Outcome.FAIL, reason=reason, message=message, failed_at=latch.time)


def _followed(trial: Trial, marks: list[tuple[float, str, float]]) -> Trial:
    latest, latch, limit = dict(trial.latest), trial.latch, -log(trial.alpha)
    for time, name, value in marks:
        latest[name] = value
        # The mean cannot reach the limit unless the largest part does.
        if latch is None and max(latest.values()) >= limit:
            total = float(mean_exp(np.array([latest[each] for each in trial.names])))
            if total >= limit:
                latch = Latch(time, total, max(trial.names, key=lambda each: latest[each]))
    return trial._replace(latest=latest, latch=latch)


def _reweighed(test: Test, change: Weight) -> Test:
    if isinstance(test, Judgement):
        return reweigh(test, change.time, change.share)
    return reweigh_means(test, change.time, change.share)
