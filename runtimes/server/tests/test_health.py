"""Health, metadata and metrics: what the cluster asks."""

import re
from pathlib import Path

from serving import ROW, serve


def value(text: str, series: str) -> float:
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_health(iris: Path) -> None:
    client = serve(iris)
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/iris/ready", "/v1/models/iris"):
        assert client.get(path).status_code == 200
    assert client.get("/v2/models/iris/ready").json() == {"name": "iris", "ready": True}
    assert client.get("/v2/models/other/ready").status_code == 404


def test_metadata_tells_the_signature(iris: Path) -> None:
    found = serve(iris, model_version="7").get("/v2/models/iris/versions/7").json()
    assert (found["name"], found["versions"], found["platform"][:8]) == ("iris", ["7"], "sklearn ")
    assert found["inputs"] == [{"name": "input-0", "datatype": "FP64", "shape": [-1, 4]}]
    assert found["outputs"][:2] == [
        {"name": "predict", "datatype": "INT64", "shape": [-1]},
        {"name": "predict_proba", "datatype": "FP64", "shape": [-1, 3]},
    ]


def test_answers_are_counted_by_status(iris: Path) -> None:
    client = serve(iris, model_version="7")
    for body in ([ROW], [ROW, ROW], [[1]]):
        client.post("/predict", json=body)
    client.get("/v2/models/iris")
    client.get("/nowhere")
    text = client.get("/metrics").text
    label = 'model="iris",path="/predict",status="{}",version="7"'
    assert value(text, f"http_requests_total{{{label.format(200)}}}") == 2
    assert value(text, f"http_requests_total{{{label.format(400)}}}") == 1
    assert value(text, 'http_requests_total{model="iris",path="unmatched",status="404",version="7"}') == 1
    assert value(text, 'http_request_duration_seconds_count{model="iris",path="/predict",version="7"}') == 3
    assert len(re.findall("^http_requests_total", text, re.MULTILINE)) == 3
    assert value(text, 'model_ready{model="iris",version="7"}') == 1


def test_predictions_are_counted_by_value(iris: Path) -> None:
    client = serve(iris)
    client.post("/predict", json=[ROW, [6.3, 3.3, 6.0, 2.5]])  # classes 0 and 2
    client.post("/predict", json={"data": [ROW], "outputs": ["predict_proba"]})  # no single number a row
    text = client.get("/metrics").text
    labels = 'model="iris",output="predict",version="1"'
    assert value(text, f'model_prediction_bucket{{le="0.0",{labels}}}') == 1
    assert value(text, f'model_prediction_bucket{{le="1.0",{labels}}}') == 1
    assert value(text, f'model_prediction_bucket{{le="10.0",{labels}}}') == 2
    assert value(text, f"model_prediction_count{{{labels}}}") == 2
    assert value(text, f"model_prediction_sum{{{labels}}}") == 2
    assert value(text, f"model_prediction_sumsq{{{labels}}}") == 4
    assert "predict_proba" not in text


def test_the_documentation_shows_the_columns(iris: Path) -> None:
    client = serve(iris)
    assert client.get("/docs").status_code == 200
    body = client.get("/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    row = body["schema"]["anyOf"][0]["properties"]["data"]["items"]["anyOf"][0]
    assert [(item["title"], item["type"]) for item in row["prefixItems"]] == [(f"x{n}", "number") for n in range(4)]
