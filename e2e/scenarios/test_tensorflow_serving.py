"""The contract of TensorFlow Serving through what Serinus makes for it; a stand-in answers, see docs/runtimes.md."""

import json

import pytest

from demo import images
from scenarios import model_images
from scenarios.asking import post
from scenarios.stand import Manifest, Model
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
        "route": {"gateway": "gateway/public", "hostnames": [host]},
    }


@pytest.fixture(scope="module")
def line(model: Model, bucket: Store) -> Model:
    images.load(model.site.name, [model_images.tensorflow_serving()])
    model.kubectl("apply", "--filename=-", stdin=json.dumps(bucket.secret()))
    model.name = NAME
    model.apply_spec(spec(model.host))
    model.wait_stable()
    return model


def test_rest(line: Model) -> None:
    assert post(line, f"/v1/models/{NAME}:predict", {"instances": [1.0, 2.0]}) == (200, {"predictions": [2.5, 3.0]})
    assert post(line, f"/v1/models/{NAME}:predict", {"instances": ["x"]})[0] == 400
    assert post(line, "/v1/models/other:predict", {"instances": [1.0]})[0] == 404
