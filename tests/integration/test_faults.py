"""What a person gets wrong and what else is down: a condition and an Event, never a promotion, never a crash."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import gateway
from .conftest import CRD, install, start_plane
from .kube import Kube, Manifest
from .node import Node
from .operator_process import OperatorProcess
from .stand import NAME, Space, image, manifest, spec
from .waiting import always, eventually

PROMPT = 10.0
"""Seconds within which a person is told."""


def break_prometheus(space: Space, mode: str) -> None:
    if mode == "down":
        space.stand.prometheus.down()
    else:
        space.stand.prometheus.mode = mode


@pytest.mark.parametrize("mode", ["down", "html", "empty"])
def test_nobody_is_exposed_while_prometheus_cannot_be_read(space: Space, mode: str) -> None:
    old = space.hash(space.serving())
    space.recorder.watch("httproutes")
    break_prometheus(space, mode)
    second = image(2)
    space.apply(spec(second))
    space.wait_event("AnalysisBlind", "Prometheus")
    found = space.wait_condition("MetricsAvailable", "False", "Prometheus")
    assert found["message"]
    new = space.hash(second)
    eventually(lambda: len(space.pods(new)) == 2, "its pods are there")
    always(lambda: space.weights() == {old: 100}, "no weight", 2)
    space.stand.prometheus.up()
    space.wait_event("AnalysisResumed")
    space.wait(lambda s: s.get("weight", 0) >= 20 and s["rollout"].get("liveSince"), "the rollout begins")
    assert space.weight_history(new)[:2] == [0, 20]


@pytest.mark.parametrize("mode", ["down", "hang", "nan"])
def test_rollout_holds_while_prometheus_is_lost_and_goes_on_after(space: Space, mode: str) -> None:
    space.serving()
    second = image(2)
    space.apply(spec(second, rollout={"steps": [{"weight": 20, "minDuration": "3s"}]}))
    new = space.hash(second)
    space.wait(lambda s: s.get("weight") == 20 and s["rollout"].get("liveSince"), "20 % is live")
    break_prometheus(space, mode)
    space.wait_event("AnalysisBlind")
    space.wait_condition("MetricsAvailable", "False")
    always(lambda: space.weights()[new] == 20 and space.phase() == "Stepping", "the weight is held", 3)
    space.stand.prometheus.up()
    space.wait_event("AnalysisResumed")
    space.wait(lambda s: s.get("weight", 0) >= 95, "the step ends")


def test_without_counters_a_condition_says_what_to_add(space: Space) -> None:
    first = space.serving(route=False)
    second = image(2)
    space.apply(spec(second, route=False))
    space.wait_condition("MetricsAvailable", "False", "spec.runtime.metrics")
    space.wait_event("AnalysisBlind", "spec.runtime.metrics")
    assert list(space.behind_service()) == [space.hash(first)]


def test_prometheus_that_is_not_on_the_allow_list_is_not_asked(space: Space) -> None:
    space.serving()
    space.apply(spec(image(2), analysis={"prometheus": {"address": "http://127.0.0.1:1"}}))
    space.wait_condition("MetricsAvailable", "False", "allow-list")


def with_gateway(name: str, container: str) -> Manifest:
    body = spec(container)
    body["route"]["gateway"] = name
    return body


def test_missing_gateway_is_a_condition_and_serves_in_the_cluster(space: Space) -> None:
    container = image(1)
    space.apply(with_gateway("nowhere", container))
    space.wait_condition("Degraded", "True", "no Gateway nowhere")
    space.wait_condition("Available", "True")
    eventually(lambda: space.behind_service() == {space.hash(container): 2}, "the Service serves")
    assert space.route() is None


def test_missing_gateway_is_an_event(space: Space) -> None:
    space.apply(with_gateway("nowhere", image(1)))
    space.wait_event("GatewayMissing", "nowhere", PROMPT)


def test_missing_gateway_that_comes_is_taken_up(space: Space) -> None:
    space.apply(with_gateway("late", image(1)))
    space.wait_condition("Degraded", "True", "no Gateway late")
    space.in_phase("Stable")
    space.kube.create("gateways", space.namespace, gateway.manifest(space.namespace, "late"))
    space.wait_condition("Ready", "True")
    eventually(space.route_live, "the route is there")


def test_gateway_of_an_unknown_class_is_a_condition(space: Space) -> None:
    space.kube.create("gateways", space.namespace, gateway.manifest(space.namespace, "odd", "no-such-class"))
    space.apply(with_gateway("odd", image(1)))
    space.wait_condition("Degraded", "True", "GatewayClass")


INVALID = [
    pytest.param({"runtime": {"metrics": {"errors": "5["}}}, "spec.runtime.metrics.errors", "5[", id="expression"),
    pytest.param({"rollout": {"drain": "9999h"}}, "spec.rollout.drain", "", id="duration"),
    pytest.param(
        {"rollout": {"drain": "9999h"}},
        "spec.rollout.drain",
        "9999h",
        id="duration-as-written",
    ),
    pytest.param({"runtime": {"podTemplate": {"spec": "x"}}}, "spec.runtime.podTemplate", "x", id="template"),
]
"""What the API server's schema cannot refuse."""

