#!/serve/bin/python
"""Stands in for TensorFlow Serving: its flags, its folders, its REST and gRPC contract, its counters.

What it calculates is no TensorFlow: `saved_model.pb` holds JSON, {"scale": 2.0, "offset": 1.0}, and the answer to x is
scale * x + offset. The messages are those of TensorFlow Serving's own client package.
"""

import argparse
import json
import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

COUNTER = ":tensorflow:serving:request_count"
OUTPUT = "outputs"


class MistakeError(ValueError):
    """A caller's; TensorFlow Serving calls it INVALID_ARGUMENT."""


class Model:
    """The newest version below a folder, and what was asked of it by status."""

    def __init__(self, name: str, base: Path) -> None:
        versions = sorted(int(path.name) for path in base.iterdir() if path.name.isdigit())
        self.name, self.version = name, versions[-1]
        self.paths = (f"/v1/models/{name}", f"/v1/models/{name}/versions/{self.version}")
        self._line = json.loads((base / str(self.version) / "saved_model.pb").read_text())
        self._lock = threading.Lock()
        self._asked: Counter[str] = Counter()

    def predict(self, values: Any) -> list[float]:
        """Calculate, and count how it ended."""
        try:
            found = [self._line["scale"] * float(value) + self._line["offset"] for value in values]
        except (KeyError, TypeError, ValueError) as error:
            broken = isinstance(error, KeyError)
            self._count("INTERNAL" if broken else "INVALID_ARGUMENT")
            raise (RuntimeError if broken else MistakeError)(str(error)) from error
        self._count("OK")
        return found

    def exposition(self) -> str:
        with self._lock:
            lines = [f'{COUNTER}{{model_name="{self.name}",status="{s}"}} {n}' for s, n in self._asked.items()]
        return "\n".join([f"# TYPE {COUNTER} counter", *lines, ""])

    def _count(self, status: str) -> None:
        with self._lock:
            self._asked[status] += 1


class Service(prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[misc]
    """The gRPC side."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        if request.model_spec.name != self._model.name:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {request.model_spec.name}")
        ((_, tensor),) = request.inputs.items()
        try:
            found = self._model.predict(tensor.float_val)
        except MistakeError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except RuntimeError as error:
            context.abort(grpc.StatusCode.INTERNAL, str(error))
        answer = predict_pb2.PredictResponse()
        answer.model_spec.name = self._model.name
        answer.model_spec.version.value = self._model.version
        output = answer.outputs[OUTPUT]
        output.dtype = types_pb2.DT_FLOAT
        output.tensor_shape.dim.add().size = len(found)
        output.float_val.extend(found)
        return answer


class Rest(ThreadingHTTPServer):
    """The REST side."""

    def __init__(self, port: int, model: Model, metrics: str) -> None:
        super().__init__(("0.0.0.0", port), Handler)  # noqa: S104 - a container's
        self.model, self.metrics = model, metrics


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Rest

    def do_GET(self) -> None:
        model = self.server.model
        if self.path == self.server.metrics:
            self._send(200, model.exposition(), "text/plain")
        elif self.path in model.paths:
            fine = {"error_code": "OK", "error_message": ""}
            state = {"version": str(model.version), "state": "AVAILABLE", "status": fine}
            self._json(200, {"model_version_status": [state]})
        else:
            self._json(404, {"error": f"Servable not found for request: {self.path}"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.removesuffix(":predict") in self.server.model.paths:
            self._json(*self._predicted(body))
        else:
            self._json(404, {"error": f"Servable not found for request: {self.path}"})

    def _predicted(self, body: bytes) -> tuple[int, Any]:
        try:
            asked = json.loads(body)
            rows = "instances" in asked
            found = self.server.model.predict(asked["instances" if rows else "inputs"])
        except (KeyError, json.JSONDecodeError, MistakeError) as error:
            return 400, {"error": f"JSON Value: {error}"}
        except RuntimeError as error:
            return 500, {"error": str(error)}
        return 200, {"predictions" if rows else "outputs": found}

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _json(self, code: int, body: Any) -> None:
        self._send(code, json.dumps(body), "application/json")

    def _send(self, code: int, text: str, kind: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


def main() -> None:
    parser = argparse.ArgumentParser()
    for flag, kind in (("port", int), ("rest_api_port", int), ("model_name", str), ("model_base_path", Path)):
        parser.add_argument(f"--{flag}", type=kind, required=True)
    parser.add_argument("--monitoring_config_file", type=Path)
    given = parser.parse_args()
    told = given.monitoring_config_file.read_text() if given.monitoring_config_file else ""
    path = re.search(r'prometheus_config \{ enable: true, path: "([^"]+)" \}', told)
    model = Model(given.model_name, given.model_base_path)
    server = grpc.server(ThreadPoolExecutor(8))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(model), server)
    server.add_insecure_port(f"0.0.0.0:{given.port}")
    server.start()
    Rest(given.rest_api_port, model, path[1] if path else "").serve_forever()


if __name__ == "__main__":
    main()
