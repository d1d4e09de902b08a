"""Versions that cannot start, edited ConfigMaps, and a container that says nothing of itself."""

import json
import time
from collections.abc import Callable

from demo.install import merge
from load import Load
from load.mixes import house_prices
from scenarios.stand import MARGIN, Manifest, Model

QUICK: Manifest = {
    "replicas": 2,
    "route": {"timeout": "3s"},
    "rollout": {
        "steps": [{"weight": 20, "minDuration": "4s"}, {"weight": 50, "minDuration": "4s"}],
        "drain": "3s",
        "watchAfterPromotion": "5s",
    },
    "analysis": {"minimumRequests": 5, "errorRate": {"margin": MARGIN}},
}
AT_ONCE = {**QUICK, "rollout": {**QUICK["rollout"], "steps": [{"weight": 50, "minDuration": "2s"}]}}
ABSENT = merge(
    QUICK, {"rollout": {"progressDeadline": "10s"}, "runtime": {"image": "serinus-example/recommender:absent"}}
)
"""It never starts, so its deadline is no longer than it takes to see that."""


def test_an_image_that_cannot_be_pulled_never_gets_weight(fresh: Model) -> None:
    fresh.apply("recommender/v1.yaml", **QUICK)
    stable = fresh.wait_stable()["stable"]["revision"]
    fresh.apply("recommender/v1.yaml", **ABSENT)
    fresh.wait_phase("Preparing")
    status = fresh.wait_phase("RolledBack")
    assert status["reason"] == "ProgressDeadlineExceeded"
    assert "absent" in status["message"]
    assert "WeightRaised" not in fresh.events()
    assert fresh.route_weights() == {stable: 100}


def test_a_first_version_that_never_starts_is_replaced_by_its_fix(fresh: Model) -> None:
    fresh.apply("recommender/v1.yaml", **ABSENT)
    status = fresh.wait("the deadline", lambda s: s.get("reason") == "ProgressDeadlineExceeded")
    assert status["phase"] == "Initializing"
    fresh.apply("recommender/v1.yaml", **QUICK)
    status = fresh.wait_stable()
    assert status["stable"]["image"].endswith(":1.0.0")
    assert len(fresh.list("deployments")) == 1


def test_a_gateway_of_another_namespace_admits_whom_its_listeners_allow(fresh: Model) -> None:
    """The route is all that crosses namespaces, and the gateway's owner has the word."""
    elsewhere = f"{fresh.namespace}-elsewhere"
    listener = {"name": "http", "port": 8081, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "Same"}}}
    gateway = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "closed", "namespace": elsewhere},
        "spec": {"gatewayClassName": "envoy", "listeners": [listener]},
    }
    fresh.site.kubectl("create", "namespace", elsewhere)
    try:
        fresh.site.kubectl("apply", "--filename=-", stdin=json.dumps(gateway))
        fresh.apply("recommender/v1.yaml", **merge(QUICK, {"route": {"gateway": f"{elsewhere}/closed"}}))
        refused = "RouteNotAllowedByListeners"
        fresh.wait("the gateway's word", lambda _: fresh.condition("Ready").get("reason") == refused)
        assert fresh.condition("Available")["status"] == "True", "callers in the cluster are served"
    finally:
        fresh.site.kubectl("delete", "namespace", elsewhere, "--wait=false")


def test_an_edited_config_map_is_a_new_revision_and_the_old_contents_are_the_old_one(
    fresh: Model, start_load: Callable[..., Load]
) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tuning"}, "data": {"BOOST": "1"}}
    fresh.kubectl("apply", "--filename=-", stdin=json.dumps(config))
    fresh.apply("recommender/v1.yaml", **AT_ONCE, runtime={"configMaps": [{"name": "tuning"}]})
    first = fresh.wait_stable()["stable"]["revision"]
    start_load(fresh, 60.0)
    fresh.kubectl("apply", "--filename=-", stdin=json.dumps({**config, "data": {"BOOST": "2"}}))
    second = fresh.wait("the new revision", lambda s: s["stable"]["revision"] != first and s["phase"] == "Stable")
    pod = next(iter(fresh.list("pods")))
    assert pod["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"].endswith(second["stable"]["revision"])
    fresh.kubectl("apply", "--filename=-", stdin=json.dumps(config))
    fresh.wait("the first revision again", lambda s: s["stable"]["revision"] == first and s["phase"] == "Stable")
    copies = [c for c in fresh.list("configmaps") if c["metadata"]["name"] == f"tuning-{first}"]
    assert copies[0]["data"] == {"BOOST": "1"}


def test_the_plainest_container_is_judged_by_the_gateway(fresh: Model, start_load: Callable[..., Load]) -> None:
    fresh.apply("flask/v1.yaml", **QUICK)
    stable = fresh.wait_stable()["stable"]["revision"]
    time.sleep(1)
    load = start_load(fresh, 50.0, house_prices)
    fresh.apply("flask/v2-broken.yaml", **QUICK)
    status = fresh.wait_phase("RolledBack")
    (metric,) = status["metrics"]
    assert (status["reason"], metric["source"]) == ("ErrorRateTooHigh", "Gateway")
    assert fresh.route_weights() == {stable: 100}
    assert [answer.as_dict() for answer in load.journal.failures()] == []
