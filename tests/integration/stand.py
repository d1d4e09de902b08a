"""The whole stand, and one namespace of it as a test uses it."""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import gateway as gateway_module
from .control_plane import ControlPlane
from .gateway import Gateway
from .kube import Kube, Manifest, Recorder
from .node import Node
from .operator_process import OperatorProcess
from .prometheus import Prometheus
from .waiting import PATIENCE, eventually

ROOT = Path(__file__).parents[2]
MODEL, REVISION = "serinus.dev/modeldeployment", "serinus.dev/revision"
NAME = "shop"
_numbers = itertools.count(1)


def image(version: int | str) -> str:
    """Return an image that no other test uses."""
    return f"registry.test/model-{next(_numbers)}:{version}"


def spec(container: str, *, replicas: int = 2, route: bool = True, **parts: Any) -> Manifest:
    """Return a spec with short times; `parts` lie over its top level fields."""
    made: Manifest = {
        "replicas": replicas,
        "runtime": {"image": container, "port": 8080},
        "rollout": {
            "steps": [{"weight": 20, "minDuration": "0s"}, {"weight": 50, "minDuration": "0s"}],
            "drain": "100ms",
            "watchAfterPromotion": "500ms",
            "progressDeadline": "60s",
        },
        "analysis": {"minimumRequests": 10, "errorRate": {"margin": 0.1}},  # proven within a few seconds
    }
    if route:
        gateway = f"{gateway_module.NAMESPACE}/{gateway_module.NAME}"
        made["route"] = {"gateway": gateway, "hostnames": ["shop.test"], "timeout": "100ms"}
    for key, value in parts.items():
        before = made.get(key)
        made[key] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
    return made


def manifest(namespace: str, body: Manifest, name: str = NAME) -> Manifest:
    return {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"namespace": namespace, "name": name},
        "spec": body,
    }


@dataclass
class Stand:
    """A control plane with all that stands in for the rest of a cluster."""

    plane: ControlPlane
    kube: Kube
    node: Node
    gateway: Gateway
    prometheus: Prometheus
    operator: OperatorProcess

    def reset(self) -> None:
        """Undo what a test did to the stand-ins."""
        for part in (self.node, self.gateway, self.prometheus):
            part.reset()
        self.operator.start()


