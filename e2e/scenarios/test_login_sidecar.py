"""oauth2-proxy in the pod, as the example has it: it lets in who it should, and a rollout sees through it."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import yaml

from demo import install
from demo.site import ROOT, Site
from load import Load, mixes
from scenarios import identity, model_images
from scenarios.asking import post
from scenarios.stand import GATEWAY_LAG, MARGIN, Model, metric

EXAMPLE = ROOT / "examples" / "authentication" / "oauth2-proxy.yaml"
SPEC: dict[str, Any] = {
    "replicas": 1,
    "runtime": {"metrics": {}},
    "route": {"timeout": "3s"},  # drains last at least as long
    "rollout": {"steps": [{"weight": 50, "minDuration": "3s"}], "drain": "2s", "watchAfterPromotion": "2s"},
    "analysis": {"minimumRequests": 30, "errorRate": {"margin": MARGIN}},
}
ASKED = {"user_ids": [7], "k": 5}


def behind(provider: identity.Provider, version: int, source: str) -> dict[str, Any]:
    """Return the spec of the example for a version, with the test's provider and without TLS at the gateway."""
    spec = yaml.safe_load(EXAMPLE.read_text())["spec"]
    _, proxy = spec["runtime"]["podTemplate"]["spec"]["containers"]
    own = {"--oidc-issuer-url": provider.issuer, "--redirect-url": f"http://{provider.model.host}/oauth2/callback"}
    told = dict(argument.split("=", 1) for argument in proxy["args"])
    assert own.keys() <= told.keys()
    proxy["args"] = [f"{key}={value}" for key, value in {**told, **own, "--cookie-secure": "false"}.items()]
    spec["runtime"]["image"] = f"serinus-example/recommender:{version}.0.0"
    spec["route"]["hostnames"] = [provider.model.host]
    return install.merge(install.merge(spec, SPEC), {"analysis": {"errorRate": {"source": source}}})


@pytest.fixture(scope="module")
def provider(site: Site, model: Model, tmp_path_factory: pytest.TempPathFactory) -> identity.Provider:
    """A provider, and a model behind the example's login."""
    model_images.bring(site, [model_images.login()])
    made = identity.provider(model, tmp_path_factory.mktemp("provider"))
    secrets = (f"--from-literal=client-secret={identity.SECRET}", f"--from-literal=cookie-secret={'c' * 32}")
    model.kubectl("create", "secret", "generic", "oauth2-proxy", *secrets)
    model.apply_spec(behind(made, 1, "Gateway"))
    model.wait_stable()
    time.sleep(GATEWAY_LAG)
    return made


def ask(provider: identity.Provider, token: str = "") -> int:
    """Ask as a program does, with this token."""
    return post(provider.model, "/predict", ASKED, {"Authorization": f"Bearer {token}"} if token else {})[0]


def test_only_a_token_of_the_provider_for_this_model_opens_the_door(provider: identity.Provider) -> None:
    assert ask(provider, provider.token()) == 200
    assert ask(provider) == 401
    assert ask(provider, "nonsense") == 401
    assert ask(provider, provider.token(aud="somebody-else")) == 401
    assert ask(provider, provider.token(exp=int(time.time()) - 3600)) == 401
    forged = provider.token().rpartition(".")[0] + ".c2lnbmVkIGJ5IG5vYm9keQ"
    assert ask(provider, forged) == 401


def test_a_browser_logs_in_and_comes_back_with_a_session(provider: identity.Provider) -> None:
    wanted, session = "/recommend?user_id=7", dict[str, str]()
    status, login = identity.browse(provider.model, wanted, session)
    assert (status, login.startswith(identity.LOGIN)) == (302, True)
    asked = parse_qs(urlsplit(login).query)
    back = f"{urlsplit(asked['redirect_uri'][0]).path}?state={quote(asked['state'][0])}&code="
    assert identity.browse(provider.model, f"{back}stolen", dict(session))[0] == 500
    assert identity.browse(provider.model, f"{back}good", session) == (302, wanted)
    assert identity.browse(provider.model, wanted, session)[0] == 200
    assert identity.browse(provider.model, wanted, {})[0] == 302


def with_and_without(provider: identity.Provider) -> mixes.Mix:
    """Two of three callers have a token."""
    mine = {"Authorization": f"Bearer {provider.token()}"}

    def mix(number: int) -> mixes.Request:
        request = mixes.recommender(number * 2 + 1)
        return request if number % 3 == 0 else replace(request, headers=mine)

    return mix


def test_a_canary_behind_the_login_is_promoted(provider: identity.Provider, start_load: Callable[..., Load]) -> None:
    model = provider.model
    load = start_load(model, 60.0, with_and_without(provider))
    model.apply_spec(behind(provider, 2, "Gateway"))
    status = model.wait("a verdict", lambda s: metric(s, "error-rate").get("canaryRequests", 0) > 50)
    assert metric(status, "error-rate")["canaryErrors"] == 0, "who is refused is no error"
    model.wait_stable()
    load.stop()
    answers = Counter((answer.kind, answer.number % 3 == 0) for answer in load.journal.window())
    assert set(answers) == {("401", True), ("200", False)}
    assert load.journal.first_of("2"), "somebody was answered by the new version"


def test_a_failing_model_is_seen_through_the_login_by_its_own_counters(
    provider: identity.Provider, start_load: Callable[..., Load]
) -> None:
    """The scrape goes to the model's port, which no login keeps."""
    model = provider.model
    load = start_load(model, 60.0, with_and_without(provider))
    model.apply_spec(behind(provider, 4, "Pods"))
    status = model.wait_phase("RolledBack")
    load.stop()
    assert metric(status, "error-rate")["canaryErrors"] > 0
    assert metric(status, "error-rate")["stableRequests"] > 0
