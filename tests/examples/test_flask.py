"""The plainest container: one route, and a broken build of it."""

from collections.abc import Callable
from types import ModuleType

import pytest

Load = Callable[..., ModuleType]
HOUSE = {"area": 70, "rooms": 3, "age": 12}


def test_it_predicts(flask_app: Load) -> None:
    reply = flask_app().app.test_client().post("/predict", json=HOUSE)
    assert (reply.status_code, reply.get_json()) == (200, {"price": 285.7})
    assert "x-injected-fault" not in reply.headers


@pytest.mark.parametrize("value", ["big", None, True])
def test_a_wrong_number_is_the_callers_mistake(flask_app: Load, value: object) -> None:
    reply = flask_app().app.test_client().post("/predict", json={**HOUSE, "area": value})
    assert reply.status_code == 400
    assert "area is" in reply.text
    assert str(value) in reply.text


@pytest.mark.parametrize("body", [[70, 3, 12], "house", 1])
def test_a_wrong_body_is_the_callers_mistake(flask_app: Load, body: object) -> None:
    assert flask_app().app.test_client().post("/predict", json=body).status_code == 400


def test_a_broken_build_marks_its_faults(flask_app: Load) -> None:
    reply = flask_app(FAULT_RATE="1").app.test_client().post("/predict", json=HOUSE)
    assert (reply.status_code, reply.headers["x-injected-fault"]) == (500, "1")


def test_a_rate_is_a_share_of_the_requests(flask_app: Load) -> None:
    client = flask_app(FAULT_RATE="0.5").app.test_client()
    codes = [client.post("/predict", json=HOUSE).status_code for _ in range(200)]
    assert set(codes) == {200, 500}
    assert 50 < codes.count(500) < 150


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_it_has_nothing_that_kubernetes_could_ask_for(flask_app: Load, path: str) -> None:
    assert flask_app().app.test_client().get(path).status_code == 404
