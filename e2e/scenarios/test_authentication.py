"""A gateway that asks for tokens: callers without one are refused, and a rollout goes on."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from demo.site import ROOT
from load import Load, mixes
from scenarios.stand import GATEWAY_LAG, MARGIN, Model, metric

POLICY = ROOT / "examples" / "authentication" / "jwt.yaml"
SPEC = {
    "replicas": 2,
    "rollout": {"steps": [{"weight": 50, "minDuration": "3s"}], "drain": "2s", "watchAfterPromotion": "2s"},
    "analysis": {"minimumRequests": 30, "errorRate": {"margin": MARGIN}},
}


def ask(model: Model, token: str = "") -> int:
    """Return the status of the gateway's answer to a caller with this token."""
    headers = {"Host": model.host, **({"Authorization": f"Bearer {token}"} if token else {})}
    url = f"{model.site.gateway_url}/recommend?user_id=7"
    try:
        with urlopen(Request(url, headers=headers), timeout=30) as answer:  # noqa: S310 - a loopback URL of ours
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def token(model: Model, audience: str) -> str:
    """Return a token that the API server signed."""
    return model.kubectl("create", "token", "default", f"--audience={audience}").strip()


@pytest.fixture(scope="module")
def guarded(model: Model) -> Model:
    """A model behind the policy of the example, applied as it is."""
    model.apply("recommender/v1.yaml", **SPEC)
    model.wait_stable()
    time.sleep(GATEWAY_LAG)
    assert ask(model) == 200
    keys = model.kubectl("get", "--raw", "/openid/v1/jwks")
    model.kubectl("create", "configmap", "jwks", f"--from-literal=jwks={keys}")
    model.kubectl("apply", "--filename", str(POLICY))
    deadline = time.monotonic() + 30
    while ask(model) != 401:
        assert time.monotonic() < deadline, "the gateway has not taken over the policy within 30 s"
        time.sleep(0.2)
    return model


def test_only_a_token_for_this_model_opens_the_door(guarded: Model) -> None:
    assert ask(guarded, token(guarded, "recommender")) == 200
    assert ask(guarded, token(guarded, "somebody-else")) == 403
    assert ask(guarded, "nonsense") == 401
    forged = token(guarded, "recommender").rpartition(".")[0] + ".c2lnbmVkIGJ5IG5vYm9keQ"
    assert ask(guarded, forged) == 401


def test_a_canary_is_judged_by_those_who_came_in(guarded: Model, start_load: Callable[..., Load]) -> None:
    mine = {"Authorization": f"Bearer {token(guarded, 'recommender')}"}

    def every_third_without(number: int) -> mixes.Request:
        request = mixes.recommender(number)
        return request if number % 3 == 0 else replace(request, headers=mine)

    load = start_load(guarded, 60.0, every_third_without)
    guarded.apply("recommender/v2.yaml", **SPEC)
    status = guarded.wait("a verdict", lambda s: metric(s, "error-rate").get("canaryRequests", 0) > 50)
    assert metric(status, "error-rate")["canaryErrors"] == 0, "who is refused by the gateway asked no version"
    guarded.wait_stable()
    answers = Counter((answer.kind, answer.number % 3 == 0) for answer in load.journal.window())
    assert set(answers) == {("401", True), ("200", False)}
