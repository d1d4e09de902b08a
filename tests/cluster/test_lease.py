"""At most one leads, and somebody does soon after the leader is gone."""

import asyncio
import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.cluster.client import ApiError
from serinus.cluster.lease import DURATION, LEAD, RETRY, Leadership
from serinus.cluster.resources import Resource


@dataclass
class Server:
    """One Lease with the API server's rules: a write names the version that it replaces."""

    live: dict[str, Any] | None = None
    version: int = 0
    down: bool = False

    async def get(self, _resource: Resource, _namespace: str, _name: str) -> dict[str, Any] | None:
        if self.down:
            raise ApiError(0, "down")
        return copy.deepcopy(self.live)

    async def create(self, _resource: Resource, manifest: dict[str, Any]) -> dict[str, Any]:
        return self._write(manifest, absent=True)

    async def replace(self, _resource: Resource, manifest: dict[str, Any]) -> dict[str, Any]:
        return self._write(manifest, absent=False)

    def _write(self, manifest: dict[str, Any], *, absent: bool) -> dict[str, Any]:
        if self.down:
            raise ApiError(0, "down")
        seen = manifest["metadata"].get("resourceVersion")
        if (self.live is None) != absent or (self.live and seen != self.live["metadata"]["resourceVersion"]):
            raise ApiError(409, "changed")
        self.version += 1
        self.live = copy.deepcopy(manifest)
        self.live["metadata"]["resourceVersion"] = str(self.version)
        return copy.deepcopy(self.live)


@dataclass
class Stage:
    """Two candidates, and a clock for each: monotonic clocks of two machines share nothing but their speed."""

    server: Server = field(default_factory=Server)
    time: float = 0.0

    def candidate(self, identity: str, offset: float) -> Leadership:
        clock: Callable[[], float] = lambda: self.time + offset  # noqa: E731
        return Leadership(self.server, "serinus", "lease", identity, clock, lambda: 1.8e9)  # type: ignore[arg-type]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def look(candidate: Leadership) -> None:
    try:
        asyncio.run(candidate._look())
    except ApiError as error:
        assert not error.conflict  # noqa: PT017


def test_the_first_one_leads(stage: Stage) -> None:
    one, two = stage.candidate("one", 0.0), stage.candidate("two", 1e6)
    for candidate in (one, two):
        look(candidate)
    assert (one.leads(), two.leads()) == (True, False)
    assert one.term == 1


def test_a_lead_that_is_renewed_lasts(stage: Stage) -> None:
    one, two = stage.candidate("one", 0.0), stage.candidate("two", -50.0)
    for _ in range(20):
        look(one)
        look(two)
        stage.time += RETRY
        assert one.leads()
    assert not two.leads()


def test_a_leader_that_is_gone_is_followed_within_the_duration(stage: Stage) -> None:
    one, two = stage.candidate("one", 0.0), stage.candidate("two", 7.0)
    look(one)
    look(two)
    began = stage.time
    while not two.leads():
        stage.time += RETRY
        look(two)
        assert stage.time - began <= DURATION + RETRY
    assert not one.leads()
    assert two.term == 2


def test_a_leader_that_resigns_is_followed_at_once(stage: Stage) -> None:
    one, two = stage.candidate("one", 0.0), stage.candidate("two", 7.0)
    look(one)
    look(two)
    asyncio.run(one.resign())
    look(two)
    assert (one.leads(), two.leads()) == (False, True)


def test_a_leader_that_cannot_renew_stops_before_another_one_may_begin(stage: Stage) -> None:
    one = stage.candidate("one", 0.0)
    look(one)
    stage.server.down = True
    stage.time += LEAD - 0.1
    look(one)
    assert one.leads()
    stage.time += 0.2
    assert not one.leads()
    assert LEAD < DURATION


def test_a_leader_that_was_cut_off_goes_on_when_nobody_else_came(stage: Stage) -> None:
    one = stage.candidate("one", 0.0)
    look(one)
    stage.server.down = True
    stage.time += 60.0
    look(one)
    assert not one.leads()
    stage.server.down = False
    look(one)
    assert one.leads()
    assert one.term == 1


def test_the_lead_counts_from_before_the_request(stage: Stage) -> None:
    one = stage.candidate("one", 0.0)
    write = stage.server._write

    def slow(manifest: dict[str, Any], *, absent: bool) -> dict[str, Any]:
        stage.time += LEAD
        return write(manifest, absent=absent)

    stage.server._write = slow  # type: ignore[method-assign]
    look(one)
    assert not one.leads()


@given(
    moves=st.lists(
        st.tuples(st.sampled_from(["one", "two", "three", "down", "up", "resign"]), st.floats(0.0, 6.0)), max_size=60
    )
)
def test_two_never_lead_at_once(moves: list[tuple[str, float]]) -> None:
    stage = Stage()
    candidates = {name: stage.candidate(name, offset) for name, offset in (("one", 0.0), ("two", 1e5), ("three", -9.0))}
    for move, wait in moves:
        if move in candidates:
            look(candidates[move])
        elif move == "resign":
            for candidate in candidates.values():
                asyncio.run(candidate.resign())
        else:
            stage.server.down = move == "down"
        assert sum(candidate.leads() for candidate in candidates.values()) <= 1
        stage.time += wait
        assert sum(candidate.leads() for candidate in candidates.values()) <= 1
