"""A recording: every line of a file, checked against the lines before it.

The format is described in `docs/simulate.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TypeAlias

from serinus.analysis.samples import Arm, Target
from serinus.cli.lines import Broken, Change, Line, parse

DEFAULT_INTERVAL = 15.0
"""Scrape interval to assume where no target was scraped twice, in seconds."""
LONGEST = 31 * 86400.0
"""Longest recording, in seconds: beyond it a time is more likely to be mistyped."""
_Key: TypeAlias = tuple[str, Arm | None, str, str]


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded: in the order of the file, which is that of time for every target.

    Attributes:
        lines: scrapes.
        changes: of the weight.
    """

    lines: tuple[Line, ...]
    changes: tuple[Change, ...]

    @property
    def means(self) -> tuple[str, ...]:
        """Return the names that lines with a mean give it."""
        return tuple(sorted({line.totals.mean for line in self.lines if line.totals is not None}))


def read(texts: Iterable[bytes], *, alone: bool = False) -> Recording:
    """Return the recording of a file's lines; empty lines and those that begin with # are passed over.

    Args:
        texts: the lines.
        alone: stable is enough; neither a canary nor a weight is needed.

    Raises:
        Broken: naming line, field, value and what was expected.
    """
    lines: list[Line] = []
    changes: list[Change] = []
    for number, text in enumerate(texts, start=1):
        stripped = text.strip()
        if stripped and not stripped.startswith(b"#"):
            found = parse(number, stripped)
            if isinstance(found, Change):
                changes.append(found)
            else:
                lines.append(found)
    if not lines and not changes:
        raise Broken("is empty: expected JSON lines, see docs/simulate.md")
    _check_order(lines, changes)
    _check_span([*lines, *changes])
    _check_growth(lines)
    _check_roles(lines, changes, alone=alone)
    return Recording(tuple(lines), tuple(changes))


def _check_order(lines: Sequence[Line], changes: Sequence[Change]) -> None:
    newest: dict[str, Line] = {}
    for line in lines:
        before = newest.get(line.pod)
        if before is not None and line.time < before.time:
            raise Broken(
                f"line {line.number}: time is {line.time:.15g} but must not be before the {before.time:.15g} of line {before.number}: the times of pod {line.pod} run backwards"
            )
        if before is not None and line.time == before.time and line.up is not before.up:
            raise Broken(f"line {line.number}: up differs from that of line {before.number} at the same time")
        newest[line.pod] = line
    for earlier, later in pairwise(changes):
        if later.time < earlier.time:
            raise Broken(
                f"line {later.number}: time is {later.time:.15g} but must not be before the {earlier.time:.15g} of line {earlier.number}: weights stand in order of time"
            )


def _check_span(entries: Sequence[Line | Change]) -> None:
    first = min(entries, key=lambda entry: entry.time)
    last = max(entries, key=lambda entry: entry.time)
    if last.time - first.time > LONGEST:
        raise Broken(
            f"line {last.number}: time is {last.time:.15g}, which is {(last.time - first.time) / 86400:.0f} days after line {first.number}, but a recording may span {LONGEST / 86400:.0f} days"
        )


def _check_growth(lines: Sequence[Line]) -> None:
    """Refuse counters that contradict themselves, and the same sample twice."""
    newest: dict[_Key, Line] = {}
    for line in lines:
        for key in _keys(line):
            before = newest.get(key)
            if before is not None and before.time == line.time:
                raise Broken(
                    f"line {line.number}: time is {line.time:.15g} as in line {before.number}, which holds the same sample of pod {line.pod} already"
                )
            newest[key] = line
            if before is not None and before.requests is not None and key[2] == "requests":
                _check_errors(before, line)


def _keys(line: Line) -> list[_Key]:
    keys: list[_Key] = []
    if line.requests is not None:
        keys.append((line.pod, line.role, "requests", ""))
    if line.buckets is not None:
        keys.append((line.pod, line.role, "buckets", ""))
    if line.totals is not None:
        keys.append((line.pod, line.role, f"mean {line.totals.mean}", line.totals.unit))
    return keys


def _check_errors(before: Line, line: Line) -> None:
    grown = (line.requests or 0.0) - (before.requests or 0.0)
    failed = (line.errors or 0.0) - (before.errors or 0.0)
    if grown >= 0 and failed < 0:
        raise Broken(
            f"line {line.number}: errors is {line.errors:g} but must be at least the {before.errors:g} of line {before.number}: a restart of the pod sets requests back too"
        )
    if grown >= 0 and failed > grown:
        raise Broken(
            f"line {line.number}: errors is {line.errors:g}, {failed:g} more than in line {before.number}, but requests has grown by {grown:g} only and holds the errors"
        )


def _check_roles(lines: Sequence[Line], changes: Sequence[Change], *, alone: bool) -> None:
    roles = {line.role for line in lines if line.up}
    if Arm.STABLE not in roles:
        raise Broken('holds no stable at all: expected lines with "role": "stable"')
    if not alone and Arm.CANARY not in roles:
        raise Broken('holds no canary at all: expected lines with "role": "canary"')
    if not alone and not any(change.weight > 0 for change in changes):
        raise Broken(
            'has no weight line: expected {"time": ..., "weight": 5} for the moment when the canary got its first requests'
        )
    known = {line.pod for line in lines if line.role is not None}
    for line in lines:
        if line.pod not in known:
            raise Broken(f"line {line.number}: role is missing, and no other line of pod {line.pod} says it")


def targets(lines: Sequence[Line]) -> tuple[Target, ...]:
    """Return the targets of some lines: one that reports both roles is a proxy."""
    arms: dict[str, set[Arm]] = {}
    scrapes: dict[str, dict[float, float]] = {}
    for line in lines:
        arms.setdefault(line.pod, set()).update({line.role} if line.role else ())
        scrapes.setdefault(line.pod, {})[line.time] = 1.0 if line.up else 0.0
    return tuple(
        Target(pod, next(iter(arms[pod])) if len(arms[pod]) == 1 else None, tuple(sorted(scrapes[pod].items())))
        for pod in sorted(scrapes)
    )


def interval_of(found: Iterable[Target]) -> float:
    """Return the median time between two scrapes of a target."""
    gaps = [after - before for target in found for (before, _), (after, _) in pairwise(target.scrapes)]
    return median(gaps) if gaps else DEFAULT_INTERVAL
