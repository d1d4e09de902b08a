"""Other hands at our children: they are put right at once, and nobody is sent to a pod that is not ready."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest

from serinus.desired.revision import Origin

from .kube import ROOTS, Manifest
from .stand import MODEL, NAME, REVISION, Space, Stand, image, new_namespace, spec
from .waiting import always, eventually

PROMPT = 10.0
"""Seconds: it takes one or two on an idle machine, and five minutes when only the resync notices."""
KINDS = ("controllerrevisions", "deployments", "services", "httproutes", "configmaps", "poddisruptionbudgets")
OWNED_TWICE = {"deployments", "services"}
GIVEN = ("clusterIP", "clusterIPs", "finalizers")
"""Fields of a Service that the API server chooses."""


def gist(live: Manifest, uids: set[str]) -> Manifest:
    """Return what must be as it was, whatever others do."""
    metadata = live["metadata"]
    owners = [(r["kind"], r["name"], r["uid"] in uids) for r in metadata.get("ownerReferences", [])]
    parts = {key: live.get(key) for key in ("data", "immutable")}
    described = {key: value for key, value in live.get("spec", {}).items() if key not in GIVEN}
    stamped = "serinus.dev/promoted-at" in metadata.get("annotations", {})
    return {"labels": metadata.get("labels"), "owners": owners, "spec": described, "stamped": stamped, **parts}


def children(space: Space) -> dict[tuple[str, str], Manifest]:
    """Return the gist of every child that is there to stay."""
    found = {
        (plural, live["metadata"]["name"]): live
        for plural in KINDS
        for live in space.kube.find(plural, space.namespace)
        if "deletionTimestamp" not in live["metadata"] and "ownerReferences" in live["metadata"]
    }
    uids = {live["metadata"]["uid"] for live in [space.model(), *found.values()]}
    return {key: gist(live, uids) for key, live in found.items()}


def whole(space: Space) -> dict[tuple[str, str], Manifest]:
    """Return the children once each of them has all of its owners."""

    def look() -> dict[tuple[str, str], Manifest]:
        found = children(space)
        both = (len(live["owners"]) == 2 for (plural, _), live in found.items() if plural in OWNED_TWICE)
        return found if all(both) else {}

    return eventually(look, "every child has its owners", show=lambda: children(space))


@dataclass(frozen=True)
class Held:
    """A model that is left to others, and how its children have to be."""

    space: Space
    children: Mapping[tuple[str, str], Manifest]
    stable: str
    """Revision."""
    canary: str = ""

    @property
    def names(self) -> dict[str, str]:
        """Return what the name of a child is made of."""
        return {
            "stable": f"{NAME}-{self.stable}",
            "canary": f"{NAME}-{self.canary}",
            "model": NAME,
            "hash": self.stable,
        }

    def put_right(self) -> None:
        def differing() -> dict[tuple[str, str], Any]:
            now, wanted = children(self.space), self.children
            return {
                key: {
                    part: (was.get(part), found.get(part)) for part in was | found if was.get(part) != found.get(part)
                }
                for key in wanted | now
                if (was := wanted.get(key, {})) != (found := now.get(key, {}))
            }

        eventually(
            lambda: not differing(), "all is as it was", PROMPT, show=lambda: f"{differing()} {self.space.tell()}"
        )


@pytest.fixture(scope="module")
def settled(whole_stand: Stand) -> Iterator[Held]:
    """A model that is fully rolled out."""
    whole_stand.reset()
    space = Space(whole_stand, new_namespace(whole_stand.kube))
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}}
    space.kube.create("configmaps", space.namespace, settings)
    container = space.serving(runtime={"configMaps": [{"name": "settings"}]})
    yield Held(space, whole(space), space.hash(container))
    space.close()


@pytest.fixture(scope="module")
def exposed(whole_stand: Stand) -> Iterator[Held]:
    """A rollout that stays at 20 %."""
    whole_stand.reset()
    space = Space(whole_stand, new_namespace(whole_stand.kube))
    first, second = space.serving(), image(2)
    space.apply(spec(second, rollout={"steps": [{"weight": 20, "minDuration": "0s", "pause": True}]}))
    space.wait(at_twenty, "20 % is live")
    space.recorder.watch("httproutes", "pods")
    yield Held(space, whole(space), space.hash(first), space.hash(second))
    space.close()


def at_twenty(status: Manifest) -> bool:
    return bool(status.get("phase") == "Stepping" and status["weight"] == 20 and status["rollout"].get("liveSince"))


Edit = Callable[[Manifest], None]


def weights(*shares: int) -> Edit:
    def edit(route: Manifest) -> None:
        for backend, share in zip(route["spec"]["rules"][0]["backendRefs"], shares, strict=True):
            backend["weight"] = share

    return edit


def backend_elsewhere(route: Manifest) -> None:
    route["spec"]["rules"][0]["backendRefs"][0]["name"] = "elsewhere"


def one_more_rule(route: Manifest) -> None:
    route["spec"]["rules"].append({"backendRefs": [{"name": "elsewhere", "port": 80}]})


def other_host(route: Manifest) -> None:
    route["spec"]["hostnames"] = ["theirs.test"]


def no_parent(route: Manifest) -> None:
    route["spec"]["parentRefs"] = []


def without_labels(live: Manifest) -> None:
    live["metadata"]["labels"] = {}


def without_our_label(live: Manifest) -> None:
    del live["metadata"]["labels"][MODEL]


def elsewhere(service: Manifest) -> None:
    service["spec"]["selector"] = {"app": "theirs"}


def elsewhere_matched(budget: Manifest) -> None:
    budget["spec"]["selector"] = {"matchLabels": {"app": "theirs"}}


def other_port(service: Manifest) -> None:
    service["spec"]["ports"][0]["targetPort"] = 1


def scaled(replicas: int) -> Edit:
    def edit(deployment: Manifest) -> None:
        deployment["spec"]["replicas"] = replicas

    return edit


def other_image(deployment: Manifest) -> None:
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.test/theirs:1"


def without_stamp(record: Manifest) -> None:
    record["metadata"].pop("annotations", None)


def parameter(plural: str, name: str, edit: Edit | None, what: str) -> Any:
    return pytest.param(plural, name, edit, id=f"{plural}-{name.strip('{}')}-{what}")


SETTLED = [
    parameter("httproutes", "{model}", weights(1, 99), "weights"),
    parameter("httproutes", "{model}", backend_elsewhere, "backend"),
    parameter("httproutes", "{model}", one_more_rule, "rule"),
    parameter("httproutes", "{model}", other_host, "host"),
    parameter("httproutes", "{model}", no_parent, "parent"),
    parameter("httproutes", "{model}", without_labels, "labels"),
    parameter("httproutes", "{model}", None, "deleted"),
    parameter("services", "{model}", elsewhere, "selector"),
    parameter("services", "{model}", other_port, "port"),
    parameter("services", "{model}", without_our_label, "label"),
    parameter("services", "{model}", None, "deleted"),
    parameter("services", "{stable}", elsewhere, "selector"),
    parameter("services", "{stable}", without_labels, "labels"),
    parameter("services", "{stable}", None, "deleted"),
    parameter("deployments", "{stable}", scaled(0), "scaled-to-nothing"),
    parameter("deployments", "{stable}", scaled(5), "scaled-up"),
    parameter("deployments", "{stable}", other_image, "image"),
    parameter("deployments", "{stable}", without_labels, "labels"),
    parameter("deployments", "{stable}", None, "deleted"),
    parameter("configmaps", "settings-{hash}", None, "deleted"),
    parameter("poddisruptionbudgets", "{stable}", elsewhere_matched, "selector"),
    parameter("poddisruptionbudgets", "{stable}", without_labels, "labels"),
    parameter("poddisruptionbudgets", "{stable}", None, "deleted"),
    parameter("controllerrevisions", "{stable}", without_labels, "labels"),
    parameter("controllerrevisions", "{stable}", without_stamp, "stamp"),
    parameter("controllerrevisions", "{stable}", None, "deleted"),
]

EXPOSED = [
    parameter("httproutes", "{model}", weights(1, 0), "reverted"),
    parameter("httproutes", "{model}", weights(0, 1), "promoted-by-hand"),
    parameter("httproutes", "{model}", None, "deleted"),
    parameter("services", "{canary}", None, "deleted"),
    parameter("services", "{canary}", elsewhere, "selector"),
    parameter("deployments", "{canary}", scaled(5), "scaled-up"),
    parameter("deployments", "{canary}", scaled(1), "scaled-down"),
    parameter("deployments", "{stable}", scaled(1), "scaled-down"),
]


def disturb(held: Held, plural: str, name: str, edit: Edit | None) -> None:
    """Edit a child as a person would, or delete it; the change is really there."""
    space, name = held.space, name.format(**held.names)
    if edit is None:
        space.kube.delete(plural, space.namespace, name)
    else:
        change(space, plural, name, edit)


def change(space: Space, plural: str, name: str, edit: Edit) -> None:
    live = space.kube.get(plural, space.namespace, name)
    assert live is not None
    wanted = deepcopy(live)
    edit(wanted)
    patch = merge_patch(live, wanted)
    assert patch
    answer = space.kube.merge(plural, space.namespace, name, patch)
    assert gist(answer, set()) != gist(live, set())


def merge_patch(before: Manifest, after: Manifest) -> Manifest:
    """Return the JSON merge patch from one object to another."""
    patch: Manifest = {key: None for key in before if key not in after}
    for key, value in after.items():
        if isinstance(value, dict) and isinstance(before.get(key), dict):
            if inner := merge_patch(before[key], value):
                patch[key] = inner
        elif value != before.get(key):
            patch[key] = value
    return patch


@pytest.mark.parametrize(("plural", "name", "edit"), SETTLED)
def test_child_is_put_right(settled: Held, stand: Stand, plural: str, name: str, edit: Edit | None) -> None:
    assert stand.operator.running
    disturb(settled, plural, name, edit)
    settled.put_right()
    settled.space.wait(lambda s: s["phase"] == "Stable" and s["stable"]["revision"] == settled.stable, "it is stable")
    eventually(lambda: settled.space.behind_service() == {settled.stable: 2}, "it serves", show=settled.space.tell)
    assert not settled.space.events("RolloutStarted")


@pytest.mark.parametrize(("plural", "name", "edit"), EXPOSED)
def test_child_is_put_right_in_mid_rollout(
    exposed: Held, stand: Stand, plural: str, name: str, edit: Edit | None
) -> None:
    assert stand.operator.running
    disturb(exposed, plural, name, edit)
    exposed.put_right()
    exposed.space.wait(at_twenty, "20 % is live")
    assert exposed.space.weights() == {exposed.stable: 80, exposed.canary: 20}


@pytest.mark.parametrize("edit", [without_labels, without_stamp, None], ids=["labels", "stamp", "deleted"])
def test_lost_record_of_stable_never_exposes_the_canary(space: Space, edit: Edit | None) -> None:
    first, second = space.serving(), image(2)
    space.apply(spec(second, rollout={"steps": [{"weight": 20, "minDuration": "0s", "pause": True}]}))
    space.wait(at_twenty, "20 % is live")
    held = Held(space, whole(space), space.hash(first), space.hash(second))
    record, before = ("controllerrevisions", held.names["stable"]), space.uids(held.stable)
    space.recorder.watch("httproutes", "pods")
    disturb(held, "controllerrevisions", "{stable}", edit)

    def restored() -> bool:
        now = children(space).get(record, {})
        return all(now.get(part) == held.children[record][part] for part in ("labels", "owners", "stamped"))

    eventually(restored, "the record is there again", PROMPT, show=space.tell)
    always(lambda: at_twenty(space.status()), "20 % is held", 1)
    assert set(space.weight_history(held.canary)) <= {20}
    assert not [event for event in space.events("FirstRevisionServes") if held.canary in event["message"]]
    space.command("abort", held.canary)
    space.in_phase("RolledBack")
    assert space.weights() == {held.stable: 100}
    assert space.uids(held.stable) == before
    assert space.pods_ever(held.stable) <= before


FOREIGN = [
    ("controllerrevisions", "{revision}", "ControllerRevision"),
    ("configmaps", "settings-{hash}", "ConfigMap"),
    ("services", "{revision}", "Service"),
    ("services", "{model}", "Service"),
    ("deployments", "{revision}", "Deployment"),
    ("poddisruptionbudgets", "{revision}", "PodDisruptionBudget"),
    ("httproutes", "{model}", "HTTPRoute"),
]
KIND = {plural: kind for plural, _, kind in FOREIGN}


def theirs(plural: str) -> Manifest:
    """Return somebody else's object of a kind that we make too."""
    labels = {"app": "theirs"}
    pods = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "registry.test/theirs:1"}]}}
    made: Manifest = {
        "controllerrevisions": {"revision": 1, "data": {"theirs": True}},
        "configmaps": {"data": {"theirs": "1"}},
        "services": {"spec": {"ports": [{"port": 1}], "selector": labels}},
        "deployments": {"spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": pods}},
        "poddisruptionbudgets": {"spec": {"minAvailable": 1, "selector": {"matchLabels": labels}}},
        "httproutes": {"spec": {"hostnames": ["theirs.test"]}},
    }[plural]
    return {"apiVersion": ROOTS[plural].removeprefix("/apis/").removeprefix("/api/"), "kind": KIND[plural], **made}


