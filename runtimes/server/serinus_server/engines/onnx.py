"""ONNX Runtime on the CPU."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# Since 1.29 its wheels tell their maker of each model that is loaded, names and hashes included. It is read at the import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime

from serinus_server.engines import Options, graph
from serinus_server.errors import StartupError
from serinus_server.mlflow import signature_of
from serinus_server.signature import FREE, Array, Inputs, Tensor
from serinus_server.source import Source

_TYPES = {
    "bool": "BOOL",
    "double": "FP64",
    "float": "FP32",
    "float16": "FP16",
    "string": "BYTES",
    **{f"{sign}int{bits}": f"{sign.upper()}INT{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}


class OnnxEngine:
    """A session; sessions run side by side."""

    def __init__(self, session: Any, source: Source) -> None:
        self._session = session
        self._inputs = [_tensor(node) for node in session.get_inputs()]
        outputs = [_output(node) for node in session.get_outputs()]
        self.signature = graph.signature(self._inputs, outputs, signature_of(source.notes))

    def predict(self, inputs: Inputs, outputs: Sequence[str]) -> Mapping[str, Array]:
        """Run the graph."""
        found = self._session.run(list(outputs), graph.feed(inputs, self._inputs))
        return {name: _array(value) for name, value in zip(outputs, found, strict=True)}


def load(source: Source, options: Options) -> OnnxEngine:
    """Load a graph.

    Raises:
        StartupError: if it takes what no protocol here can bring.
    """
    told = onnxruntime.SessionOptions()
    told.intra_op_num_threads = options.threads
    told.inter_op_num_threads = 1
    told.log_severity_level = 3  # errors
    return OnnxEngine(onnxruntime.InferenceSession(source.path, told, ["CPUExecutionProvider"]), source)


def _tensor(node: Any) -> Tensor:
    kind = _TYPES.get(node.type.removeprefix("tensor(").removesuffix(")"))
    if kind is None:
        raise StartupError(f"its input {node.name!r} is a {node.type}; served are tensors of {', '.join(_TYPES)}")
    return Tensor(node.name, kind, tuple(length if isinstance(length, int) else FREE for length in node.shape))


def _output(node: Any) -> Tensor:
    # Sequences of maps are what converters of classifiers write as probabilities.
    return _tensor(node) if node.type.startswith("tensor(") else Tensor(node.name, "FP32", (FREE, FREE))


def _array(value: Any) -> Array:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return np.array([list(row.values()) for row in value])
    return np.asarray(value)
