"""One line of a recording, checked field by field."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, TypeAlias

import orjson

from serinus.analysis.samples import Arm

INF = math.inf
_FIELDS = (
    "time",
    "role",
    "pod",
    "up",
    "requests",
    "errors",
    "buckets",
    "mean",
    "unit",
    "count",
    "sum",
    "sumsq",
    "weight",
)
_SAMPLES = ("requests", "errors", "buckets", "mean", "unit", "count", "sum", "sumsq")
_MILLISECONDS = 1e11
"""Times from here on, the year 5138, are taken for milliseconds."""
Fields: TypeAlias = Mapping[str, Any]


class Broken(Exception):  # noqa: N818 - what it says of the recording
    """The recording cannot be used; the message says where, what and what was expected."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What a target has counted of one mean, or of one user bucket of it."""

    mean: str
    unit: str
    count: float
    sum: float
    sumsq: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """What one target said of one role in one scrape.

    Attributes:
        number: of the line in its file, from 1.
        time: Unix seconds.
        pod: name of the scrape target.
        role: None in a failed scrape that does not say it.
        up: the scrape was answered.
        requests: answered since the target began.
        errors: of the requests.
        buckets: cumulative, by upper bound in seconds, the last one infinite.
        totals: of a mean.
    """

    number: int
    time: float
    pod: str
    role: Arm | None
    up: bool
    requests: float | None = None
    errors: float | None = None
    buckets: tuple[tuple[float, float], ...] | None = None
    totals: Totals | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """From `time` on the canary gets `weight` percent of the requests."""

    number: int
    time: float
    weight: float


def parse(number: int, text: bytes) -> Line | Change:
    """Return what a line says.

    Raises:
        Broken: naming the line, the field, its value and what was expected.
    """
    try:
        return _parsed(number, _object(text))
    except ValueError as error:
        raise Broken(f"line {number}: {error}") from None


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"is {_shown(found)} but must be a JSON object")  # noqa: TRY004 - one kind of error for all fields
    for field in found:
        if field not in _FIELDS:
            close = difflib.get_close_matches(field, _FIELDS, 1)
            hint = f"did you mean {close[0]}?" if close else f"the fields are {', '.join(_FIELDS)}"
            raise ValueError(f"{field[:40]} is no field of a recording; {hint}")
    return found


def _parsed(number: int, fields: Fields) -> Line | Change:
    time = read_time(fields["time"]) if "time" in fields else _missing("time", "Unix seconds or an RFC 3339 time")
    if "weight" in fields:
        return _change(number, time, fields)
    pod = fields.get("pod") if "pod" in fields else _missing("pod", "the name of the scrape target")
    if not isinstance(pod, str) or not pod:
        raise ValueError(f"pod is {_shown(pod)} but must be the name of the scrape target")
    up = fields.get("up", 1)
    if isinstance(up, bool) or up not in (0, 1):
        raise ValueError(f"up is {_shown(up)} but must be 0 for a failed scrape, or 1")
    if up == 0:
        return _down(number, time, pod, fields)
    role = _role(fields["role"]) if "role" in fields else _missing("role", "stable or canary")
    requests, errors = _requests(fields)
    buckets = _buckets(fields["buckets"]) if "buckets" in fields else None
    totals = _totals(fields)
    if requests is None and buckets is None and totals is None:
        raise ValueError("holds no sample: it needs requests and errors, or buckets, or count and sum, or up: 0")
    return Line(number, time, pod, role, True, requests, errors, buckets, totals)


def _change(number: int, time: float, fields: Fields) -> Change:
    other = sorted(set(fields) - {"time", "weight"})
    if other:
        raise ValueError(f"{other[0]} cannot stand beside weight: write the change of the weight on a line of its own")
    weight = _number("weight", fields["weight"], "a number from 0 to 100, the percent of requests for the canary")
    if weight > 100:
        raise ValueError(
            f"weight is {weight:g} but must be a number from 0 to 100, the percent of requests for the canary"
        )
    return Change(number, time, weight)


def _down(number: int, time: float, pod: str, fields: Fields) -> Line:
    held = [field for field in _SAMPLES if field in fields]
    if held:
        raise ValueError(f"{held[0]} cannot stand beside up: 0: a failed scrape has no samples")
    return Line(number, time, pod, _role(fields["role"]) if "role" in fields else None, False)


