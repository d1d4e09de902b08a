"""Columns: with names, with types by MLflow, in data frames, and read fast or slowly to the same end."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import models
from serinus_server import rows
from serinus_server.errors import InvalidInputError
from serinus_server.signature import Signature, Tensor
from serving import ROW, serve

MIXED = pd.DataFrame({"city": ["Ulm", "Bonn"] * 20, "size": range(40)})
COLUMNS = [{"type": "string", "name": "city"}, {"type": "long", "name": "size"}]


def pipeline(path: Path) -> Any:
    encoder = make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough")
    model = make_pipeline(encoder, LinearRegression()).fit(MIXED, MIXED["size"] + (MIXED["city"] == "Ulm") * 100)
    models.dumped(model, path)
    return model


def test_a_pipeline_that_picks_columns_by_name(tmp_path: Path) -> None:
    model = pipeline(path := tmp_path / "model.skops")
    client = serve(path)
    expected = pytest.approx(model.predict(MIXED[:2]).tolist())
    for body in ([["Ulm", 0], ["Bonn", 1]], [{"size": 0, "city": "Ulm"}, {"city": "Bonn", "size": 1}]):
        assert client.post("/predict", json=body).json()["prediction"] == expected
    tensors = [
        {"name": "size", "shape": [2], "datatype": "INT64", "data": [0, 1]},
        {"name": "city", "shape": [2, 1], "datatype": "BYTES", "data": ["Ulm", "Bonn"]},
    ]
    answer = client.post("/v2/models/iris/infer", json={"inputs": tensors}).json()
    assert answer["outputs"][0]["data"] == expected
    tensors[0]["data"], tensors[0]["shape"] = [0], [1]
    assert (
        "columns of different lengths" in client.post("/v2/models/iris/infer", json={"inputs": tensors}).json()["error"]
    )


def test_a_model_that_fails_is_a_500(tmp_path: Path) -> None:
    pipeline(path := tmp_path / "model.skops")
    answer = serve(path).post("/predict", json=[["Paris", 1]])
    assert answer.status_code == 500
    assert "the model failed: ValueError: Found unknown categories" in answer.json()["error"]


def test_the_signature_of_mlflow(tmp_path: Path) -> None:
    pipeline(tmp_path / "model.skops")
    flavour = {"python_function": {}, "sklearn": {"pickled_model": "model.skops"}}
    example = {"dataframe_split": {"columns": ["size", "city"], "data": [[3, "Ulm"]]}}
    client = serve(models.of_mlflow(tmp_path, "model.skops", flavour, COLUMNS, example))
    assert client.get("/v2/models/iris").json()["inputs"] == [
        {"name": "city", "datatype": "BYTES", "shape": [-1]},
        {"name": "size", "datatype": "INT64", "shape": [-1]},
    ]
    assert client.post("/predict", json=[["Ulm", 3]]).status_code == 200
    for row, told in (
        ([3, 3], "column 'city': 3 is not a string"),
        (["Ulm", 0.5], "column 'size': 0.5 is not a whole number"),
    ):
        answer = client.post("/predict", json=[row])
        assert answer.status_code == 400
        assert told in answer.json()["error"]
    row = client.get("/openapi.json").json()["paths"]["/v1/models/iris:predict"]["post"]["requestBody"]["content"]
    item = row["application/json"]["schema"]["properties"]["instances"]["items"]["anyOf"][1]
    assert item["properties"] == {
        "city": {"type": "string", "format": "BYTES"},
        "size": {"type": "integer", "format": "INT64"},
    }


def test_a_model_that_fails_on_its_own_example_is_not_served(tmp_path: Path) -> None:
    pipeline(tmp_path / "model.skops")
    flavour = {"sklearn": {"pickled_model": "model.skops"}}
    folder = models.of_mlflow(
        tmp_path, "model.skops", flavour, COLUMNS, {"dataframe_records": [{"city": "Rom", "size": 1}]}
    )
    with pytest.raises(Exception, match="fails on the example saved with it"):
        serve(folder)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("flavors: [", "cannot be read as MLflow's description"),
        ("flavors: {}", "has the flavours ; served are sklearn"),
        ("flavors: {sklearn: {pickled_model: gone.pkl}}", "names gone.pkl, which is not there"),
        (
            json.dumps({"flavors": {"sklearn": {"pickled_model": "model.skops"}}, "signature": {"inputs": "["}}),
            "its signature cannot be read",
        ),
    ],
)
def test_a_broken_mlmodel(tmp_path: Path, text: str, told: str) -> None:
    models.dumped(models.linear(), tmp_path / "model.skops")
    (tmp_path / "MLmodel").write_text(text)
    with pytest.raises(Exception, match=told):
        serve(tmp_path)


def test_columns_with_names_need_no_data_frame(tmp_path: Path) -> None:
    frame = pd.DataFrame(np.random.default_rng(1).random((40, 2)), columns=["a", "b"])
    model = LogisticRegression().fit(frame, frame["a"] > frame["b"])
    client = serve(models.dumped(model, tmp_path / "model.skops"))
    assert client.post("/predict", json=[{"b": 0.1, "a": 0.9}, [0.1, 0.9]]).json()["prediction"] == [True, False]


def test_a_missing_value_where_the_model_takes_one(tmp_path: Path) -> None:
    features = np.array([[1.0, np.nan], [2.0, 3.0]] * 20)
    model = HistGradientBoostingRegressor(max_iter=3).fit(features, features[:, 0])
    client = serve(models.dumped(model, tmp_path / "model.skops"))
    expected = model.predict([[1.0, np.nan]]).tolist()
    assert client.post("/predict", json=[[1, None]]).json()["prediction"] == pytest.approx(expected)


def test_a_model_of_texts(tmp_path: Path) -> None:
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["good day", "bad night"] * 5, [1, 0] * 5)
    client = serve(models.dumped(model, tmp_path / "model.skops"))
    assert client.post("/predict", json=["a good one", "bad"]).json()["prediction"] == [1, 0]


def test_a_large_batch_runs_in_a_thread_and_comes_back_whole(iris: Path) -> None:
    found = serve(iris).post("/predict", json=[ROW] * 5000).json()["prediction"]
    assert found == [0] * 5000


TABLE = Signature("table", (Tensor("a", "FP64"), Tensor("b", "FP32"), Tensor("c", "INT32")))
NUMBERS = st.one_of(st.integers(-(2**40), 2**40), st.floats(), st.booleans(), st.sampled_from([1e39, 0.5, 2**31]))


@given(st.lists(st.lists(st.one_of(NUMBERS, st.none(), st.text()), min_size=2, max_size=4), min_size=1, max_size=4))
def test_reading_fast_and_slowly_is_the_same(data: list[list[Any]]) -> None:
    """What numpy reads at once is what goes through value by value; what it does not, is refused with a place."""
    fast = rows._at_once(data, TABLE)
    try:
        slow = np.array(list(rows._one_by_one(data, TABLE, "data")), np.float64)
    except InvalidInputError:
        assert fast is None
        return
    assert fast is None or np.array_equal(fast, slow)
    assert np.array_equal(rows.decode(data, TABLE, "data"), slow)
