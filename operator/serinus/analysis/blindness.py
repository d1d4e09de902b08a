"""When the counters cannot be trusted: nobody scrapes, a scrape failed, its data are old or no numbers."""

from __future__ import annotations

from math import inf

from .finding import Finding, Outcome
from .reader import Reader, Sight
from .samples import Arm

STALE_INTERVALS = 2.0
"""A target whose newest sample is older than this many intervals (and the slack) is stale."""
NEWBORN_INTERVALS = 3.0
"""Intervals after the rollout's start within which Prometheus need not know the canary's pods yet."""
USUAL_INTERVAL = 15.0
"""Scrape interval to go by until a target was scraped twice, in seconds."""
SLACK = 2.0
"""Seconds that a scrape and the operator's poll may take."""
_SPOKEN = {Arm.CANARY: "the canary", Arm.STABLE: "stable"}


def blind(reader: Reader, now: float) -> Finding | None:
    """Why what was read must not be judged at time `now`; None when it may.

    While Prometheus does not answer nothing is read, and the newest sample grows old.
    """
    live = [sight for sight in reader.sights if sight.live]
    if not live:
        return _no("NoTarget", "Prometheus scrapes no target of this rollout.")
    interval = reader.interval or USUAL_INTERVAL
    if reader.separate:
        born = _born(reader, interval)
        for arm, name in _SPOKEN.items():
            missing = not any(sight.arm is arm for sight in live)
            if missing and (arm is Arm.STABLE or now > born):
                reason = f"No{arm.value.capitalize()}Target"
                return _no(reason, f"Prometheus scrapes no target of {name}.")
    return next((found for sight in live if (found := _unseen(sight, now, interval))), None)


def sighted_until(reader: Reader, now: float) -> float:
    """Until when (included) `blind` says the same as at time `now` while nothing more is read."""
    interval = reader.interval or USUAL_INTERVAL
    limit = _limit(interval)
    turns = [sight.newest + limit for sight in reader.sights if sight.live and sight.newest is not None]
    return min((time for time in (*turns, _born(reader, interval)) if time >= now), default=inf)


def newest(reader: Reader) -> float | None:
    """Time of the newest sample of any target, None without one."""
    return max((s.newest for s in reader.sights if s.newest is not None), default=None)


def _unseen(sight: Sight, now: float, interval: float) -> Finding | None:
    limit = _limit(interval)
    if sight.unusable is not None:
        return _no("NotANumber", f"{sight.name} reports no usable value for {sight.unusable}.")
    if not sight.up and sight.newest is None:
        return _no("TargetDown", f"{sight.name} has not answered a scrape.")
    if sight.newest is not None and now - sight.newest > limit:
        age = now - sight.newest
        return _no("Stale", f"{sight.name} was last scraped {age:.0f} s ago, over {limit:.0f} s.")
    if not sight.up:
        return _no("TargetDown", f"{sight.name} did not answer its newest scrape.")
    return None


def _limit(interval: float) -> float:
    return STALE_INTERVALS * interval + SLACK


def _born(reader: Reader, interval: float) -> float:
    return reader.anchor + NEWBORN_INTERVALS * interval + SLACK


def _no(reason: str, message: str) -> Finding:
    return Finding(Outcome.BLIND, reason, message)
