"""The live view: one frame of what is known, as lines."""

import math
import textwrap
import time
from dataclasses import dataclass

from demo.scene import JUDGED, Scene
from demo.style import Line, Span, bar, plain
from load import Load
from load.summary import Tally

RECENT = 5.0
BAR = 40
EVENTS = 4
WIDE = 78


@dataclass(frozen=True, slots=True)
class Frame:
    """What a frame is made of."""

    scene: Scene
    load: Load | None
    began: float
    now: float


def lines(frame: Frame) -> list[Line]:
    """Return the whole view."""
    made = [[Span("─" * WIDE, "dim")], _head(frame), _split(frame)]
    made += _requests(frame)
    made += _judge(frame)
    made += [_happening(frame, index) for index in range(EVENTS)]
    return made


def compact(frame: Frame) -> str:
    """Return the view in one line, for logs."""
    scene = frame.scene
    shares = " ".join(f"{label} {weight} %" for label, weight in scene.shares().items()) or "no route yet"
    parts = [f"{frame.now - frame.began:4.0f} s", f"{_phase(scene)} {_step(scene)}".strip(), shares]
    if frame.load:
        total = frame.load.summary().total
        recent = frame.load.window(frame.now - RECENT, frame.now).versions
        parts.append("last 5 s: " + ", ".join(_tally(version, tally) for version, tally in recent.items() if version))
        parts.append(f"failed on purpose {total.injected}, otherwise {total.ours}")
    if evidence := _evidence(scene):
        parts.append("evidence {:.3g} of {:.3g}".format(*evidence))
    return " | ".join(parts)


def change_key(frame: Frame) -> tuple[object, ...]:
    """Return what makes a new line of the log worth while."""
    failed = bool(frame.load and frame.load.journal.failures())
    scene = frame.scene
    return _phase(scene), _step(scene), tuple(scene.shares().items()), len(scene.happenings), failed


def happening_text(at: float, reason: str, message: str) -> str:
    """Return an Event as a line."""
    return f"{time.strftime('%H:%M:%S', time.localtime(at))} {reason}: {message}"


def _phase(scene: Scene) -> str:
    return str(scene.last_status.get("phase") or "waiting")


def _step(scene: Scene) -> str:
    step = scene.last_status.get("step", "")
    return f"step {step}" if step and _phase(scene) == "Stepping" else ""


def _head(frame: Frame) -> Line:
    scene, phase = frame.scene, _phase(frame.scene)
    style = {"Stable": "green", "RolledBack": "red", "RollingBack": "red"}.get(phase, "yellow")
    status = scene.last_status
    roles = [
        f"{role} {scene.label(known['revision'])} ({known['readyReplicas']}/{known['replicas']} pods)"
        for role in ("stable", "canary")
        if (known := {"readyReplicas": 0, "replicas": 0, **(status.get(role) or {})}).get("revision")
    ]
    minutes, seconds = divmod(round(frame.now - frame.began), 60)
    return [
        Span(f"{minutes:02}:{seconds:02}  ", "dim"),
        Span(phase, style),
        Span(f" {_step(scene)}   " + "   ".join(roles)),
    ]


def _split(frame: Frame) -> Line:
    newest = frame.scene.splits[-1].shares if frame.scene.splits else {}
    if not newest:
        return [Span("split     "), Span("no route yet", "dim")]
    stable = (frame.scene.last_status.get("rollout") or {}).get("control", "")
    first = stable if stable in newest else next(iter(newest))
    others = {revision: weight for revision, weight in newest.items() if revision != first}
    total = max(1, sum(newest.values()))
    left, right = bar(newest[first] / total, BAR)
    line = [
        Span("split     "),
        Span(left, "blue"),
        Span("█" * len(right), "yellow"),
        Span(f"  {frame.scene.label(first)} {newest[first]} %"),
    ]
    line += [Span(f"   {frame.scene.label(revision)} {weight} %", "yellow") for revision, weight in others.items()]
    return line


def _requests(frame: Frame) -> list[Line]:
    if frame.load is None:
        return [[Span("requests  "), Span("none yet", "dim")], [Span("")]]
    summary = frame.load.summary()
    recent = frame.load.window(frame.now - RECENT, frame.now).versions
    told = "   ".join(_tally(version, tally) for version, tally in recent.items() if version)
    return [
        [
            Span(f"requests  {summary.sent} sent   "),
            Span(f"{summary.total.injected} failed on purpose", "yellow" if summary.total.injected else ""),
            Span("   "),
            Span(f"{summary.total.ours} failed otherwise", "red" if summary.total.ours else "green"),
            Span(f"   p99 {summary.total.latency.p99:.0f} ms", "dim"),
        ],
        [Span(f"last 5 s  {told}")],
    ]


def _tally(version: str, tally: Tally) -> str:
    bad = tally.injected + tally.ours
    return f"v{version} {tally.answers}" + (f" ({bad} failed)" if bad else "")


def _evidence(scene: Scene) -> tuple[float, float] | None:
    if _phase(scene) not in JUDGED:
        return None
    if scene.evidence:
        return scene.evidence[-1].value, scene.evidence[-1].threshold
    value, threshold = scene.verdict.get("evidence"), scene.verdict.get("threshold")
    return None if value is None or threshold is None else (value, threshold)


def _judge(frame: Frame) -> list[Line]:
    evidence = _evidence(frame.scene)
    if evidence is None:
        told = str(frame.scene.last_status.get("message", ""))
        return [[Span("evidence  "), Span("nothing is being judged", "dim")], *_wrapped(told)]
    value, threshold = evidence
    share = math.log(value) / math.log(threshold) if value > 1 < threshold else 0.0
    full, empty = bar(share, BAR)
    verdict = frame.scene.verdict
    return [
        [
            Span("evidence  "),
            Span(full, "red"),
            Span(empty, "dim"),
            Span(f"  {value:.3g} of {threshold:.3g}"),
        ],
        *_wrapped(f"{verdict.get('outcome', '')} {verdict.get('message', '')}"),
    ]


def _wrapped(words: str) -> list[Line]:
    """Return words as exactly two lines: the view keeps its height."""
    rows = textwrap.wrap(words, WIDE - 10, max_lines=2, placeholder=" …")
    return [[Span("          " + row)] for row in [*rows, "", ""][:2]]


def _happening(frame: Frame, index: int) -> Line:
    shown = frame.scene.happenings[-EVENTS:]
    if index >= len(shown):
        return [Span("")]
    event = shown[index]
    clock = time.strftime("%H:%M:%S", time.localtime(event.at))
    return [
        Span(f"{clock}  ", "dim"),
        Span(event.reason, "red" if event.warning else "cyan"),
        Span(f"  {event.message}"),
    ]


def text(frame: Frame) -> str:
    """Return the whole view without styles."""
    return "\n".join(plain(line) for line in lines(frame))
