"""A custom query compared with fixed bounds: a named rule, outside of alpha."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite

from .finding import Finding, Outcome


@dataclass(frozen=True, slots=True)
class ThresholdPolicy:
    """The value must lie between `minimum` and `maximum`, both allowed.

    Attributes:
        minimum: None for no lower bound.
        maximum: None for no upper bound.
        failures: consecutive evaluations out of bounds that make it fail, at least 1. Three by
            default: one odd window is no reason to roll back, and a custom query usually averages
            over windows that overlap.
        interval: seconds between evaluations that count, above 0.

    Raises:
        ValueError: no bound, a bound that is no number, bounds in the wrong order, or a value out
            of range; the message begins with the field's name.
    """

    minimum: float | None = None
    maximum: float | None = None
    failures: int = 3
    interval: float = 15.0

    def __post_init__(self) -> None:
        for field in ("minimum", "maximum"):
            bound = getattr(self, field)
            if bound is not None and not isfinite(bound):
                msg = f"{field} must be a finite number, got {bound}"
                raise ValueError(msg)
        if self.minimum is None and self.maximum is None:
            msg = "minimum or maximum must be given"
            raise ValueError(msg)
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            msg = f"minimum must not be above maximum, got {self.minimum} and {self.maximum}"
            raise ValueError(msg)
        if self.failures < 1:
            msg = f"failures must be at least 1, got {self.failures}"
            raise ValueError(msg)
        if not self.interval > 0.0:
            msg = f"interval must be above 0, got {self.interval}"
            raise ValueError(msg)


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
        value: the value that made it fail.
    """

    consecutive: int = 0
    evaluated: float | None = None
    failed_at: float | None = None
    value: float | None = None


def judge_threshold(
    policy: ThresholdPolicy, breaches: Breaches, reading: Reading, time: float
) -> tuple[Breaches, Finding]:
    """What to remember, and the finding, after the query was evaluated at `time`.

    A result that is not exactly one finite number is Blind and neither counts nor forgives. Out of
    bounds is Inconclusive until it has been so often enough. Evaluations sooner than the interval
    (less a tenth) after the last counted one do not count.
    """
    if breaches.failed_at is not None:
        return breaches, Finding(Outcome.FAIL, "OutOfBounds", _failed(policy, breaches))
    blind = _blind(reading)
    if blind:
        return breaches, blind
    value = reading.values[0]
    inside = _inside(policy, value)
    due = breaches.evaluated is None or time - breaches.evaluated >= 0.9 * policy.interval
    if due:
        count = 0 if inside else breaches.consecutive + 1
        breaches = Breaches(consecutive=count, evaluated=time)
    if breaches.consecutive >= policy.failures:
        breaches = replace(breaches, failed_at=time, value=value)
        return breaches, Finding(Outcome.FAIL, "OutOfBounds", _failed(policy, breaches))
    text = f"The value {value:.6g} is {'within' if inside else 'outside of'} {_bounds(policy)}"
    if inside and breaches.consecutive == 0:
        return breaches, Finding(Outcome.PASS, "WithinBounds", f"{text}.")
    counted = f"{breaches.consecutive} of {policy.failures} failing evaluations in a row"
    return breaches, Finding(Outcome.INCONCLUSIVE, "Breached", f"{text}; {counted}.")


def _inside(policy: ThresholdPolicy, value: float) -> bool:
    above = policy.minimum is None or value >= policy.minimum
    return above and (policy.maximum is None or value <= policy.maximum)


def _blind(reading: Reading) -> Finding | None:
    if reading.error is not None:
        return Finding(Outcome.BLIND, "QueryFailed", f"The query failed: {reading.error}")
    if not reading.values:
        return Finding(Outcome.BLIND, "NoData", "The query returned nothing.")
    if len(reading.values) > 1:
        message = f"The query returned {len(reading.values)} series; it must return one."
        return Finding(Outcome.BLIND, "SeveralSeries", message)
    if not isfinite(reading.values[0]):
        message = f"The query returned {reading.values[0]}, which is no finite number."
        return Finding(Outcome.BLIND, "NotANumber", message)
    return None


def _failed(policy: ThresholdPolicy, breaches: Breaches) -> str:
    return f"The value {breaches.value:.6g} was outside of {_bounds(policy)} in {policy.failures} evaluations in a row."


def _bounds(policy: ThresholdPolicy) -> str:
    if policy.minimum is None:
        return f"at most {policy.maximum:.6g}"
    if policy.maximum is None:
        return f"at least {policy.minimum:.6g}"
    return f"{policy.minimum:.6g} to {policy.maximum:.6g}"
