"""Models by their address: the examples as they are, the next version, and what cannot be served."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from demo.site import ROOT
from load import Load, Request
from scenarios import model_images, trained
from scenarios.asking import close, post, shown
from scenarios.stand import GATEWAY_LAG, MARGIN, Manifest, Model
from scenarios.store import Store

QUICK: Manifest = {
    "route": {"timeout": "5s"},  # drains last at least as long
    "rollout": {
        "steps": [{"weight": 50, "minDuration": "2s"}],
        "drain": "2s",
        "watchAfterPromotion": "2s",
        "progressDeadline": "120s",
    },
    "analysis": {"minimumRequests": 5, "errorRate": {"margin": MARGIN}},
}
TUMOUR = [
    17.99, 10.38, 122.8, 1001, 0.1184, 0.2776, 0.3001, 0.1471, 0.2419, 0.07871, 1.095, 0.9053, 8.589, 153.4, 0.006399,
    0.04904, 0.05373, 0.01587, 0.03003, 0.006193, 25.38, 17.33, 184.6, 2019, 0.1622, 0.6656, 0.7119, 0.2654, 0.4601, 0.1189,
]  # fmt: skip
SHOWN = ("sklearn", "onnx", "litert", "recommender")
UNSERVED = {
    "a model that is not there": (
        {"model": {"uri": "s3://models/tumours/9/model.skops"}},
        ["fetch-model:", "NotFound", "s3://models/tumours/9/model.skops"],
    ),
    "another digest": (
        {"model": {"digest": "sha256:" + "0" * 64}},
        ["fetch-model:", "DigestMismatch", "0000 was expected"],
    ),
    "a file that was cut off": (
        {"model": {"uri": "s3://models/tumours/cut/model.skops"}},
        ["model:", "exit code 1", "model.skops"],
    ),
    "a pickle that nobody allowed": (
        {"model": {"uri": "s3://models/tumours/pickled/model.pkl"}},
        ["model:", "exit code 1", "SERINUS_ALLOW_PICKLE"],
    ),
    "less memory than it needs": (
        {"runtime": {"resources": {"limits": {"memory": "40Mi"}}}},
        ["model:", "OOMKilled", "40Mi"],
    ),
}
"""What is changed in version 2, and what status says of it."""


def tumours(_: int) -> Request:
    return Request("POST", "/predict", json.dumps({"data": [TUMOUR]}).encode())


@pytest.fixture(scope="module")
def examples(model: Model, bucket: Store) -> dict[str, Model]:
    """The examples, applied as they are, each serving."""
    served = [model_images.server(), model_images.full_server(), model_images.digits(trained.models())]
    model_images.bring(model.site, served)
    model.kubectl("apply", "--filename=-", stdin=json.dumps(bucket.secret()))
    applied = {name: Model(model.site, model.namespace) for name in SHOWN}
    for name, one in applied.items():
        one.apply_unchanged(f"{name}/v1.yaml")
    for one in applied.values():
        one.wait_stable()
    time.sleep(GATEWAY_LAG)
    return applied


@pytest.mark.parametrize("name", SHOWN)
def test_an_example_answers_as_its_page_shows(name: str, examples: dict[str, Model]) -> None:
    for request in shown(name):
        assert request.run(examples[name].site) == close(request.answer)


def test_the_quick_start_serves_a_model_out_of_a_config_map(examples: dict[str, Model]) -> None:
    model = examples["sklearn"]
    model.kubectl("apply", "--filename", str(ROOT / "examples" / "quickstart" / "model.yaml"))
    model.kubectl("wait", "modeldeployment/house-prices", "--for=condition=Ready", "--timeout=2m")
    path = f"/api/v1/namespaces/{model.namespace}/services/house-prices:80/proxy/predict"
    answer = json.loads(model.kubectl("create", "--raw", path, "--filename=-", stdin='{"data": [[70, 3, 12]]}'))
    assert answer["prediction"] == close([219.0])


def test_status_says_what_serves(examples: dict[str, Model]) -> None:
    assert examples["sklearn"].status["stable"]["model"] == {
        "format": "sklearn",
        "uri": "s3://models/tumours/1/model.skops",
        "version": "1",
    }


def test_a_mistake_of_the_caller_names_its_field(examples: dict[str, Model]) -> None:
    code, answer = post(examples["sklearn"], "/predict", {"data": [[*TUMOUR[:-1], "large"]]})
    assert (code, answer["field"], answer["row"]) == (400, "data", 0)


def test_the_next_model_is_a_canary_and_what_cannot_be_served_changes_nothing(
    examples: dict[str, Model], start_load: Callable[..., Load], report: dict[str, Any]
) -> None:
    model = examples["sklearn"]
    load = start_load(model, 60.0, tumours)
    model.apply("sklearn/v2.yaml", **QUICK)
    status = model.wait("version 2", lambda s: s.get("phase") == "Stable" and s["stable"]["model"]["version"] == "2")
    second = status["stable"]["revision"]
    assert load.journal.versions() == ["1", "2"]
    for what, (change, words) in UNSERVED.items():
        model.apply("sklearn/v2.yaml", **{**QUICK, **change})
        status = model.wait(what, lambda s, words=words: all(word in s.get("message", "") for word in words))
        report[f"models: status of {what}"] = status["message"]
        assert (status["stable"]["revision"], model.route_weights()) == (second, {second: 100})
    model.apply("sklearn/v2.yaml", **QUICK)
    model.wait_stable()
    assert load.journal.versions() == ["1", "2"]
    assert [answer.as_dict() for answer in load.journal.failures()] == []
