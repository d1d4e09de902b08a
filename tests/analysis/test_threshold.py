from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.analysis.finding import Outcome
from serinus.analysis.threshold import (
    Breaches,
    Compare,
    Reading,
    ThresholdPolicy,
    breaches_from_record,
    breaches_record,
    judge_threshold,
)

POLICY = ThresholdPolicy(minimum=1.0, maximum=2.0, failures=3, interval=10.0)


def run(*readings: tuple[float, Reading]) -> tuple[list[str], Breaches]:
    breaches, found = Breaches(), []
    for time, reading in readings:
        breaches, finding = judge_threshold(POLICY, breaches, reading, time)
        found.append(finding.outcome.value)
    return found, breaches


def value(number: float) -> Reading:
    return Reading((number,))


@pytest.mark.parametrize("number", [1.0, 1.5, 2.0])
def test_within_bounds_passes(number: float) -> None:
    assert run((0, value(number)))[0] == ["Pass"]


@pytest.mark.parametrize("number", [0.99, 2.01])
def test_three_breaches_in_a_row_fail_for_good(number: float) -> None:
    found, breaches = run(*((10.0 * i, value(number)) for i in range(3)), (30, value(1.5)), (40, Reading()))
    assert found == ["Inconclusive", "Inconclusive", "Fail", "Fail", "Fail"]
    assert breaches.failed_at == 20
    assert breaches.value == number


def test_a_good_value_forgives() -> None:
    times = ((0, 3.0), (10, 3.0), (20, 1.5), (30, 3.0), (40, 3.0))
    assert run(*((t, value(v)) for t, v in times))[0][-1] == "Inconclusive"


def test_polling_faster_does_not_fail_sooner() -> None:
    found, breaches = run(*((float(t), value(3.0)) for t in range(18)))
    assert set(found) == {"Inconclusive"}
    assert breaches.consecutive == 2


def test_a_good_value_between_evaluations_does_not_pass_yet() -> None:
    assert run((0, value(3.0)), (5, value(1.5)), (10, value(1.5)))[0] == ["Inconclusive", "Inconclusive", "Pass"]


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (Reading(), "NoData"),
        (Reading((1.5, 1.5)), "SeveralSeries"),
        (value(math.nan), "NotANumber"),
        (value(math.inf), "NotANumber"),
        (value(-math.inf), "NotANumber"),
        (Reading(error="503"), "QueryFailed"),
    ],
)
def test_what_is_not_one_number_is_blind_and_neither_counts_nor_forgives(reading: Reading, reason: str) -> None:
    before = Breaches(consecutive=2, evaluated=0.0)
    after, finding = judge_threshold(POLICY, before, reading, 10.0)
    assert (finding.outcome, finding.reason) == (Outcome.BLIND, reason)
    assert after == before


def test_messages_carry_value_and_bounds() -> None:
    breaches, finding = judge_threshold(POLICY, Breaches(), value(2.5), 0.0)
    assert finding.message == ("The value 2.5 is outside of 1 to 2; 1 of 3 failing evaluations in a row.")
    only = ThresholdPolicy(maximum=2.0, failures=1)
    _, finding = judge_threshold(only, breaches, value(2.5), 60.0)
    assert finding.message == "The value 2.5 was outside of at most 2 in 1 evaluations in a row."
    _, finding = judge_threshold(ThresholdPolicy(minimum=1.0), Breaches(), value(2.5), 60.0)
    assert finding.message == "The value 2.5 is within at least 1."


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "minimum or maximum"),
        ({"minimum": math.nan}, "minimum must be a finite"),
        ({"maximum": math.inf}, "maximum must be a finite"),
        ({"minimum": 2.0, "maximum": 1.0}, "minimum must not be above"),
        ({"maximum": 1.0, "failures": 0}, "failures must be at least 1"),
        ({"maximum": 1.0, "interval": 0.0}, "interval must be above 0"),
        ({"maximum": 1.0, "interval": math.nan}, "interval must be above 0"),
        ({"maximum": 1.0, "compare": "Quotient"}, "compare must be None, Ratio or Difference, got Quotient"),
        ({"maximum": 0.0, "compare": Compare.RATIO}, "maximum must be above 0 for a ratio"),
        ({"minimum": -0.5, "compare": Compare.RATIO}, "minimum must be at least 0 for a ratio"),
    ],
)
def test_a_malformed_policy_names_the_field(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"^" + message):
        ThresholdPolicy(**fields)


RATIO = ThresholdPolicy(maximum=1.5, failures=2, interval=10.0, compare=Compare.RATIO)
DIFFERENCE = ThresholdPolicy(minimum=-1.0, maximum=0.5, failures=2, interval=10.0, compare=Compare.DIFFERENCE)


