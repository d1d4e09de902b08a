"""The operator dies at any moment; another one goes on from there."""

import pytest

from .stand import Space, image, spec
from .waiting import always

UP = [0, 20, 50, 95, 100]


def restart(space: Space) -> None:
    space.stand.operator.kill()
    space.stand.operator.start()


def test_killed_before_the_first_version_serves(space: Space) -> None:
    first = image(1)
    space.stand.node.unready.add(first)
    space.recorder.watch("pods", "httproutes")
    space.apply(spec(first))
    space.in_phase("Initializing")
    restart(space)
    space.stand.node.unready.clear()
    space.stable(first)
    revision = space.hash(first)
    space.no_pod_was_made_twice(revision)


@pytest.mark.parametrize("phase", ["Preparing", "Stepping", "Promoting", "Watching"])
def test_killed_on_the_way_up(space: Space, phase: str) -> None:
    first, second = space.serving(), image(2)
    old, before = space.hash(first), space.uids(space.hash(first))
    space.recorder.watch("pods", "httproutes")
    space.apply(spec(second))
    space.in_phase(phase)
    restart(space)
    space.stable(second)
    new = space.hash(second)
    assert space.weight_history(new) == UP, "each weight once, in order"
    space.no_pod_was_made_twice(new)
    assert space.pods_ever(old) <= before
    for reason in ("RolloutStarted", "Promoted", "RolloutCompleted"):
        assert len(space.events(reason)) <= 1, reason  # it is told after it is written: death between loses it


@pytest.mark.parametrize("phase", ["Stepping", "RollingBack", "RolledBack"])
def test_killed_on_the_way_down(space: Space, phase: str) -> None:
    first, second = space.serving(), image(2)
    old, before = space.hash(first), space.uids(space.hash(first))
    space.recorder.watch("pods", "httproutes")
    space.stand.prometheus.errors[second] = 1.0
    space.apply(spec(second))
    space.in_phase(phase)
    restart(space)
    status = space.in_phase("RolledBack")
    new = space.hash(second)
    assert [failed["revision"] for failed in status["rollout"]["failed"]] == [new]
    assert space.weight_history(new) == [0, 20, 0]
    assert space.weights() == {old: 100}
    assert space.uids(old) == before == space.pods_ever(old) | before
    space.touch()
    always(lambda: space.phase() == "RolledBack" and space.weights() == {old: 100}, "it is not tried again", 1)
    assert len(space.events("RolloutStarted")) == 1


def test_killed_again_and_again(space: Space) -> None:
    """One death in every phase, and one for good measure when all is done."""
    first, second = space.serving(), image(2)
    before = space.uids(space.hash(first))
    space.recorder.watch("pods", "httproutes")
    space.apply(spec(second))
    for phase in ("Preparing", "Stepping", "Promoting", "Watching", "Stable"):
        space.in_phase(phase)
        restart(space)
    space.stable(second)
    new = space.hash(second)
    assert space.weight_history(new) == UP
    space.no_pod_was_made_twice(new)
    assert space.pods_ever(space.hash(first)) <= before


def test_decision_that_fell_while_it_was_dead_is_taken_at_once(space: Space) -> None:
    first, second = space.serving(), image(2)
    old = space.hash(first)
    space.apply(spec(second, rollout={"steps": [{"weight": 20, "pause": True}]}))
    space.wait(lambda s: s.get("weight") == 20 and s["rollout"].get("liveSince"), "20 % is live")
    space.stand.operator.kill()
    space.stand.prometheus.errors[second] = 1.0
    seen = len(space.stand.prometheus.queries)
    space.stand.operator.start()
    status = space.in_phase("RolledBack")
    assert space.weights() == {old: 100}
    assert status["metrics"][0]["outcome"] == "Fail"
    assert len(space.stand.prometheus.queries) > seen
