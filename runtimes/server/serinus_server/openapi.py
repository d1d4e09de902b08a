"""The OpenAPI document: it shows the model's own columns and types."""

from typing import Any

from serinus_server.served import Served
from serinus_server.settings import Settings
from serinus_server.signature import FREE, Signature, Tensor

_KINDS = {"BOOL": "boolean", "BYTES": "string"}


def document(settings: Settings, served: Served | None) -> dict[str, Any]:
    """Describe the routes; those that predict appear once the model is loaded."""
    name, version = settings.model_name, settings.model_version
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": name, "version": version},
        "paths": {path: {"get": _reply(told)} for path, told in _READ.items()},
    }
    if served is None:
        return found
    signature = served.signature
    outputs = ", ".join(signature.output_names)
    found["info"]["description"] = f"{served.platform}. Outputs: {outputs}; the first is given when none is named."
    data = _data(signature)
    wish = {"type": "array", "items": {"enum": list(signature.output_names)}}
    plain = {
        "anyOf": [
            {"type": "object", "required": ["data"], "properties": {"data": data, "outputs": wish}},
            data,
        ]
    }
    v1 = {"type": "object", "required": ["instances"], "properties": {"instances": data, "outputs": wish}}
    found["paths"] |= {
        "/predict": {"post": _predict("Rows in, a prediction each out", plain)},
        f"/v1/models/{name}:predict": {"post": _predict("The protocol v1", v1)},
        f"/v2/models/{name}/infer": {"post": _predict("The Open Inference Protocol", _tensors(signature))},
    }
    return found


_READ = {
    "/v2": "The server",
    "/v2/health/live": "Whether the process answers",
    "/v2/health/ready": "Whether the model is loaded and warmed",
    "/metrics": "Metrics for Prometheus",
}


def _reply(told: str) -> dict[str, Any]:
    return {"summary": told, "responses": {"200": {"description": "OK"}}}


def _predict(told: str, schema: dict[str, Any]) -> dict[str, Any]:
    codes = {"200": "The prediction", "400": "The input does not fit; the message names field, row and column"}
    return {
        "summary": told,
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {code: {"description": description} for code, description in codes.items()},
    }


def _data(signature: Signature) -> dict[str, Any]:
    """Describe what `data` and `instances` hold."""
    if signature.layout == "free":
        return {"type": "array", "description": "The model does not record what it takes."}
    if signature.layout == "table":
        row = {
            "type": "array",
            "prefixItems": [_value(column, titled=True) for column in signature.inputs],
            "minItems": len(signature.inputs),
            "maxItems": len(signature.inputs),
        }
        return {"type": "array", "items": {"anyOf": [row, _object(signature, _value)]}}
    if len(signature.inputs) == 1:
        return _nested(signature.inputs[0])
    return _object(signature, _nested)


def _object(signature: Signature, describe: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {tensor.name: describe(tensor) for tensor in signature.inputs},
        "required": [tensor.name for tensor in signature.inputs if not tensor.nullable],
        "additionalProperties": False,
    }


def _value(tensor: Tensor, *, titled: bool = False) -> dict[str, Any]:
    kind = _KINDS.get(tensor.datatype, "number" if tensor.datatype.startswith("FP") else "integer")
    kinds = ["number", "string"] if tensor.datatype == "ANY" else [kind]
    kinds += ["null"] * tensor.nullable
    found: dict[str, Any] = {"type": kinds if len(kinds) > 1 else kinds[0]}
    if tensor.datatype != "ANY":
        found["format"] = tensor.datatype
    return {"title": tensor.name, **found} if titled else found


def _nested(tensor: Tensor) -> dict[str, Any]:
    schema = _value(tensor)
    for length in reversed(tensor.shape):
        schema = {"type": "array", "items": schema}
        if length != FREE:
            schema |= {"minItems": length, "maxItems": length}
    return {"title": tensor.name, **schema}


def _tensors(signature: Signature) -> dict[str, Any]:
    entry = {
        "type": "object",
        "required": ["name", "shape", "datatype", "data"],
        "properties": {
            "name": {"type": "string", "examples": list(signature.names)},
            "shape": {"type": "array", "items": {"type": "integer"}},
            "datatype": {"type": "string"},
            "data": {"type": "array"},
        },
    }
    return {
        "type": "object",
        "required": ["inputs"],
        "properties": {"id": {"type": "string"}, "inputs": {"type": "array", "items": entry}},
    }
