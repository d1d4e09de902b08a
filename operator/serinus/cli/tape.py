"""Everything that a replay reads, whether it comes from a file or from Prometheus."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, inf
from operator import itemgetter

from serinus.analysis import Policy, Weight, Window

GONE_AFTER = 3.0
"""A target that is silent for the last so many intervals of a recording had gone before its end."""
_TIME = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Tape:
    """The samples of every test over all of the time, and the policies that judge them.

    Attributes:
        policies: by name of the test.
        windows: by name of the test, each over the whole time.
        alpha: for all tests together.
        weights: changes of the canary's share, ascending.
        left_out: what the policy holds and the samples do not allow to judge, with the reason.
    """

    policies: Mapping[str, Policy]
    windows: Mapping[str, Window]
    alpha: float
    weights: tuple[Weight, ...]
    left_out: Mapping[str, str]

    @property
    def anchor(self) -> float:
        """When the canary got its first share."""
        return next((weight.time for weight in self.weights if weight.share > 0), self.start)

    @property
    def start(self) -> float:
        """When the samples begin."""
        return min(window.start for window in self.windows.values())

    @property
    def end(self) -> float:
        """When they end."""
        return max(window.now for window in self.windows.values())

    @property
    def scrapes(self) -> list[float]:
        """Return the distinct times of scrapes, ascending."""
        windows = self.windows.values()
        return sorted({time for window in windows for target in window.targets for time, _ in target.scrapes})


def ticks(tape: Tape, every: float | None) -> list[float]:
    """Return when to judge: at every scrape from the rollout's start on, or every so many seconds, and at the end."""
    if every is None:
        return [time for time in tape.scrapes if time >= tape.anchor]
    count = ceil((tape.end - tape.anchor) / every)
    return [*(tape.anchor + number * every for number in range(count)), tape.end] if count >= 0 else []


def share_at(weights: Sequence[Weight], time: float) -> float:
    """Return the canary's share at a time."""
    return next((weight.share for weight in reversed(weights) if weight.time <= time), 0.0)


def clip(window: Window, start: float, now: float) -> Window:
    """Return what Prometheus would have answered at `now` for the range from `start`.

    A target is expected to answer until its last scrape; one that is still there in the last
    intervals of the samples, to their end.
    """
    horizon = window.now - GONE_AFTER * window.interval
    counters = []
    for counter in window.counters:
        low = bisect_left(counter.samples, start, key=_TIME)
        high = bisect_right(counter.samples, now, key=_TIME)
        if low < high:
            counters.append(counter._replace(samples=counter.samples[low:high]))
    targets = []
    for target in window.targets:
        high = bisect_right(target.scrapes, now, key=_TIME)
        low = bisect_left(target.scrapes, start, key=_TIME)
        last = target.scrapes[-1][0] if target.scrapes else -inf
        live = now <= last or last >= horizon
        if high and (low < high or live):
            targets.append(replace(target, scrapes=target.scrapes[min(low, high - 1) : high], live=live))
    return Window(tuple(counters), tuple(targets), start, now, window.interval)
