"""What a spec asks of a revision that it cannot give."""

from typing import Any

import pytest

from serinus.api.runtime import Tls
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.desired.pod import template
from serinus.desired.refusal import refusal
from serinus.desired.revision import Revision

from .catalogued import serving

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


LOGIN = {"name": "login", "image": "login:1", "ports": [{"name": "http", "containerPort": 4180}]}


def told(*, serves: bool = False, **runtime: Any) -> str:
    raw = {"runtime": {"image": "shop:2", "port": 8080, **runtime}}
    new = Revision("new", template("shop", "new", serving(raw)), {}, {})
    return refusal(ModelDeploymentSpec.model_validate(raw), new, new if serves else None)


def over(*containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"podTemplate": {"spec": {"containers": [*containers], **more}}}


def test_a_port_with_two_holders_is_refused_because_callers_would_go_round_the_second() -> None:
    assert "model and login both have a port called http" in told(**over(LOGIN))
    assert "give model `ports: []`" in told(**over(LOGIN))
    assert "model and login" in told(podTemplate={"spec": {"initContainers": [{**LOGIN, "restartPolicy": "Always"}]}})
    rpc = {**LOGIN, "ports": [{"name": "grpc", "containerPort": 4180}]}
    assert "a port called grpc" in told(**over(rpc), grpcPort=9000)
    assert told(**over(rpc)) == "", "the model has no such port"


def test_a_port_that_no_caller_can_be_led_to_is_no_second_holder() -> None:
    assert told(podTemplate={"spec": {"initContainers": [LOGIN]}}) == "", "it has ended before anybody calls"
    datagrams = {**LOGIN, "ports": [{"name": "http", "containerPort": 4180, "protocol": "UDP"}]}
    assert told(**over(datagrams)) == ""


def test_what_serves_already_is_left_as_it_is() -> None:
    assert told(**over(LOGIN), serves=True) == ""


@pytest.mark.parametrize("odd", [{"containers": 5}, {"containers": ["a"]}, {"containers": [{"name": "a", "ports": 5}]}])
def test_what_no_pod_can_have_is_left_to_kubernetes(odd: dict[str, Any]) -> None:
    assert told(podTemplate={"spec": odd}) == ""


def test_a_model_without_the_name_of_its_port_stands_behind_another_container() -> None:
    behind = {"name": "model", "ports": []}
    assert told(**over(behind, LOGIN)) == ""
    assert "predictionLog needs that name" in told(**over(behind, LOGIN), predictionLog={})
    rpc = {**LOGIN, "ports": [{"name": "grpc", "containerPort": 4180}]}
    assert "give model `ports: []`" in told(**over(rpc), grpcPort=9000, predictionLog={}), "the log takes http alone"
