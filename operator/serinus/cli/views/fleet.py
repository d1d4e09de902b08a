"""Many models, one line each. Plain text in columns: a table of rich would take longer than the cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

Paint = Callable[[str, str], str]
"""Gives a text a colour, or leaves it as it is."""
COLUMNS = ("name", "ready", "phase", "stable", "canary", "weight", "reason", "age")


class Need(IntEnum):
    """How much a model needs somebody, the most first."""

    FAILED = 0
    HELD = 1
    MOVING = 2
    RESTING = 3


_SHOWN = {
    Need.FAILED: ("✗", "red", "in trouble"),
    Need.HELD: ("!", "yellow", "held up"),
    Need.MOVING: ("▸", "cyan", "under way"),
    Need.RESTING: ("✓", "green", "at rest"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """What a list tells of one model."""

    namespace: str
    name: str
    ready: str
    phase: str
    stable: str
    canary: str
    weight: str
    reason: str
    age: str

    @property
    def need(self) -> Need:
        """Return how much it needs somebody."""
        if self.phase in {"RolledBack", "RollingBack"}:
            return Need.FAILED
        if self.phase in {"", "Stable", "Initializing"} and self.reason not in {"", self.phase}:
            return Need.FAILED
        if self.phase == "Stable":
            return Need.RESTING if self.ready == "True" else Need.FAILED
        return Need.MOVING if self.reason in {"", self.phase} else Need.HELD


def rows(table: dict[str, Any]) -> list[Row]:
    """Return the rows of a Table of ModelDeployments (`meta.k8s.io/v1`), in order of their namespaces and names."""
    places = {column["name"].lower(): place for place, column in enumerate(table.get("columnDefinitions") or [])}
    found = []
    for row in table.get("rows") or []:
        told = {name: _text(row["cells"][places[name]]) if name in places else "" for name in ("namespace", *COLUMNS)}
        told["namespace"] = told["namespace"] or (row.get("object") or {}).get("metadata", {}).get("namespace", "")
        found.append(Row(**told))
    return sorted(found, key=lambda row: (row.namespace, row.name))


def _text(cell: object) -> str:
    return "" if cell is None or cell == "<unknown>" else str(cell)


def listed(found: Sequence[Row], *, spaces: bool, paint: Paint) -> list[str]:
    """Return the lines of a list; `spaces` adds the namespaces."""
    header = [*(["NAMESPACE"] if spaces else []), *(name.upper() for name in COLUMNS)]
    cells = [[*([row.namespace] if spaces else []), *(getattr(row, name) for name in COLUMNS)] for row in found]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    lines = [_joined(header, widths)]
    lines += [
        paint(_joined(line, widths), _SHOWN[row.need][1]) if row.need is not Need.RESTING else _joined(line, widths)
        for row, line in zip(found, cells, strict=True)
    ]
    return lines


def _joined(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "   ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def urgent(found: Sequence[Row]) -> list[Row]:
    """Return the rows with those first that need somebody most."""
    return sorted(found, key=lambda row: row.need)


def summary(found: Sequence[Row], paint: Paint) -> str:
    """Return in one line how many models there are and how they are."""
    counts = Counter(row.need for row in found)
    parts = [
        paint(f"{sign} {counts[need]:,} {words}", colour)
        for need, (sign, colour, words) in _SHOWN.items()
        if counts[need]
    ]
    return f"{len(found):,} model{'' if len(found) == 1 else 's'}: " + " · ".join(parts)


def none(namespace: str) -> str:
    """Say that there are no models, and what to do."""
    if not namespace:
        return "There are no ModelDeployments in this cluster: `serinus init` writes a first one"
    return (
        f"There are no ModelDeployments in namespace {namespace!r}: try -A for all namespaces, or another --namespace"
    )
