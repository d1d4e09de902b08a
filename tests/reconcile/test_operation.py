"""What the running operator passes on, and when it says that it is unwell."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from serinus.cluster.listener import DEAF
from serinus.cluster.resources import AUTOSCALER, POD
from serinus.desired.labels import MODEL
from serinus.reconcile.echo import Echo
from serinus.reconcile.operation import STUCK, Operation
from serinus.reconcile.queue import Key, Queue
from serinus.reconcile.roster import Roster
from serinus.rollout.turns import Limits

SHOP = Key("space", "shop")


class Lead:
    """A Lease that says what it is told to."""

    term = 1

    def __init__(self) -> None:
        self.own = True

    def leads(self) -> bool:
        return self.own

    async def stand(self) -> None:
        await asyncio.Event().wait()

    async def resign(self) -> None:
        self.own = False


class Registry:
    """Nobody follows an alias."""

    async def run(self) -> None:
        await asyncio.Event().wait()


@dataclass
class Reconciler:
    """Counts what it is told; everything is new."""

    began: list[int] = field(default_factory=list)
    known: list[Key] = field(default_factory=list)
    seen: list[Key] = field(default_factory=list)
    worked: asyncio.Event = field(default_factory=asyncio.Event)
    registry: Registry = field(default_factory=Registry)
    roster: Roster = field(default_factory=lambda: Roster(Limits(), wake=lambda _: pytest.fail("nobody waits")))

    async def __call__(self, key: Key) -> float | None:
        self.seen.append(key)
        self.worked.set()
        return None

    def begin(self, term: int) -> None:
        self.began.append(term)

    def heard(self, *_: Any) -> bool:
        return True

    def missed(self, _resource: Any) -> list[Key]:
        return self.known


class Cluster:
    """An API server with one ModelDeployment, whose watches say nothing."""

    async def version(self, *_: Any) -> str:
        return "1"

    async def watch(self, *_: Any) -> Any:
        await asyncio.Event().wait()
        yield

    async def pages(self, *_: Any, **__: Any) -> Any:
        yield [{"metadata": {"namespace": "space", "name": "shop"}}]


@dataclass
class Stage:
    """An operation with all that surrounds it."""

    clock: list[float] = field(default_factory=lambda: [1000.0])
    lead: Lead = field(default_factory=Lead)
    reconciler: Reconciler = field(default_factory=Reconciler)

    def __post_init__(self) -> None:
        now: Callable[[], float] = lambda: self.clock[0]  # noqa: E731
        self.echo = Echo(now)
        self.queue = Queue(self.reconciler, now, lambda *_: None)
        parts: Any = (Cluster(), [], self.lead, self.reconciler, self.queue, self.echo, 2, now)
        self.operation = Operation(*parts)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def run(work: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(work(), 10.0))  # type: ignore[arg-type]


def metadata(name: str = "shop", version: int = 5, **labels: str) -> dict[str, Any]:
    return {"namespace": "space", "name": name, "uid": name, "resourceVersion": str(version), "labels": labels}


def test_a_leader_begins_with_a_survey(stage: Stage) -> None:
    async def work() -> None:
        stage.operation.start()
        await stage.reconciler.worked.wait()
        assert stage.operation.trouble() == ""
        await stage.operation.stop()

    run(work)
    assert stage.reconciler.began == [1]
    assert stage.reconciler.seen == [SHOP]
    assert not stage.lead.leads(), "the lead is given away"


def test_a_follower_works_on_nothing(stage: Stage) -> None:
    stage.lead.own = False

    async def work() -> None:
        stage.operation.start()
        await stage.operation.model_changed("ADDED", metadata())
        await stage.operation._child_changed("ADDED", POD, metadata("pod", **{MODEL: "shop"}))
        await asyncio.sleep(0.5)
        await stage.operation.stop()

    run(work)
    assert stage.queue.depth() == 0
    assert not stage.reconciler.seen


def test_a_change_of_a_child_is_a_look_at_its_model(stage: Stage) -> None:
    stage.operation._works = True
    run(lambda: stage.operation._child_changed("MODIFIED", POD, metadata("pod", **{MODEL: "shop"})))
    stage.clock[0] += 1.0
    assert stage.queue.depth() == 1


@pytest.mark.parametrize(("change", "looks"), [("MODIFIED", 0), ("DELETED", 1)])
def test_the_status_of_an_autoscaler_is_no_reason_to_look(stage: Stage, change: str, looks: int) -> None:
    stage.operation._works = True
    run(lambda: stage.operation._child_changed(change, AUTOSCALER, metadata("hpa", **{MODEL: "shop"})))
    stage.clock[0] += 1.0
    assert stage.queue.depth() == looks


def test_an_edit_of_an_autoscaler_is_one_reason_to_look_and_not_one_for_ever(stage: Stage) -> None:
    def hpa(edited: str) -> dict[str, Any]:
        managed = [
            {"manager": "serinus", "time": "2026-11-22T10:00:00Z"},
            {"manager": "kube-controller-manager", "subresource": "status", "time": "2026-11-22T12:00:00Z"},
            {"manager": "kubectl-edit", "time": edited},
        ]
        return {**metadata("hpa", **{MODEL: "shop"}), "uid": "1", "managedFields": managed}

    def looks(edited: str) -> int:
        run(lambda: stage.operation._child_changed("MODIFIED", AUTOSCALER, hpa(edited)))
        stage.clock[0] += 1.0
        found = stage.queue.depth()
        stage.queue._due.clear()
        return found

    stage.operation._works = True
    first, second = "2026-11-22T11:00:00Z", "2026-11-22T11:30:00Z"
    assert [looks(first) for _ in range(4)] == [1, 1, 0, 0]  # a second edit within the second would look the same
    assert [looks(second) for _ in range(4)] == [1, 1, 0, 0]


def test_a_lead_is_lost_although_a_worker_misses_its_cancellation(stage: Stage) -> None:
    missed = asyncio.Event()

    async def deaf(_key: Key) -> float | None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if missed.is_set():
                raise
            missed.set()
        return None

    stage.queue.reconcile = deaf

    async def work() -> None:
        stage.operation.start()
        while stage.queue.depth() or not stage.reconciler.began:  # noqa: ASYNC110 - two conditions
            await asyncio.sleep(0.01)
        stage.lead.own = False
        await missed.wait()
        stage.lead.own = True
        while len(stage.reconciler.began) < 2:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
        await stage.operation.stop()

    run(work)
    assert stage.reconciler.began == [1, 1], "it let go and took up the lead again"


def test_what_is_heard_while_the_lead_is_lost_for_a_moment_is_not_lost(stage: Stage) -> None:
    async def work() -> None:
        stage.operation.start()
        await stage.reconciler.worked.wait()
        stage.reconciler.worked.clear()
        stage.lead.own = False
        await stage.operation.model_changed("MODIFIED", metadata())
        stage.lead.own = True
        await stage.reconciler.worked.wait()
        await stage.operation.stop()

    run(work)
    assert stage.reconciler.began == [1]


def test_whoever_may_have_missed_something_is_looked_at(stage: Stage) -> None:
    stage.reconciler.known = [Key("space", f"m{number}") for number in range(100)]
    run(lambda: stage.operation._missed(POD))
    assert stage.queue.depth() < 100, "not all of them at once"
    stage.clock[0] += 60.0
    assert stage.queue.depth() == 100


def test_a_watch_that_owes_an_own_write_is_deaf(stage: Stage) -> None:
    stage.echo.written(SHOP, 9)
    stage.clock[0] += DEAF + 1.0
    assert "modeldeployments has not shown" in stage.operation.trouble()
    run(lambda: stage.operation.model_changed("MODIFIED", metadata(version=9)))
    assert stage.operation.trouble() == ""


def test_a_silent_watch_of_children_is_deaf(stage: Stage) -> None:
    async def work() -> None:
        stage.lead.own = False
        stage.operation.start()
        await asyncio.sleep(0.05)
        assert stage.operation.trouble() == ""
        stage.clock[0] += DEAF + 1.0
        assert "the watch of controllerrevisions has been silent" in stage.operation.trouble()
        await stage.operation.stop()

    run(work)


def test_a_part_that_ends_is_told(stage: Stage) -> None:
    async def fails() -> None:
        raise OSError("gone")

    async def work() -> None:
        stage.lead.stand = fails  # type: ignore[method-assign]
        stage.operation.start()
        await asyncio.sleep(0.05)
        assert stage.operation.trouble() == "task 'lease' has ended: OSError('gone')"
        await stage.operation.stop()

    run(work)


def test_due_keys_that_nobody_takes_are_told_by_the_leader_only(stage: Stage) -> None:
    run(lambda: stage.queue.add(SHOP))
    stage.clock[0] += STUCK + 1.0
    assert "no key was taken" in stage.operation.trouble()
    stage.lead.own = False
    assert stage.operation.trouble() == ""
