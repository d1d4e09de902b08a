"""A gRPC client with steady load, by the packages that the servers' makers publish.

It is run with what e2e/images/tensorflow-serving/requirements.txt names, for so many calls or as long as its stdin is
open, and prints how often each status was answered, what was said of errors, and the first answer of each version.

    python grpc_client.py {infer,predict} --target 127.0.0.1:8080 --authority iris.example.com --model iris --calls 20
"""

import argparse
import json
import sys
import threading
import time
from collections import Counter
from typing import Any

import grpc


def infer(channel: Any, model: str) -> Any:
    """Ask the Open Inference Protocol's ModelInfer by Triton's client."""
    from tritonclient.grpc import service_pb2, service_pb2_grpc

    request = service_pb2.ModelInferRequest(model_name=model)
    given = request.inputs.add(name="rows", datatype="FP64", shape=[1, 4])
    given.contents.fp64_contents.extend([5.1, 3.5, 1.4, 0.2])
    answer = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(request, timeout=10)
    return {
        "model": answer.model_name,
        "version": answer.model_version,
        "outputs": list(answer.outputs[0].contents.int64_contents),
    }


def predict(channel: Any, model: str) -> Any:
    """Ask TensorFlow Serving's Predict by its own client."""
    from tensorflow.core.framework import types_pb2
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    given = request.inputs["inputs"]
    given.dtype = types_pb2.DT_FLOAT
    given.tensor_shape.dim.add().size = 2
    given.float_val.extend([1.0, 2.0])
    answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=10)
    version = answer.model_spec.version.value
    return {
        "model": answer.model_spec.name,
        "version": str(version),
        "outputs": list(answer.outputs["outputs"].float_val),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("call", choices=["infer", "predict"])
    for name in ("target", "authority", "model"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--calls", type=int)
    given = parser.parse_args()
    call = infer if given.call == "infer" else predict
    ended = threading.Event()
    if given.calls is None:
        threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    statuses: Counter[str] = Counter()
    errors: dict[str, list[str]] = {}
    versions: dict[str, Any] = {}
    with grpc.insecure_channel(given.target, [("grpc.default_authority", given.authority)]) as channel:
        due = time.monotonic()
        while not ended.is_set() and statuses.total() != given.calls:
            try:
                answer = call(channel, given.model)
                versions.setdefault(answer["version"], answer)
                statuses["OK"] += 1
            except grpc.RpcError as error:
                code, words = error.code().name, error.details()
                statuses[code] += 1
                if words not in errors.setdefault(code, []):
                    errors[code].append(words)
            due += 1 / given.rate
            ended.wait(max(0.0, due - time.monotonic()))
    print(json.dumps({"statuses": statuses, "errors": errors, "versions": versions}))


if __name__ == "__main__":
    main()
