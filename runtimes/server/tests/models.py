"""Models made by the libraries that people make them with."""

import json
from pathlib import Path
from typing import Any

import graph  # that of examples/litert
import numpy as np
import onnx
import skops.io
import yaml
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
    """Write the linear model as a TensorFlow Lite graph, as the example does: the probabilities.

    Args:
        path: Where to.
        batch: Rows at a time; -1 for any.
        signed: Whether the graph has a signature with names of its own.
    """
    model = linear()
    network = graph.network([(model.coef_.T, model.intercept_)], "features", "probabilities")
    for tensor in network.subgraphs[0].tensors:
        tensor.name = f"serving_default_{tensor.name}:0"  # as converters have it
        tensor.shapeSignature = [batch if length == -1 else length for length in tensor.shapeSignature]
    if not signed:
        network.signatureDefs = []
    path.write_bytes(graph.packed(network))
    return path


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
