"""LiteRT, the runtime of TensorFlow Lite models."""

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from serinus_server.engines import Options, graph
from serinus_server.mlflow import signature_of
from serinus_server.signature import FREE, Array, Inputs, Tensor, datatype
from serinus_server.source import Source


class LitertEngine:
    """An interpreter; it runs one call at a time."""

    def __init__(self, interpreter: Any, source: Source) -> None:
        self._interpreter = interpreter
        self._lock = Lock()
        signatures = interpreter.get_signature_list()
        key = "serving_default" if "serving_default" in signatures else next(iter(signatures), None)
        self._runner = interpreter.get_signature_runner(key) if key else None
        found, given = self._details()
        self._places = {name: detail["index"] for name, detail in {**found, **given}.items()}
        tensors = [_tensor(name, detail) for name, detail in found.items()]
        # Most converters write a batch of one. More rows are then run one after the other.
        self._single = all(tensor.shape[:1] == (1,) for tensor in tensors)
        self._inputs = [Tensor(t.name, t.datatype, (FREE, *t.shape[1:])) if self._single else t for t in tensors]
        outputs = [_tensor(name, detail) for name, detail in given.items()]
        self.signature = graph.signature(self._inputs, outputs, signature_of(source.notes))

    def predict(self, inputs: Inputs, outputs: Sequence[str]) -> Mapping[str, Array]:
        """Run the graph."""
        fed = graph.feed(inputs, self._inputs)
        rows = len(next(iter(fed.values())))
        with self._lock:
            if not self._single or rows == 1:
                found = [self._run(fed)]
            else:
                found = [self._run({name: array[row : row + 1] for name, array in fed.items()}) for row in range(rows)]
        return {name: np.concatenate([part[name] for part in found]) for name in outputs}

    def _details(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what is known of inputs and outputs, by name."""
        if self._runner is not None:
            return self._runner.get_input_details(), self._runner.get_output_details()
        listed = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        found, given = ({detail["name"]: detail for detail in details} for details in listed)
        return found, given

    def _run(self, fed: Mapping[str, Array]) -> dict[str, Array]:
        if self._runner is not None:
            results: dict[str, Array] = self._runner(**fed)
            return results
        for name, array in fed.items():
            self._interpreter.resize_tensor_input(self._places[name], array.shape)
        self._interpreter.allocate_tensors()
        for name, array in fed.items():
            self._interpreter.set_tensor(self._places[name], array)
        self._interpreter.invoke()
        names = self.signature.output_names
        return {name: self._interpreter.get_tensor(self._places[name]) for name in names}


def load(source: Source, options: Options) -> LitertEngine:
    """Load a graph."""
    interpreter = Interpreter(str(source.path), num_threads=options.threads)
    interpreter.allocate_tensors()
    return LitertEngine(interpreter, source)


def _tensor(name: str, detail: Mapping[str, Any]) -> Tensor:
    shape = detail.get("shape_signature", detail["shape"])
    lengths = shape if len(shape) else detail["shape"]
    return Tensor(name, datatype(np.dtype(detail["dtype"])), tuple(int(length) for length in lengths))
