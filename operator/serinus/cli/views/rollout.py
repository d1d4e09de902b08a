"""One model as an on-call person wants to see it: the verdict first, then what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from serinus.cli.views import numbers, times
from serinus.cli.views.facts import MIN_DURATION, WATCH, Facts
from serinus.cli.views.pods import state
from serinus.cli.views.verdict import Verdict, verdict

BAR = 30
"""Characters of the bar that shows the split."""
MOST_EVENTS, MOST_PODS = 6, 8
_SIGNS = {"green": "✓", "cyan": "▸", "yellow": "!", "red": "✗"}
_OUTCOMES = {"Pass": "green", "Fail": "red", "Blind": "yellow", "Inconclusive": "cyan"}
_NOTABLE = {
    "Available": "False",
    "Degraded": "True",
    "Paused": "True",
    "MetricsAvailable": "False",
    "ImageFixed": "False",
    "ModelResolved": "False",
    "ScalingActive": "False",
}
"""The status of a condition that is worth a line."""


def view(facts: Facts) -> Group:
    """Return everything about one model."""
    found = verdict(facts)
    parts: list[RenderableType] = [_title(facts), *_verdict(found), Text()]
    for part in (
        _revisions(facts),
        _steps(facts),
        _metrics(facts),
        _conditions(facts, found),
        _pods(facts),
        _events(facts),
    ):
        if part is not None:
            parts += [part, Text()]
    parts += [Text(note, style="yellow") for note in facts.notes]
    parts += _hints(found)
    while parts and isinstance(parts[-1], Text) and not parts[-1].plain:
        parts.pop()
    return Group(*parts)


def _title(facts: Facts) -> Text:
    metadata = facts.model["metadata"]
    title = Text.assemble((facts.name, "bold"), (f"  in {metadata.get('namespace', '')}", "dim"))
    if age := times.moment(metadata.get("creationTimestamp")):
        title.append(f", {times.short(facts.now - age)} old", "dim")
    if url := facts.status.get("url"):
        title.append(f"  {url}", "dim underline")
    return title


def _verdict(found: Verdict) -> Iterator[RenderableType]:
    yield Text.assemble((f"{_SIGNS[found.tone]} {found.headline}", f"bold {found.tone}"))
    if found.why:
        yield Padding(Text(found.why), (0, 0, 0, 2))


def _hints(found: Verdict) -> list[RenderableType]:
    if not found.hints:
        return []
    table = _bare()
    for command, does in found.hints:
        table.add_row(Text(command, style="bold"), Text(does, style="dim"))
    return [table]


def _bare(*headers: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=bool(headers), header_style="dim", pad_edge=False)
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def _revisions(facts: Facts) -> Table | None:
    """The live revisions, each with its share of the traffic as a part of one bar."""
    share = 100 if facts.rollout.get("takeover") else facts.share
    roles = [("stable", "green", 0), ("canary", "cyan", share), ("previous", "yellow", 100 - share)]
    found = [(role, colour, part, facts.status.get(role)) for role, colour, part in roles]
    live = [(role, colour, part, told) for role, colour, part, told in found if told]
    if not live:
        return None
    rest = 100 - sum(part for role, _, part, _ in live if role != "stable")
    table, begun = _bare(), 0
    for place in range(6):
        table.add_column(no_wrap=place < 5)
    for role, colour, part, told in live:
        percent = rest if role == "stable" else part
        cells = round(BAR * percent / 100) or (1 if percent else 0)
        begun = min(begun, BAR - cells)
        rest_of_bar = "·" * (BAR - begun - cells)
        bar = Text.assemble(("·" * begun, "dim"), ("█" * cells, colour), (rest_of_bar, "dim"), no_wrap=True)
        pods = f"{told.get('readyReplicas', 0)}/{told.get('replicas', 0)} pods ready"
        table.add_row(Text(role, style=colour), told["revision"], bar, f"{percent} %", pods, _made_from(told))
        begun += cells
    return table


def _made_from(told: dict[str, Any]) -> Text:
    """What a revision runs, in few words."""
    text = Text(str(told.get("image", "")).rsplit("/", 1)[-1])
    model = told.get("model") or {}
    for label, key in (("model", "version"), ("commit", "gitCommit"), ("data", "dataVersion")):
        if value := model.get(key):
            text.append(f" · {label} {str(value)[:8]}", "dim")
    if len(told.get("digests") or []) > 1:
        text.append(" · several digests: its tag was moved", "red")
    return text


def _steps(facts: Facts) -> Text | None:
    """The way of a rollout with the place where it stands."""
    if facts.phase not in {"Preparing", "Stepping", "Promoting", "Watching"}:
        return None
    at = int(facts.rollout.get("step") or 0) if facts.phase != "Preparing" else -1
    at = len(facts.steps) + (facts.phase == "Watching") if facts.phase in {"Promoting", "Watching"} else at
    names = [f"{step['weight']} %{' ⏸' if step.get('pause') else ''}" for step in facts.steps] + ["promote"]
    watch = times.span(facts.setting("rollout", "watchAfterPromotion", WATCH))
    if watch:
        names.append(f"watch {times.short(watch)}")
    line = Text("steps   ", style="dim")
    for place, name in enumerate(names):
        if place < at:
            line.append(f"✓ {name}", "green")
        elif place == at:
            line.append(f"▸ {name}{_lasted(facts)}", "bold cyan")
        else:
            line.append(name, "dim")
        line.append("   " if place + 1 < len(names) else "")
    return line


def _lasted(facts: Facts) -> str:
    live = facts.since("liveSince")
    if facts.phase != "Stepping" or live is None:
        return ""
    step = facts.steps[min(int(facts.rollout.get("step") or 0), len(facts.steps) - 1)]
    return f" for {times.short(live)} of {times.short(times.span(step.get('minDuration', MIN_DURATION)))} or more"


def _metrics(facts: Facts) -> Table | None:
    metrics = facts.status.get("metrics") or []
    if not metrics:
        return None
    table = _bare("metric", "stable", "canary", "harm", "proof", "outcome")
    for metric in metrics:
        outcome = str(metric.get("outcome", ""))
        harm = Text(
            numbers.gauge(metric.get("evidence"), metric.get("threshold")), style="red" if outcome == "Fail" else ""
        )
        table.add_row(
            numbers.title(metric),
            numbers.side(metric, "stable"),
            numbers.side(metric, "canary"),
            harm,
            numbers.gauge(metric.get("proof"), metric.get("proofThreshold")),
            Text(
                outcome if outcome == "Pass" else str(metric.get("reason") or outcome), style=_OUTCOMES.get(outcome, "")
            ),
        )
    return table


def _conditions(facts: Facts, found: Verdict) -> Table | None:
    """The conditions that are not as they should be, but for what the verdict says already."""
    told = [
        condition
        for condition in facts.status.get("conditions") or []
        if _NOTABLE.get(condition.get("type")) == condition.get("status")
        and not (condition.get("message") and found.why and _same(condition["message"], found.why))
    ]
    if not told:
        return None
    table = _bare()
    for condition in told:
        head = f"{condition['type']} is {condition['status']}"
        table.add_row(Text(head, style="yellow"), condition.get("reason", ""), condition.get("message", ""))
    return table


def _same(one: str, other: str) -> bool:
    """Tell whether one text says what the other says, and maybe more."""
    return one in other or other in one


def _pods(facts: Facts) -> Table | None:
    if not facts.pods:
        return None
    roles = {told["revision"]: role for role in ("previous", "canary", "stable") if (told := facts.status.get(role))}
    table = _bare("pod", "of", "state", "restarts", "age")
    found = sorted((state(pod) for pod in facts.pods), key=lambda pod: (pod.ready, pod.revision, pod.name))
    for pod in found[:MOST_PODS]:
        style = "" if pod.ready else "yellow"
        restarts = Text(str(pod.restarts), style="red" if pod.restarts else "")
        age = times.short(facts.now - pod.created) if pod.created else ""
        table.add_row(pod.name, roles.get(pod.revision, pod.revision), Text(pod.word, style=style), restarts, age)
    if len(found) > MOST_PODS:
        table.add_row(Text(f"and {len(found) - MOST_PODS} more", style="dim"))
    return table


def _events(facts: Facts) -> Table | None:
    if not facts.events:
        return None
    table = _bare("event", "", "")
    newest = sorted(facts.events, key=lambda event: _last(event) or 0.0)[-MOST_EVENTS:]
    for event in newest:
        style = "yellow" if event.get("type") == "Warning" else ""
        what = Text(event.get("reason", ""), style=style)
        table.add_row(Text(times.ago(_last(event), facts.now), style="dim"), what, event.get("message", ""))
    return table


def _last(event: dict[str, Any]) -> float | None:
    times_of_it = (event.get("lastTimestamp"), event.get("eventTime"), event["metadata"].get("creationTimestamp"))
    return next((found for text in times_of_it if (found := times.moment(text)) is not None), None)
