"""Times on the wire are RFC 3339 in UTC; in Python they are Unix seconds."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema


def parse(text: object) -> object:
    """Return the Unix seconds of an RFC 3339 text; numbers pass through.

    Raises:
        ValueError: the text is not a time.
    """
    return datetime.fromisoformat(text).timestamp() if isinstance(text, str) else text


def render(seconds: float) -> str:
    """Return the RFC 3339 text of a time, to the millisecond.

    >>> render(0)
    '1970-01-01T00:00:00.000Z'
    """
    stamp = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return stamp.replace("+00:00", "Z")


def render_seconds(seconds: float) -> str:
    """Return the RFC 3339 text without fractions, as `metav1.Time` wants it."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_Parsed = BeforeValidator(parse)
Timestamp = Annotated[
    float,
    _Parsed,
    PlainSerializer(render, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""Unix seconds in Python, RFC 3339 with milliseconds on the wire."""

ConditionTime = Annotated[
    float,
    _Parsed,
    PlainSerializer(render_seconds, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""The same to the second, the format of `metav1.Condition`."""
