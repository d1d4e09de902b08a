"""The Open Inference Protocol's `infer`: tensors by name, with type and shape."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from serinus_server import rows, tensors
from serinus_server.errors import InvalidInputError
from serinus_server.protocols import Call, Protocol, check_names, dumps, jsonable, outputs_of
from serinus_server.signature import DTYPES, Array, Inputs, Signature, Tensor, datatype
from serinus_server.values import shown


def decode(body: Any, signature: Signature) -> Call:
    """Read an inference request."""
    if not isinstance(body, dict) or not isinstance(body.get("inputs"), list) or not body["inputs"]:
        raise InvalidInputError(f"{shown(body)}: a list of tensors is wanted", field="inputs")
    given = {}
    for number, entry in enumerate(body["inputs"]):
        name, array = _tensor(entry, f"inputs[{number}]")
        given[name] = array
    wanted = body.get("outputs")
    if isinstance(wanted, list):
        wanted = [output.get("name") if isinstance(output, dict) else output for output in wanted]
    identity = body.get("id")
    return Call(
        _inputs(given, signature),
        outputs_of(wanted, signature, "outputs") if wanted else signature.output_names[:1],
        None if identity is None else str(identity),
    )


def _tensor(entry: Any, field: str) -> tuple[str, Array]:
    """Read one tensor; what it says of itself must be true."""
    if not isinstance(entry, dict):
        raise InvalidInputError(f"{shown(entry)} is not a tensor", field=field)
    for key in ("name", "shape", "datatype", "data"):
        if key not in entry:
            raise InvalidInputError("is missing", field=f"{field}.{key}")
    name, shape, kind = entry["name"], entry["shape"], entry["datatype"]
    if kind not in DTYPES:
        raise InvalidInputError(f"{shown(kind)} is none of {', '.join(DTYPES)}", field=f"{field}.datatype")
    if not isinstance(shape, list) or not all(isinstance(n, int) and n > 0 for n in shape) or not shape:
        raise InvalidInputError(f"{shown(shape)} is not a list of lengths from 1 on", field=f"{field}.shape")
    array = tensors.array_of(entry["data"], f"{field}.data")
    if array.size != int(np.prod(shape)):
        raise InvalidInputError(f"{array.size} values do not fill the shape {shape}", field=f"{field}.data")
    missing = array.dtype == object and any(value is None for value in array.ravel())
    return str(name), (array if missing else tensors.cast(array, kind, f"{field}.data")).reshape(shape)


def _inputs(given: Mapping[str, Array], signature: Signature) -> Inputs:
    if signature.layout == "free":
        return given
    only = next(iter(given.values()))
    if signature.layout == "table":
        if len(given) == 1 and only.ndim == 2 and (len(signature.inputs) > 1 or signature.names[0] not in given):
            return _matrix(only, signature)
        return _columns(given, signature)
    if len(given) == len(signature.inputs) == 1:  # its name does not matter
        return {signature.names[0]: tensors.fitted(only, signature.inputs[0], f"inputs.{next(iter(given))}")}
    check_names(given, signature.names, "inputs")
    return {t.name: tensors.fitted(given[t.name], t, f"inputs.{t.name}") for t in signature.inputs}


def _matrix(array: Array, signature: Signature) -> Inputs:
    """Take a table that came as one tensor [rows, columns]."""
    plain = signature.matrix is not None and array.dtype.kind in "iuf" and array.shape[1] == len(signature.inputs)
    if plain and rows.within(array, signature):
        return array.astype(signature.matrix, copy=False)
    return rows.decode(array.tolist(), signature, "inputs")


def _columns(given: Mapping[str, Array], signature: Signature) -> Inputs:
    """Take a table that came as a tensor per column, [rows] or [rows, 1]."""
    check_names(given, signature.names, "inputs")
    flat = {name: _flat(given[name], f"inputs.{name}") for name in signature.names}
    counts = {name: len(values) for name, values in flat.items()}
    if len(set(counts.values())) > 1:
        raise InvalidInputError(f"columns of different lengths: {counts}", field="inputs")
    return rows.decode([list(row) for row in zip(*flat.values(), strict=True)], signature, "inputs")


def _flat(array: Array, field: str) -> list[Any]:
    if array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1):
        values: list[Any] = array.ravel().tolist()
        return values
    raise InvalidInputError(f"its shape is {list(array.shape)}, a column has [rows] or [rows, 1]", field=field)


def encode(call: Call, outputs: Mapping[str, Array], name: str, version: str) -> bytes:
    """Write an inference response."""
    document: dict[str, Any] = {"model_name": name, "model_version": version}
    if call.id is not None:
        document["id"] = call.id
    document["outputs"] = [
        {
            "name": output,
            "shape": list(outputs[output].shape),
            "datatype": datatype(outputs[output].dtype),
            "data": jsonable(outputs[output].ravel()),
        }
        for output in call.outputs
    ]
    return dumps(document)


V2 = Protocol(decode, encode)


def described(signature: Signature) -> dict[str, Any]:
    """Return the metadata of inputs and outputs; a table whose columns have no names is one tensor."""
    inputs = signature.inputs
    if signature.matrix is not None and not signature.named:
        inputs = (Tensor(signature.whole, datatype(signature.matrix), (-1, len(inputs))),)
    return {"inputs": [_described(tensor) for tensor in inputs], "outputs": [_described(t) for t in signature.outputs]}


def _described(tensor: Tensor) -> dict[str, Any]:
    # The protocol has no word for a column of any type.
    kind = tensor.datatype if tensor.datatype in DTYPES else "BYTES"
    return {"name": tensor.name, "datatype": kind, "shape": list(tensor.shape)}
