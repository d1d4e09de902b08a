"""Three protocols on one scikit-learn model: what goes in, what comes out."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from serving import ROW, serve

V2 = {"name": "rows", "shape": [2, 4], "datatype": "FP64", "data": [ROW, ROW]}


@pytest.mark.parametrize("body", [{"data": [ROW, ROW]}, [ROW, ROW]])
def test_plain(iris: Path, body: object) -> None:
    answer = serve(iris, model_version="7").post("/predict", json=body)
    assert answer.status_code == 200
    assert answer.json() == {"prediction": [0, 0], "model_name": "iris", "model_version": "7"}
    assert answer.headers["x-model-version"] == "7"


def test_v1(iris: Path) -> None:
    answer = serve(iris).post("/v1/models/iris:predict", json={"instances": [ROW]})
    assert answer.json() == {"predictions": [0]}


@pytest.mark.parametrize("path", ["/v2/models/iris/infer", "/v2/models/iris/versions/7/infer"])
@pytest.mark.parametrize("data", [[ROW, ROW], ROW + ROW], ids=["nested", "flat"])
def test_v2(iris: Path, path: str, data: list[object]) -> None:
    answer = serve(iris, model_version="7").post(path, json={"id": "a1", "inputs": [{**V2, "data": data}]})
    assert answer.status_code == 200
    assert answer.json() == {
        "model_name": "iris",
        "model_version": "7",
        "id": "a1",
        "outputs": [{"name": "predict", "shape": [2], "datatype": "INT64", "data": [0, 0]}],
    }


def test_v2_gives_the_outputs_that_are_named(iris: Path) -> None:
    body = {"inputs": [V2], "outputs": [{"name": "predict_proba"}, {"name": "predict"}]}
    outputs = serve(iris).post("/v2/models/iris/infer", json=body).json()["outputs"]
    assert [(output["name"], output["shape"]) for output in outputs] == [("predict_proba", [2, 3]), ("predict", [2])]
    assert sum(outputs[0]["data"][:3]) == pytest.approx(1)


def test_plain_gives_the_outputs_that_are_named(iris: Path) -> None:
    client = serve(iris)
    alone = client.post("/predict", json={"data": [ROW], "outputs": ["predict_proba"]}).json()["prediction"]
    both = client.post("/predict", json={"data": [ROW], "outputs": ["predict", "predict_proba"]}).json()["prediction"]
    assert both == {"predict": [0], "predict_proba": alone}


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ("[[5.1, 3.5, 1.4, NaN]]", 400, "not JSON"),
        ("", 400, "not JSON"),
        ('"rows"', 400, "send"),
        ("{}", 400, "data: is missing"),
        ('{"data": [[1, 2, 3, 4]], "rows": 1}', 400, "rows: no such field; there are data, outputs"),
        ('{"data": []}', 400, "data: [] is not a list of rows"),
        ('{"data": [1, 2, 3, 4]}', 400, "data, row 0: 1 is not a row"),
        ('{"data": [[1, 2, 3, 4], [1, 2, 3]]}', 400, "data, row 1: 3 values; the model takes 4: x0, x1, x2, x3"),
        ('{"data": [[1, 2, 3, "4"]]}', 400, "data, row 0, column 'x3': '4' is not a number (FP64)"),
        ('{"data": [[1, 2, 3, 4], [1, null, 3, 4]]}', 400, "data, row 1, column 'x1': null"),
        ('{"data": [[1, 2, [3], 4]]}', 400, "data, row 0, column 'x2': [3] is not a single value"),
        ('{"data": [{"x0": 1, "x1": 2, "x2": 3, "y": 4}]}', 400, "data, row 0, column 'y': no such column"),
        ('{"data": [{"x0": 1, "x1": 2, "x2": 3}]}', 400, "data, row 0, column 'x3': is missing"),
        (
            '{"data": [[1, 2, 3, 4]], "outputs": ["predikt"]}',
            400,
            "outputs: 'predikt' is no output; the model has predict",
        ),
    ],
)
def test_a_wrong_input_is_told_with_its_place(iris: Path, body: str, status: int, told: str) -> None:
    answer = serve(iris).post("/predict", content=body)
    assert answer.status_code == status
    assert told in answer.json()["error"]


def test_the_place_can_be_read_by_programs(iris: Path) -> None:
    found = serve(iris).post("/predict", json=[ROW, [1, 2, 3, "x"]]).json()
    assert {key: found[key] for key in ("field", "row", "column")} == {"field": "data", "row": 1, "column": "x3"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"shape": [2, 3]}, "inputs[0].data: 8 values do not fill the shape [2, 3]"),
        ({"shape": [4, 2]}, "inputs, row 0: 2 values; the model takes 4"),
        ({"shape": "2"}, "inputs[0].shape"),
        ({"datatype": "FLOAT"}, "inputs[0].datatype: 'FLOAT' is none of BOOL"),
        ({"datatype": "INT64"}, "inputs[0].data: 5.1 at [0, 0] is not a whole number"),
        ({"datatype": "BYTES"}, "inputs[0].data: 5.1 at [0, 0] is not a string"),
        ({"data": [ROW, ROW[:3]]}, "inputs[0].data: ragged: 3 values at [1], its neighbours hold 4 values"),
        ({"data": [ROW, [1, 2, 3, "x"]]}, "inputs[0].data: 'x' at [1, 3] is not a number"),
        ({"data": [ROW, [1, 2, None, 4]]}, "inputs, row 1, column 'x2': null"),
    ],
)
def test_a_wrong_tensor_is_told_with_its_place(iris: Path, change: dict[str, object], told: str) -> None:
    answer = serve(iris).post("/v2/models/iris/infer", json={"inputs": [{**V2, **change}]})
    assert answer.status_code == 400
    assert told in answer.json()["error"]


def test_another_model_or_version_is_not_found(iris: Path) -> None:
    client = serve(iris, model_version="7")
    for path in ("/v2/models/other/infer", "/v2/models/iris/versions/8/infer", "/v1/models/other:predict"):
        answer = client.post(path, json={})
        assert answer.status_code == 404
        assert "this server has" in answer.json()["error"]


def test_a_prediction_is_asked_for_with_post(iris: Path) -> None:
    answer = serve(iris).get("/predict")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_the_request_id_comes_back(iris: Path) -> None:
    client = serve(iris)
    assert client.post("/predict", json=[ROW], headers={"x-request-id": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert client.get("/v2", headers={"x-request-id": "abc-2"}).headers["x-request-id"] == "abc-2"
    made = [
        client.post("/predict", json=[ROW], headers={"x-request-id": bad}).headers["x-request-id"]
        for bad in ("", "a b", "x" * 200)
    ]
    assert len(set(made)) == 3
    assert all(len(one) == 32 for one in made)


def test_a_large_request_is_refused(iris: Path) -> None:
    client = serve(iris, max_request_bytes=100)
    assert client.post("/predict", json=[ROW]).status_code == 200
    answer = client.post("/predict", json=[ROW] * 10)
    assert answer.status_code == 413
    assert "100 bytes" in answer.json()["error"]

    async def pieces() -> AsyncIterator[bytes]:  # without a Content-Length
        for _ in range(200):
            yield b"["

    assert client.post("/predict", content=pieces()).status_code == 413


def test_a_compressed_request_is_refused(iris: Path) -> None:
    assert serve(iris).post("/predict", json=[ROW], headers={"content-encoding": "gzip"}).status_code == 415
