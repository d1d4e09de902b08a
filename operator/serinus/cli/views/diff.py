"""What differs between two revisions, field by field."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from serinus.cli.trouble import Exit, Trouble, nearest
from serinus.cli.views.facts import Facts, Manifest
from serinus.desired import labels

_ASKED = ("model", "resolved", "runtime", "configMaps")
"""What a revision was asked to be."""
_RENDERED = "template"
"""What the operator made of it."""


@dataclass(frozen=True, slots=True)
class Change:
    """A field that differs; None where it is not there."""

    field: str
    before: Any
    after: Any


def changes(before: Manifest, after: Manifest, *, pods: bool) -> list[Change]:
    """Return what differs between two ControllerRevisions.

    Args:
        before: the older one.
        after: the newer one.
        pods: also in the pod template that was rendered.
    """
    parts = (*_ASKED, _RENDERED) if pods else _ASKED
    flat = [dict(_flat({part: record["data"].get(part) for part in parts})) for record in (before, after)]
    own = {record["metadata"]["labels"][labels.REVISION] for record in (before, after)}
    return [
        Change(field, flat[0].get(field), flat[1].get(field))
        for field in dict.fromkeys((*flat[0], *flat[1]))
        if flat[0].get(field) != flat[1].get(field) and not own >= {flat[0].get(field), flat[1].get(field)}
    ]


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf with its path; items that have names go by them."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        named = all(isinstance(item, dict) and item.get("name") for item in value)
        for place, item in enumerate(value):
            yield from _flat(item, f"{path}[{item['name'] if named else place}]")
    elif value not in (None, {}, []):
        yield path, value


def text(found: Sequence[Change]) -> Text:
    """Return the changes as people read them."""
    shown = Text()
    for change in found:
        shown.append(f"{change.field}\n", "bold")
        for sign, line in _lines(change):
            shown.append(f"  {sign} {line}\n", {"-": "red", "+": "green"}.get(sign, "dim"))
    shown.rstrip()
    return shown


def _lines(change: Change) -> Iterator[tuple[str, str]]:
    before, after = ([] if side is None else str(side).splitlines() for side in (change.before, change.after))
    for line in difflib.unified_diff(before, after, lineterm="", n=1):
        if not line.startswith(("---", "+++", "@@")):
            yield line[0], line[1:]


def pair(words: Sequence[str], facts: Facts, records: Sequence[Manifest], failed: str) -> tuple[Manifest, Manifest]:
    """Return the two revisions that are meant, the older one first.

    Args:
        words: what was given, up to two.
        facts: the model.
        records: its ControllerRevisions.
        failed: the revision that was taken back last; empty where there is none.

    Raises:
        Trouble: there are no two, or a word names none of them.
    """
    known = {record["metadata"]["labels"][labels.REVISION]: record for record in records}
    default = facts.newer or (failed if facts.phase == "RolledBack" else "") or facts.older
    after = _meant(words[-1], facts, known) if words else default
    before = _meant(words[0], facts, known) if len(words) == 2 else _beside(after, facts, records)
    if before not in known or after not in known:
        raise Trouble(
            f"{facts.name} has no two revisions to compare: `serinus history {facts.name}` lists them", Exit.UNFIT
        )
    return known[before], known[after]


def _beside(after: str, facts: Facts, records: Sequence[Manifest]) -> str:
    """Return what a revision is compared with when nobody says it: stable, or the one before stable."""
    if after != facts.older:
        return facts.older
    stamped = [record for record in records if record["metadata"].get("annotations", {}).get(labels.PROMOTED_AT)]
    stamped.sort(key=lambda record: str(record["metadata"]["annotations"][labels.PROMOTED_AT]), reverse=True)
    names = [str(record["metadata"]["labels"][labels.REVISION]) for record in stamped]
    return next((name for name in names if name != after), "")


def _meant(word: str, facts: Facts, known: dict[str, Manifest]) -> str:
    """Return the revision of a word: its role, its number, or how its name begins."""
    if word in {"stable", "canary", "previous"}:
        told = (facts.status.get(word) or {}).get("revision")
        if not told:
            raise Trouble(
                f"{facts.name} has no {word} now: `serinus history {facts.name}` lists its revisions", Exit.UNFIT
            )
        return str(told)
    numbered = [name for name, record in known.items() if str(record.get("revision")) == word.removeprefix("#")]
    found = [name for name in known if name.startswith(word)] or numbered
    if len(found) == 1:
        return found[0]
    what = "is no revision" if not found else f"could be {' or '.join(sorted(found))}"
    raise Trouble(f"{word!r} {what} of {facts.name}: {nearest(word, known) or 'it has none'}", Exit.UNFIT)
