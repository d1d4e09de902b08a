"""Durations on the wire are Go-style strings ("1m30s"); in Python they are seconds."""

from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from serinus.api.spans import LONGEST, PATTERN, parse, render

__all__ = ["LONGEST", "PATTERN", "AtLeastOneSecond", "Duration", "parse", "render"]

Duration = Annotated[
    float,
    Field(ge=0, le=LONGEST),
    BeforeValidator(parse),
    PlainSerializer(render, return_type=str),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "maxLength": 32}),
]
"""Seconds in Python, a Go-style string on the wire; at most 31 days."""

AtLeastOneSecond = Annotated[Duration, Field(ge=1)]
