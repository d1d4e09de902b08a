"""Rights: what the operator's calls need, and not one more."""

from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.chart

GATEWAY = "gateway.networking.k8s.io"
ALL = "get list watch create patch delete"
NAMESPACED = {
    ("serinus.dev", "modeldeployments"): "get list watch",
    ("serinus.dev", "modeldeployments/status"): "patch update",
    ("serinus.dev", "modeldeployments/finalizers"): "update",
    ("apps", "controllerrevisions"): ALL,
    ("apps", "controllerrevisions/finalizers"): "update",
    ("", "services/finalizers"): "update",
    ("apps", "deployments"): ALL,
    ("apps", "deployments/scale"): "patch",
    ("autoscaling", "horizontalpodautoscalers"): ALL,
    ("policy", "poddisruptionbudgets"): ALL,
    ("", "services"): ALL,
    ("", "configmaps"): "get list watch create patch",
    ("", "pods"): "get list watch",
    ("", "namespaces"): "get",
    ("", "events"): "create",
    ("discovery.k8s.io", "endpointslices"): "list watch",
    (GATEWAY, "httproutes"): ALL,
    (GATEWAY, "grpcroutes"): ALL,
    (GATEWAY, "backendtlspolicies"): "get list watch create patch",
    (GATEWAY, "gateways"): "get",
}
CLUSTER = {
    ("apiextensions.k8s.io", "customresourcedefinitions"): "list watch",
    (GATEWAY, "gatewayclasses"): "get",
}
GATEWAYS = {(GATEWAY, "gateways"): "get", (GATEWAY, "gatewayclasses"): "get"}

Rights = dict[tuple[str, str], set[str]]


def rights(role: dict[str, Any]) -> Rights:
    found: Rights = {}
    for rule in role["rules"]:
        assert set(rule) == {"apiGroups", "resources", "verbs"}, "no rule holds for some names only"
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                assert (group, resource) not in found, "one rule per resource"
                found[group, resource] = set(rule["verbs"])
    return found


def table(*parts: dict[tuple[str, str], str]) -> Rights:
    return {resource: set(verbs.split()) for part in parts for resource, verbs in part.items()}


def serving(rendered: Any, kind: str) -> list[dict[str, Any]]:
    """Return what gives rights around models, without what is about the Lease."""
    return [found for found in rendered.all(kind) if not found["metadata"]["name"].endswith("-lease")]


def own(rendered: Any) -> list[dict[str, Any]]:
    """Return the operator's ClusterRoles, without those that are for people."""
    return [role for role in rendered.all("ClusterRole") if not aggregated(role)]


def aggregated(role: dict[str, Any]) -> set[str]:
    """Return the roles of Kubernetes that a ClusterRole is a part of."""
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    return {name.removeprefix(prefix) for name in role["metadata"]["labels"] if name.startswith(prefix)}


def roles(rendered: Any) -> Iterator[dict[str, Any]]:
    yield from serving(rendered, "Role")
    yield from own(rendered)


@pytest.mark.parametrize("namespaces", [[], ["team-a"]])
def test_the_lease_is_the_only_one_in_reach(helm: Any, namespaces: list[str]) -> None:
    rendered = helm.render({"namespaces": namespaces})
    (role,) = (found for found in rendered.all("Role") if found["metadata"]["name"].endswith("-lease"))
    assert role["metadata"]["namespace"] == "ops"
    group = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"]}
    assert role["rules"] == [
        {**group, "verbs": ["create"]},
        {**group, "resourceNames": [rendered.env["SERINUS_LEASE_NAME"]], "verbs": ["get", "update"]},
    ]
    (binding,) = (found for found in rendered.all("RoleBinding") if found["metadata"]["name"].endswith("-lease"))
    assert binding["metadata"]["namespace"] == "ops"
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "serinus", "namespace": "ops"}]


