"""Models that answer HTTPS: how the gateway knows each revision's pods."""

from typing import Any

import pytest

from .kube import Manifest
from .stand import NAME, Space, image, spec
from .waiting import eventually

POLICIES = "backendtlspolicies"
OWN = {"hostname": "shop.test", "ca": {"name": "shop-ca"}}


def policies(space: Space) -> dict[str, Manifest]:
    """Return what each policy says, by the Service that it is for."""
    found = {}
    for policy in space.kube.find(POLICIES, space.namespace):
        (target,) = policy["spec"]["targetRefs"]
        found[target["name"]] = policy["spec"]["validation"]
    return found


def spoken(space: Space) -> str:
    (port,) = (space.kube.get("services", space.namespace, NAME) or {})["spec"]["ports"]
    return str(port["appProtocol"])


def names_it(route: Manifest, service: str) -> bool:
    return any(one["name"] == service for one in route["spec"]["rules"][0]["backendRefs"])


def test_a_version_that_answers_https_is_known_before_anybody_is_sent_to_it(space: Space) -> None:
    space.serving()
    assert (policies(space), spoken(space)) == ({}, "http")
    space.recorder.watch("httproutes", POLICIES)
    second = image(2)
    space.apply(spec(second, runtime={"tls": OWN}))
    space.stable(second)
    service = f"{NAME}-{space.hash(second)}"
    trusted = [{"group": "", "kind": "ConfigMap", "name": "shop-ca"}]
    assert policies(space) == {service: {"hostname": "shop.test", "caCertificateRefs": trusted}}
    assert spoken(space) == "https"
    made = min(change.version for change in space.recorder.of(POLICIES))
    routed = min(change.version for change in space.recorder.of("httproutes", NAME) if names_it(change.object, service))
    assert made < routed


def test_each_version_is_known_in_its_own_way_and_the_last_policy_goes_with_its_service(space: Space) -> None:
    first, second, third = image(1), image(2), image(3)
    space.apply(spec(first, runtime={"tls": OWN}))
    space.stable(first)
    space.apply(
        spec(second, runtime={"tls": {"hostname": "shop.test"}}, rollout={"steps": [{"weight": 20, "pause": True}]})
    )
    space.wait(lambda s: s.get("weight") == 20, "20 %")
    old, new = (f"{NAME}-{space.hash(one)}" for one in (first, second))
    seen = policies(space)
    assert seen[old]["caCertificateRefs"][0]["name"] == "shop-ca"
    assert seen[new] == {"hostname": "shop.test", "wellKnownCACertificates": "System"}
    space.apply(spec(third))
    space.stable(third)
    assert spoken(space) == "http"
    eventually(lambda: not policies(space), "no policy is left", show=space.tell)


@pytest.mark.parametrize(
    "change", [None, {"spec": {"validation": {"hostname": "theirs.test"}}}], ids=["gone", "edited"]
)
def test_a_policy_of_other_hands_is_put_right(space: Space, change: Any) -> None:
    first = image(1)
    space.apply(spec(first, runtime={"tls": OWN}))
    space.stable(first)
    (wanted,) = policies(space).items()
    name = wanted[0]
    before = space.kube.get(POLICIES, space.namespace, name)
    assert before
    if change:
        space.kube.merge(POLICIES, space.namespace, name, change)
    else:
        space.kube.delete(POLICIES, space.namespace, name)

    def right() -> bool:
        now = space.kube.get(POLICIES, space.namespace, name)
        changed = now and now["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]
        return bool(changed) and policies(space) == dict([wanted])

    eventually(right, "the policy is as it was", show=space.tell)


def test_a_cluster_without_the_kind_says_so_and_serves_what_needs_none(space: Space) -> None:
    plain, encrypted = space.serving(), image(2)
    old = space.hash(plain)
    with space.without("backendtlspolicies.gateway.networking.k8s.io"):
        space.apply(spec(encrypted, runtime={"tls": OWN}))
        space.wait_condition("Ready", "False", "RouteKindMissing: the cluster has no BackendTLSPolicy")
        assert space.weights() == {old: 100}
        assert space.condition("Available")["status"] == "True"
    space.stable(encrypted)
