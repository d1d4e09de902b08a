"""What keeps pods apart, together, and at the right number."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from serinus.api.v1alpha1 import Autoscaling, Runtime
from serinus.desired import autoscaler, deployment, revision
from serinus.desired.pod import SPREAD_OVER, template
from serinus.desired.serving import Serving

from .test_golden import FULL, MANIFESTS, MINIMAL, NAME, NAMESPACE, OLD, PARENT, made

BOTH = Autoscaling(max_replicas=9, cpu_utilization=70, memory_utilization=80)


def pod(**runtime: Any) -> dict[str, Any]:
    return template(NAME, OLD, Serving(Runtime.model_validate({**MINIMAL, **runtime})))


@pytest.mark.parametrize(
    ("runtime", "missing"),
    [
        ({}, {"cpu", "memory"}),
        ({"resources": {"requests": {"cpu": "1"}}}, {"memory"}),
        ({"resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}}, set()),
        ({"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}, set()),
        ({"podTemplate": {"spec": {"containers": [{"name": "model", "resources": {"requests": {"cpu": 1}}}]}}}, {"memory"}),
        ({"podTemplate": {"spec": {"containers": [{"name": "proxy", "image": "p", "resources": {"requests": {"cpu": 1}}}]}}},
         {"cpu", "memory"}),
    ],
)  # fmt: skip
def test_a_percentage_needs_a_request_of_the_model_container(runtime: dict[str, Any], missing: set[str]) -> None:
    told = autoscaler.unmeasurable(BOTH, pod(**runtime))
    assert {name for name in ("cpu", "memory") if f"spec.runtime.resources.requests.{name}" in told} == missing
    assert {name for name in ("cpu", "memory") if f"spec.autoscaling.{name}Utilization is" in told} == missing
    assert bool(told) == bool(missing)


def test_a_target_that_is_not_set_needs_nothing() -> None:
    only_cpu = Autoscaling(max_replicas=9, cpu_utilization=70)
    assert autoscaler.unmeasurable(only_cpu, pod(resources={"requests": {"cpu": "1"}})) == ""


def test_an_autoscaler_targets_the_revisions_deployment() -> None:
    target = MANIFESTS["autoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", f"{NAME}-{OLD}")


def test_pods_of_a_revision_are_spread_without_ever_being_refused() -> None:
    constraints = pod()["spec"]["topologySpreadConstraints"]
    assert tuple(each["topologyKey"] for each in constraints) == SPREAD_OVER
    assert {each["whenUnsatisfiable"] for each in constraints} == {"ScheduleAnyway"}
    labels = pod()["metadata"]["labels"]
    assert all(each["labelSelector"]["matchLabels"].items() <= labels.items() for each in constraints)


@pytest.mark.parametrize("own", [[], [{"topologyKey": "rack", "maxSkew": 2, "whenUnsatisfiable": "DoNotSchedule"}]])
def test_a_spread_of_ones_own_replaces_it(own: list[Any]) -> None:
    assert pod(podTemplate={"spec": {"topologySpreadConstraints": own}})["spec"]["topologySpreadConstraints"] == own


def test_a_revision_of_an_operator_that_did_not_spread_keeps_its_pods() -> None:
    """Its template is the recorded one, so an upgrade restarts nobody."""
    record = copy.deepcopy(revision.manifest(NAME, NAMESPACE, made(FULL, {}), PARENT, FULL))
    record["metadata"]["uid"] = "uid-revision"
    del record["data"]["template"]["spec"]["topologySpreadConstraints"]
    manifest = deployment.deployment(NAME, NAMESPACE, revision.read(record), PARENT, None)
    assert manifest["spec"]["template"] == record["data"]["template"]
    assert revision.read(record).hash == revision.Origin(FULL, {}).hash
