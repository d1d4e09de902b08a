"""Another project's server, MLServer, picked by its name: its REST through an HTTPRoute, and canaries judged through it."""

import json
from collections.abc import Callable

import pytest

from demo import images
from load import Load, Request
from scenarios import model_images
from scenarios.asking import post
from scenarios.stand import MARGIN, Manifest, Model, metric
from scenarios.store import Store

FLOWER = {"inputs": [{"name": "rows", "shape": [1, 4], "datatype": "FP64", "data": [5.1, 3.5, 1.4, 0.2]}]}
INFER = "/v2/models/iris/infer"


def spec(version: str, host: str) -> Manifest:
    return {
        "model": {
            "uri": f"s3://models/iris/{version}/model.joblib",
            "format": "sklearn",
            "version": version,
            "secretRef": {"name": "models"},
        },
        "runtime": {
            "name": "mlserver",
            # Its worker process would be a second copy of Python and scikit-learn for nothing.
            "env": [{"name": "MLSERVER_PARALLEL_WORKERS", "value": "0"}],
        },
        "route": {"gateway": "gateway/public", "hostnames": [host], "timeout": "5s"},
        "rollout": {
            "steps": [{"weight": 20, "minDuration": "2s"}, {"weight": 50, "minDuration": "2s"}],
            "drain": "2s",
            "watchAfterPromotion": "2s",
        },
        "analysis": {"minimumRequests": 5, "errorRate": {"margin": MARGIN}},
    }


def flowers(_: int) -> Request:
    return Request("POST", INFER, json.dumps(FLOWER).encode())


@pytest.fixture(scope="module")
def iris(model: Model, bucket: Store) -> Model:
    """Version 1, serving."""
    images.load(model.site.name, [model_images.mlserver()])
    model.kubectl("apply", "--filename=-", stdin=json.dumps(bucket.secret()))
    model.name = "iris"
    model.apply_spec(spec("1", model.host))
    model.wait_stable()
    return model


def test_it_answers_by_the_open_inference_protocol(iris: Model) -> None:
    code, answer = post(iris, INFER, FLOWER)
    assert (code, answer["model_name"], answer["model_version"]) == (200, "iris", "1")
    assert answer["outputs"][0]["data"] == [0]


def test_a_model_that_fails_is_taken_back_and_a_good_one_promoted(iris: Model, start_load: Callable[..., Load]) -> None:
    first = iris.status["stable"]["revision"]
    load = start_load(iris, 60.0, flowers)
    iris.apply_spec(spec("2", iris.host))
    status = iris.wait_phase("RolledBack")
    assert (status["reason"], status["stable"]["revision"]) == ("ErrorRateTooHigh", first)
    assert metric(status, "error-rate")["source"] == "Gateway"
    assert iris.route_weights() == {first: 100}
    failed = load.journal.failures()
    assert {answer.kind for answer in failed} == {"500"}, failed[0]
    began = failed[-1].ended
    iris.apply_spec(spec("3", iris.host))
    iris.wait("version 3", lambda s: s.get("phase") == "Stable" and s["stable"]["model"]["version"] == "3")
    assert post(iris, INFER, FLOWER)[1]["model_version"] == "3"
    assert [answer.as_dict() for answer in load.journal.failures(since=began + 1e-3)] == []