@pytest.mark.parametrize("labelled", [False, True], ids=["plain", "with-our-labels"])
@pytest.mark.parametrize(("plural", "name", "kind"), FOREIGN, ids=[f"{p}-{n.strip('{}')}" for p, n, _ in FOREIGN])
def test_foreign_object_is_never_taken_over(space: Space, plural: str, name: str, kind: str, labelled: bool) -> None:  # noqa: FBT001 - a parameter
    contents = {"settings": {"data": {"a": "1"}}}
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, **contents["settings"]}
    space.kube.create("configmaps", space.namespace, settings)
    first = space.serving()
    body = spec(image(2), runtime={"configMaps": [{"name": "settings"}]})
    revision = Origin(body["runtime"], contents).hash if name != "{model}" else space.hash(first)
    name = name.format(hash=revision, revision=f"{NAME}-{revision}", model=NAME)
    metadata = {"name": name, "labels": {MODEL: NAME, REVISION: revision} if labelled else {}}
    if name == NAME:  # the model has it already: take it away while nobody looks
        space.stand.operator.kill()
        space.kube.delete(plural, space.namespace, NAME)
    made = space.kube.create(plural, space.namespace, {**theirs(plural), "metadata": metadata})
    space.stand.operator.start()
    space.apply(body)
    space.wait_condition("Degraded", "True", f"{kind} {name}")
    space.wait_event("NameTaken", f"{kind} {name}")
    live = space.kube.get(plural, space.namespace, name)
    assert live is not None
    given = {"resourceVersion", "managedFields", "generation", "annotations"}
    for part in set(made) - {"metadata", "status"}:
        assert live[part] == made[part]
    assert {k: v for k, v in live["metadata"].items() if k not in given} == {
        k: v for k, v in made["metadata"].items() if k not in given
    }
    assert len(space.pods(space.hash(first))) == 2, "stable goes on"
    space.kube.delete(plural, space.namespace, name)
    space.wait(lambda s: s["reason"] != "NameTaken" and s["phase"] != "Initializing", "it goes on")


def test_objects_with_our_label_that_are_not_ours_are_left_alone(space: Space) -> None:
    first = space.serving()
    found = []
    for plural in KINDS:
        metadata = {"name": "theirs", "labels": {MODEL: NAME}}
        found.append((plural, space.kube.create(plural, space.namespace, {**theirs(plural), "metadata": metadata})))
    second = image(2)
    space.apply(spec(second, rollout={"steps": [{"weight": 20, "minDuration": "0s", "pause": True}]}))
    space.wait(at_twenty, "20 % is live")
    space.command("abort", space.hash(second))
    space.in_phase("RolledBack")
    eventually(lambda: not space.pods(space.hash(second)), "what is ours is pruned", show=space.tell)
    for plural, made in found:
        live = space.kube.get(plural, space.namespace, "theirs")
        assert live is not None
        assert (live["metadata"]["uid"], gist(live, set())) == (made["metadata"]["uid"], gist(made, set())), plural
    assert len(space.pods(space.hash(first))) == 2
