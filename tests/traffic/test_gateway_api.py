"""A route counts as live only when every parent of ours follows this generation of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.api.protocol import Protocol
from serinus.api.v1alpha1 import Route
from serinus.desired import owner
from serinus.traffic.gateway_api import closed, gateway_of, read, routes
from serinus.traffic.split import Split

OLD, NEW = "aaaaaaaaaa", "bbbbbbbbbb"
OURS, OTHER = "gateway.envoyproxy.io/gatewayclass-controller", "example.com/other"
GENERATION = 3
PARENT = owner.model("recommender", "uid-1")


def condition(kind: str, status: str = "True", generation: int | None = GENERATION, **more: str) -> dict[str, Any]:
    seen = {} if generation is None else {"observedGeneration": generation}
    return {"type": kind, "status": status, **seen, **more}


GOOD = [condition("Accepted"), condition("ResolvedRefs")]


def entry(*conditions: dict[str, Any], controller: str = OURS, **reference: str) -> dict[str, Any]:
    return {
        "controllerName": controller,
        "parentRef": {"name": "public", "namespace": "models", **reference},
        "conditions": list(conditions),
    }


def route(
    *entries: dict[str, Any], split: Split | None = None, parents: int = 1, protocol: Protocol = Protocol.HTTP
) -> dict[str, Any]:
    wanted, split = Route(gateway="public"), split or Split(OLD, NEW, 5, 0)
    made = routes("recommender", "models", wanted, [protocol], split, PARENT, None)[protocol]
    made["metadata"]["generation"] = GENERATION
    made["spec"]["parentRefs"] *= parents
    return {**made, "status": {"parents": list(entries)}} if entries else made


NOT_LIVE = {
    "no status": [],
    "only a foreign controller": [entry(*GOOD, controller=OTHER)],
    "another gateway": [entry(*GOOD, name="private")],
    "the same name elsewhere": [entry(*GOOD, namespace="infra")],
    "no conditions": [entry()],
    "no Accepted": [entry(condition("ResolvedRefs"))],
    "no ResolvedRefs": [entry(condition("Accepted"))],
    "stale Accepted": [entry(condition("Accepted", generation=2), condition("ResolvedRefs"))],
    "stale ResolvedRefs": [entry(condition("Accepted"), condition("ResolvedRefs", generation=2))],
    "no generation": [entry(condition("Accepted", generation=None), condition("ResolvedRefs"))],
    "refused": [entry(condition("Accepted", "False"), condition("ResolvedRefs"))],
    "unresolved": [entry(condition("Accepted"), condition("ResolvedRefs", "False"))],
    "unknown": [entry(condition("Accepted", "Unknown"), condition("ResolvedRefs"))],
    "ours bad, foreign good": [entry(*GOOD, controller=OTHER), entry(condition("Accepted", "False"), GOOD[1])],
}


@pytest.mark.parametrize("entries", NOT_LIVE.values(), ids=NOT_LIVE.keys())
def test_a_route_is_not_live_while_any_part_is_missing_and_says_which_gateway(entries: list[dict[str, Any]]) -> None:
    seen = read("recommender", route(*entries), OURS)
    assert not seen.live
    assert "public" in seen.problem
    assert seen.reason.startswith("Route")


LIVE = {
    "accepted": [entry(*GOOD)],
    "a later generation": [entry(condition("Accepted", generation=4), condition("ResolvedRefs", generation=4))],
    "no namespace in the reference": [{**entry(*GOOD), "parentRef": {"name": "public"}}],
    "foreign ones disagree": [entry(condition("Accepted", "False"), controller=OTHER), entry(*GOOD)],
    "other conditions": [entry(*GOOD, condition("PartiallyInvalid", "False"))],
}


@pytest.mark.parametrize("entries", LIVE.values(), ids=LIVE.keys())
def test_a_route_is_live_when_our_controller_took_it_over(entries: list[dict[str, Any]]) -> None:
    seen = read("recommender", route(*entries), OURS)
    assert (seen.live, seen.problem, seen.reason) == (True, "", "")


@pytest.mark.parametrize("missing", ["public", "private"])
def test_every_parent_must_follow(missing: str) -> None:
    two = route(*[entry(*GOOD, name=name) for name in ("public", "private") if name != missing], parents=2)
    two["spec"]["parentRefs"][1] = {**two["spec"]["parentRefs"][1], "name": "private"}
    seen = read("recommender", two, OURS)
    assert not seen.live
    assert missing in seen.problem


def test_a_refusal_is_told_in_the_gateways_words() -> None:
    refused = condition("ResolvedRefs", "False", reason="BackendNotFound", message="Service x not found")
    seen = read("recommender", route(entry(condition("Accepted"), refused)), OURS)
    assert seen.reason == "RouteBackendNotFound"
    assert "Service x not found" in seen.problem


def test_without_a_known_controller_nothing_is_live() -> None:
    assert not read("recommender", route(entry(*GOOD)), "").live


@given(st.integers(0, 100), st.integers(0, 1), st.sampled_from([NEW, ""]))
def test_the_weights_of_a_route_are_read_back_as_they_were_written(weight: int, slot: int, candidate: str) -> None:
    split = Split(OLD, candidate, weight if candidate else 0, slot)
    seen = read("recommender", route(entry(*GOOD), split=split), OURS)
    assert seen.slots == split.slots
    assert seen.weight_of(NEW) == split.weight
    assert sum(seen.weights.values()) == 100


EDITED = {
    "no rules": {"rules": []},
    "no backends": {"rules": [{"matches": []}]},
    "a bare backend": {"rules": [{"backendRefs": [{"name": "other"}]}]},
    "no rules at all": None,
}


@pytest.mark.parametrize("edit", EDITED.values(), ids=EDITED.keys())
def test_a_route_that_a_person_took_apart_is_read_and_not_believed(edit: dict[str, Any] | None) -> None:
    """It is put right by the next apply; an error here would stop that from ever happening."""
    broken = route(entry(*GOOD))
    broken["spec"] = {"parentRefs": broken["spec"]["parentRefs"], **(edit or {})}
    assert read("recommender", broken, OURS).weight_of(NEW) == 0


def test_a_reference_without_a_namespace_means_the_routes_own() -> None:
    edited = route(entry(*GOOD))
    del edited["spec"]["parentRefs"][0]["namespace"]
    assert read("recommender", edited, OURS).live


def test_a_route_without_parents_is_not_live() -> None:
    edited = route(entry(*GOOD))
    edited["spec"]["parentRefs"] = []
    assert not read("recommender", edited, OURS).live


@pytest.mark.parametrize(
    ("gateway", "expected"), [("public", ("models", "public")), ("infra/public", ("infra", "public"))]
)
def test_a_gateway_is_looked_for_where_the_route_is_unless_it_says_where(
    gateway: str, expected: tuple[str, str]
) -> None:
    assert gateway_of(Route(gateway=gateway), "models") == expected


def test_a_closed_route_matches_nobody_and_is_its_keepers_alone() -> None:
    live = route(entry(*GOOD))
    live["metadata"] |= {"uid": "uid-route"}
    live["metadata"]["ownerReferences"].append(owner.namespace("models", "uid-namespace").reference())
    assert read("recommender", live, OURS).open

    shut = closed(live, "2026-11-22T00:00:00Z")

    assert not read("recommender", {**shut, "metadata": {**shut["metadata"], "generation": 4}}, OURS).open
    (before,), (after,) = live["spec"]["rules"], shut["spec"]["rules"]
    assert {**after, "matches": before["matches"]} == before, "the gateway keeps its backends"
    assert [reference["kind"] for reference in shut["metadata"]["ownerReferences"]] == ["Namespace"]
    assert shut["metadata"]["uid"] == "uid-route", "a route that is gone is not made anew"


def test_a_route_without_a_keeper_is_closed_and_goes_with_its_model() -> None:
    live = route(entry(*GOOD))
    live["metadata"] |= {"uid": "uid-route"}
    assert closed(live, "2026-11-22T00:00:00Z")["metadata"]["ownerReferences"] == live["metadata"]["ownerReferences"]
