"""What is remembered of the objects around a model, and what makes it out of date."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from serinus.cluster.resources import DEPLOYMENT, DISRUPTION_BUDGET, HTTP_ROUTE, POD, Resource
from serinus.reconcile.snapshot import Snapshot


def item(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": str(version)}}


@dataclass
class Server:
    """Objects by kind; counts what is asked, and can be told what to do in the middle of an answer."""

    objects: dict[Resource, list[dict[str, Any]]] = field(default_factory=dict)
    asked: Counter[Resource] = field(default_factory=Counter)
    meanwhile: Any = None

    async def find(self, resource: Resource, _namespace: str, _selector: str) -> list[dict[str, Any]]:
        self.asked[resource] += 1
        found = list(self.objects.get(resource, []))
        if self.meanwhile:
            self.meanwhile()
        return found

    async def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any] | None:
        found = await self.find(resource, namespace, "")
        return next((one for one in found if one["metadata"]["name"] == name), None)


@pytest.fixture
def server() -> Server:
    return Server({POD: [item("a", 5), item("b", 7)], HTTP_ROUTE: [item("shop", 3)]})


@pytest.fixture
def snapshot(server: Server) -> Snapshot:
    return Snapshot(server, "space")  # type: ignore[arg-type]


def pods(snapshot: Snapshot) -> list[str]:
    return [pod["metadata"]["name"] for pod in asyncio.run(snapshot.find({POD: "x"}))[0]]


def test_an_unchanged_kind_is_read_once(snapshot: Snapshot, server: Server) -> None:
    assert [pods(snapshot) for _ in range(3)] == [["a", "b"]] * 3
    asyncio.run(snapshot.get(HTTP_ROUTE, "shop"))
    assert asyncio.run(snapshot.get(HTTP_ROUTE, "shop")) == item("shop", 3)
    assert server.asked == {POD: 1, HTTP_ROUTE: 1}


def test_an_absent_object_is_remembered_too(snapshot: Snapshot, server: Server) -> None:
    server.objects[HTTP_ROUTE] = []
    assert [asyncio.run(snapshot.get(HTTP_ROUTE, "shop")) for _ in range(2)] == [None, None]
    assert server.asked[HTTP_ROUTE] == 1


@pytest.mark.parametrize(
    ("name", "version", "again"),
    [("a", 6, True), ("a", 5, False), ("a", 4, False), ("c", 1, True)],
    ids=["newer", "echo", "older", "unknown"],
)
def test_news_of_an_object_make_its_kind_be_read_again(
    snapshot: Snapshot, server: Server, name: str, version: int, *, again: bool
) -> None:
    pods(snapshot)
    assert snapshot.heard("MODIFIED", POD, item(name, version)["metadata"]) is again
    pods(snapshot)
    assert server.asked[POD] == 1 + again


def test_a_read_that_news_overtake_is_not_kept(snapshot: Snapshot, server: Server) -> None:
    server.meanwhile = lambda: snapshot.heard("MODIFIED", POD, item("c", 9)["metadata"])
    pods(snapshot)
    server.meanwhile = None
    server.objects[POD].append(item("c", 9))
    assert pods(snapshot) == ["a", "b", "c"]


def test_the_answer_to_a_write_is_taken_over(snapshot: Snapshot) -> None:
    asyncio.run(snapshot.get(HTTP_ROUTE, "shop"))
    snapshot.put(HTTP_ROUTE, item("shop", 8))
    assert asyncio.run(snapshot.get(HTTP_ROUTE, "shop")) == item("shop", 8)
    assert not snapshot.heard("MODIFIED", HTTP_ROUTE, item("shop", 8)["metadata"])


def test_the_answer_to_a_write_does_not_hide_what_was_heard_since(snapshot: Snapshot, server: Server) -> None:
    asyncio.run(snapshot.get(HTTP_ROUTE, "shop"))
    snapshot.heard("MODIFIED", HTTP_ROUTE, item("shop", 9)["metadata"])
    snapshot.put(HTTP_ROUTE, item("shop", 8))
    server.objects[HTTP_ROUTE] = [item("shop", 9)]
    assert asyncio.run(snapshot.get(HTTP_ROUTE, "shop")) == item("shop", 9)


def test_an_answer_that_is_as_new_as_what_was_heard_needs_no_other_read(snapshot: Snapshot, server: Server) -> None:
    asyncio.run(snapshot.get(HTTP_ROUTE, "shop"))
    assert snapshot.heard("MODIFIED", HTTP_ROUTE, item("shop", 8)["metadata"])
    snapshot.put(HTTP_ROUTE, item("shop", 8))
    assert asyncio.run(snapshot.get(HTTP_ROUTE, "shop")) == item("shop", 8)
    assert server.asked[HTTP_ROUTE] == 1


def budget(version: int, generation: int, **labels: str) -> dict[str, Any]:
    metadata = {"name": "d", "resourceVersion": str(version), "generation": generation, "labels": labels}
    return {"metadata": metadata}


@pytest.mark.parametrize(
    ("change", "now", "news"),
    [
        ("MODIFIED", budget(9, 1), False),
        ("MODIFIED", budget(9, 2), True),
        ("MODIFIED", budget(9, 1, edited="yes"), True),
        ("DELETED", budget(9, 1), True),
    ],
    ids=["status", "spec", "labels", "deleted"],
)
def test_the_status_of_a_budget_is_of_no_interest(
    snapshot: Snapshot, server: Server, change: str, now: dict[str, Any], *, news: bool
) -> None:
    server.objects[DISRUPTION_BUDGET] = [budget(1, 1)]
    asyncio.run(snapshot.find({DISRUPTION_BUDGET: "x"}))
    assert snapshot.heard(change, DISRUPTION_BUDGET, now["metadata"]) is news
    asyncio.run(snapshot.find({DISRUPTION_BUDGET: "x"}))
    assert server.asked[DISRUPTION_BUDGET] == 1 + news


def test_of_several_kinds_only_those_are_read_that_are_out_of_date(snapshot: Snapshot, server: Server) -> None:
    pods(snapshot)
    server.objects[DEPLOYMENT] = [item("d", 1)]
    found = asyncio.run(snapshot.find({DEPLOYMENT: "x", POD: "x"}))
    assert found == [[item("d", 1)], [item("a", 5), item("b", 7)]]
    assert server.asked == {POD: 1, DEPLOYMENT: 1}


def test_a_look_is_fresh_when_nothing_in_it_is_remembered(snapshot: Snapshot) -> None:
    snapshot.look()
    pods(snapshot)
    assert snapshot.fresh
    snapshot.look()
    pods(snapshot)
    assert not snapshot.fresh
    snapshot.forget()
    snapshot.look()
    pods(snapshot)
    assert snapshot.fresh


def test_kinds_are_out_of_date_one_by_one(snapshot: Snapshot, server: Server) -> None:
    pods(snapshot)
    asyncio.run(snapshot.find({DEPLOYMENT: "x"}))
    snapshot.outdated(DEPLOYMENT)
    pods(snapshot)
    asyncio.run(snapshot.find({DEPLOYMENT: "x"}))
    assert server.asked == {POD: 1, DEPLOYMENT: 2}
