"""Another project's server, MLServer, picked by its name: REST and gRPC, and canaries judged through each."""

import json
import time
from collections.abc import Callable

import pytest

from load import Load, Request
from scenarios import model_images
from scenarios.asking import post
from scenarios.grpc_load import GrpcLoad
from scenarios.stand import GATEWAY_LAG, MARGIN, Manifest, Model, metric
from scenarios.store import Store

FLOWER = {"inputs": [{"name": "rows", "shape": [1, 4], "datatype": "FP64", "data": [5.1, 3.5, 1.4, 0.2]}]}
INFER = "/v2/models/iris/infer"
IDLE: Manifest = {
    "apiVersion": "gateway.envoyproxy.io/v1alpha1",
    "kind": "BackendTrafficPolicy",
    "metadata": {"name": "iris"},
    "spec": {
        "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "iris"}],
        "timeout": {"http": {"connectionIdleTimeout": "3s"}},
    },
}
"""As docs/runtimes.md says: MLServer closes idle connections after 5 s, and a request that is just sent is lost with it."""


COLUMNS = "X has 4 features, but LogisticRegression is expecting 5 features as input."


def spec(version: str, host: str, *, of: str = "") -> Manifest:
    """Describe a version by the model of its own number, or by that of another."""
    return {
        "model": {
            "uri": f"s3://models/iris/{of or version}/model.joblib",
            "format": "sklearn",
            "version": version,
            "secretRef": {"name": "models"},
        },
        "runtime": {
            "name": "mlserver",
            # Its worker process would be a second copy of Python and scikit-learn for nothing.
            "env": [{"name": "MLSERVER_PARALLEL_WORKERS", "value": "0"}],
        },
        "route": {"gateway": "gateway/public", "hostnames": [host], "timeout": "5s", "protocols": ["HTTP", "GRPC"]},
        "rollout": {
            "steps": [{"weight": 20, "minDuration": "2s"}],
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
    model_images.bring(model.site, [model_images.mlserver()])
    model.kubectl("apply", "--filename=-", stdin=json.dumps(bucket.secret()))
    model.kubectl("apply", "--filename=-", stdin=json.dumps(IDLE))
    model.name = "iris"
    model.apply_spec(spec("1", model.host))
    model.wait_stable()
    time.sleep(GATEWAY_LAG)
    return model


def test_it_answers_by_the_open_inference_protocol(iris: Model) -> None:
    code, answer = post(iris, INFER, FLOWER)
    assert (code, answer["model_name"], answer["model_version"]) == (200, "iris", "1")
    assert answer["outputs"][0]["data"] == [0]


def test_a_model_that_fails_its_callers_is_taken_back(iris: Model, start_load: Callable[..., Load]) -> None:
    first = iris.status["stable"]["revision"]
    load = start_load(iris, 60.0, flowers)
    iris.apply_spec(spec("2", iris.host))
    status = iris.wait_phase("RolledBack")
    load.stop()
    assert (status["reason"], status["stable"]["revision"]) == ("ErrorRateTooHigh", first)
    assert metric(status, "error-rate")["source"] == "Gateway"
    assert iris.route_weights() == {first: 100}
    assert load.journal.first(lambda answer: answer.kind == "500")
    assert [answer.as_dict() for answer in load.journal.failures() if answer.kind != "500"] == []


def test_one_that_fails_grpc_callers_is_taken_back(iris: Model) -> None:
    before = iris.status
    first, failed = before["stable"]["revision"], len(before["rollout"]["failed"])
    with GrpcLoad(iris, "infer") as load:
        iris.apply_spec(spec("2-again", iris.host, of="2"))
        status = iris.wait(
            "taken back", lambda s: s["phase"] == "RolledBack" and len(s["rollout"]["failed"]) == failed + 1
        )
        seen = load.stop()
    assert (status["reason"], status["stable"]["revision"]) == ("ErrorRateTooHigh", first)
    assert metric(status, "error-rate")["source"] == "Gateway"
    assert iris.weights_of(iris.read("grpcroute", iris.name)) == {first: 100}
    # Only the faulty version says so; there was no other error, and no other answer than version 1's.
    assert seen.errors == {"INTERNAL": [COLUMNS]}
    assert seen.statuses["OK"] > seen.statuses["INTERNAL"]
    assert list(seen.versions) == ["1"]


def test_a_good_one_is_promoted_on_what_grpc_callers_saw(iris: Model) -> None:
    with GrpcLoad(iris, "infer") as load:
        iris.apply_spec(spec("3", iris.host))
        status = iris.wait("version 3", lambda s: s.get("phase") == "Stable" and s["stable"]["model"]["version"] == "3")
        seen = load.stop()
    assert seen.statuses.keys() == {"OK"}
    assert [(answer["model"], answer["outputs"]) for answer in seen.versions.values()] == [("iris", [0])] * 2
    assert list(seen.versions) == ["1", "3"]
    assert metric(status, "error-rate")["source"] == "Gateway"
    route = iris.read("grpcroute", iris.name)
    assert iris.weights_of(route) == {status["stable"]["revision"]: 100}
