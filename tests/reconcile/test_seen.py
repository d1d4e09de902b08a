"""What the routes of a model show together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from serinus.api.protocol import Protocol
from serinus.api.status import RolloutState
from serinus.api.v1alpha1 import ModelDeploymentSpec, Route
from serinus.desired import owner
from serinus.desired.revision import Revision
from serinus.reconcile.children import Children
from serinus.reconcile.seen import routed, seen_split
from serinus.traffic.gateway_api import routes
from serinus.traffic.split import PENDING, SeenSplit, Split

NAME, UID, OLD, NEW = "shop", "uid-1", "aaaaaaaaaa", "bbbbbbbbbb"
HTTP, GRPC = Protocol.HTTP, Protocol.GRPC
CONTROLLER = "example.com/gateway"
STATE = RolloutState(control=OLD, candidate=NEW)
RUNTIME = {"image": "model:1", "port": 8000, "grpcPort": 9000}


def spec(**route: Any) -> ModelDeploymentSpec:
    return ModelDeploymentSpec.model_validate({"runtime": RUNTIME, "route": {"gateway": "public", **route}})


BOTH = spec(protocols=["HTTP", "GRPC"])


def revision(name: str, *protocols: Protocol) -> Revision:
    ports = [{"name": protocol.port_name, "containerPort": 1} for protocol in protocols]
    return Revision(name, {"spec": {"containers": [{"name": "model", "ports": ports}]}}, {}, None)


def children(
    weight: int = 5, old: tuple[Protocol, ...] = (HTTP, GRPC), new: tuple[Protocol, ...] = (HTTP, GRPC)
) -> Children:
    parent, split = owner.model(NAME, UID), Split(OLD, NEW, weight, 0)
    found = routes(NAME, "models", Route(gateway="public"), [HTTP, GRPC], split, parent, None)
    for route in found.values():
        route["metadata"]["generation"] = 1
        conditions = [
            {"type": kind, "status": "True", "observedGeneration": 1} for kind in ("Accepted", "ResolvedRefs")
        ]
        parents = [
            {"controllerName": CONTROLLER, "parentRef": route["spec"]["parentRefs"][0], "conditions": conditions}
        ]
        route["status"] = {"parents": parents}
    recorded = {OLD: revision(OLD, *old), NEW: revision(NEW, *new)}
    return Children(recorded, {}, {}, {}, {}, {}, (), {}, found, CONTROLLER)


def look(seen: Children, wanted: ModelDeploymentSpec = BOTH) -> SeenSplit:
    return seen_split(NAME, UID, wanted, STATE, seen, {})


def without(seen: Children, protocol: Protocol) -> Children:
    return replace(seen, routes={key: route for key, route in seen.routes.items() if key is not protocol})


def test_routes_that_agree_are_live() -> None:
    seen = look(children())
    assert (seen.live, seen.weight_of(NEW), seen.open) == (True, 5, True)


@pytest.mark.parametrize("behind", [HTTP, GRPC])
def test_a_weight_that_one_route_has_yet_to_get_does_not_count(behind: Protocol) -> None:
    now, before = children(20), children(5)
    seen = look(replace(now, routes={**now.routes, behind: before.routes[behind]}))
    assert (seen.live, seen.reason, seen.weight_of(NEW)) == (False, PENDING, 5)


@pytest.mark.parametrize(("missing", "kind"), [(HTTP, "HTTPRoute"), (GRPC, "GRPCRoute")])
def test_a_route_that_is_missing_or_somebody_elses_is_told(missing: Protocol, kind: str) -> None:
    gone = without(children(), missing)
    assert look(gone).problem == f"there is no {kind} yet"
    theirs = children()
    theirs.routes[missing]["metadata"]["ownerReferences"] = []
    assert not look(theirs).live


def test_a_route_that_is_not_wanted_is_not_waited_for() -> None:
    assert look(without(children(), GRPC), spec()).live


def test_a_gateway_that_may_never_look_is_named_with_what_it_lacks() -> None:
    seen = children()
    del seen.routes[GRPC]["status"]
    lacking = replace(seen, features=frozenset({"HTTPRoute", "Gateway"}))
    assert look(lacking).problem.endswith("its GatewayClass lists no GRPCRoute among its supportedFeatures")
    for fine in (seen, replace(seen, features=frozenset({"GRPCRoute"}))):
        assert look(fine).problem == "Gateway public has not looked at the route yet"


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ((HTTP, GRPC), (HTTP, GRPC), (HTTP, GRPC)),
        ((HTTP,), (HTTP, GRPC), (HTTP,)),
        ((HTTP, GRPC), (HTTP,), (HTTP,)),
        ((GRPC,), (GRPC,), (GRPC,)),
        ((HTTP,), (GRPC,), (HTTP,)),
    ],
)
def test_a_protocol_has_a_route_when_every_live_revision_serves_it(
    old: tuple[Protocol, ...], new: tuple[Protocol, ...], wanted: tuple[Protocol, ...]
) -> None:
    assert routed(BOTH, STATE, children(5, old, new)) == wanted


def test_no_route_goes_while_nobody_knows_what_stable_serves() -> None:
    lost = replace(children(), revisions={NEW: revision(NEW, HTTP)})
    assert set(routed(spec(), STATE, lost)) == {HTTP, GRPC}
