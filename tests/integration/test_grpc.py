"""Models that speak gRPC: one split in two kinds of routes."""

from typing import Any

import pytest

from .kube import Manifest
from .stand import NAME, Space, image, spec, weights_of
from .waiting import always, eventually

ROUTES = {"HTTP": "httproutes", "GRPC": "grpcroutes"}
HTTP, GRPC = ("http", 80, "http"), ("grpc", 8081, "kubernetes.io/h2c")


def both(container: str, *protocols: str, **parts: Any) -> Manifest:
    """Return the spec of a container that serves both protocols, with routes for some."""
    made = spec(container, **parts)
    made["runtime"]["grpcPort"] = 9000
    made["route"]["protocols"] = list(protocols or ROUTES)
    return made


def grpc_only(container: str, **parts: Any) -> Manifest:
    made = spec(container, **parts)
    made["runtime"] = {"image": container, "grpcPort": 9000}
    return made


def route(space: Space, kind: str) -> Manifest | None:
    return space.kube.get(kind, space.namespace, NAME)


def shares(space: Space, kind: str) -> dict[str, int]:
    """Return the shares of one route by revision in percent, those that are not 0."""
    return dict(+weights_of(route(space, kind)))


def named(space: Space, kind: str) -> set[str]:
    """Return the Services that one route knows."""
    found = route(space, kind)
    return {one["name"] for one in found["spec"]["rules"][0]["backendRefs"]} if found else set()


def histories(space: Space) -> dict[str, list[Any]]:
    """Return the backends that each route had one after the other."""
    found: dict[str, list[Any]] = {kind: [] for kind in ROUTES.values()}
    for kind, seen in found.items():
        for change in space.recorder.of(kind, NAME):
            backends = change.object["spec"]["rules"][0]["backendRefs"]
            weights = [(one["name"], one["weight"]) for one in backends]
            if not seen or seen[-1] != weights:
                seen.append(weights)
    return found


def ports(space: Space, name: str) -> list[tuple[str, int, str]]:
    service = space.kube.get("services", space.namespace, name)
    assert service
    return [(port["name"], port["port"], port["appProtocol"]) for port in service["spec"]["ports"]]


def serving(space: Space, body: Manifest, *kinds: str) -> str:
    """Deploy a first version and wait until its routes carry it; return its revision."""
    container = body["runtime"]["image"]
    space.apply(body)
    space.stable(container)
    revision = space.hash(container)
    eventually(lambda: all(shares(space, kind) == {revision: 100} for kind in kinds), "the routes", show=space.tell)
    return revision


def test_both_routes_move_together_through_a_promotion(space: Space) -> None:
    space.recorder.watch(*ROUTES.values())
    old = serving(space, both(image(1)), *ROUTES.values())
    assert ports(space, NAME) == ports(space, f"{NAME}-{old}") == [HTTP, GRPC]
    second = image(2)
    space.apply(both(second))
    space.stable(second)
    new = space.hash(second)
    eventually(
        lambda: all(shares(space, kind) == {new: 100} for kind in ROUTES.values()), "both follow", show=space.tell
    )
    seen = histories(space)
    assert seen["httproutes"] == seen["grpcroutes"]
    assert len(seen["httproutes"]) > 4
    assert (space.behind_service(), ports(space, NAME)) == ({new: 2}, [HTTP, GRPC])


def test_a_canary_whose_grpc_answers_fail_is_taken_back_from_both(space: Space) -> None:
    old = serving(space, both(image(1)), *ROUTES.values())
    second = image(2)
    space.stand.prometheus.grpc_errors[second] = 1.0
    space.apply(both(second))
    status = space.in_phase("RolledBack")
    assert (status["metrics"][0]["source"], status["metrics"][0]["outcome"]) == ("Gateway", "Fail")
    assert all(shares(space, kind) == {old: 100} for kind in ROUTES.values())


