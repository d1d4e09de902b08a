"""HTTPRoute weights of the Gateway API.

Both backends carry a header filter of their own: Envoy Gateway then counts them apart,
by position, so the series of one place goes on undisturbed while the other changes.
"""

from collections.abc import Mapping
from typing import Any

from serinus.api.durations import render
from serinus.api.v1alpha1 import Route
from serinus.desired import labels, names, owner, service
from serinus.traffic.split import SeenSplit, Split

Manifest = dict[str, Any]
API_VERSION = "gateway.networking.k8s.io/v1"
REVISION_HEADER = "x-serinus-revision"


def gateway_of(route: Route, namespace: str) -> tuple[str, str]:
    """Return (namespace, name) of the Gateway that a route names."""
    space, _, name = route.gateway.rpartition("/")
    return space or namespace, name


def http_route(name: str, namespace: str, route: Route, split: Split, parent: owner.Owner) -> Manifest:
    """Return the HTTPRoute of a model. It is owned whole: its rules are one atomic field."""
    gateway_namespace, gateway = gateway_of(route, namespace)
    return {
        "apiVersion": API_VERSION,
        "kind": "HTTPRoute",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels.child(name),
            "ownerReferences": owner.references(parent),
        },
        "spec": {
            "parentRefs": [
                {
                    "group": "gateway.networking.k8s.io",
                    "kind": "Gateway",
                    "namespace": gateway_namespace,
                    "name": gateway,
                }
            ],
            **({"hostnames": list(route.hostnames)} if route.hostnames else {}),
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": path}} for path in route.paths],
                    "backendRefs": [_backend(name, revision, weight) for revision, weight in split.slots],
                    "timeouts": {"request": render(route.timeout)},
                }
            ],
        },
    }


def _backend(name: str, revision: str, weight: int) -> Manifest:
    return {
        "group": "",
        "kind": "Service",
        "name": names.of_revision(name, revision),
        "port": service.PORT,
        "weight": weight,
        "filters": [
            {
                "type": "RequestHeaderModifier",
                "requestHeaderModifier": {"set": [{"name": REVISION_HEADER, "value": revision}]},
            }
        ],
    }


def read(name: str, route: Manifest, controller: str) -> SeenSplit:
    """Return what a live HTTPRoute says: its weights, and whether the gateway follows them.

    It is live when, for each parent, the status written by our Gateway's `controller`
    has Accepted and ResolvedRefs True for this generation.
    """
    weights: dict[str, int] = {}
    slots = []
    for backend in next(iter(route["spec"].get("rules") or [{}])).get("backendRefs") or []:
        revision, weight = str(backend["name"]).removeprefix(f"{name}-"), int(backend.get("weight", 1))
        slots.append((revision, weight))
        weights[revision] = weights.get(revision, 0) + weight
    total = sum(weights.values()) or 1
    percent = {revision: round(100 * weight / total) for revision, weight in weights.items()}
    reason, problem = _problem(route, controller)
    return SeenSplit(percent, not problem, reason, problem, tuple(slots))


def _problem(route: Manifest, controller: str) -> tuple[str, str]:
    generation, own = route["metadata"]["generation"], route["metadata"]["namespace"]
    parents = route.get("status", {}).get("parents", [])
    references = route["spec"].get("parentRefs") or []
    for reference in references:
        entry = next(
            (
                p
                for p in parents
                if p.get("controllerName") == controller and _same_parent(p["parentRef"], reference, own)
            ),
            None,
        )
        if entry is None:
            return "RoutePending", f"Gateway {reference['name']} has not looked at the route yet"
        conditions = {condition["type"]: condition for condition in entry.get("conditions", [])}
        for kind in ("Accepted", "ResolvedRefs"):
            reason, problem = _condition_problem(conditions.get(kind), kind, reference["name"], generation)
            if problem:
                return reason, problem
    return ("", "") if references else ("RoutePending", "the route names no Gateway")


def _condition_problem(
    condition: Mapping[str, Any] | None, kind: str, gateway: str, generation: int
) -> tuple[str, str]:
    if condition is None or condition.get("observedGeneration", 0) < generation:
        return (
            "RoutePending",
            f"Gateway {gateway} has not yet taken over generation {generation} of the route",
        )
    if condition["status"] != "True":
        return (
            f"Route{condition.get('reason', 'Refused')}",
            f"Gateway {gateway}: {kind} is {condition['status']}: {condition.get('message', '')}",
        )
    return "", ""


def _same_parent(seen: Mapping[str, Any], wanted: Mapping[str, Any], own: str) -> bool:
    namespace = wanted.get("namespace", own)
    return (seen.get("name"), seen.get("namespace", namespace)) == (wanted["name"], namespace)
