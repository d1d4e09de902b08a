"""The samples of a recording as the judge reads them: one window per metric, over all of its time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from serinus.analysis.samples import Arm, Counter, Window
from serinus.api.analysis import Mean
from serinus.cli.lines import INF, Broken, Line, Totals
from serinus.cli.recording import Recording, interval_of, targets
from serinus.reconcile.windows import Histogram

_Values: TypeAlias = Iterable[tuple[str, int, float]]
"""Key of a series, the cell that it counts for, its value."""


def error_window(recording: Recording) -> Window | None:
    """Return the window of answers and failed answers, or None when no line has requests."""
    lines = _with(recording, lambda line: line.requests is not None)

    def values(line: Line) -> _Values:
        errors = line.errors or 0.0
        return ("fine", 0, (line.requests or 0.0) - errors), ("errors", 1, errors)

    return _window(lines, values) if lines else None


def histogram(recording: Recording) -> Histogram | None:
    """Return what the bounds to judge are chosen from, or None when no line has buckets.

    Raises:
        Broken: the histograms have no bound in common.
    """
    lines = [line for line in recording.lines if line.buckets]
    if not lines:
        return None
    common = {bound for bound, _ in lines[0].buckets or ()}
    for line in lines:
        found = common & {bound for bound, _ in line.buckets or ()}
        if found <= {INF}:
            raise Broken(f"line {line.number}: buckets has no bound in common with the lines before")
        common = found
    bounds = tuple(sorted(common - {INF}))
    counts = _before_the_canary(lines, bounds)
    return Histogram(bounds, tuple(counts[-1] - count for count in counts[:-1]), counts[-1], None)


def _before_the_canary(lines: Sequence[Line], bounds: Sequence[float]) -> list[float]:
    """Sum over stable's targets of their newest histograms when the canary's first one comes."""
    until = min((line.time for line in lines if line.role is Arm.CANARY), default=INF)
    newest: dict[str, dict[float, float]] = {}
    for line in lines:
        if line.role is Arm.STABLE and (line.time <= until or line.pod not in newest):
            newest[line.pod] = dict(line.buckets or ())
    return [sum(found[bound] for found in newest.values()) for bound in (*bounds, INF)]


def latency_window(recording: Recording, bounds: Sequence[float]) -> Window:
    """Return the window of requests at most as slow as each bound, and of all."""
    wanted = (*bounds, INF)

    def values(line: Line) -> _Values:
        held = dict(line.buckets or ())
        return [(f"{bound:g}", cell, held[bound]) for cell, bound in enumerate(wanted)]

    return _window(_with(recording, lambda line: line.buckets is not None), values)


def units(recording: Recording, mean: str) -> tuple[str, ...]:
    """Return the user buckets of a mean."""
    return tuple(
        sorted({t.unit for line in recording.lines if (t := line.totals) and t.mean == mean and t.sumsq is None})
    )


def mean_window(recording: Recording, mean: str, names: Sequence[str] | None) -> Window | None:
    """Return the window of a mean, or None when no line has it.

    Args:
        recording: where to look.
        mean: its name on the lines.
        names: the user buckets; None when the lines hold sums of squares.

    Raises:
        Broken: a line holds the other of the two.
    """
    lines = _with(recording, lambda line: line.totals is not None and line.totals.mean == mean)
    place = {name: number for number, name in enumerate(names or ())}

    def values(line: Line) -> _Values:
        held = line.totals
        if held is None:
            return ()
        if (held.sumsq is None) != (names is not None):
            raise Broken(f"line {line.number}: {_wanted(held)}")
        first = 2 * place.get(held.unit, 0)
        found = [(f"count {held.unit}", first, held.count), (f"sum {held.unit}", first + 1, held.sum)]
        return [*found, ("sumsq", 2, held.sumsq)] if held.sumsq is not None else found

    return _window(lines, values) if lines else None


def _wanted(held: Totals) -> str:
    if held.sumsq is None:
        return "sumsq is missing: the policy's mean names a counter of squares, and no unit"
    return "unit is missing: the policy's mean names a unit, and no counter of squares"


def _with(recording: Recording, has: Callable[[Line], bool]) -> list[Line]:
    """Lines that hold a metric, and failed scrapes of the targets that ever do."""
    pods = {line.pod for line in recording.lines if line.up and has(line)}
    return [line for line in recording.lines if line.pod in pods and (has(line) if line.up else True)]


def _window(lines: Sequence[Line], values: Callable[[Line], _Values]) -> Window:
    found = targets(lines)
    roles = {target.name: target.arm for target in found}
    series: dict[tuple[str, Arm, str, int], list[tuple[float, float]]] = {}
    for line in lines:
        if line.up:
            arm = line.role or Arm.STABLE
            for key, cell, value in values(line):
                series.setdefault((line.pod, arm, key, cell), []).append((line.time, value))
    partial = _partial({target.name: [t for t, up in target.scrapes if up] for target in found}, series)
    counters = tuple(
        Counter(arm, pod, key, cell, tuple(s for s in samples if (pod, s[0]) not in partial))
        for (pod, arm, key, cell), samples in sorted(series.items(), key=lambda entry: entry[0])
    )
    whole = tuple(
        type(target)(
            target.name, roles[target.name], tuple(s for s in target.scrapes if (target.name, s[0]) not in partial)
        )
        for target in found
    )
    times = [line.time for line in lines]
    return Window(counters, whole, min(times), max(times), interval_of(whole))


def _partial(
    scrapes: dict[str, list[float]], series: dict[tuple[str, Arm, str, int], list[tuple[float, float]]]
) -> set[tuple[str, float]]:
    """Scrapes that lack a series which was there before and is there later: they are left out."""
    found: set[tuple[str, float]] = set()
    for (pod, _, _, _), samples in series.items():
        held = {time for time, _ in samples}
        first, last = samples[0][0], samples[-1][0]
        found.update((pod, time) for time in scrapes[pod] if first < time < last and time not in held)
    return found


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording as a source of samples.

    Attributes:
        recording: what was recorded.
        only: name of the policy's only mean: lines that name none mean it.
    """

    recording: Recording
    only: str | None = None

    def errors(self) -> Window | None:
        """Return the window of answers and failed answers, if there are such counters."""
        return error_window(self.recording)

    def histogram(self) -> Histogram | None:
        """Return what latency bounds are chosen from, if there are histograms."""
        return histogram(self.recording)

    def latency(self, bounds: tuple[float, ...], shift: float) -> Window:  # noqa: ARG002 - recorded buckets are classic
        """Return the window of requests by latency."""
        return latency_window(self.recording, bounds)

    def mean(self, mean: Mean) -> tuple[Window, int] | None:
        """Return the window of a mean and how many user buckets it has, if it is there.

        Raises:
            Broken: a line names another kind of spread than the policy.
        """
        held = mean.name if mean.name in self.recording.means or self.only != mean.name else ""
        names = units(self.recording, held) if mean.unit else None
        found = mean_window(self.recording, held, names)
        return (found, len(names or ())) if found else None
