"""What is true of every child, and what a user's fragment may change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.api.v1alpha1 import MAX_NAME, Runtime
from serinus.desired import labels, names, owner
from serinus.desired.overlay import lay_over
from serinus.desired.pod import RUN_AS_USER, template
from serinus.desired.serving import Serving

from .test_golden import FULL, MANIFESTS, MINIMAL, NAME, OLD, PARENT

CHILDREN = {name: item for name, item in MANIFESTS.items() if isinstance(item, dict) and "kind" in item}
OF_A_SERVICE = {"tls-policy", "tls-policy-own-authority"}
OWNED = {name: item for name, item in CHILDREN.items() if name not in {"revision-stamp", *OF_A_SERVICE}}


def test_a_deployment_never_holds_replicas() -> None:
    """Giving up the field later would reset it to 1."""
    assert "replicas" not in MANIFESTS["deployment"]["spec"]


@pytest.mark.parametrize("name", OWNED)
def test_the_model_is_the_one_controller_and_comes_first(name: str) -> None:
    references = OWNED[name]["metadata"]["ownerReferences"]
    assert [reference.get("controller", False) for reference in references] == [True] + [False] * (len(references) - 1)
    assert (references[0]["kind"], references[0]["uid"]) == ("ModelDeployment", "uid-model")


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("deployment", ["ModelDeployment", "Service"]),
        ("service-of-revision", ["ModelDeployment", "HTTPRoute"]),
        ("service-constant", ["ModelDeployment", "HTTPRoute"]),
        ("service-constant-of-all", ["ModelDeployment"]),
        ("route-minimal", ["ModelDeployment", "Namespace"]),
    ],
)
def test_a_deletion_takes_route_services_and_pods_in_that_order(name: str, kinds: list[str]) -> None:
    assert [reference["kind"] for reference in OWNED[name]["metadata"]["ownerReferences"]] == kinds


@pytest.mark.parametrize("name", sorted(OF_A_SERVICE))
def test_a_policy_goes_with_its_service_and_holds_for_nothing_else(name: str) -> None:
    policy, service = CHILDREN[name], CHILDREN["service-encrypted"]
    assert [reference["name"] for reference in policy["metadata"]["ownerReferences"]] == [service["metadata"]["name"]]
    (target,) = policy["spec"]["targetRefs"]
    assert (target["kind"], target["name"]) == (service["kind"], service["metadata"]["name"])
    told = {port["name"]: port["appProtocol"] for port in service["spec"]["ports"]}
    assert told == {"http": "https", "grpc": "kubernetes.io/h2c"}
    assert target["sectionName"] == "http"


def test_an_owner_that_does_not_exist_yet_is_left_out() -> None:
    assert owner.references(PARENT, None) == [PARENT.reference(controller=True)]


@pytest.mark.parametrize("name", OWNED)
def test_labels_are_from_an_allow_list_and_never_the_parents(name: str) -> None:
    allowed = {labels.MODEL, labels.REVISION, labels.MANAGED_BY, "app.kubernetes.io/name"}
    found = OWNED[name]["metadata"]["labels"]
    assert set(found) <= allowed
    assert found[labels.MODEL] == NAME


def test_pods_carry_the_revision_and_never_the_role() -> None:
    text = str(MANIFESTS["pod-minimal"]) + str(MANIFESTS["deployment"])
    assert labels.REVISION in text
    assert not any(role in text for role in ("stable", "canary", "candidate", "control'"))


def test_the_selector_of_a_deployment_matches_its_pods() -> None:
    spec = MANIFESTS["deployment"]["spec"]
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


def test_names_of_children_fit() -> None:
    longest = names.of_revision("n" * MAX_NAME, "0" * names.HASH_LENGTH)
    assert len(longest) + len("-") <= 58, "pods are named from the first 58 characters"


def test_pods_meet_the_restricted_standard() -> None:
    spec = MANIFESTS["pod-minimal"]["spec"]
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == RUN_AS_USER > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert spec["automountServiceAccountToken"] is False


def test_a_service_finds_the_port_by_name() -> None:
    """Two revisions behind one Service may listen on different ports."""
    (port,) = MANIFESTS["service-constant"]["spec"]["ports"]
    (container,) = MANIFESTS["pod-minimal"]["spec"]["containers"]
    assert port["targetPort"] == container["ports"][0]["name"]


# Overlay


@pytest.mark.parametrize(
    ("base", "top", "expected"),
    [
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"a": None}, {}),
        ({"a": 1}, {"b": None}, {"a": 1}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": {"b": 1}}, {"a": 5}, {"a": 5}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": []}, {"a": [{"name": "x"}]}, {"a": [{"name": "x"}]}),
        ([{"name": "x", "v": 1}], [{"name": "x", "w": 2}], [{"name": "x", "v": 1, "w": 2}]),
        ([{"name": "x"}], [{"name": "y"}], [{"name": "x"}, {"name": "y"}]),
        ([{"name": "x"}, {"name": "y"}], [{"name": "y", "v": 1}], [{"name": "x"}, {"name": "y", "v": 1}]),
        ([{"name": "x"}], [{"other": 1}], [{"other": 1}]),
        ([{"name": "x"}], [], []),
        ([{"name": "x"}], [{"name": ["x"]}], [{"name": ["x"]}]),
    ],
)
def test_the_rules_of_an_overlay(base: Any, top: Any, expected: Any) -> None:
    assert lay_over(base, top) == expected


json_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_an_empty_overlay_changes_nothing(base: Any) -> None:
    if isinstance(base, dict):
        assert lay_over(base, {}) == base


@given(json_values, json_values)
def test_an_overlay_leaves_both_arguments_as_they_were(base: Any, top: Any) -> None:
    before = repr((base, top))
    lay_over(base, top)
    assert repr((base, top)) == before


def pod(**pod_template: Any) -> dict[str, Any]:
    return template(NAME, OLD, Serving(Runtime.model_validate({**MINIMAL, "podTemplate": pod_template})))


@pytest.mark.parametrize(
    "metadata",
    [{"labels": {labels.REVISION: "mine", labels.MODEL: "other"}}, {"labels": None}, {"labels": {}}, None, {}],
)
def test_the_selectors_labels_cannot_be_taken_from_a_pod(metadata: Any) -> None:
    found = pod(metadata=metadata)["metadata"]["labels"]
    assert labels.selector(NAME, OLD).items() <= found.items()


def test_an_overlay_may_run_as_another_user_and_drop_the_stop_hook() -> None:
    full = MANIFESTS["pod-full"]["spec"]
    model, proxy = full["containers"]
    assert (full["securityContext"]["runAsUser"], "fsGroup" in full["securityContext"]) == (1000, False)
    assert "lifecycle" not in model
    assert proxy == {"name": "proxy", "image": "proxy:1"}
    assert [mount["name"] for mount in model["volumeMounts"]] == ["config-0", "cache"]


def test_pods_are_scraped_only_when_they_declare_metrics() -> None:
    assert MANIFESTS["pod-minimal"]["metadata"]["annotations"] == {}
    declared = {key: value for key, value in FULL.items() if key != "podTemplate"}
    annotations = template(NAME, OLD, Serving(Runtime.model_validate(declared)))["metadata"]["annotations"]
    assert annotations == {"prometheus.io/scrape": "true", "prometheus.io/port": "9100", "prometheus.io/path": "/stats"}