def test_where_only_grpc_is_served_there_is_only_its_route(space: Space) -> None:
    space.recorder.watch("httproutes")
    old = serving(space, grpc_only(image(1)), "grpcroutes")
    assert ports(space, NAME) == [GRPC]
    (pod, *_) = space.pods(old)
    probe = pod["spec"]["containers"][0]["readinessProbe"]
    assert (probe["grpc"]["port"], "tcpSocket" in probe) == (9000, False)
    second = image(2)
    space.apply(grpc_only(second))
    space.stable(second)
    new = space.hash(second)
    eventually(lambda: shares(space, "grpcroutes") == {new: 100}, "the route follows", show=space.tell)
    assert not space.recorder.of("httproutes", NAME)


@pytest.mark.parametrize("kind", ROUTES.values())
def test_a_step_waits_for_both_routes(space: Space, kind: str) -> None:
    old = serving(space, both(image(1)), *ROUTES.values())
    second = image(2)
    space.stand.gateway.ignored = kind
    space.apply(both(second))
    new = space.hash(second)
    space.wait_condition("Progressing", "True", "has not yet taken over")
    backends = {f"{NAME}-{old}", f"{NAME}-{new}"}
    eventually(lambda: all(named(space, one) == backends for one in ROUTES.values()), "both know it", show=space.tell)
    always(lambda: all(shares(space, one) == {old: 100} for one in ROUTES.values()), "nobody is sent to it", 2.0)
    space.stand.gateway.ignored = ""
    space.stable(second)


def test_a_route_edited_or_deleted_by_hand_is_put_right(space: Space) -> None:
    revision = serving(space, both(image(1)), *ROUTES.values())
    found = route(space, "grpcroutes")
    assert found
    rule = found["spec"]["rules"][0]
    rule["backendRefs"][0]["weight"] = 7
    space.kube.merge("grpcroutes", space.namespace, NAME, {"spec": {"rules": [rule], "hostnames": ["theirs.test"]}})

    def right() -> bool:
        now = route(space, "grpcroutes")
        good = (
            bool(now)
            and now["spec"]["hostnames"] == ["shop.test"]
            and "headers" in now["spec"]["rules"][0]["matches"][0]
        )
        return good and shares(space, "grpcroutes") == {revision: 100}

    eventually(right, "the GRPCRoute is as it was", show=space.tell)
    space.kube.delete("grpcroutes", space.namespace, NAME)
    eventually(right, "there is another", show=space.tell)


def test_a_protocol_comes_and_goes_with_the_spec(space: Space) -> None:
    """What is not wanted any more is closed before it goes, and the other route stays as it is."""
    container = image(1)
    revision = serving(space, both(container, "HTTP"), "httproutes")
    assert route(space, "grpcroutes") is None
    before = route(space, "httproutes")
    assert before
    space.apply(both(container))
    eventually(lambda: shares(space, "grpcroutes") == {revision: 100}, "the GRPCRoute", show=space.tell)
    eventually(
        lambda: (route(space, "grpcroutes") or {}).get("status", {}).get("parents"),
        "the gateway knows it: one that nobody came through goes at once",
        show=space.tell,
    )
    space.recorder.watch("grpcroutes")
    space.apply(both(container, "HTTP"))
    eventually(lambda: route(space, "grpcroutes") is None, "it is gone", show=space.tell)
    last = [change.object for change in space.recorder.of("grpcroutes", NAME) if change.type == "MODIFIED"][-1]
    assert last["spec"]["rules"][0]["matches"][0]["headers"][0]["name"] == "x-serinus-closed"
    after = route(space, "httproutes")
    assert after
    assert (after["metadata"]["uid"], after["spec"]) == (before["metadata"]["uid"], before["spec"])


def test_deletion_takes_both_routes_and_then_the_services(space: Space) -> None:
    serving(space, both(image(1)), *ROUTES.values())
    space.recorder.watch(*ROUTES.values(), "services")
    space.kube.delete("modeldeployments", space.namespace, NAME)
    left = ("httproutes", "grpcroutes", "services")
    eventually(lambda: not any(space.kube.find(kind, space.namespace) for kind in left), "nothing is left", 60)
    eventually(lambda: len(space.recorder.deleted()) >= 4, "the watch saw it")
    gone = {(change.plural, change.name): change.version for change in space.recorder.deleted()}
    services = [version for (plural, _), version in gone.items() if plural == "services"]
    assert all(gone[kind, NAME] < min(services) for kind in ROUTES.values())


