"""Deletion by the real garbage collector, in the order that drops no request."""

import pytest

from .stand import NAME, Space, image, spec
from .waiting import eventually

CHILDREN = ("httproutes", "services", "deployments", "replicasets", "pods", "controllerrevisions", "configmaps")


def left(space: Space) -> list[str]:
    found = [
        f"{plural}/{item['metadata']['name']}"
        for plural in (*CHILDREN, "modeldeployments")
        for item in space.kube.find(plural, space.namespace)
        if item["metadata"]["name"] != "settings"
    ]
    return sorted(found)


def with_everything(space: Space) -> None:
    """A rollout in the middle: two revisions, a route, a copied ConfigMap."""
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}}
    space.kube.create("configmaps", space.namespace, settings)
    first = image(1)
    runtime = {"configMaps": [{"name": "settings"}]}
    space.apply(spec(first, runtime=runtime))
    space.stable(first)
    eventually(space.route_live, "the route is there", show=space.tell)
    space.apply(spec(image(2), runtime=runtime, rollout={"steps": [{"weight": 20, "pause": True}]}))
    space.wait(lambda s: s["weight"] == 20 and s["rollout"].get("liveSince"), "20 %")


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
def test_deletion_leaves_nothing_and_goes_from_the_route_to_the_pods(space: Space, policy: str) -> None:
    with_everything(space)
    space.recorder.watch("httproutes", "services", "deployments", "pods")
    services = {item["metadata"]["name"] for item in space.kube.find("services", space.namespace)}
    assert len(services) == 3
    space.kube.delete("modeldeployments", space.namespace, NAME, policy)
    eventually(lambda: not left(space), "nothing is left", 60, show=lambda: left(space))
    eventually(lambda: len(space.recorder.deleted()) >= 6, "the watch saw it")
    gone = {(change.plural, change.name): change.version for change in space.recorder.deleted()}
    route = gone["httproutes", NAME]
    for name in services:
        assert route < gone["services", name], f"the route goes before Service {name}"
        if name != NAME:
            assert gone["services", name] < gone["deployments", name], f"Service {name} goes before its Deployment"


def test_recreation_at_once_believes_nothing_of_the_former(space: Space) -> None:
    first = space.serving()
    before = space.model()["metadata"]["uid"]
    space.kube.delete("modeldeployments", space.namespace, NAME)
    space.apply(spec(first))
    after = space.model()["metadata"]["uid"]
    assert after != before
    status = space.stable(first)
    assert status["observedGeneration"] == 1

    def ours() -> bool:
        children = [item for plural in CHILDREN[:3] for item in space.kube.find(plural, space.namespace)]
        uids = {r["uid"] for c in children for r in c["metadata"]["ownerReferences"] if r.get("controller")}
        return uids == {after} and len(children) == 4

    eventually(ours, "all children are of the new one", show=lambda: (left(space), space.tell()))
    assert len(space.pods(space.hash(first))) == 2
    assert [e["reason"] for e in space.events("FirstRevisionServes")] == ["FirstRevisionServes"] * 2


def test_recreation_with_another_version_is_a_first_deploy(space: Space) -> None:
    space.serving()
    space.kube.delete("modeldeployments", space.namespace, NAME)
    second = image(2)
    space.apply(spec(second))
    space.stable(second)
    space.wait(lambda s: [past["image"] for past in s.get("history", [])] == [second], "its own history only")
    assert not space.events("RolloutStarted")
