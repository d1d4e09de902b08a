"""The signature that MLflow notes in a model's MLmodel."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from serinus_server.errors import StartupError
from serinus_server.signature import DTYPES, Signature, Tensor, datatype

_TYPES = {
    "boolean": "BOOL",
    "integer": "INT32",
    "long": "INT64",
    "float": "FP32",
    "double": "FP64",
    "string": "BYTES",
    "datetime": "BYTES",
}


def signature_of(notes: Mapping[str, Any]) -> Signature | None:
    """Return the signature that is noted, or None.

    Raises:
        StartupError: if it is noted in a way that cannot be read or served.
    """
    noted = notes.get("signature")
    if not noted or not noted.get("inputs"):
        return None
    try:
        inputs = json.loads(noted["inputs"])
        if all(entry.get("type") == "tensor" for entry in inputs):
            return _tensors(inputs)
        return Signature(
            "table", tuple(_column(entry, number) for number, entry in enumerate(inputs)), (), _named(inputs)
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StartupError(f"MLmodel: its signature cannot be read: {error!r}") from error


def _named(inputs: list[dict[str, Any]]) -> bool:
    return all("name" in entry for entry in inputs)


def _column(entry: dict[str, Any], number: int) -> Tensor:
    kind = _TYPES.get(entry["type"])
    if kind is None:
        raise StartupError(
            f"MLmodel: column {entry.get('name')!r} has the type {entry['type']!r}; served are {', '.join(_TYPES)}"
        )
    return Tensor(str(entry.get("name", f"x{number}")), kind, nullable=not entry.get("required", True))


def _tensors(inputs: list[dict[str, Any]]) -> Signature:
    made = []
    for number, entry in enumerate(inputs):
        spec = entry["tensor-spec"]
        kind = datatype(np.dtype(spec["dtype"]))
        made.append(Tensor(str(entry.get("name", f"input-{number}")), kind, tuple(spec["shape"])))
    only = made[0]
    if len(made) == 1 and len(only.shape) == 2 and only.shape[1] > 0 and DTYPES[only.datatype].kind in "fiu":
        return Signature("table", tuple(Tensor(f"x{n}", only.datatype) for n in range(only.shape[1])), (), named=False)
    return Signature("tensors", tuple(made))
