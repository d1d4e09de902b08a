"""Single values of JSON against the type that a model takes."""

import math
from collections.abc import Sequence
from reprlib import Repr
from typing import Any

import numpy as np

from serinus_server.errors import InvalidInputError
from serinus_server.signature import ANY, DTYPES, Tensor

_brief = Repr()
_brief.maxstring = _brief.maxother = 60
SHOWN_NAMES = 20


def shown(value: Any) -> str:
    """Quote a value, cut to what helps its sender."""
    return "null" if value is None else _brief.repr(value)


def listed(names: Sequence[str]) -> str:
    """Join names for a message, a few of many."""
    more = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def value_of(value: Any, tensor: Tensor, **place: Any) -> Any:
    """Return a value as the column's array takes it; a missing number is NaN.

    Raises:
        InvalidInputError: if it is of another type, out of its range, or missing where nothing may be.
    """
    if problem := _problem(value, tensor):
        raise InvalidInputError(problem, **place)
    if value is None and tensor.datatype != "BYTES":
        return math.nan
    return value


def _problem(value: Any, tensor: Tensor) -> str:
    kind = tensor.datatype
    if value is None:
        return "" if tensor.nullable else "null, but the model takes no missing values here"
    if isinstance(value, list | dict):
        return f"{shown(value)} is not a single value"
    if kind == ANY:
        return ""
    if kind == "BYTES":
        return "" if isinstance(value, str) else f"{shown(value)} is not a string"
    if kind == "BOOL":
        return "" if isinstance(value, bool) else f"{shown(value)} is not true or false"
    return _no_number(value, kind)


def _no_number(value: Any, kind: str) -> str:
    if not isinstance(value, int | float):  # a truth value counts as 0 or 1
        return f"{shown(value)} is not a number ({kind})"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{shown(value)} is not finite ({kind})"
    limits = np.finfo(DTYPES[kind]) if kind.startswith("FP") else np.iinfo(DTYPES[kind])
    if not float(limits.min) <= value <= float(limits.max):
        return f"{shown(value)} is out of the range of {kind}"
    if not kind.startswith("FP") and value != int(value):
        return f"{shown(value)} is not a whole number ({kind})"
    return ""