def test_a_version_that_would_lose_callers_is_refused(space: Space) -> None:
    first = image(1)
    old = serving(space, both(first), *ROUTES.values())
    space.apply(spec(image(2)))
    asked = both(image(3))
    del asked["runtime"]["grpcPort"]
    space.apply(asked)
    space.wait_condition("Ready", "False", "spec.route.protocols has GRPC, but revision")
    only = grpc_only(image(4))
    space.apply(only)
    space.wait_condition("Ready", "False", "callers reach revision")
    assert shares(space, "httproutes") == {old: 100}
    space.apply(both(first))
    space.stable(first)


def test_a_first_version_that_never_served_gives_way_to_another_protocol(space: Space) -> None:
    first, second = image(1), image(2)
    space.stand.node.unready.add(first)
    space.apply(spec(first))
    space.hash(first)
    revision = serving(space, grpc_only(second), "grpcroutes")
    assert ports(space, NAME) == [GRPC]
    eventually(lambda: not space.kube.find("httproutes", space.namespace), "no other route", show=space.tell)
    assert shares(space, "grpcroutes") == {revision: 100}


def test_grpc_whose_codes_no_proxy_counts_is_not_promoted(space: Space) -> None:
    """Its HTTP statuses are all fine, whatever comes of the calls."""
    space.stand.prometheus.grpc_codes = False
    old = serving(space, both(image(1)), *ROUTES.values())
    space.apply(both(image(2)))
    space.wait_condition("MetricsAvailable", "False", "enableGRPCStats")
    assert all(shares(space, kind) == {old: 100} for kind in ROUTES.values())


def test_codes_that_vanish_in_the_middle_hold_the_rollout(space: Space) -> None:
    old = serving(space, both(image(1)), *ROUTES.values())
    body = both(image(2), rollout={"steps": [{"weight": 20, "pause": True}]})
    space.apply(body)
    space.wait(lambda s: s.get("weight") == 20 and s["rollout"].get("liveSince"), "20 %")
    space.stand.prometheus.grpc_codes = False
    space.wait_condition("MetricsAvailable", "False")
    assert shares(space, "grpcroutes")[old] == 80


def test_the_pods_count_grpc_where_there_is_no_gateway(space: Space) -> None:
    def body(container: str) -> Manifest:
        made = spec(container, route=False)
        made["runtime"] = {"image": container, "grpcPort": 9000, "metrics": {"port": 9090, "grpc": {}}}
        return made

    first, second = image(1), image(2)
    space.stand.prometheus.names |= dict.fromkeys((first, second), ("grpc_server_handled_total", "grpc_code"))
    space.apply(body(first))
    space.stable(first)
    old = space.hash(first)
    space.stand.prometheus.errors[second] = 1.0
    space.apply(body(second))
    status = space.in_phase("RolledBack")
    assert (status["metrics"][0]["source"], status["metrics"][0]["outcome"]) == ("Pods", "Fail")
    eventually(lambda: list(space.behind_service()) == [old], "stable serves alone", show=space.tell)


def test_pods_that_do_not_count_grpc_judge_no_grpc(space: Space) -> None:
    def body(container: str) -> Manifest:
        made = both(container, analysis={"errorRate": {"source": "Pods"}})
        made["runtime"]["metrics"] = {}
        return made

    old = serving(space, body(image(1)), *ROUTES.values())
    space.apply(body(image(2)))
    space.wait_condition("MetricsAvailable", "False", "add spec.runtime.metrics.grpc")
    assert all(shares(space, kind) == {old: 100} for kind in ROUTES.values())


def test_a_cluster_without_the_kind_says_so(space: Space) -> None:
    container = image(1)
    with space.without("grpcroutes.gateway.networking.k8s.io"):
        space.apply(both(container))
        space.wait_condition("Ready", "False", "RouteKindMissing: the cluster has no GRPCRoute")
    revision = space.hash(container)
    eventually(
        lambda: all(shares(space, one) == {revision: 100} for one in ROUTES.values()), "the routes", show=space.tell
    )
