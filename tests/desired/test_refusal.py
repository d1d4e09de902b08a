"""What a spec asks of a revision that it cannot give."""

import pytest

from serinus.api.runtime import Tls
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.desired.refusal import refusal
from serinus.desired.revision import Revision

TEMPLATE = {"spec": {"containers": [{"name": "model", "ports": [{"name": "http", "containerPort": 8080}]}]}}
TLS = Tls(hostname="shop.models.svc")


def revision(name: str, tls: Tls | None) -> Revision:
    return Revision(name, TEMPLATE, {}, {}, tls=tls)


def spec(*, route: bool) -> ModelDeploymentSpec:
    body = {"runtime": {"image": "shop:2", "port": 8080}, **({"route": {"gateway": "public"}} if route else {})}
    return ModelDeploymentSpec.model_validate(body)


@pytest.mark.parametrize(
    ("before", "after", "said"), [(None, TLS, "spec.runtime.tls is set"), (TLS, None, "spec.runtime.tls is absent")]
)
def test_callers_of_the_service_alone_speak_one_of_two(before: Tls | None, after: Tls | None, said: str) -> None:
    stable, new = revision("old", before), revision("new", after)
    assert said in refusal(spec(route=False), new, stable)
    assert refusal(spec(route=False), stable, stable) == ""
    assert refusal(spec(route=False), new) == "", "a first version has no callers"
    assert refusal(spec(route=True), new, stable) == "", "the gateway knows which is which"
