"""Fields and types, against the schema that the API server checks: pydantic is more lenient about types."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from serinus.api.crd import Schema, custom_resource_definition
from serinus.api.spans import PATTERN
from serinus.cli.trouble import nearest

Place = tuple[int | str, ...]
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


@cache
def schema() -> Schema:
    """Return the schema of a ModelDeployment's spec; not to be changed."""
    version = custom_resource_definition()["spec"]["versions"][0]
    spec: Schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return spec


def misfits(value: Any, expected: Schema, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Yield each field that nobody knows, that is missing or that has another type: where, and in words."""
    if value is None:
        if not (expected.get("nullable") or "default" in expected):
            yield place, f"must be of type {expected['type']} (it is null): give it a value, or leave it out"
        return
    kind: str = expected["type"]
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        if not (kind == "integer" and isinstance(value, float) and value.is_integer()):
            yield place, f"must be of type {kind} (it is {str(value)[:80]!r}){_advice(value, expected)}"
        return
    if expected.get("x-kubernetes-preserve-unknown-fields"):
        return
    if isinstance(value, dict):
        yield from _fields(value, expected, place)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from misfits(item, expected["items"], (*place, index))


def _fields(value: dict[str, Any], expected: Schema, place: Place) -> Iterator[tuple[Place, str]]:
    known = expected.get("properties", {})
    for key, inner in value.items():
        if key in known:
            yield from misfits(inner, known[key], (*place, key))
        else:
            yield (*place, key), f"unknown field: {nearest(str(key), known)}"
    for key in expected.get("required", []):
        if key not in value:
            yield (*place, key), "is missing, but required"


def _advice(value: Any, expected: Schema) -> str:
    """Say what most often went wrong: a unit or quotes that are missing, or quotes too many."""
    kind = expected["type"]
    if expected.get("pattern") == PATTERN:
        return ": write it like 30s, 5m or 1h30m"
    if kind == "string" and isinstance(value, (bool, int, float)):
        return ": put it in quotes"
    if kind in {"integer", "number", "boolean"} and isinstance(value, str):
        return ": take the quotes away" if value.strip() else ""
    return ""


def without_nulls(value: Any, expected: Schema) -> Any:
    """Return a value without the nulls that the API server drops, because their fields have defaults."""
    if isinstance(value, dict) and "properties" in expected:
        known = expected["properties"]
        return {
            key: without_nulls(inner, known.get(key, {}))
            for key, inner in value.items()
            if not (inner is None and "default" in known.get(key, {}))
        }
    if isinstance(value, list) and "items" in expected:
        return [without_nulls(item, expected["items"]) for item in value]
    return value
