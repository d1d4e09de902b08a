"""Spans of time as Go writes them ("1m30s"), without pydantic: the command line has no time to import it."""

import re

PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
LONGEST = 31 * 24 * 3600
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")


def parse(text: object) -> object:
    """Return the seconds of a Go-style duration; numbers pass through for pydantic to judge.

    Raises:
        ValueError: the text is too long a time, or not a duration such as "30s", "5m" or "1h30m".
    """
    if not isinstance(text, str):
        return text
    if not re.fullmatch(PATTERN[1:-1], text):
        raise ValueError(f"{text!r} is not a duration: write it like 30s, 5m or 1h30m")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if seconds > LONGEST:
        raise ValueError(f"{text!r} is longer than 31 days")
    return seconds


def render(seconds: float) -> str:
    """Return the shortest Go-style text of a duration in seconds.

    >>> render(90), render(0), render(0.25)
    ('1m30s', '0s', '250ms')
    """
    if seconds != int(seconds):
        return f"{round(seconds * 1000)}ms"
    rest, parts = int(seconds), ""
    for unit, size in (("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        parts += f"{count}{unit}" if count else ""
    return parts or "0s"
