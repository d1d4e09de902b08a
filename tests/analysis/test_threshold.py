from __future__ import annotations

import math

import pytest

from serinus.analysis import Breaches, Outcome, Reading, ThresholdPolicy, judge_threshold

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
    ],
)
def test_a_malformed_policy_names_the_field(fields: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ThresholdPolicy(**fields)  # type: ignore[arg-type]
