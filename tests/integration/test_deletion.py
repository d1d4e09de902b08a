"""Deletion by the real garbage collector, in the order that drops no request."""

from collections.abc import Callable

import pytest

from .kube import Manifest
from .stand import NAME, Space, image, manifest, spec
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
    last = [change.object for change in space.recorder.of("httproutes", NAME) if change.type == "MODIFIED"][-1]
    assert not lets_in(last), "nobody was let in any more"


def lets_in(route: Manifest) -> bool:
    (rule,) = route["spec"]["rules"]
    return not any(match.get("headers") for match in rule["matches"])


def test_a_route_goes_also_when_no_gateway_follows(space: Space) -> None:
    space.serving()
    space.stand.gateway.stalled = True
    space.kube.delete("modeldeployments", space.namespace, NAME)
    eventually(lambda: not left(space), "nothing is left", 60, show=lambda: left(space))


def test_a_route_that_somebody_deleted_is_made_anew_at_once_and_open(space: Space) -> None:
    space.serving()
    space.recorder.watch("httproutes")
    before = space.route()
    assert before
    space.kube.delete("httproutes", space.namespace, NAME)

    def anew() -> bool:
        route = space.route()
        return bool(route) and route["metadata"]["uid"] != before["metadata"]["uid"]

    eventually(anew, "another route", 5, show=space.tell)
    eventually(space.route_live, "the gateway knows it", show=space.tell)
    assert all(lets_in(change.object) for change in space.recorder.of("httproutes", NAME))


def test_a_route_that_is_no_longer_wanted_is_closed_first(space: Space) -> None:
    container = space.serving()
    space.recorder.watch("httproutes")
    space.apply(spec(container, route=False))
    eventually(lambda: space.route() is None, "there is no route", show=space.tell)
    last = [change.object for change in space.recorder.of("httproutes", NAME) if change.type == "MODIFIED"][-1]
    assert not lets_in(last)


def test_a_first_route_lets_nobody_in_before_the_gateway_knows_it(space: Space) -> None:
    space.recorder.watch("httproutes")
    space.serving()

    def seen() -> list[Manifest]:
        return [change.object for change in space.recorder.of("httproutes", NAME)]

    eventually(lambda: lets_in(seen()[-1]), "the route is open", show=space.tell)
    known = [route for route in seen() if route.get("status", {}).get("parents")]
    assert not lets_in(seen()[0])
    assert not lets_in(known[0])


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


def test_a_route_of_somebody_else_with_our_labels_is_left_alone(space: Space) -> None:
    space.serving()
    mine = space.route()
    assert mine
    space.kube.delete("modeldeployments", space.namespace, NAME)
    eventually(lambda: not left(space), "nothing is left", 60, show=lambda: left(space))
    metadata = {"name": NAME, "labels": mine["metadata"]["labels"]}
    theirs = space.kube.create("httproutes", space.namespace, {**mine, "metadata": metadata, "status": {"parents": []}})
    space.kube.create("modeldeployments", space.namespace, manifest(space.namespace, spec(image(1))))
    space.wait_event("NameTaken", f"HTTPRoute {NAME}")
    live = space.route()
    assert live
    assert (live["spec"], live["metadata"]["uid"]) == (theirs["spec"], theirs["metadata"]["uid"])


def test_a_model_that_was_deleted_while_no_operator_ran_goes_when_one_does(space: Space) -> None:
    space.serving()
    space.stand.operator.kill()
    space.kube.delete("modeldeployments", space.namespace, NAME)
    eventually(lambda: f"modeldeployments/{NAME}" not in left(space), "the model is gone")
    route = eventually(orphan(space), "its route is left to the namespace", show=lambda: left(space))
    assert lets_in(route)
    space.stand.operator.start()
    eventually(lambda: not left(space), "nothing is left", 60, show=lambda: left(space))


def orphan(space: Space) -> Callable[[], Manifest | None]:
    def look() -> Manifest | None:
        route = space.route()
        owners = [reference["kind"] for reference in route["metadata"]["ownerReferences"]] if route else []
        return route if owners == ["Namespace"] else None

    return look
