"""An Envoy Gateway without Envoy: it says of routes what the real one would say."""

from .kube import MERGE, Kube, Manifest, path
from .standin import StandIn

CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
CLASS = "envoy"
NAMESPACE = "gateway"
NAME = "public"


def manifest(namespace: str, name: str, class_name: str = CLASS) -> Manifest:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "gatewayClassName": class_name,
            "listeners": [
                {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
            ],
        },
    }


def create(kube: Kube, *names: str) -> None:
    """Create the class, the namespace, and Gateways of these names."""
    kube.create("namespaces", "", {"metadata": {"name": NAMESPACE}})
    of_class = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GatewayClass",
        "metadata": {"name": CLASS},
        "spec": {"controllerName": CONTROLLER},
    }
    kube.create("gatewayclasses", "", of_class)
    for name in names:
        kube.create("gateways", NAMESPACE, manifest(NAMESPACE, name))


class Gateway(StandIn):
    """Accepts each generation of every route, unless told otherwise."""

    def __init__(self, kube: Kube) -> None:
        super().__init__(kube)
        create(kube, NAME)
        self.reset()

    def reset(self) -> None:
        """Follow every route."""
        self.stalled = False
        self.refusal = ""
        self.ignored = ""
        """A kind of routes that is not followed."""

    def look(self) -> None:
        if self.stalled:
            return
        for kind in ("httproutes", "grpcroutes"):
            for route in self.kube.find(kind) if kind != self.ignored else ():
                self._follow(kind, route)

    def _follow(self, kind: str, route: Manifest) -> None:
        metadata = route["metadata"]
        parents = answer(route, self.refusal)
        seen = [_gist(parent) for parent in route.get("status", {}).get("parents", [])]
        if "deletionTimestamp" not in metadata and seen != [_gist(parent) for parent in parents]:
            where = path(kind, metadata["namespace"], metadata["name"], "status")
            self.kube.call("PATCH", where, {"status": {"parents": parents}}, MERGE)


def answer(route: Manifest, refusal: str = "") -> list[Manifest]:
    """Return what a gateway's controller writes into the status of a route of this generation."""
    generation = route["metadata"]["generation"]

    def condition(kind: str, *, good: bool) -> Manifest:
        return {
            "type": kind,
            "status": "True" if good else "False",
            "reason": kind if good else refusal,
            "message": "" if good else "as the test asked",
            "observedGeneration": generation,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }

    conditions = [condition("Accepted", good=True), condition("ResolvedRefs", good=not refusal)]
    return [
        {"controllerName": CONTROLLER, "parentRef": reference, "conditions": conditions}
        for reference in route["spec"].get("parentRefs", [])
    ]


def _gist(parent: Manifest) -> list[tuple[str, str, int]]:
    return [(c["type"], c["status"], c.get("observedGeneration", 0)) for c in parent["conditions"]]
