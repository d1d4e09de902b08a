"""Nested lists of JSON to arrays of a type and shape, or a refusal that says where they do not fit."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from serinus_server.errors import InvalidInputError
from serinus_server.signature import DTYPES, FREE, Array, Tensor
from serinus_server.values import shown

_NUMBERS = "biuf"


def array_of(data: Any, field: str) -> Array:
    """Turn nested lists into an array of whatever they hold: numbers, or Python's own objects.

    Raises:
        InvalidInputError: if they are ragged; it names the first place that is unlike its neighbours.
    """
    if not isinstance(data, list):
        raise InvalidInputError(f"{shown(data)} is not a list", field=field)
    try:
        array = np.array(data)
    except ValueError:  # ragged
        array = np.array(None)
    return array if array.dtype.kind in _NUMBERS else _objects(data, field)


def fitted(array: Array, tensor: Tensor, field: str) -> Array:
    """Return an array as the tensor takes it.

    Raises:
        InvalidInputError: if its shape, or one of its values, does not fit.
    """
    wanted, found = tensor.shape, array.shape
    if len(found) != len(wanted) or any(want not in (FREE, length) for want, length in zip(wanted, found, strict=True)):
        told = ", ".join("any" if length == FREE else str(length) for length in wanted)
        raise InvalidInputError(f"its shape is {list(found)}, the model takes [{told}]", field=field)
    return cast(array, tensor.datatype, field)


def cast(array: Array, datatype: str, field: str) -> Array:
    """Return an array in another type, if every value survives.

    Raises:
        InvalidInputError: it names the first value that does not.
    """
    if datatype == "BYTES" or array.dtype.kind not in _NUMBERS:
        kinds, told = (str, "a string") if datatype == "BYTES" else (int | float, "a number")
        _refuse(array, [not isinstance(value, kinds) for value in array.ravel().tolist()], f"is not {told}", field)
        return array.astype(DTYPES[datatype])
    if datatype == "BOOL":
        _refuse(array, (array != 0) & (array != 1), "is not true or false", field)
        return array.astype(np.bool_)
    with np.errstate(all="ignore"):
        made = array.astype(DTYPES[datatype])
    if datatype.startswith("FP"):
        _refuse(array, ~np.isfinite(made), f"is out of the range of {datatype}", field)
    else:
        _refuse(array, made != array, f"is not a whole number in the range of {datatype}", field)
    return made


def _refuse(array: Array, wrong: Any, problem: str, field: str) -> None:
    """Name the first value that is marked wrong, if any is."""
    if (marked := np.flatnonzero(wrong)).size:
        place = [int(index) for index in np.unravel_index(marked[0], array.shape)]
        raise InvalidInputError(f"{shown(array.ravel().tolist()[marked[0]])} at {place} {problem}", field=field)


def _objects(data: list[Any], field: str) -> Array:
    """Keep strings and nulls as they are; numpy would turn numbers among them into strings."""
    shape = []
    level: Any = data
    while isinstance(level, list):
        shape.append(len(level))
        level = level[0] if level else None
    array = np.empty(shape, object)
    for place, value in _leaves(data, tuple(shape), field):
        array[place] = value
    return array


def _leaves(
    level: Any, shape: tuple[int, ...], field: str, place: tuple[int, ...] = ()
) -> Iterator[tuple[tuple[int, ...], Any]]:
    length = len(level) if isinstance(level, list) else None
    if length != (shape[0] if shape else None):
        found = shown(level) if length is None else f"{length} values"
        wanted = f"{shape[0]} values" if shape else "a single value"
        raise InvalidInputError(f"ragged: {found} at {list(place)}, its neighbours hold {wanted}", field=field)
    if not shape:
        yield place, level
        return
    for index, value in enumerate(level):
        yield from _leaves(value, shape[1:], field, (*place, index))
