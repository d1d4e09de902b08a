"""`/predict`: what people expect. Rows in, `{"prediction": [...]}` out."""

from collections.abc import Mapping
from typing import Any

from serinus_server.errors import InvalidInputError
from serinus_server.protocols import Call, Protocol, dumps, inputs_of, jsonable, only_keys, outputs_of
from serinus_server.signature import Array, Inputs, Signature
from serinus_server.values import shown


def decode(body: Any, signature: Signature) -> Call:
    """Read `{"data": ..., "outputs": [...]}`, or the data alone."""
    if isinstance(body, list):
        return Call(inputs_of(body, signature, "data"), signature.output_names[:1])
    if not isinstance(body, dict):
        raise InvalidInputError(f'{shown(body)}: send {{"data": [...]}} or a list of rows')
    only_keys(body, ("data", "outputs"))
    if "data" not in body:
        raise InvalidInputError("is missing", field="data")
    return Call(inputs_of(body["data"], signature, "data"), outputs_of(body.get("outputs"), signature, "outputs"))


def encode(call: Call, outputs: Mapping[str, Array], name: str, version: str) -> bytes:
    """Write the prediction: a list, or an object of lists where several outputs were asked for."""
    values = {output: jsonable(array) for output, array in outputs.items()}
    prediction = values if len(call.outputs) > 1 else values[call.outputs[0]]
    return dumps({"prediction": prediction, "model_name": name, "model_version": version})


def example(payload: Any, signature: Signature) -> Inputs:
    """Read the example that MLflow saves with a model, in the form of its scoring server.

    Raises:
        InvalidInputError: if it has another form, or does not fit.
    """
    if not isinstance(payload, dict) or len(payload) != 1:
        raise InvalidInputError(f"{shown(payload)} is no example that is known here")
    ((form, data),) = payload.items()
    if form == "dataframe_split":
        data = [dict(zip(data["columns"], row, strict=True)) if signature.named else row for row in data["data"]]
    return inputs_of(data, signature, form)


PLAIN = Protocol(decode, encode)