def _role(value: object) -> Arm:
    if value not in ("stable", "canary"):
        raise ValueError(f"role is {_shown(value)} but must be stable or canary")
    return Arm(str(value))


def _requests(fields: Fields) -> tuple[float | None, float | None]:
    if "requests" not in fields and "errors" not in fields:
        return None, None
    for field, other in (("requests", "errors"), ("errors", "requests")):
        if field not in fields:
            _missing(field, f"a counter: {other} is there, and {field} belongs to it")
    requests = _number("requests", fields["requests"], "a number of at least 0, counted since the target began")
    errors = _number("errors", fields["errors"], "a number of at least 0, counted since the target began")
    if errors > requests:
        raise ValueError(
            f"errors is {errors:g} but must be at most the {requests:g} of requests, which hold the errors"
        )
    return requests, errors


def _buckets(value: object) -> tuple[tuple[float, float], ...]:
    if not isinstance(value, dict) or not value:
        raise ValueError(f'buckets is {_shown(value)} but must be an object such as {{"0.1": 12, "+Inf": 40}}')
    found = sorted(
        (_bound(le), _number(f'buckets["{le}"]', count, "a number of at least 0")) for le, count in value.items()
    )
    if found[-1][0] != INF:
        raise ValueError('buckets has no "+Inf", which counts all requests')
    if len(found) < 2:
        raise ValueError('buckets holds "+Inf" only: a histogram without bounds tells nothing')
    for (low, before), (high, count) in pairwise(found):
        if low == high:
            raise ValueError(f"buckets has the bound {low:g} twice")
        if count < before:
            raise ValueError(
                f"buckets falls from {before:g} at {low:g} to {count:g} at {high:g} but must be cumulative: each bucket holds the faster ones"
            )
    return tuple(found)


def _bound(le: str) -> float:
    try:
        bound = INF if le in ("+Inf", "Inf") else float(le)
    except ValueError:
        bound = math.nan
    if math.isnan(bound) or bound < 0 or (bound == INF and le not in ("+Inf", "Inf")):
        raise ValueError(f'buckets has the bound {_shown(le)} but bounds must be seconds, such as "0.25", or "+Inf"')
    return bound


def _totals(fields: Fields) -> Totals | None:
    if not any(field in fields for field in ("mean", "unit", "count", "sum", "sumsq")):
        return None
    for field in ("count", "sum"):
        if field not in fields:
            _missing(field, "a counter: a mean needs count and sum, and sumsq or unit")
    if ("sumsq" in fields) == ("unit" in fields):
        raise ValueError("sumsq or unit: a mean needs exactly one of them, the sum of squares or the user bucket")
    for field in ("mean", "unit"):
        if field in fields and not isinstance(fields[field], str):
            raise ValueError(f"{field} is {_shown(fields[field])} but must be a text")
    return Totals(
        fields.get("mean", ""),
        fields.get("unit", ""),
        _number("count", fields["count"], "a number of at least 0"),
        _number("sum", fields["sum"], "a number of at least 0, since counters only rise"),
        _number("sumsq", fields["sumsq"], "a number of at least 0") if "sumsq" in fields else None,
    )


def read_time(value: object) -> float:
    """Return Unix seconds of a number, or of an RFC 3339 text.

    Raises:
        ValueError: it is neither.
    """
    expected = "must be Unix seconds, or an RFC 3339 time such as 2026-05-04T12:00:00Z"
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"time is {_shown(value)} but {expected}") from None
        if found.tzinfo is None:
            raise ValueError(f"time is {_shown(value)} but must say its time zone: add Z or +02:00")
        return found.timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"time is {_shown(value)} but {expected}")  # noqa: TRY004 - as above
    if not 0 <= value < _MILLISECONDS:
        raise ValueError(f"time is {_shown(value)} but must be Unix seconds{', not milliseconds' if value > 0 else ''}")
    return float(value)


def _number(field: str, value: object, expected: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise ValueError(f"{field} is {_shown(value)} but must be {expected}")
    return float(value)


def _missing(field: str, expected: str) -> Any:
    raise ValueError(f"{field} is missing: expected {expected}")


def _shown(value: object) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else text[:57] + "..."
