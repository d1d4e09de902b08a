"""An API server that refuses, forgets, hangs or dies: each decision is taken once, and none is lost."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from .operator_process import OperatorProcess
from .proxy import ApiProxy, Fault, no_fault
from .stand import NAME, Space, Stand, image, new_namespace, spec
from .waiting import always, eventually

UP = [0, 20, 50, 95, 100]
STEPS = [{"weight": 20, "minDuration": "2s"}, {"weight": 50, "minDuration": "0s"}]
READS = frozenset({"GET"})
FROZEN = 30.0
"""Seconds: longer than any request of the operator may take."""
LONG = 120.0
"""Seconds that a rollout may take when the API server refuses a part of what it is asked."""


@dataclass(frozen=True)
class Proxied:
    """The stand with an operator that sees the API server through a proxy."""

    stand: Stand
    proxy: ApiProxy


@pytest.fixture(scope="module")
def proxied(whole_stand: Stand, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    whole_stand.reset()
    whole_stand.operator.stop()
    home = tmp_path_factory.mktemp("proxied")
    proxy = ApiProxy(whole_stand.plane, home)
    operator = OperatorProcess(proxy.kubeconfig, whole_stand.prometheus.address, home / "operator.log")
    proxy.start()
    operator.start()
    operator.wait_until_healthy()
    yield Proxied(replace(whole_stand, operator=operator), proxy)
    operator.stop()
    proxy.stop()
    whole_stand.reset()


@dataclass
class Rollout:
    """A second version on its way, in a namespace of its own."""

    space: Space
    first: str
    second: str
    before: frozenset[str] = frozenset()
    """Uids of the pods of the first version."""

    @property
    def exposed(self) -> bool:
        status = self.space.status()
        return bool(status.get("weight") == 20 and status["rollout"].get("liveSince"))

    def begin(self) -> None:
        self.before = frozenset(self.space.uids(self.space.hash(self.first)))
        self.space.recorder.watch("pods", "httproutes")
        self.space.apply(spec(self.second, rollout={"steps": STEPS}))

    def ended_well(self) -> None:
        space = self.space
        eventually(
            lambda: space.kube.get("services", space.namespace, NAME), "its Service is there", LONG, show=space.tell
        )
        space.stable(self.second, LONG)
        new = space.hash(self.second)
        assert space.weight_history(new) == UP, "each weight once, in order"
        space.no_pod_was_made_twice(new)
        assert space.pods_ever(space.hash(self.first)) <= self.before, "no pod of stable was made anew"

    def ended_taken_back(self) -> None:
        space = self.space
        status = space.wait(lambda s: s["phase"] == "RolledBack", "it is taken back", LONG)
        new = space.hash(self.second)
        assert [failed["revision"] for failed in status["rollout"]["failed"]] == [new]
        assert space.weight_history(new) == [0, 20, 0]
        assert space.weights() == {space.hash(self.first): 100}
        assert space.uids(space.hash(self.first)) == self.before


def rollouts(stand: Stand, *names: str) -> dict[str, Rollout]:
    """Bring second versions to 20 %, all at once."""
    made = {name: Rollout(Space(stand, new_namespace(stand.kube)), image(1), image(2)) for name in names}
    for one in made.values():
        one.space.apply(spec(one.first))
    for one in made.values():
        one.space.stable(one.first)
    for one in made.values():
        eventually(one.space.route_live, "the route is there")
        one.begin()
    for one in made.values():
        eventually(lambda one=one: one.exposed, "20 % is live", show=one.space.tell)
    return made


def storm(statuses: dict[str, int], share: float) -> Fault:
    """Return a fault: a share of the requests about some namespaces is answered with their status."""
    chance = random.Random(5)  # noqa: S311 - not a secret

    def fault(method: str, path: str) -> int:
        for namespace, status in statuses.items():
            if f"/namespaces/{namespace}/" in path and chance.random() < share:
                return 0 if status == 409 and method in READS else status
        return 0

    return fault


@pytest.fixture(scope="module")
def stormy(proxied: Proxied) -> Iterator[dict[str, Rollout]]:
    """Rollouts at 20 % on which storms break: nothing gets through for a while, then most does."""
    found = rollouts(proxied.stand, "409", "429", "500", "faulty")
    statuses = {one.space.namespace: 500 if name == "faulty" else int(name) for name, one in found.items()}
    faulty = found["faulty"]
    before = dict(proxied.proxy.answered)
    proxied.proxy.fault = storm(statuses, 1.0)
    proxied.stand.prometheus.errors[faulty.second] = 1.0
    for one in found.values():  # something to write in every one of them
        one.space.kube.delete("services", one.space.namespace, NAME)
    always(lambda: faulty.space.weights()[faulty.space.hash(faulty.second)] <= 20, "nobody more is exposed", 6)
    for one in found.values():
        key = one.space.namespace, statuses[one.space.namespace]
        count = proxied.proxy.answered[key] - before.get(key, 0)
        assert 0 < count < 300, f"{count} requests were answered {key[1]} within 6 s"
    proxied.proxy.fault = storm(statuses, 0.05)
    yield found
    proxied.proxy.fault = no_fault
    for one in found.values():
        one.space.close()


@pytest.mark.parametrize("status", ["409", "429", "500"])
def test_storm_of_refusals_costs_time_and_nothing_else(stormy: dict[str, Rollout], status: str) -> None:
    stormy[status].ended_well()


def test_rollback_in_a_storm_is_not_lost(stormy: dict[str, Rollout]) -> None:
    stormy["faulty"].ended_taken_back()


def test_expired_watch_misses_nothing(proxied: Proxied) -> None:
    """What was deleted and edited while nobody could watch is found out when the watch begins anew."""
    spaces = [Space(proxied.stand, new_namespace(proxied.stand.kube)) for _ in range(3)]
    for space in spaces:
        space.serving()
    gone, child, edited = spaces
    proxied.proxy.cut_watches()
    gone.kube.delete("modeldeployments", gone.namespace, NAME)
    eventually(lambda: gone.kube.get("modeldeployments", gone.namespace, NAME) is None, "the model is gone")
    child.kube.delete("services", child.namespace, NAME)
    eventually(lambda: child.kube.get("services", child.namespace, NAME) is None, "the Service is gone")
    newer = image(2)
    edited.kube.merge("modeldeployments", edited.namespace, NAME, {"spec": {"runtime": {"image": newer}}})
    proxied.proxy.expire()
    eventually(lambda: child.kube.get("services", child.namespace, NAME), "the Service is back", show=child.tell)
    edited.wait_event("RolloutStarted", edited.hash(newer))
    eventually(lambda: gone.namespace not in proxied.stand.operator.figures(), "the model is forgotten")
    again = image(3)
    gone.apply(spec(again))
    gone.stable(again)
    for space in spaces:
        space.close()


def test_api_server_that_hangs_and_dies_in_mid_rollout(whole_stand: Stand) -> None:
    whole_stand.reset()
    whole_stand.operator.wait_until_healthy()
    found = rollouts(whole_stand, "healthy", "faulty")
    healthy, faulty = found["healthy"], found["faulty"]
    operator = whole_stand.operator.process
    whole_stand.plane.freeze()
    whole_stand.prometheus.errors[faulty.second] = 1.0
    time.sleep(FROZEN)
    whole_stand.plane.thaw()
    faulty.space.wait(lambda s: s["phase"] in {"RollingBack", "RolledBack"}, "it is taken back", LONG)
    whole_stand.plane.restart_api_server()
    faulty.ended_taken_back()
    healthy.ended_well()
    assert operator is whole_stand.operator.process
    assert whole_stand.operator.running
    for one in found.values():
        one.space.close()
