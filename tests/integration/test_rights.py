"""What the chart's roles let anybody do, asked of the API server: all verbs on all resources that there are."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from .kube import Kube
from .stand import ROOT
from .test_chart import OPS, OTHER, RBAC, RELEASE, TEAM, applied, prepared, rendered
from .waiting import eventually

__all__ = ["prepared"]

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
SPECIAL = {
    "users": ("impersonate",), "groups": ("impersonate",), "serviceaccounts": ("impersonate",), "uids.authentication.k8s.io": ("impersonate",),
    "roles.rbac.authorization.k8s.io": ("escalate", "bind"), "clusterroles.rbac.authorization.k8s.io": ("escalate", "bind"),
    "certificatesigningrequests.certificates.k8s.io/approval": ("update",), "signers.certificates.k8s.io": ("approve", "sign"),
    "secrets": ("*",), "*": ("*",), "*.*": ("get", "*"),
}  # fmt: skip
"""Verbs that only these resources have, and resources that discovery does not tell."""
DANGEROUS = (
    "secrets", "pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy", "nodes", "nodes/proxy",
    "serviceaccounts/token", "rolebindings.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io", "persistentvolumes", "pods/ephemeralcontainers",
)  # fmt: skip
WHOLE = ""
"""In place of a namespace: in all of them, and what is in none."""
Rights = dict[str, set[str]]


def known(kube: Kube) -> set[str]:
    """Return every resource of the API server as `plural.group/subresource`."""
    found = {one["name"] for one in kube.call("GET", "/api/v1")["resources"]}
    for group in kube.call("GET", "/apis")["groups"]:
        for version in group["versions"]:
            for one in kube.call("GET", f"/apis/{version['groupVersion']}")["resources"]:
                plural, slash, part = one["name"].partition("/")
                found.add(f"{plural}.{group['name']}{slash}{part}")
    return found


def may(kube: Kube, who: dict[str, Any], verb: str, resource: str, namespace: str) -> bool:
    qualified, _, part = resource.partition("/")
    plural, _, group = qualified.partition(".")
    asked = {"verb": verb, "group": group, "resource": plural, "subresource": part, "namespace": namespace}
    review = {"spec": {**who, "resourceAttributes": asked}}
    return bool(kube.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)["status"]["allowed"])


def rights(kube: Kube, who: dict[str, Any], namespace: str, resources: set[str]) -> Rights:
    """Return all that somebody may do in a namespace."""
    asked = [(one, verb) for one in resources for verb in VERBS]
    asked += [(one, verb) for one, verbs in SPECIAL.items() for verb in verbs]
    found: Rights = {}
    for resource, verb in asked:
        if may(kube, who, verb, resource, namespace):
            found.setdefault(resource, set()).add(verb)
    return found


def has(kube: Kube, who: dict[str, Any], namespace: str, resources: set[str], expected: Rights) -> None:
    """Check what somebody may do; the API server hears of roles and bindings a moment after they were written."""

    def found() -> Rights:
        return rights(kube, who, namespace, resources)

    eventually(lambda: found() == expected, f"rights in {namespace!r}", 10.0, show=lambda: (found(), expected))


def account(name: str = RELEASE, namespace: str = OPS) -> dict[str, Any]:
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    return {"user": f"system:serviceaccount:{namespace}:{name}", "groups": groups}


def documented() -> Rights:
    """Return the table of the page on operations."""
    page = (ROOT / "docs" / "operations.md").read_text()
    table = page.split("In the namespaces that it serves:")[1].split("In its own namespace")[0]
    found: Rights = {}
    for names, verbs in re.findall(r"^\| (`.*?`) \| (.*?) \|$", table, re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", names):
            assert name not in found, f"{name} stands in the table twice"
            found[name] = set(re.sub(r"\(.*\)", "", verbs).replace(",", " ").split())
    return found


CLUSTER: Rights = {
    "gatewayclasses.gateway.networking.k8s.io": {"get"},
    "customresourcedefinitions.apiextensions.k8s.io": {"list", "watch"},
}
LEASE: Rights = {"leases.coordination.k8s.io": {"create"}}
"""Its own Lease it may get and update by its name."""


@contextmanager
def installed(kube: Kube, home: Path, values: dict[str, Any]) -> Iterator[None]:
    objects = [one for one in rendered(home, values) if one["kind"] in RBAC]
    applied(kube, objects)
    try:
        yield
    finally:
        kube.plane.kubectl("delete", "--filename", "-", stdin=yaml.safe_dump_all(objects))


@pytest.fixture(scope="module")
def everything(prepared: Kube) -> set[str]:
    found = known(prepared) | set(documented()) | set(CLUSTER)
    missing = {name for name in DANGEROUS if name not in found}
    assert not missing, "the API server is asked for what is dangerous"
    return found


@pytest.fixture(scope="module")
def nobody(prepared: Kube, everything: set[str]) -> Rights:
    """What every account may, by Kubernetes' own roles: to ask what it may."""
    found = rights(prepared, account("nobody"), WHOLE, everything)
    assert all(name.partition(".")[2].startswith(("authorization.", "authentication.")) for name in found), found
    return found


