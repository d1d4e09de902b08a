"""How callers speak: each protocol turns a JSON document into a call, and arrays into a reply."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from serinus_server import rows, tensors
from serinus_server.errors import InvalidInputError
from serinus_server.signature import Array, Inputs, Signature
from serinus_server.values import listed, shown


@dataclass(frozen=True)
class Call:
    """What is asked of the model.

    Attributes:
        inputs: As the signature says.
        outputs: Names of the outputs that are wanted.
        id: The caller's own name of the request, where the protocol has one.
    """

    inputs: Inputs
    outputs: tuple[str, ...]
    id: str | None = None

    @property
    def rows(self) -> int:
        """How many predictions are asked for."""
        return len(next(iter(self.inputs.values())) if isinstance(self.inputs, Mapping) else self.inputs)


@dataclass(frozen=True)
class Protocol:
    """A way to ask: `decode` raises InvalidInputError, `encode` gets the arrays and the model's name and version."""

    decode: Callable[[Any, Signature], Call]
    encode: Callable[[Call, Mapping[str, Array], str, str], bytes]


def inputs_of(data: Any, signature: Signature, field: str) -> Inputs:
    """Turn plain JSON into what the model takes.

    A table takes rows, each a list or an object of columns. A model of one tensor takes nested lists; a model of
    several takes an object of them, or a list of objects, an example each.
    """
    if signature.layout == "table":
        return rows.decode(data, signature, field)
    if isinstance(data, list) and not data:
        raise InvalidInputError("is empty", field=field)
    if signature.layout == "free":
        return {"input": tensors.array_of(data, field)}
    if isinstance(data, list) and isinstance(data[0], dict):
        data = _stacked(data, signature, field)
    if not isinstance(data, dict):
        if len(signature.inputs) > 1:
            raise InvalidInputError(
                f"the model takes several inputs: send an object of {listed(signature.names)}", field=field
            )
        data = {signature.names[0]: data}
    return named(data, signature, field)


def named(data: Mapping[str, Any], signature: Signature, field: str) -> dict[str, Array]:
    """Turn an object of nested lists into the model's tensors."""
    check_names(data, signature.names, field)
    return {
        tensor.name: tensors.fitted(
            tensors.array_of(data[tensor.name], f"{field}.{tensor.name}"), tensor, f"{field}.{tensor.name}"
        )
        for tensor in signature.inputs
    }


def check_names(given: Mapping[str, Any] | Sequence[str], wanted: Sequence[str], field: str) -> None:
    """Refuse inputs that the model does not have, and the lack of those that it needs."""
    if unknown := [name for name in given if name not in wanted]:
        raise InvalidInputError(f"no such input; the model takes {listed(wanted)}", field=f"{field}.{unknown[0]}")
    if missing := [name for name in wanted if name not in given]:
        raise InvalidInputError("is missing", field=f"{field}.{missing[0]}")


def _stacked(examples: list[Any], signature: Signature, field: str) -> dict[str, list[Any]]:
    for number, example in enumerate(examples):
        if not isinstance(example, dict):
            raise InvalidInputError(f"{shown(example)} is not an object like its neighbours", field=field, row=number)
        check_names(example, signature.names, f"{field}[{number}]")
    return {name: [example[name] for example in examples] for name in signature.names}


def outputs_of(wanted: Any, signature: Signature, field: str) -> tuple[str, ...]:
    """Return the names of the outputs that are asked for; without a wish, the model's first."""
    if not wanted:
        return signature.output_names[:1]
    if not isinstance(wanted, list):
        raise InvalidInputError(f"{shown(wanted)} is not a list of names", field=field)
    for name in wanted:
        if name not in signature.output_names:
            raise InvalidInputError(
                f"{shown(name)} is no output; the model has {listed(signature.output_names)}", field=field
            )
    return tuple(wanted)


def only_keys(body: Mapping[str, Any], allowed: Sequence[str]) -> None:
    """Refuse fields that mean nothing: a misspelt one would be ignored otherwise."""
    if unknown := [name for name in body if name not in allowed]:
        raise InvalidInputError(f"no such field; there are {listed(allowed)}", field=unknown[0])


def dumps(document: Mapping[str, Any]) -> bytes:
    """Write JSON; NaN becomes null."""
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def jsonable(array: Array) -> Any:
    """Return an array as orjson takes it."""
    if array.dtype.kind in "biuf":
        return np.ascontiguousarray(array)
    return array.tolist()
