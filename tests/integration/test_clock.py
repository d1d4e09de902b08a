"""The operator's clock is set forward and back by an hour in the middle of a rollout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from .operator_process import OperatorProcess
from .stand import Space, Stand, image, new_namespace, spec
from .waiting import always, eventually

HOUR = 3600.0
TWO_STEPS = {"steps": [{"weight": 20, "minDuration": "2s"}, {"weight": 50, "minDuration": "0s"}]}


@dataclass(frozen=True)
class Clocked:
    """The stand with an operator whose clock can be set."""

    stand: Stand
    shift: Path

    def set(self, seconds: float) -> None:
        fresh = self.shift.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.replace(self.shift)


@pytest.fixture
def clocked(whole_stand: Stand, tmp_path: Path) -> Iterator[Clocked]:
    whole_stand.reset()
    whole_stand.operator.stop()
    shift = tmp_path / "shift"
    shift.write_text("0")
    operator = OperatorProcess(
        whole_stand.plane.kubeconfig, whole_stand.prometheus.address, tmp_path / "operator.log", clock=shift
    )
    operator.start()
    operator.wait_until_healthy()
    yield Clocked(replace(whole_stand, operator=operator), shift)
    operator.stop()
    whole_stand.reset()


def test_clock_that_jumps_neither_promotes_nor_takes_back(clocked: Clocked) -> None:
    healthy, unproven = (Space(clocked.stand, new_namespace(clocked.stand.kube)) for _ in range(2))
    first, second, third = healthy.serving(), image(2), image(3)
    stable = unproven.serving()
    old, before = healthy.hash(first), healthy.uids(healthy.hash(first))
    for space in (healthy, unproven):
        space.recorder.watch("httproutes", "pods")
    healthy.apply(spec(second, rollout=TWO_STEPS))
    unproven.apply(spec(third, rollout=TWO_STEPS, analysis={"minimumRequests": 1000000}))
    new = unproven.hash(third)
    for space in (healthy, unproven):
        space.wait(lambda s: s.get("weight", 0) >= 20 and s["rollout"].get("liveSince"), "20 % is live")
    for shift in (HOUR, -HOUR):
        clocked.set(shift)
        always(lambda: unproven.weights()[new] == 20 and unproven.phase() == "Stepping", "the weight is held", 4)
        assert healthy.phase() not in {"RollingBack", "RolledBack"}
    clocked.set(0)
    clocked.stand.prometheus.errors[third] = 1.0
    status = unproven.in_phase("RolledBack")
    assert status["metrics"][0]["outcome"] == "Fail"
    assert unproven.weight_history(new) == [0, 20, 0]
    assert unproven.weights() == {unproven.hash(stable): 100}
    healthy.stable(second)
    assert healthy.weight_history(healthy.hash(second)) == [0, 20, 50, 95, 100]
    healthy.no_pod_was_made_twice(healthy.hash(second))
    assert healthy.pods_ever(old) <= before
    eventually(clocked.stand.operator.healthy, "the operator is well", show=clocked.stand.operator.last_words)
    for space in (healthy, unproven):
        space.close()
