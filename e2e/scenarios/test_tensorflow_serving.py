"""The contract of TensorFlow Serving through what Serinus makes for it; a stand-in answers, see docs/runtimes.md."""

import json
import time

import pytest

from scenarios import model_images
from scenarios.asking import post
from scenarios.grpc_load import GrpcLoad
from scenarios.stand import GATEWAY_LAG, Manifest, Model
from scenarios.store import Store

NAME = "half-plus-two"


def spec(host: str) -> Manifest:
    return {
        "model": {
            "uri": f"s3://models/{NAME}/1",
            "format": "tensorflow",
            "version": "1",
            "secretRef": {"name": "models"},
        },
        "route": {"gateway": "gateway/public", "hostnames": [host], "protocols": ["HTTP", "GRPC"]},
    }


@pytest.fixture(scope="module")
def line(model: Model, bucket: Store) -> Model:
    model_images.bring(model.site, [model_images.tensorflow_serving()])
    model.kubectl("apply", "--filename=-", stdin=json.dumps(bucket.secret()))
    model.name = NAME
    model.apply_spec(spec(model.host))
    model.wait_stable()
    time.sleep(GATEWAY_LAG)
    return model


def test_rest(line: Model) -> None:
    assert post(line, f"/v1/models/{NAME}:predict", {"instances": [1.0, 2.0]}) == (200, {"predictions": [2.5, 3.0]})
    assert post(line, f"/v1/models/{NAME}:predict", {"instances": ["x"]})[0] == 400
    assert post(line, "/v1/models/other:predict", {"instances": [1.0]})[0] == 404


def test_grpc_by_its_own_client(line: Model) -> None:
    with GrpcLoad(line, "predict", calls=20) as load:
        seen = load.stop()
    assert seen.statuses == {"OK": 20}
    assert seen.versions == {"1": {"model": NAME, "version": "1", "outputs": [2.5, 3.0]}}
