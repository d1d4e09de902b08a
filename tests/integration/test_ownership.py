"""Who owns which field and which object."""

from typing import Any

import pytest

from .kube import Manifest, RefusedError
from .stand import MODEL, NAME, Space, image, manifest, spec
from .waiting import always, eventually

CHILDREN = ("deployments", "services", "httproutes", "controllerrevisions")


def managers(live: Manifest) -> dict[tuple[str, str], Any]:
    return {(m["manager"], m.get("subresource", "")): m["fieldsV1"] for m in live["metadata"]["managedFields"]}


def child(space: Space, plural: str, name: str) -> Manifest:
    found = space.kube.get(plural, space.namespace, name)
    assert found is not None
    return found


def test_fields_belong_to_the_operators_managers(space: Space) -> None:
    revision = space.hash(space.serving())
    for plural, name in (("services", NAME), ("httproutes", NAME), ("deployments", f"{NAME}-{revision}")):
        assert ("serinus", "") in managers(child(space, plural, name)), plural
    own = managers(space.model())
    assert "f:status" in own["serinus-status", "status"]
    assert not any(manager == "serinus" for manager, _ in own), "the operator writes status only"


def test_number_of_pods_is_owned_by_no_apply(space: Space) -> None:
    revision = space.hash(space.serving(replicas=3))
    name = f"{NAME}-{revision}"
    live = child(space, "deployments", name)
    assert live["spec"]["replicas"] == 3
    assert "f:replicas" not in managers(live)["serinus", ""]["f:spec"]
    space.recorder.watch("deployments")
    space.kube.merge("modeldeployments", space.namespace, NAME, {"metadata": {"annotations": {"touch": "1"}}})
    space.kube.merge("deployments", space.namespace, name, {"metadata": {"annotations": {"touch": "1"}}})
    always(lambda: child(space, "deployments", name)["spec"]["replicas"] == 3, "3 replicas", 2)


def test_model_is_scaled_through_its_scale_subresource(space: Space) -> None:
    first = space.serving(replicas=2)
    revision, before = space.hash(first), space.uids(space.hash(first))
    space.kube.merge("modeldeployments", space.namespace, NAME, {"spec": {"replicas": 4}}, "scale")
    eventually(lambda: len(space.uids(revision)) == 4, "4 pods", show=space.tell)
    assert before <= space.uids(revision)
    space.wait(lambda s: s["replicas"] == 4, "status.replicas")


def test_children_carry_nothing_of_the_parents_metadata(space: Space) -> None:
    foreign = {"app.kubernetes.io/instance": "argo-app", "argocd.argoproj.io/instance": "x"}
    tracked = {"labels": foreign, "annotations": {"argocd.argoproj.io/tracking-id": "y"}}
    settings = {"kind": "ConfigMap", "metadata": {"name": "settings", **tracked}, "data": {"mode": "a"}}
    space.kube.create("configmaps", space.namespace, settings)
    body = manifest(
        space.namespace, spec(image(1), runtime={"configMaps": [{"name": "settings", "mountPath": "/etc/settings"}]})
    )
    body["metadata"] |= tracked
    space.kube.apply("modeldeployments", body)
    space.in_phase("Stable")
    eventually(space.route_live, "the route is there", show=space.tell)
    for plural in CHILDREN:
        for found in space.kube.find(plural, space.namespace):
            metadata = found["metadata"]
            assert not set(foreign) & set(metadata.get("labels", {})), plural
            assert not any("argocd" in key for key in metadata.get("annotations", {})), plural
            assert [r["kind"] for r in metadata["ownerReferences"] if r.get("controller")] == ["ModelDeployment"]
    (copy,) = space.kube.find("configmaps", space.namespace, f"{MODEL}={NAME}")
    assert not set(foreign) & set(copy["metadata"]["labels"])
    assert "annotations" not in copy["metadata"]
    assert copy["metadata"]["ownerReferences"], "what has an owner is never pruned"


def test_unknown_status_is_refused_to_nobody_but_kept_by_the_operator(space: Space) -> None:
    """Somebody else's write of status does not stop the operator's."""
    first = space.serving()
    space.kube.merge("modeldeployments", space.namespace, NAME, {"status": {"phase": "Nonsense"}}, "status")
    space.wait(lambda s: s["phase"] == "Stable" and s["stable"]["image"] == first, "status is right again")


def test_spec_is_never_written(space: Space) -> None:
    body = spec(image(1))
    stored = space.apply(body)
    space.in_phase("Stable")
    assert space.model()["spec"] == stored["spec"]
    assert space.model()["metadata"]["generation"] == 1
    assert "finalizers" not in space.model()["metadata"]
    assert "annotations" not in space.model()["metadata"]
    with pytest.raises(RefusedError):
        space.kube.create("modeldeployments", space.namespace, manifest(space.namespace, body))
