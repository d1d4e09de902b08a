"""Rows of JSON to what a model of columns takes, or a refusal that names row and column.

Most requests are rows of plain numbers: numpy reads those at once. Whatever it does not read is gone through
value by value, slowly and exactly; the outcome is the same wherever both apply.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from serinus_server.errors import InvalidInputError
from serinus_server.signature import ANY, Array, Inputs, Signature, Tensor
from serinus_server.values import listed, shown, value_of


def decode(data: Any, signature: Signature, field: str) -> Inputs:
    """Turn rows into one array, or into an array per column where they are not all numbers.

    Args:
        data: A list of rows; a row is a list of values in the order of the columns, or an object of them.
        signature: Of a table.
        field: Where the rows were in the request.

    Raises:
        InvalidInputError: where a value does not fit.
    """
    if not isinstance(data, list) or not data:
        raise InvalidInputError(f"{shown(data)} is not a list of rows", field=field)
    if signature.matrix is not None and (array := _at_once(data, signature)) is not None:
        return array
    rows = list(_one_by_one(data, signature, field))
    if signature.matrix is not None:
        return np.array(rows, signature.matrix)
    return columnar(zip(*rows, strict=True), signature)


def columnar(columns: Any, signature: Signature) -> dict[str, Array]:
    """Turn the values of each column, in order, into arrays by name."""
    return {
        tensor.name: _column(list(values), tensor) for tensor, values in zip(signature.inputs, columns, strict=True)
    }


def _at_once(data: list[Any], signature: Signature) -> Array | None:
    """Let numpy read a table of plain numbers; None if it is anything else, right or wrong."""
    try:
        array = np.array(data)
    except (ValueError, OverflowError):  # ragged
        return None
    if array.ndim != 2 or array.shape[1] != len(signature.inputs) or array.dtype.kind not in "fiu":
        return None
    if not within(array, signature):
        return None
    return array.astype(signature.matrix, copy=False)


def within(array: Array, signature: Signature) -> bool:
    """Say whether each column of a table of numbers can hold its values; NaN and infinity never are in range."""
    least, largest, whole = signature.limits
    if not ((array >= least) & (array <= largest)).all():
        return False
    return not whole.any() or bool((np.trunc(array[:, whole]) == array[:, whole]).all())


def _one_by_one(data: list[Any], signature: Signature, field: str) -> Iterator[list[Any]]:
    for number, row in enumerate(data):
        yield [
            value_of(value, tensor, field=field, row=number, column=tensor.name)
            for value, tensor in zip(_ordered(row, signature, field, number), signature.inputs, strict=True)
        ]


def _ordered(row: Any, signature: Signature, field: str, number: int) -> list[Any]:
    """Return the values of a row in the order of the columns."""
    if isinstance(row, Mapping):
        if unknown := [name for name in row if name not in signature.names]:
            raise InvalidInputError(
                f"no such column; the model takes {listed(signature.names)}", field=field, row=number, column=unknown[0]
            )
        if missing := [column.name for column in signature.inputs if column.name not in row and not column.nullable]:
            raise InvalidInputError("is missing", field=field, row=number, column=missing[0])
        return [row.get(name) for name in signature.names]
    if not isinstance(row, list):
        raise InvalidInputError(
            f"{shown(row)} is not a row: a list of {len(signature.inputs)} values, or an object of columns, is",
            field=field,
            row=number,
        )
    if len(row) != len(signature.inputs):
        raise InvalidInputError(
            f"{len(row)} values; the model takes {len(signature.inputs)}: {listed(signature.names)}",
            field=field,
            row=number,
        )
    return row


def _column(values: list[Any], tensor: Tensor) -> Array:
    if tensor.datatype in ("BYTES", ANY):
        strings = any(isinstance(value, str) for value in values) or tensor.datatype == "BYTES"
        return np.array(values, np.object_ if strings else np.float64)
    return np.array(values, np.float64 if tensor.nullable else tensor.dtype)
