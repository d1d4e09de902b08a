"""A custom query compared with fixed bounds, alone or against stable: a named rule, outside of alpha."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import isfinite
from typing import Any

from .finding import Finding, Outcome


class Compare(StrEnum):
    """What the bounds hold for."""

    NONE = "None"
    """The value itself."""
    RATIO = "Ratio"
    """The canary's value divided by stable's, which must be above 0."""
    DIFFERENCE = "Difference"
    """The canary's value less stable's."""


@dataclass(frozen=True, slots=True)
class ThresholdPolicy:
    """What is compared must lie between `minimum` and `maximum`, both allowed.

    Attributes:
        minimum: None for no lower bound.
        maximum: None for no upper bound.
        failures: consecutive evaluations out of bounds that make it fail, at least 1. Three by
            default: one odd window is no reason to roll back, and a custom query usually averages
            over windows that overlap.
        interval: seconds between evaluations that count, above 0.
        compare: what the bounds hold for. With a ratio a minimum is at least 0 and a maximum above
            0: anything else was meant for a difference.

    Raises:
        ValueError: no bound, a bound that is no number, bounds in the wrong order, or a value out
            of range; the message begins with the field's name.
    """

    minimum: float | None = None
    maximum: float | None = None
    failures: int = 3
    interval: float = 15.0
    compare: Compare = Compare.NONE

    def __post_init__(self) -> None:
        for field in ("minimum", "maximum"):
            bound = getattr(self, field)
            _check(field, bound, "a finite number", ok=bound is None or isfinite(bound))
        if self.minimum is None and self.maximum is None:
            raise ValueError("minimum or maximum must be given")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum must not be above maximum, got {self.minimum} and {self.maximum}")
        _check("failures", self.failures, "at least 1", ok=self.failures >= 1)
        _check("interval", self.interval, "above 0", ok=isfinite(self.interval) and self.interval > 0.0)
        _check("compare", self.compare, "None, Ratio or Difference", ok=isinstance(self.compare, Compare))
        if self.compare is Compare.RATIO:
            _check("minimum", self.minimum, "at least 0 for a ratio", ok=self.minimum is None or self.minimum >= 0.0)
            _check("maximum", self.maximum, "above 0 for a ratio", ok=self.maximum is None or self.maximum > 0.0)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the query returned.

    Attributes:
        values: one per series of the result; empty when there is none.
        error: why there is no result at all.
    """

    values: tuple[float, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Breaches:
    """What a threshold remembers.

    Attributes:
        consecutive: evaluations out of bounds since the last one within them.
        evaluated: when the last one was counted.
        failed_at: when it failed; for good.
        value: what was compared when it failed: the value, the ratio or the difference.
        canary: the canary's value then, where stable's was looked at too.
        stable: stable's value then, likewise.
    """

    consecutive: int = 0
    evaluated: float | None = None
    failed_at: float | None = None
    value: float | None = None
    canary: float | None = None
    stable: float | None = None


def judge_threshold(
    policy: ThresholdPolicy, breaches: Breaches, reading: Reading, time: float, stable: Reading | None = None
) -> tuple[Breaches, Finding]:
    """What to remember, and the finding, after the query was evaluated at `time`.

    A result that is not exactly one finite number is Blind and neither counts nor forgives. Out of
    bounds is Inconclusive until it has been so often enough. Evaluations sooner than the interval
    (less a tenth) after the last counted one do not count.

    Args:
        policy: the bounds.
        breaches: what was remembered.
        reading: of the query, for the canary when comparing.
        time: of the evaluation.
        stable: of the query for stable.

    Raises:
        ValueError: stable's reading is missing although the policy compares, or given although not.
    """
    if (stable is None) is not (policy.compare is Compare.NONE):
        raise ValueError(f"stable must be given when comparing and only then, compare is {policy.compare}")
    if breaches.failed_at is not None:
        return breaches, Finding(Outcome.FAIL, "OutOfBounds", _failed(policy, breaches))
    blind = _blind(reading, stable) or _incomparable(policy, reading, stable)
    if blind:
        return breaches, blind
    seen = _compared(policy, reading, stable)
    inside = _inside(policy, seen.value or 0.0)
    due = breaches.evaluated is None or time - breaches.evaluated >= 0.9 * policy.interval
    if due:
        count = 0 if inside else breaches.consecutive + 1
        breaches = Breaches(consecutive=count, evaluated=time)
    if breaches.consecutive >= policy.failures:
        breaches = replace(seen, consecutive=breaches.consecutive, evaluated=breaches.evaluated, failed_at=time)
        return breaches, Finding(Outcome.FAIL, "OutOfBounds", _failed(policy, breaches))
    text = f"{_subject(policy, seen, 'is')} {'within' if inside else 'outside of'} {_bounds(policy)}"
    if inside and breaches.consecutive == 0:
        return breaches, Finding(Outcome.PASS, "WithinBounds", f"{text}.")
    counted = f"{breaches.consecutive} of {policy.failures} failing evaluations in a row"
    return breaches, Finding(Outcome.INCONCLUSIVE, "Breached", f"{text}; {counted}.")


_FIELDS = {
    "evaluated": "evaluated",
    "failedAt": "failed_at",
    "value": "value",
    "canary": "canary",
    "stable": "stable",
}


def breaches_record(breaches: Breaches) -> dict[str, Any]:
    """What is remembered, as JSON: the count, and of the other numbers those that there are."""
    numbers = {key: getattr(breaches, field) for key, field in _FIELDS.items()}
    return {"consecutive": breaches.consecutive} | {k: v for k, v in numbers.items() if v is not None}


def breaches_from_record(record: dict[str, Any]) -> Breaches:
    """What a record of `breaches_record` remembers.

    Raises:
        ValueError: the record is not one of `breaches_record`; the message begins with the field.
    """
    if not isinstance(record, dict):
        raise ValueError(f"record must be an object, got {record!r}")  # noqa: TRY004 - one kind of error for bad input
    count = record.get("consecutive")
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise ValueError(f"consecutive must be a number of evaluations, got {count!r}")
    numbers: dict[str, float] = {}
    for key, field in _FIELDS.items():
        number = record.get(key)
        if number is None:
            continue
        if not isinstance(number, int | float) or isinstance(number, bool) or not isfinite(number):
            raise ValueError(f"{key} must be a finite number, got {number!r}")
        numbers[field] = float(number)
    if "failed_at" in numbers and "value" not in numbers:
        raise ValueError("value must be given with failedAt")
    return Breaches(count, **numbers)


def _inside(policy: ThresholdPolicy, value: float) -> bool:
    above = policy.minimum is None or value >= policy.minimum
    return above and (policy.maximum is None or value <= policy.maximum)


def _blind(reading: Reading, stable: Reading | None) -> Finding | None:
    if stable is None:
        return _unusable(reading, "")
    return _unusable(reading, " for the canary") or _unusable(stable, " for stable")


def _unusable(reading: Reading, side: str) -> Finding | None:
    if reading.error is not None:
        return Finding(Outcome.BLIND, "QueryFailed", f"The query{side} failed: {reading.error}")
    if not reading.values:
        return Finding(Outcome.BLIND, "NoData", f"The query{side} returned nothing.")
    if len(reading.values) > 1:
        message = f"The query{side} returned {len(reading.values)} series; it must return one."
        return Finding(Outcome.BLIND, "SeveralSeries", message)
    if not isfinite(reading.values[0]):
        message = f"The query{side} returned {reading.values[0]}, which is no finite number."
        return Finding(Outcome.BLIND, "NotANumber", message)
    return None


def _incomparable(policy: ThresholdPolicy, reading: Reading, stable: Reading | None) -> Finding | None:
    if stable is None:
        return None
    own, other = reading.values[0], stable.values[0]
    if policy.compare is Compare.RATIO and other <= 0.0:
        # A ratio to a negative number would turn the bounds around.
        message = f"The query for stable returned {other:.6g}, and {own:.6g} for the canary: no ratio."
        return Finding(Outcome.BLIND, "StableNotPositive", message)
    if not isfinite(own / other if policy.compare is Compare.RATIO else own - other):
        message = f"The canary's {own:.6g} and stable's {other:.6g} are too far apart to compare."
        return Finding(Outcome.BLIND, "NotANumber", message)
    return None


def _compared(policy: ThresholdPolicy, reading: Reading, stable: Reading | None) -> Breaches:
    """What is compared now, with the values behind it."""
    own = reading.values[0]
    if stable is None:
        return Breaches(value=own)
    other = stable.values[0]
    value = own / other if policy.compare is Compare.RATIO else own - other
    return Breaches(value=value, canary=own, stable=other)


def _failed(policy: ThresholdPolicy, breaches: Breaches) -> str:
    subject = _subject(policy, breaches, "was")
    return f"{subject} outside of {_bounds(policy)} in {policy.failures} evaluations in a row."


def _subject(policy: ThresholdPolicy, seen: Breaches, verb: str) -> str:
    if seen.canary is None or seen.stable is None:
        return f"The value {seen.value:.6g} {verb}"
    if policy.compare is Compare.RATIO:
        return f"The canary's {seen.canary:.6g} is {seen.value:.6g} times stable's {seen.stable:.6g}, which {verb}"
    return f"The canary's {seen.canary:.6g} less stable's {seen.stable:.6g} is {seen.value:.6g}, which {verb}"


def _bounds(policy: ThresholdPolicy) -> str:
    if policy.minimum is None:
        return f"at most {policy.maximum:.6g}"
    if policy.maximum is None:
        return f"at least {policy.minimum:.6g}"
    return f"{policy.minimum:.6g} to {policy.maximum:.6g}"


def _check(field: str, value: object, allowed: str, *, ok: bool) -> None:
    if not ok:
        raise ValueError(f"{field} must be {allowed}, got {value}")
