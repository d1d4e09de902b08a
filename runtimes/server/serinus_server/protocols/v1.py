"""`/v1/models/NAME:predict`, as TensorFlow Serving began it: `{"instances": [...]}` in, `{"predictions": [...]}` out."""

from collections.abc import Mapping
from typing import Any

from serinus_server.errors import InvalidInputError
from serinus_server.protocols import Call, Protocol, dumps, inputs_of, jsonable, only_keys, outputs_of
from serinus_server.signature import Array, Signature
from serinus_server.values import shown


def decode(body: Any, signature: Signature) -> Call:
    """Read the instances: rows, objects of columns, or examples."""
    if not isinstance(body, dict):
        raise InvalidInputError(f'{shown(body)}: send {{"instances": [...]}}')
    only_keys(body, ("instances", "outputs", "signature_name"))
    if "instances" not in body:
        raise InvalidInputError("is missing", field="instances")
    inputs = inputs_of(body["instances"], signature, "instances")
    return Call(inputs, outputs_of(body.get("outputs"), signature, "outputs"))


def encode(call: Call, outputs: Mapping[str, Array], _name: str, _version: str) -> bytes:
    """Write a prediction per instance; an object of outputs each where several were asked for."""
    if len(call.outputs) == 1:
        return dumps({"predictions": jsonable(outputs[call.outputs[0]])})
    lists = [outputs[output].tolist() for output in call.outputs]
    return dumps({"predictions": [dict(zip(call.outputs, values, strict=True)) for values in zip(*lists, strict=True)]})


V1 = Protocol(decode, encode)
