"""Models made by the libraries that people make them with."""

import json
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import onnx
import skops.io
import yaml
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

COLUMNS = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]


def linear() -> LogisticRegression:
    """Classes of iris by a linear model, which other formats can hold as well."""
    features, target = load_iris(return_X_y=True)
    return LogisticRegression(max_iter=500).fit(features, target)


def as_onnx(path: Path, *, batch: int | str = "rows") -> Path:
    """Write the linear model as an ONNX graph: the classes, and their probabilities."""
    model = linear()
    nodes = [
        helper.make_node("Gemm", ["features", "weights", "bias"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0),
    ]
    constants = [
        numpy_helper.from_array(model.coef_.T.astype(np.float32), "weights"),
        numpy_helper.from_array(model.intercept_.astype(np.float32), "bias"),
    ]
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, [batch, 4])]
    outputs = [
        helper.make_tensor_value_info("label", TensorProto.INT64, [batch]),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [batch, 3]),
    ]
    return _written(helper.make_graph(nodes, "iris", inputs, outputs, constants), path)


def two_inputs(path: Path) -> Path:
    """Write an ONNX graph that adds a matrix and a vector of each example."""
    inputs = [
        helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 2, 2]),
        helper.make_tensor_value_info("offset", TensorProto.FLOAT, ["n", 1, 2]),
    ]
    outputs = [helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["n", 2, 2])]
    return _written(
        helper.make_graph([helper.make_node("Add", ["image", "offset"], ["sum"])], "add", inputs, outputs), path
    )


def by_column(path: Path) -> Path:
    """Write an ONNX graph with an input for each column, as converters of pipelines do."""
    inputs = [
        helper.make_tensor_value_info("age", TensorProto.INT64, ["n", 1]),
        helper.make_tensor_value_info("city", TensorProto.STRING, ["n", 1]),
    ]
    outputs = [
        helper.make_tensor_value_info("older", TensorProto.INT64, ["n", 1]),
        helper.make_tensor_value_info("where", TensorProto.STRING, ["n", 1]),
    ]
    nodes = [helper.make_node("Add", ["age", "one"], ["older"]), helper.make_node("Identity", ["city"], ["where"])]
    one = [numpy_helper.from_array(np.array([1], np.int64), "one")]
    return _written(helper.make_graph(nodes, "columns", inputs, outputs, one), path)


def _written(graph: Any, path: Path) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def as_tflite(path: Path, *, batch: int = -1, signed: bool = True) -> Path:
    """Write the linear model as a TensorFlow Lite graph, as its schema says: the probabilities.

    Args:
        path: Where to.
        batch: Rows at a time; -1 for any.
        signed: Whether the graph has a signature with names of its own.
    """
    model = linear()
    built = schema.ModelT()
    built.version = 3
    built.operatorCodes = [_code(schema.BuiltinOperator.FULLY_CONNECTED), _code(schema.BuiltinOperator.SOFTMAX)]
    weights, bias = model.coef_.astype(np.float32), model.intercept_.astype(np.float32)
    built.buffers = [_buffer(b""), _buffer(weights.tobytes()), _buffer(bias.tobytes())]
    part = schema.SubGraphT()
    part.tensors = [
        _tensor("serving_default_features:0", [batch, 4], 0),
        _tensor("weights", [3, 4], 1),
        _tensor("bias", [3], 2),
        _tensor("scores", [batch, 3], 0),
        _tensor("StatefulPartitionedCall:0", [batch, 3], 0),
    ]
    part.inputs, part.outputs = [0], [4]
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 1.0
    part.operators = [
        _operator(0, [0, 1, 2], [3], schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT()),
        _operator(1, [3], [4], schema.BuiltinOptions.SoftmaxOptions, softmax),
    ]
    built.subgraphs = [part]
    if signed:
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = "serving_default", 0
        signature.inputs, signature.outputs = [_named("features", 0)], [_named("probabilities", 4)]
        built.signatureDefs = [signature]
    builder = flatbuffers.Builder(1024)
    builder.Finish(built.Pack(builder), b"TFL3")
    path.write_bytes(builder.Output())
    return path


def _code(operator: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = operator
    code.version = 1
    return code


def _buffer(data: bytes) -> Any:
    made = schema.BufferT()
    made.data = np.frombuffer(data, np.uint8) if data else None
    return made


def _tensor(name: str, shape: list[int], buffer: int) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.type, tensor.buffer = name, schema.TensorType.FLOAT32, buffer
    tensor.shape = [abs(length) for length in shape]
    tensor.shapeSignature = shape
    return tensor


def _operator(code: int, inputs: list[int], outputs: list[int], kind: int, options: Any) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, inputs, outputs
    operator.builtinOptionsType, operator.builtinOptions = kind, options
    return operator


def _named(name: str, tensor: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, tensor
    return entry


def of_mlflow(
    folder: Path, file: str, flavour: dict[str, Any], inputs: list[dict[str, Any]], example: Any = None
) -> Path:
    """Write an MLmodel beside a model's file, as MLflow does."""
    notes: dict[str, Any] = {"flavors": flavour, "signature": {"inputs": json.dumps(inputs)}, "model_uuid": "0"}
    if example is not None:
        notes["saved_input_example_info"] = {"serving_input_path": "serving_input_example.json"}
        (folder / "serving_input_example.json").write_text(json.dumps(example))
    (folder / "MLmodel").write_text(yaml.safe_dump(notes))
    assert (folder / file).exists()
    return folder


def dumped(estimator: Any, path: Path) -> Path:
    """Write an estimator with skops."""
    skops.io.dump(estimator, path)
    return path
