"""`python -m demo.picture demo.json rollout.svg`: the weights, the evidence and the answers of a demo."""

import json
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT = 960, 84, 24
TOPS = {"weights": 64, "evidence": 214, "answers": 338}
HEIGHTS = {"weights": 110, "evidence": 84, "answers": 84}
HEIGHT = 470
COLOURS = {"v1": "#9aa5b1", "v2": "#2f6fb7", "v3": "#d9822b", "v4": "#8e4bb3"}
RED, INK, PALE = "#c0392b", "#1f2933", "#cbd2d9"
Document = dict[str, Any]


def draw(document: Document) -> str:
    """Return the picture as SVG."""
    end = max((second["at"] + 1 for second in document["timeline"]), default=1)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
            f' font-size="12" fill="{INK}">'
        ),
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(LEFT, 24, _title(document), "font-size='15'"),
    ]
    parts += _marks(document, end)
    parts += _weights(document, end)
    parts += _evidence(document, end)
    parts += _answers(document, end)
    parts += _axis(end)
    return "\n".join([*parts, "</svg>\n"])


def _title(document: Document) -> str:
    told = ", ".join(f"{act['version']} was {act['outcome']}" for act in document["acts"])
    return f"Rollouts decided by evidence: {told}"


def _x(at: float, end: float) -> float:
    return round(LEFT + max(0.0, min(at, end)) / end * (WIDTH - LEFT - RIGHT), 1)


def _y(panel: str, share: float) -> float:
    return round(TOPS[panel] + HEIGHTS[panel] * (1 - max(0.0, min(share, 1.0))), 1)


def _text(x: float, y: float, text: str, extra: str = "") -> str:
    return f'<text x="{x}" y="{y}" {extra}>{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, extra: str) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" {extra}/>'


def _path(points: Iterable[tuple[float, float]], extra: str) -> str:
    return f'<polyline points="{" ".join(f"{x},{y}" for x, y in points)}" fill="none" {extra}/>'


def _frame(panel: str, title: str, top: str, bottom: str) -> list[str]:
    low, high = TOPS[panel] + HEIGHTS[panel], TOPS[panel]
    return [
        _text(LEFT, high - 8, title, "font-weight='bold'"),
        _line(LEFT, low, WIDTH - RIGHT, low, f"stroke='{PALE}'"),
        _text(LEFT - 8, high + 10, top, "text-anchor='end'"),
        _text(LEFT - 8, low, bottom, "text-anchor='end'"),
    ]


def _weights(document: Document, end: float) -> list[str]:
    made = _frame("weights", "Weights on the HTTPRoute", "100 %", "0 %")
    splits = [split for split in document["weights"] if split["weights"]]
    edges = [*(split["at"] for split in splits[1:]), end]
    for split, until in zip(splits, edges, strict=True):
        left, right, low = _x(split["at"], end), _x(until, end), 0.0
        for label, weight in sorted(split["weights"].items()):
            top = low + weight / 100
            made.append(
                f'<rect x="{left}" y="{_y("weights", top)}" width="{round(right - left, 1)}"'
                f' height="{round(HEIGHTS["weights"] * weight / 100, 1)}" fill="{COLOURS.get(label, PALE)}" shape-rendering="crispEdges"/>'
            )
            low = top
    for index, label in enumerate(act for act in COLOURS if any(act in split["weights"] for split in splits)):
        x = WIDTH - RIGHT - 170 + 50 * index
        made += [f'<rect x="{x}" y="46" width="10" height="10" fill="{COLOURS[label]}"/>', _text(x + 14, 55, label)]
    return made


def _evidence(document: Document, end: float) -> list[str]:
    threshold = next((point["threshold"] for point in document["evidence"]), 100.0)
    top = math.log10(threshold) * 1.25
    made = _frame("evidence", f"Evidence against the canary; it is taken back at {threshold:g}", "", "1")
    limit = _y("evidence", 1 / 1.25)
    made.append(_line(LEFT, limit, WIDTH - RIGHT, limit, f"stroke='{RED}' stroke-dasharray='5 4'"))
    made.append(_text(LEFT - 8, limit + 4, f"{threshold:g}", f"text-anchor='end' fill='{RED}'"))
    for act in document["acts"]:
        points = [
            (_x(point["at"], end), _y("evidence", math.log10(max(point["evidence"], 1)) / top))
            for point in document["evidence"]
            if point["version"] == act["version"]
        ]
        made.append(_path(points, f"stroke='{COLOURS.get(act['version'], INK)}' stroke-width='2'"))
    return made


def _answers(document: Document, end: float) -> list[str]:
    rate = max(document["rate"], 1)
    made = _frame("answers", "Failed answers a second (orange: on purpose; red: any other)", f"{rate * 0.1:g}", "0")
    bar = max(1.0, round((WIDTH - LEFT - RIGHT) / end - 0.6, 1))
    for second in document["timeline"]:
        for index, colour in ((1, COLOURS["v3"]), (2, RED)):
            count = sum(counts[index] for counts in second["answers"].values())
            if count:
                y = _y("answers", count / (rate * 0.1))
                made.append(
                    f'<rect x="{_x(second["at"], end)}" y="{y}" width="{bar}"'
                    f' height="{round(TOPS["answers"] + HEIGHTS["answers"] - y, 1)}" fill="{colour}"/>'
                )
    made.append(_text(LEFT, HEIGHT - 8, _caption(document), "font-size='12'"))
    return made


def _caption(document: Document) -> str:
    total = document["requests"]["total"]
    words = [f"{document['requests']['sent']} requests, {total['ours']} failed other than on purpose"]
    words += [
        f"{act['version']}: weight 0 {act['secondsToWeightZero']:.1f} s after its first failed answer"
        for act in document["acts"]
        if act["secondsToWeightZero"] is not None
    ]
    return "; ".join(words)


def _marks(document: Document, end: float) -> list[str]:
    made = []
    for act in document["acts"]:
        applied, outcome = f"{act['version']} applied", act["outcome"]
        wide = _x(act["endedAt"], end) - _x(act["appliedAt"], end) > 140
        for at, words, side in ((act["appliedAt"], applied, 3), (act["endedAt"], outcome, -3 if wide else 3)):
            x = _x(at, end)
            made.append(
                _line(x, 60, x, TOPS["answers"] + HEIGHTS["answers"], f"stroke='{PALE}' stroke-dasharray='2 3'")
            )
            anchor = "end" if side < 0 else "start"
            made.append(
                _text(
                    x + side, TOPS["weights"] + HEIGHTS["weights"] + 14, words, f"font-size='11' text-anchor='{anchor}'"
                )
            )
    return made


def _axis(end: float) -> list[str]:
    low = TOPS["answers"] + HEIGHTS["answers"]
    step = 30 if end > 90 else 10
    return [_text(_x(at, end), low + 16, f"{at} s", "text-anchor='middle'") for at in range(0, int(end), step)]


def main(arguments: Sequence[str]) -> int:
    """Draw one file into the other."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    Path(arguments[1]).write_text(draw(json.loads(Path(arguments[0]).read_text())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
