"""A gateway that asks for tokens or a login: callers without one are refused, and a rollout goes on."""

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, quote, urlsplit
from urllib.request import Request, urlopen

import pytest
import yaml

from demo.site import ROOT
from load import Load, mixes
from scenarios.identity import browse
from scenarios.stand import GATEWAY_LAG, MARGIN, Model, metric

POLICY = ROOT / "examples" / "authentication" / "jwt.yaml"
LOGIN = ROOT / "examples" / "authentication" / "oidc.yaml"
PROVIDER = """
import base64
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

class Tokens(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        client = base64.b64decode(self.headers["authorization"].removeprefix("Basic "))
        good = asked["code"] == ["good"] and client == b"recommender:hush"
        told = {"access_token": "token", "id_token": "e30.e30.e30", "expires_in": 600} if good else {"error": "invalid_grant"}
        self.send_response(200 if good else 400)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

HTTPServer(("", 8080), Tokens).serve_forever()
"""
"""The part of an identity provider that a gateway talks to: it gives tokens for a code."""
SPEC = {
    "replicas": 2,
    "route": {"timeout": "3s"},  # drains last at least as long
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


@pytest.fixture(scope="module")
def provider(model: Model) -> dict[str, str]:
    """A provider in the cluster; return what the policy says of it beside its name."""
    container = {
        "name": "login",
        "image": "serinus-example/recommender:1.0.0",
        "command": ["python", "-c", PROVIDER],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "login", "labels": {"app": "login"}},
        "spec": {"containers": [container], "securityContext": security},
    }
    model.kubectl("apply", "--filename=-", stdin=json.dumps(pod))
    model.kubectl("expose", "pod", "login", "--port=8080")
    model.kubectl("create", "secret", "generic", "oidc-client", "--from-literal=client-secret=hush")
    model.kubectl("wait", "pod/login", "--for=condition=Ready", "--timeout=60s")
    return {
        "authorizationEndpoint": "https://login.example.com/authorize",
        "tokenEndpoint": f"http://login.{model.namespace}.svc:8080/token",
    }


def test_a_browser_is_sent_to_the_login_and_comes_back_with_a_session(guarded: Model, provider: dict[str, str]) -> None:
    policy: dict[str, Any] = yaml.safe_load(LOGIN.read_text())
    policy["spec"]["oidc"]["provider"] |= provider
    policy["spec"]["oidc"]["redirectURL"] = f"http://{guarded.host}/oauth2/callback"
    guarded.kubectl("apply", "--filename=-", stdin=json.dumps(policy))
    wanted, deadline = "/recommend?user_id=7", time.monotonic() + 30
    while browse(guarded, wanted, {})[0] != 302:
        assert time.monotonic() < deadline, "the gateway has not taken over the policy within 30 s"
        time.sleep(0.2)
    session: dict[str, str] = {}
    _, login = browse(guarded, wanted, session)
    assert login.startswith(provider["authorizationEndpoint"])
    asked = parse_qs(urlsplit(login).query)
    assert asked["client_id"] == ["recommender"]
    back = f"{urlsplit(asked['redirect_uri'][0]).path}?state={quote(asked['state'][0])}&code="
    assert browse(guarded, f"{back}stolen", dict(session))[0] == 401
    status, home = browse(guarded, f"{back}good", session)
    assert (status, home) == (302, f"http://{guarded.host}{wanted}")
    assert browse(guarded, wanted, session)[0] == 200
    assert browse(guarded, wanted, {})[0] == 302
