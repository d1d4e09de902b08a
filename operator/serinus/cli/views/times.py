"""Times and spans as people read them."""

from __future__ import annotations

from datetime import datetime

from serinus.api import spans


def moment(text: object) -> float | None:
    """Return the Unix seconds of an RFC 3339 text; None where there is none."""
    try:
        return datetime.fromisoformat(text).timestamp() if isinstance(text, str) and text else None
    except ValueError:
        return None


def span(text: object) -> float:
    """Return the seconds of a duration as the API server keeps it; 0 where there is none."""
    try:
        found = spans.parse(text)
    except ValueError:
        return 0.0
    return float(found) if isinstance(found, (int, float)) else 0.0


def short(seconds: float) -> str:
    """Return a span in its two largest units.

    >>> short(5), short(125), short(7300), short(200_000)
    ('5s', '2m5s', '2h1m', '2d7h')
    """
    rest, parts = max(0, int(seconds)), []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return "".join(parts) or "0s"


def ago(at: float | None, now: float) -> str:
    """Return how long ago something was; empty where nobody knows."""
    return "" if at is None else f"{short(now - at)} ago"