@dataclass
class Space:
    """One namespace with one model in it."""

    stand: Stand
    namespace: str
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.stand.plane, self.namespace)

    @property
    def kube(self) -> Kube:
        return self.stand.kube

    def apply(self, body: Manifest, name: str = NAME) -> Manifest:
        return self.kube.apply("modeldeployments", manifest(self.namespace, body, name))

    def model(self, name: str = NAME) -> Manifest:
        found = self.kube.get("modeldeployments", self.namespace, name)
        assert found is not None
        return found

    def status(self, name: str = NAME) -> Manifest:
        found: Manifest = self.model(name).get("status", {})
        return found

    def phase(self) -> str:
        return str(self.status().get("phase", ""))

    def hash(self, container: str) -> str:
        """Return the revision whose image this is, once it is recorded."""

        def look() -> str:
            for record in self.kube.find("controllerrevisions", self.namespace):
                if record["data"].get("runtime", {}).get("image") == container:
                    return str(record["metadata"]["labels"][REVISION])
            return ""

        return eventually(look, f"a revision of {container}", show=self.status)

    def wait(self, look: Callable[[Manifest], Any], what: str, patience: float = PATIENCE) -> Manifest:
        """Wait until `look` at status is true; return that status."""

        def glance() -> Manifest | None:
            status = self.status()
            return status if look(status) else None

        found = eventually(glance, what, patience, show=self.tell)
        assert found is not None
        return found

    def stable(self, container: str, patience: float = PATIENCE) -> Manifest:
        """Wait until an image is fully rolled out."""
        return self.wait(
            lambda s: s.get("phase") == "Stable" and (s.get("stable") or {}).get("image") == container,
            f"{container} is stable",
            patience,
        )

    def serving(self, **parts: Any) -> str:
        """Deploy a first version and wait until it serves; return its image."""
        container = image(1)
        self.apply(spec(container, **parts))
        self.stable(container)
        if parts.get("route", True):
            eventually(self.route_live, "the route is there", show=self.tell)
        return container

    def route_live(self) -> bool:
        route = self.route()
        return bool(route and route.get("status", {}).get("parents"))

    def in_phase(self, *phases: str) -> Manifest:
        return self.wait(lambda s: s.get("phase") in phases, f"phase {' or '.join(phases)}")

    def condition(self, kind: str) -> Manifest:
        found = (c for c in self.status().get("conditions", []) if c["type"] == kind)
        return next(found, {})

    def wait_condition(self, kind: str, value: str, text: str = "", patience: float = PATIENCE) -> Manifest:
        """Wait for a condition whose reason or message holds a text."""

        def look() -> Manifest | None:
            found = self.condition(kind)
            fits = found.get("status") == value and text in f"{found.get('reason')}: {found.get('message')}"
            return found if fits else None

        found = eventually(look, f"condition {kind} is {value} with {text!r}", patience, show=self.tell)
        assert found is not None
        return found

    def touch(self) -> None:
        """Make the operator look at the model now."""
        patch = {"metadata": {"annotations": {"touched": str(next(_numbers))}}}
        self.kube.merge("modeldeployments", self.namespace, NAME, patch)

    def command(self, verb: str, revision: str, name: str = NAME) -> None:
        text = f"{verb}/{revision}/{next(_numbers)}"
        annotations = {"metadata": {"annotations": {"serinus.dev/command": text}}}
        self.kube.merge("modeldeployments", self.namespace, name, annotations)

    def route(self) -> Manifest | None:
        return self.kube.get("httproutes", self.namespace, NAME)

    def weights(self) -> Counter[str]:
        """Return the shares of the route by revision in percent, those that are not 0."""
        return +weights_of(self.route())

    def weight_history(self, revision: str) -> list[int]:
        """Return the weights of a revision that the recorder saw, without repetitions."""
        seen = [
            weights_of(change.object)[revision]
            for change in self.recorder.of("httproutes", NAME)
            if change.type != "DELETED"
        ]
        return [weight for weight, _ in itertools.groupby(seen)]

    def pods(self, revision: str) -> list[Manifest]:
        """Return the pods of a revision that are to stay."""
        found = self.kube.find("pods", self.namespace, f"{REVISION}={revision}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def uids(self, revision: str) -> set[str]:
        return {pod["metadata"]["uid"] for pod in self.pods(revision)}

    def pods_ever(self, revision: str) -> set[str]:
        """Return the uids of all pods of a revision that the recorder saw being made."""
        return {
            change.object["metadata"]["uid"]
            for change in self.recorder.of("pods")
            if change.type == "ADDED" and change.object["metadata"]["labels"].get(REVISION) == revision
        }

    def no_pod_was_made_twice(self, revision: str) -> None:
        """Check that all pods that a revision ever had are there; the recorder hears of them a moment later."""
        eventually(lambda: self.uids(revision) <= self.pods_ever(revision), "the recorder knows all pods")
        assert self.pods_ever(revision) <= self.uids(revision)

    def events(self, reason: str = "") -> list[Manifest]:
        found = self.kube.find("events", self.namespace)
        mine = (e for e in found if e["involvedObject"]["kind"] == "ModelDeployment")
        return sorted(
            (e for e in mine if reason in ("", e["reason"])), key=lambda e: e["metadata"]["creationTimestamp"]
        )

    def wait_event(self, reason: str, text: str = "", patience: float = PATIENCE) -> Manifest:
        def look() -> Manifest | None:
            return next((e for e in self.events(reason) if text in e["message"]), None)

        found = eventually(look, f"Event {reason} with {text!r}", patience, show=self.tell)
        assert found is not None
        return found

    def behind_service(self) -> dict[str, int]:
        """Return the ready endpoints of the model's Service by revision."""
        revisions = {
            pod["metadata"]["name"]: pod["metadata"]["labels"].get(REVISION, "")
            for pod in self.kube.find("pods", self.namespace)
        }
        found: dict[str, int] = {}
        for part in self.kube.find("endpointslices", self.namespace, f"kubernetes.io/service-name={NAME}"):
            for endpoint in part.get("endpoints") or []:
                if endpoint["conditions"].get("ready"):
                    revision = revisions.get(endpoint["targetRef"]["name"], "")
                    found[revision] = found.get(revision, 0) + 1
        return found

    @contextmanager
    def without(self, kind: str) -> Iterator[None]:
        """Take a kind away from the cluster for as long as the block lasts."""
        found = self.kube.get("customresourcedefinitions", "", kind)
        assert found
        kept = {key: found["metadata"].get(key, {}) for key in ("name", "labels", "annotations")}
        self.kube.delete("customresourcedefinitions", "", kind)
        try:
            eventually(lambda: self.kube.get("customresourcedefinitions", "", kind) is None, "the kind is gone")
            yield
        finally:
            spec = found["spec"]
            definition = {"apiVersion": found["apiVersion"], "kind": found["kind"], "metadata": kept, "spec": spec}
            self.kube.create("customresourcedefinitions", "", definition)

    def tell(self) -> str:
        """Say where things stand, for a failure's message."""
        status = self.status() if self.kube.get("modeldeployments", self.namespace, NAME) else {}
        events = [f"{e['reason']}: {e['message']}" for e in self.events()]
        kept = {
            key: status.get(key) for key in ("phase", "reason", "message", "weight", "conditions", "rollout", "metrics")
        }
        return f"status {kept}; Events {events}; operator: {self.stand.operator.last_words()[-1500:]}"

    def close(self) -> None:
        """Let the namespace go, without waiting for it."""
        self.recorder.stop()
        for found in self.kube.find("modeldeployments", self.namespace):
            self.kube.delete("modeldeployments", self.namespace, found["metadata"]["name"])
        self.kube.delete("namespaces", "", self.namespace)


def weights_of(route: Manifest | None) -> Counter[str]:
    found: Counter[str] = Counter()
    for backend in route["spec"]["rules"][0]["backendRefs"] if route else []:
        found[backend["name"].removeprefix(f"{NAME}-")] += backend["weight"]
    total = found.total() or 1  # a side that is only kept warm has one part in a million
    return Counter({revision: round(100 * weight / total) for revision, weight in found.items()})


def new_namespace(kube: Kube) -> str:
    name = f"test-{next(_numbers)}-{time.monotonic_ns() % 100000}"
    kube.create("namespaces", "", {"metadata": {"name": name}})
    return name