REFUSED = [
    pytest.param({"podTemplate": {"spec": {"restartPolicy": "Never"}}}, "restartPolicy", id="value"),
    pytest.param({"env": [{"name": "A B=", "value": "1"}]}, "A B=", id="env-name"),
    pytest.param({"podTemplate": {"spec": {"nodeSelektor": {"gpu": "yes"}}}}, "nodeSelektor", id="unknown-field"),
    pytest.param({"env": [{"name": "A", "value": 1}]}, "env", id="number-as-text"),
    pytest.param({"resources": {"limits": {"cpu": "much"}}}, "quantities", id="quantity"),
]
"""What only the API server can refuse, of pods."""


@pytest.mark.parametrize(("parts", "field", "value"), INVALID)
def test_invalid_spec_is_a_condition_and_the_last_good_one_serves(
    space: Space, parts: dict[str, Any], field: str, value: str
) -> None:
    old = space.hash(space.serving())
    before = space.uids(old)
    space.apply(spec(image(2), **parts))
    found = space.wait_condition("Degraded", "True", field)
    assert found["reason"] == "InvalidSpec"
    assert value in found["message"]
    assert space.condition("Ready")["status"] == "False"
    assert space.condition("Available")["status"] == "True"
    assert (space.weights(), space.uids(old)) == ({old: 100}, before)


@pytest.mark.parametrize(("runtime", "text"), REFUSED)
def test_pods_that_kubernetes_refuses_are_a_condition_and_the_last_good_ones_serve(
    space: Space, runtime: dict[str, Any], text: str
) -> None:
    old = space.hash(space.serving())
    before = space.uids(old)
    space.apply(spec(image(2), runtime=runtime))
    found = space.wait_condition("Degraded", "True", text, PROMPT)
    assert found["reason"] == "PodsRefused"
    assert (space.weights(), space.uids(old)) == ({old: 100}, before)
    fixed = image(3)
    space.apply(spec(fixed, rollout={"steps": [{"weight": 50, "minDuration": "0s"}]}))
    space.stable(fixed)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        pytest.param({"runtime": {"metrics": {"errors": "5["}}}, "InvalidSpec", id="invalid"),
        pytest.param({"runtime": {"podTemplate": {"spec": {"restartPolicy": "Never"}}}}, "PodsRefused", id="refused"),
        pytest.param({"runtime": {"configMaps": [{"name": "absent"}]}}, "ConfigMapMissing", id="config-map"),
    ],
)
@pytest.mark.parametrize("served", [False, True], ids=["first", "later"])
def test_refused_spec_is_an_event(space: Space, served: bool, parts: dict[str, Any], reason: str) -> None:  # noqa: FBT001 - a parameter
    if served:
        space.serving()
    space.apply(spec(image(2), **parts))
    space.wait_condition("Ready", "False", reason)
    space.wait_event(reason, patience=PROMPT)


def test_missing_config_map_that_comes_is_taken_up(space: Space) -> None:
    container = image(1)
    space.apply(spec(container, runtime={"configMaps": [{"name": "late"}]}))
    space.wait_condition("Degraded", "True", "'late'")
    late = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}, "data": {"a": "1"}}
    space.kube.create("configmaps", space.namespace, late)
    space.stable(container)


@pytest.mark.parametrize(
    ("container", "fixed"),
    [("registry.test/a:latest", "False"), ("registry.test:5000/a", "False"), ("registry.test:5000/a:1", "True")],
)
def test_tag_that_moves_is_a_condition(space: Space, container: str, fixed: str) -> None:
    space.apply(spec(container))
    space.wait_condition("ImageFixed", fixed)
    space.in_phase("Stable")


@pytest.fixture
def bare(assets: Path, tmp_path: Path) -> Iterator[tuple[Kube, OperatorProcess]]:
    """A cluster without the Gateway API, and the operator on it."""
    plane = start_plane(assets, tmp_path)
    kube = Kube(plane)
    install(kube, CRD)
    plane.start_controllers()
    node = Node(kube)
    operator = OperatorProcess(plane.kubeconfig, "", tmp_path / "operator.log")
    node.start()
    operator.start()
    yield kube, operator
    operator.stop()
    node.stop()
    plane.stop()


def test_cluster_without_the_gateway_api(bare: tuple[Kube, OperatorProcess]) -> None:
    kube, operator = bare
    operator.wait_until_healthy()
    for name, route in (("routed", True), ("plain", False)):
        kube.apply("modeldeployments", manifest("default", spec(image(1), route=route), name))

    def conditions(name: str) -> dict[str, Manifest]:
        live = kube.get("modeldeployments", "default", name) or {}
        return {c["type"]: c for c in live.get("status", {}).get("conditions", [])}

    eventually(
        lambda: conditions("plain").get("Ready", {}).get("status") == "True", "plain is ready", show=operator.last_words
    )
    eventually(
        lambda: conditions("routed").get("Available", {}).get("status") == "True", "routed serves in the cluster"
    )
    degraded = conditions("routed")["Degraded"]
    assert degraded["status"] == "True"
    assert "Gateway API is not installed" in degraded["message"]
    assert operator.running
    assert operator.healthy()
    assert NAME not in degraded["message"]