def test_the_whole_cluster(rendered: Any) -> None:
    (role,) = own(rendered)
    assert rights(role) == table(NAMESPACED, CLUSTER)
    binding = rendered.one("ClusterRoleBinding")
    assert binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": role["metadata"]["name"],
    }
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "serinus", "namespace": "ops"}]
    assert not serving(rendered, "Role")
    assert not serving(rendered, "RoleBinding")


def test_a_list_of_namespaces_gets_roles_only(helm: Any) -> None:
    rendered = helm.render({"namespaces": ["team-a", "team-b"]})
    assert not [manifest for manifest in rendered.manifests if manifest["kind"].startswith("Cluster")]
    for kind in ("Role", "RoleBinding"):
        assert [manifest["metadata"]["namespace"] for manifest in serving(rendered, kind)] == ["team-a", "team-b"]
    for role, binding in zip(serving(rendered, "Role"), serving(rendered, "RoleBinding"), strict=True):
        assert rights(role) == table(NAMESPACED)
        assert binding["roleRef"]["kind"] == "Role"
        assert binding["roleRef"]["name"] == role["metadata"]["name"]
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "serinus", "namespace": "ops"}]


def test_a_list_of_namespaces_without_the_crd_creates_nothing_for_the_cluster(helm: Any) -> None:
    rendered = helm.render({"namespaces": ["team-a"], "crds": {"install": False}})
    assert all("namespace" in manifest["metadata"] for manifest in rendered.manifests)


def test_the_switch_for_gateways_elsewhere(helm: Any) -> None:
    rendered = helm.render({"namespaces": ["team-a"], "rbac": {"readGateways": True}})
    assert rights(rendered.one("ClusterRole")) == table(GATEWAYS)
    (role,) = serving(rendered, "Role")
    assert rights(role) == table(NAMESPACED)


def test_releases_of_one_name_in_two_namespaces_share_no_cluster_role(helm: Any) -> None:
    values = {"namespaces": ["a"], "rbac": {"readGateways": True}}
    names = {
        helm.render(values, namespace=namespace).one("ClusterRole")["metadata"]["name"] for namespace in ("x", "y")
    }
    assert len(names) == 2


@pytest.mark.parametrize("values", [{}, {"namespaces": ["a"]}, {"namespaces": ["a"], "rbac": {"readGateways": True}}])
def test_no_wildcard_no_secret_no_escalation(helm: Any, values: dict[str, Any]) -> None:
    for role in roles(helm.render(values)):
        for (group, resource), verbs in rights(role).items():
            assert "*" not in {group, resource, *verbs}
            assert resource not in {"secrets", "pods/exec", "serviceaccounts/token"}
            assert group != "rbac.authorization.k8s.io"
            assert not verbs & {"escalate", "bind", "impersonate", "deletecollection"}


@pytest.mark.parametrize("namespaces", [[], ["team-a"]])
def test_rights_can_come_from_elsewhere(helm: Any, namespaces: list[str]) -> None:
    rendered = helm.render({"rbac": {"create": False, "readGateways": True}, "namespaces": namespaces})
    assert not [manifest for manifest in rendered.manifests if manifest["apiVersion"].startswith("rbac.")]


def test_people_get_their_rights_by_kubernetes_own_roles(helm: Any, rendered: Any) -> None:
    view, edit = (role for role in rendered.all("ClusterRole") if aggregated(role))
    assert aggregated(view) == {"view", "edit", "admin"}
    assert aggregated(edit) == {"edit", "admin"}
    group, model = "serinus.dev", "modeldeployments"
    read = {(group, model): "get list watch", (group, f"{model}/status"): "get", (group, f"{model}/scale"): "get"}
    assert rights(view) == table(read)
    write = {(group, model): "create update patch delete deletecollection", (group, f"{model}/scale"): "update patch"}
    assert rights(edit) == table(write), "status is the operator's"
    assert len(helm.render({"rbac": {"aggregateClusterRoles": False}}).all("ClusterRole")) == 1
