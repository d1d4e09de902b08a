"""ONNX and TensorFlow Lite graphs: the same flowers, the same answers as the model they were made from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models
from serving import ROW, serve

OTHER = [6.3, 3.3, 6.0, 2.5]
EXPECTED = models.linear().predict_proba([ROW, OTHER])

GRAPHS: dict[str, Callable[[Path], Path]] = {
    "any batch": lambda folder: models.as_tflite(folder / "model.tflite"),
    "one at a time": lambda folder: models.as_tflite(folder / "model.tflite", batch=1),
    "without a signature": lambda folder: models.as_tflite(folder / "model.tflite", signed=False),
    "one at a time, without a signature": lambda folder: models.as_tflite(
        folder / "model.tflite", batch=1, signed=False
    ),
}


@pytest.mark.parametrize("made", GRAPHS.values(), ids=GRAPHS)
def test_tflite_predicts_what_the_original_does(tmp_path: Path, made: Callable[[Path], Path]) -> None:
    client = serve(made(tmp_path))
    for rows in ([ROW, OTHER], [OTHER], [ROW, OTHER]):
        found = client.post("/predict", json=rows).json()["prediction"]
        assert np.allclose(found, EXPECTED[-len(rows) :], atol=1e-5)


def test_tflite_tells_its_own_names(tmp_path: Path) -> None:
    found = serve(models.as_tflite(tmp_path / "model.tflite")).get("/v2/models/iris").json()
    assert found["inputs"] == [{"name": "features", "datatype": "FP32", "shape": [-1, 4]}]
    assert found["outputs"] == [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]}]


def test_onnx_predicts_what_the_original_does(tmp_path: Path) -> None:
    client = serve(models.as_onnx(tmp_path / "model.onnx"))
    body = {"data": [ROW, OTHER], "outputs": ["label", "probabilities"]}
    found = client.post("/predict", json=body).json()["prediction"]
    assert found["label"] == [0, 2]
    assert np.allclose(found["probabilities"], EXPECTED, atol=1e-5)
    assert client.get("/v2/models/iris").json()["inputs"] == [
        {"name": "features", "datatype": "FP32", "shape": [-1, 4]}
    ]


def test_a_graph_of_a_fixed_batch_takes_no_other(tmp_path: Path) -> None:
    client = serve(models.as_onnx(tmp_path / "model.onnx", batch=1))
    assert client.post("/predict", json=[ROW]).json()["prediction"] == [0]
    answer = client.post("/predict", json=[ROW, OTHER])
    assert answer.status_code == 400
    assert "its shape is [2, 4], the model takes [1, 4]" in answer.json()["error"]


def test_a_graph_with_an_input_a_column_takes_rows(tmp_path: Path) -> None:
    client = serve(models.by_column(tmp_path / "model.onnx"))
    body = {"data": [[41, "Ulm"], {"city": "Köln", "age": 6}], "outputs": ["older", "where"]}
    assert client.post("/predict", json=body).json()["prediction"] == {
        "older": [[42], [7]],
        "where": [["Ulm"], ["Köln"]],
    }
    for wrong, told in (
        ([[1.5, "x"]], "column 'age': 1.5 is not a whole number (INT64)"),
        ([[1, 2]], "column 'city': 2 is not a string"),
    ):
        answer = client.post("/predict", json=wrong)
        assert answer.status_code == 400
        assert told in answer.json()["error"]


def test_a_graph_with_an_input_a_column_takes_tensors(tmp_path: Path) -> None:
    client = serve(models.by_column(tmp_path / "model.onnx"))
    age = {"name": "age", "shape": [2, 1], "datatype": "INT64", "data": [41, 6]}
    city = {"name": "city", "shape": [2], "datatype": "BYTES", "data": ["Ulm", "Köln"]}
    body = {"inputs": [age, city], "outputs": [{"name": "where"}, {"name": "older"}]}
    outputs = client.post("/v2/models/iris/infer", json=body).json()["outputs"]
    assert outputs == [
        {"name": "where", "shape": [2, 1], "datatype": "BYTES", "data": ["Ulm", "Köln"]},
        {"name": "older", "shape": [2, 1], "datatype": "INT64", "data": [42, 7]},
    ]


IMAGE, OFFSET = [[1, 2], [3, 4]], [[10, 20]]
SUM = [[[11.0, 22.0], [13.0, 24.0]]]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", {"data": {"image": [IMAGE], "offset": [OFFSET]}}),
        ("/predict", {"data": [{"image": IMAGE, "offset": OFFSET}]}),
        ("/v1/models/iris:predict", {"instances": [{"image": IMAGE, "offset": OFFSET}]}),
    ],
)
def test_several_tensors(tmp_path: Path, path: str, body: dict[str, Any]) -> None:
    answer = serve(models.two_inputs(tmp_path / "model.onnx")).post(path, json=body).json()
    assert (answer.get("prediction") or answer.get("predictions")) == SUM


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([IMAGE], "the model takes several inputs: send an object of image, offset"),
        ({"image": [IMAGE]}, "data.offset: is missing"),
        (
            {"image": [IMAGE], "offset": [OFFSET], "ofset": []},
            "data.ofset: no such input; the model takes image, offset",
        ),
        (
            {"image": [[[1, 2], [3]]], "offset": [OFFSET]},
            "data.image: ragged: 1 values at [0, 1], its neighbours hold 2 values",
        ),
        ({"image": [[[1, 2], [3, "x"]]], "offset": [OFFSET]}, "data.image: 'x' at [0, 1, 1] is not a number"),
        ({"image": [[[1, 2], [3, None]]], "offset": [OFFSET]}, "data.image: null at [0, 1, 1] is not a number"),
        (
            {"image": [[[1, 2], [3, 1e300]]], "offset": [OFFSET]},
            "data.image: 1e+300 at [0, 1, 1] is out of the range of FP32",
        ),
        ({"image": [[1, 2]], "offset": [OFFSET]}, "data.image: its shape is [1, 2], the model takes [any, 2, 2]"),
        ([], "data: is empty"),
        ([{"image": IMAGE, "offset": OFFSET}, 3], "data, row 1: 3 is not an object like its neighbours"),
        ([{"image": IMAGE}], "data[0].offset: is missing"),
        ({"image": 3, "offset": [OFFSET]}, "data.image: 3 is not a list"),
    ],
)
def test_a_wrong_tensor_is_told_with_its_place(tmp_path: Path, data: object, told: str) -> None:
    answer = serve(models.two_inputs(tmp_path / "model.onnx")).post("/predict", json={"data": data})
    assert answer.status_code == 400
    assert told in answer.json()["error"]
