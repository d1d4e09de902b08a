"""Weights in routes of the Gateway API: one route for each protocol, all with the same split.

Both backends carry a header filter of their own: Envoy Gateway then counts them apart,
by position, so the series of one place goes on undisturbed while the other changes.
"""

from collections.abc import Collection, Mapping
from typing import Any

from serinus.api.durations import render
from serinus.api.protocol import Protocol
from serinus.api.v1alpha1 import Route
from serinus.desired import labels, names, owner, service
from serinus.traffic.split import PENDING, SeenSplit, Split

Manifest = dict[str, Any]
API_VERSION = "gateway.networking.k8s.io/v1"
REVISION_HEADER = "x-serinus-revision"
CLOSED_AT = "serinus.dev/closed-at"
KINDS = {Protocol.HTTP: "HTTPRoute", Protocol.GRPC: "GRPCRoute"}
_CLOSED_HEADER = "x-serinus-closed"
_NO_HEADER: Manifest = {"headers": [{"type": "Exact", "name": _CLOSED_HEADER, "value": "nobody-sends-this"}]}
_NOBODY: dict[str, list[Manifest]] = {
    KINDS[Protocol.HTTP]: [{"path": {"type": "PathPrefix", "value": "/"}, **_NO_HEADER}],
    KINDS[Protocol.GRPC]: [_NO_HEADER],
}
"""Matches of a closed route, by its kind. Its backends stay known to the gateway, which answers everybody with 404.

A gateway takes over a route and the backends that it names one after the other, so a
request in between finds a route to nowhere (seen with Envoy Gateway 1.9: six answers of 500
within 30 ms). So a route is closed while its backends come or go.
"""

_GRPC = {"headers": [{"type": "RegularExpression", "name": "content-type", "value": "application/grpc.*"}]}
"""Matches gRPC beside an HTTPRoute of the same hosts: without it both would match every path."""


def gateway_of(route: Route, namespace: str) -> tuple[str, str]:
    """Return (namespace, name) of the Gateway that a route names."""
    space, _, name = route.gateway.rpartition("/")
    return space or namespace, name


def routes(  # noqa: PLR0913, PLR0917 - the parts of one manifest
    name: str,
    namespace: str,
    route: Route,
    protocols: Collection[Protocol],
    split: Split,
    parent: owner.Owner,
    keeper: owner.Owner | None,
) -> dict[Protocol, Manifest]:
    """Return the routes of a model, with one split. Each is owned whole: its rules are one atomic field.

    `keeper` outlives the model, so that the routes can be closed before they go.
    """
    both = len(protocols) > 1
    return {
        protocol: _route(
            name, namespace, route, protocol, _rule(name, route, protocol, split, both=both), parent, keeper
        )
        for protocol in Protocol
        if protocol in protocols
    }


def _route(  # noqa: PLR0913, PLR0917 - the parts of one manifest
    name: str,
    namespace: str,
    route: Route,
    protocol: Protocol,
    rule: Manifest,
    parent: owner.Owner,
    keeper: owner.Owner | None,
) -> Manifest:
    gateway_namespace, gateway = gateway_of(route, namespace)
    return {
        "apiVersion": API_VERSION,
        "kind": KINDS[protocol],
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels.child(name),
            "ownerReferences": owner.references(parent, keeper),
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
            "rules": [rule],
        },
    }


def _rule(name: str, route: Route, protocol: Protocol, split: Split, *, both: bool) -> Manifest:
    """Return the one rule of a route; `both` tells whether there is a route for each protocol."""
    backends = [_backend(name, revision, service.PORTS[protocol], weight) for revision, weight in split.slots]
    more: Manifest = {}
    if protocol is Protocol.GRPC:
        matches: list[Manifest] = [_GRPC] if both else []
    else:
        matches = [{"path": {"type": "PathPrefix", "value": path}} for path in route.paths]
        more = {"timeouts": {"request": render(route.timeout)}}
    if split.closed:
        matches = _NOBODY[KINDS[protocol]]
    return {**({"matches": matches} if matches else {}), "backendRefs": backends, **more}


def closed(live: Manifest, at: str) -> Manifest:
    """Return the manifest that lets nobody into a live route any more, and leaves it to its keeper.

    `at` is written beside it. The uid makes the API server refuse it once the route is gone,
    rather than make a new one.
    """
    kept = {key: live["metadata"][key] for key in ("name", "namespace", "uid", "labels")}
    owners = live["metadata"].get("ownerReferences", [])
    keepers = [reference for reference in owners if not reference.get("controller")]
    return {
        "apiVersion": API_VERSION,
        "kind": live["kind"],
        "metadata": {**kept, "annotations": {CLOSED_AT: at}, "ownerReferences": keepers or owners},
        "spec": {
            **live["spec"],
            "rules": [{**rule, "matches": _NOBODY[live["kind"]]} for rule in live["spec"]["rules"]],
        },
    }


def _backend(name: str, revision: str, port: int, weight: int) -> Manifest:
    return {
        "group": "",
        "kind": "Service",
        "name": names.of_revision(name, revision),
        "port": port,
        "weight": weight,
        "filters": [
            {
                "type": "RequestHeaderModifier",
                "requestHeaderModifier": {"set": [{"name": REVISION_HEADER, "value": revision}]},
            }
        ],
    }


def read(name: str, route: Manifest, controller: str) -> SeenSplit:
    """Return what a live route says: its weights, and whether the gateway follows them.

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
    return SeenSplit(percent, not problem, reason, problem, tuple(slots), open=_lets_in(route))


def _lets_in(route: Manifest) -> bool:
    rules = route["spec"].get("rules") or []
    headers = [header for rule in rules for match in rule.get("matches") or [] for header in match.get("headers") or []]
    return bool(rules) and all(header["name"] != _CLOSED_HEADER for header in headers)


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
            return PENDING, f"Gateway {reference['name']} has not looked at the route yet"
        conditions = {condition["type"]: condition for condition in entry.get("conditions", [])}
        for kind in ("Accepted", "ResolvedRefs"):
            reason, problem = _condition_problem(conditions.get(kind), kind, reference["name"], generation)
            if problem:
                return reason, problem
    return ("", "") if references else (PENDING, "the route names no Gateway")


def _condition_problem(
    condition: Mapping[str, Any] | None, kind: str, gateway: str, generation: int
) -> tuple[str, str]:
    if condition is None or condition.get("observedGeneration", 0) < generation:
        return (
            PENDING,
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