@pytest.mark.parametrize(
    ("policy", "canary", "stable", "outcome"),
    [
        (RATIO, 3.0, 2.0, "Pass"),
        (RATIO, 3.1, 2.0, "Inconclusive"),
        (RATIO, 0.0, 2.0, "Pass"),
        (RATIO, -5.0, 2.0, "Pass"),
        (DIFFERENCE, 0.5, 0.0, "Pass"),
        (DIFFERENCE, 0.6, 0.0, "Inconclusive"),
        (DIFFERENCE, -3.0, -2.0, "Pass"),
        (DIFFERENCE, -3.1, -2.0, "Inconclusive"),
        (DIFFERENCE, 0.0, 0.0, "Pass"),
    ],
)
def test_canary_against_stable(policy: ThresholdPolicy, canary: float, stable: float, outcome: str) -> None:
    _, finding = judge_threshold(policy, Breaches(), value(canary), 0.0, value(stable))
    assert finding.outcome.value == outcome


def test_messages_name_both_values() -> None:
    breaches, finding = judge_threshold(RATIO, Breaches(), value(8.0), 0.0, value(2.0))
    assert finding.message == (
        "The canary's 8 is 4 times stable's 2, which is outside of at most 1.5; 1 of 2 failing evaluations in a row."
    )
    breaches, finding = judge_threshold(RATIO, breaches, value(9.0), 10.0, value(3.0))
    failed = "The canary's 9 is 3 times stable's 3, which was outside of at most 1.5 in 2 evaluations in a row."
    assert finding.message == failed
    _, finding = judge_threshold(RATIO, breaches, Reading(), 20.0, Reading(error="503"))
    assert (finding.outcome, finding.message) == (Outcome.FAIL, failed)
    _, finding = judge_threshold(DIFFERENCE, Breaches(), value(2.25), 0.0, value(2.0))
    assert finding.message == "The canary's 2.25 less stable's 2 is 0.25, which is within -1 to 0.5."


GOOD = Reading((1.0,))


@pytest.mark.parametrize("policy", [RATIO, DIFFERENCE])
@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (Reading(), "NoData"),
        (Reading((1.0, 1.0)), "SeveralSeries"),
        (Reading((math.nan,)), "NotANumber"),
        (Reading((math.inf,)), "NotANumber"),
        (Reading(error="bad_data: parse error"), "QueryFailed"),
    ],
)
def test_either_side_can_be_blind_and_the_message_says_which(
    policy: ThresholdPolicy, reading: Reading, reason: str
) -> None:
    before = Breaches(consecutive=1, evaluated=0.0)
    for canary, stable, side in ((reading, GOOD, "for the canary"), (GOOD, reading, "for stable")):
        after, finding = judge_threshold(policy, before, canary, 10.0, stable)
        assert (finding.outcome, finding.reason) == (Outcome.BLIND, reason)
        assert side in finding.message
        assert after == before


@pytest.mark.parametrize("stable", [0.0, -0.0, -2.0])
def test_there_is_no_ratio_to_nothing_or_less(stable: float) -> None:
    before = Breaches(consecutive=1, evaluated=0.0)
    after, finding = judge_threshold(RATIO, before, value(3.0), 10.0, value(stable))
    assert (finding.outcome, finding.reason) == (Outcome.BLIND, "StableNotPositive")
    assert "for stable" in finding.message
    assert "3 for the canary" in finding.message
    assert after == before


def test_numbers_too_far_apart_are_blind() -> None:
    for policy, canary, stable in ((RATIO, 1e300, 1e-300), (DIFFERENCE, 1.7e308, -1.7e308)):
        _, finding = judge_threshold(policy, Breaches(), value(canary), 0.0, value(stable))
        assert (finding.outcome, finding.reason) == (Outcome.BLIND, "NotANumber")


def test_stable_is_given_when_comparing_and_only_then() -> None:
    for policy, stable in ((RATIO, None), (POLICY, GOOD)):
        with pytest.raises(ValueError, match=r"^stable must be given"):
            judge_threshold(policy, Breaches(), GOOD, 0.0, stable)


@given(values=st.lists(st.sampled_from([1.0, 9.0, math.nan]), max_size=12), cut=st.integers(0, 12))
def test_a_restart_in_the_middle_changes_nothing(values: list[float], cut: int) -> None:
    kept = restarted = Breaches()
    for index, number in enumerate(values):
        if index == cut:
            restarted = breaches_from_record(json.loads(json.dumps(breaches_record(restarted))))
        kept, one = judge_threshold(RATIO, kept, value(number), 10.0 * index, value(2.0))
        restarted, other = judge_threshold(RATIO, restarted, value(number), 10.0 * index, value(2.0))
        assert one == other
    assert kept == restarted


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({}, "consecutive must be"),
        ({"consecutive": -1}, "consecutive must be"),
        ({"consecutive": 1.5}, "consecutive must be"),
        ({"consecutive": True}, "consecutive must be"),
        ({"consecutive": 1, "evaluated": "now"}, "evaluated must be a finite number"),
        ({"consecutive": 1, "value": math.nan}, "value must be a finite number"),
        ({"consecutive": 3, "failedAt": 5.0}, "value must be given with failedAt"),
        ([1, 2], "record must be an object"),
    ],
)
def test_a_damaged_record_names_the_field(record: Any, message: str) -> None:
    with pytest.raises(ValueError, match=r"^" + message):
        breaches_from_record(record)