def test_the_whole_cluster(prepared: Kube, everything: set[str], nobody: Rights, tmp_path: Path) -> None:
    with installed(prepared, tmp_path, {}):
        has(prepared, account(), TEAM, everything, {**documented(), **CLUSTER, **nobody})
        has(prepared, account(), OPS, everything, {**documented(), **CLUSTER, **LEASE, **nobody})
        lease = {"verb": "update", "group": "coordination.k8s.io", "resource": "leases", "namespace": OPS}
        for name, allowed in ((RELEASE, True), ("another", False)):  # after its right to make one was seen
            review = {"spec": {**account(), "resourceAttributes": {**lease, "name": name}}}
            where = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
            assert prepared.call("POST", where, review)["status"]["allowed"] is allowed


def test_a_list_of_namespaces(prepared: Kube, everything: set[str], nobody: Rights, tmp_path: Path) -> None:
    with installed(prepared, tmp_path, {"namespaces": [TEAM]}):
        has(prepared, account(), TEAM, everything, {**documented(), **nobody})
        has(prepared, account(), OPS, everything, {**LEASE, **nobody})
        for elsewhere in (OTHER, WHOLE):
            has(prepared, account(), elsewhere, everything, nobody)


def test_the_switch_for_gateways_lets_nothing_else_be_read(
    prepared: Kube,
    everything: set[str],
    nobody: Rights,
    tmp_path: Path,
) -> None:
    with installed(prepared, tmp_path, {"namespaces": [TEAM], "rbac": {"readGateways": True}}):
        group = "gateway.networking.k8s.io"
        read = {f"{plural}.{group}": {"get"} for plural in ("gateways", "gatewayclasses")}
        has(prepared, account(), OTHER, everything | set(read), {**read, **nobody})


def test_people_get_no_more_than_their_table_says(prepared: Kube, everything: set[str], tmp_path: Path) -> None:
    """Bound to the parts themselves: which of Kubernetes' roles they become a part of, their labels say."""
    model = "modeldeployments.serinus.dev"
    view = {model: {"get", "list", "watch"}, f"{model}/status": {"get"}, f"{model}/scale": {"get"}}
    edit = {model: {"create", "update", "patch", "delete", "deletecollection"}, f"{model}/scale": {"update", "patch"}}
    with installed(prepared, tmp_path, {}):
        for part, expected in (("view", view), ("edit", edit)):
            role = f"--clusterrole={OPS}-{RELEASE}-{part}"
            prepared.plane.kubectl(
                "create", "rolebinding", f"a-{part}", role, f"--user=a-{part}", f"--namespace={TEAM}"
            )
            has(prepared, {"user": f"a-{part}"}, TEAM, everything, expected)
            has(prepared, {"user": f"a-{part}"}, OTHER, everything, {})
