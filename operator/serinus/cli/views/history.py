"""The revisions of a model: what each was made of, how it ended and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from serinus.cli.views import times
from serinus.cli.views.facts import Facts, Manifest
from serinus.desired import revision

_COLOURS = {"stable": "green", "canary": "cyan", "previous": "yellow", "taken back": "red"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One revision.

    Attributes:
        number: in the order in which they were made.
        revision: its name.
        state: stable, canary, previous, taken back, replaced or never promoted.
        reason: why it was taken back; empty otherwise.
        message: the same in a sentence.
        share: percent of traffic; None without pods.
        image: of the model's container.
        model: version, gitCommit and dataVersion of its model, as far as they are known.
        made: when it was recorded, Unix seconds.
        promoted: when it became stable the last time.
        ended: when it was taken back.
    """

    number: int
    revision: str
    state: str
    reason: str
    message: str
    share: int | None
    image: str
    model: dict[str, str]
    made: float | None
    promoted: float | None
    ended: float | None


def entries(facts: Facts, records: Sequence[Manifest]) -> list[Entry]:
    """Return the revisions of a model, the newest first."""
    return sorted((_entry(facts, record) for record in records), key=lambda entry: -entry.number)


def _entry(facts: Facts, record: Manifest) -> Entry:
    found = revision.read(record)
    live = {told["revision"]: role for role in ("stable", "canary", "previous") if (told := facts.status.get(role))}
    failures = {one["revision"]: one for one in facts.rollout.get("failed") or []}
    failed = failures.get(found.hash, {}) if found.hash not in live else {}
    otherwise = "taken back" if failed else "replaced" if found.promoted_at else "never promoted"
    made_from = found.made_from.model_dump(by_alias=True, exclude_none=True) if found.made_from else {}
    return Entry(
        number=found.number,
        revision=found.hash,
        state=live.get(found.hash, otherwise),
        reason=str(failed.get("reason", "")),
        message=str(failed.get("message", "")),
        share=_share(facts, found.hash) if found.hash in live else None,
        image=found.image,
        model={key: str(value) for key, value in made_from.items()},
        made=times.moment(record["metadata"].get("creationTimestamp")),
        promoted=found.promoted_at,
        ended=times.moment(failed.get("time")),
    )


def _share(facts: Facts, name: str) -> int:
    if not facts.newer:
        return 100
    newer = 100 if facts.rollout.get("takeover") else facts.share
    return newer if name == facts.newer else 100 - newer


def table(found: Sequence[Entry], now: float) -> Table:
    """Return the revisions as a table."""
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for header in ("#", "revision", "state", "image", "model", "commit", "data", "made", "promoted", "why"):
        shown.add_column(header, overflow="fold", no_wrap=header in {"#", "revision", "state", "made", "promoted"})
    for entry in found:
        state = entry.state if entry.share is None else f"{entry.state} {entry.share} %"
        because = f"{entry.reason}: {entry.message}" if entry.message else entry.reason
        shown.add_row(
            str(entry.number),
            entry.revision,
            Text(state, style=_COLOURS.get(entry.state, "dim")),
            entry.image.rsplit("/", 1)[-1],
            entry.model.get("version", ""),
            entry.model.get("gitCommit", "")[:8],
            entry.model.get("dataVersion", ""),
            times.ago(entry.made, now),
            times.ago(entry.promoted, now),
            Text(because, style="red"),
        )
    return shown


def told(found: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return the revisions for machines: what is not known is left out."""
    from serinus.api.timestamps import render

    said = []
    for entry in found:
        moments = {"madeAt": entry.made, "promotedAt": entry.promoted, "takenBackAt": entry.ended}
        parts: dict[str, Any] = {
            "number": entry.number,
            "revision": entry.revision,
            "state": entry.state,
            "share": entry.share,
            "image": entry.image,
            "model": entry.model or None,
            "reason": entry.reason or None,
            "message": entry.message or None,
            **{key: None if at is None else render(at) for key, at in moments.items()},
        }
        said.append({key: value for key, value in parts.items() if value is not None})
    return said
