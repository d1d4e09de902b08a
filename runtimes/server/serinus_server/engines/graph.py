"""What ONNX and TensorFlow Lite graphs have in common: inputs with names, types and shapes."""

from collections.abc import Mapping, Sequence

import numpy as np

from serinus_server.signature import DTYPES, FREE, Array, Inputs, Signature, Tensor, columns


def signature(inputs: Sequence[Tensor], outputs: Sequence[Tensor], noted: Signature | None) -> Signature:
    """Read a graph's inputs as callers see them.

    One input [any, n] of floating-point numbers is a table of n columns; inputs [any, 1] are a table with a column each.
    All else are tensors. Names of columns are those that MLflow noted, if it did.
    """
    if _matrix(inputs):
        count, kind = inputs[0].shape[1], inputs[0].datatype
        if noted and noted.layout == "table" and len(noted.inputs) == count:
            return Signature("table", noted.inputs, tuple(outputs), noted.named)
        return Signature("table", columns(count, kind), tuple(outputs), named=False, whole=inputs[0].name)
    if len(inputs) > 1 and all(tensor.shape == (FREE, 1) for tensor in inputs):
        return Signature("table", tuple(Tensor(tensor.name, tensor.datatype) for tensor in inputs), tuple(outputs))
    return Signature("tensors", tuple(inputs), tuple(outputs))


def feed(given: Inputs, inputs: Sequence[Tensor]) -> dict[str, Array]:
    """Turn what callers gave into what the graph takes."""
    if _matrix(inputs):
        table = given if not isinstance(given, Mapping) else np.stack(list(given.values()), axis=1)
        return {inputs[0].name: np.ascontiguousarray(table, inputs[0].dtype)}
    if not isinstance(given, Mapping):
        given = {tensor.name: given[:, place] for place, tensor in enumerate(inputs)}
    return {tensor.name: _shaped(given[tensor.name], tensor) for tensor in inputs}


def _shaped(array: Array, tensor: Tensor) -> Array:
    shape = array.shape if array.ndim == len(tensor.shape) else (-1, 1)
    return np.ascontiguousarray(array.reshape(shape), tensor.dtype)


def _matrix(inputs: Sequence[Tensor]) -> bool:
    only = inputs[0]
    two = len(inputs) == 1 and len(only.shape) == 2 and only.shape[0] == FREE and only.shape[1] > 0
    return two and DTYPES[only.datatype].kind == "f"
