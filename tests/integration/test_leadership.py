"""Two operators and one Lease: somebody works, never two."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .operator_process import OperatorProcess
from .stand import Space, image, new_namespace, spec
from .waiting import eventually

UP = [0, 20, 50, 95, 100]
FROZEN = 20.0


@dataclass
class Pair:
    """A leader and its follower."""

    leader: OperatorProcess
    follower: OperatorProcess


@pytest.fixture
def pair(space: Space, tmp_path: Path) -> Iterator[Pair]:
    """Two operators in place of the one of the stand; both run, one leads."""
    usual = space.stand.operator
    usual.stop()
    lease = new_namespace(space.kube)
    one, two = (
        OperatorProcess(usual.kubeconfig, usual.prometheus, tmp_path / f"{name}.log", lease) for name in ("one", "two")
    )
    one.start()
    eventually(one.leads, "the first operator leads", show=one.last_words)
    two.start()
    two.wait_until_healthy()
    assert not two.leads()
    space.stand.operator = one  # its last words are shown when something fails
    yield Pair(one, two)
    for operator in (one, two):
        operator.kill()
    space.stand.operator = usual


def test_a_killed_leader_is_followed_in_mid_rollout(space: Space, pair: Pair) -> None:
    first, second = space.serving(), image(2)
    space.recorder.watch("pods", "httproutes")
    space.apply(spec(second))
    space.in_phase("Stepping")
    pair.leader.kill()
    died = time.monotonic()
    space.stand.operator = pair.follower
    eventually(pair.follower.leads, "the follower leads", show=pair.follower.last_words)
    print(f"followed after {time.monotonic() - died:.1f} s")
    space.stable(second)
    assert space.weight_history(space.hash(second)) == UP, "each weight once, in order"
    space.no_pod_was_made_twice(space.hash(second))
    assert space.hash(first) not in space.weights()


def test_a_leader_that_stops_in_order_is_followed_before_the_lease_ends(space: Space, pair: Pair) -> None:
    pair.leader.stop()
    (lease,) = space.kube.find("leases", pair.leader.lease)
    eventually(pair.follower.leads, "the follower leads", patience=lease["spec"]["leaseDurationSeconds"] / 2)
    assert space.serving()


def test_a_follower_works_on_nothing(space: Space, pair: Pair) -> None:
    space.serving()
    assert "first to be ready" in pair.leader.last_words()
    assert "first to be ready" not in pair.follower.last_words()


def test_a_leader_that_was_frozen_and_thaws_does_no_harm(space: Space, pair: Pair) -> None:
    """Frozen while it raises the weight of a version that turns bad; the other one takes it back."""
    first, second = space.serving(), image(2)
    old = space.hash(first)
    space.recorder.watch("pods", "httproutes")
    space.apply(spec(second))
    space.in_phase("Stepping")
    pair.leader.freeze()
    frozen = time.monotonic()
    space.stand.operator = pair.follower
    space.stand.prometheus.errors[second] = 1.0
    space.in_phase("RolledBack")
    assert space.weights() == {old: 100}
    time.sleep(max(0.0, FROZEN - (time.monotonic() - frozen)))
    written = space.model()["metadata"]["resourceVersion"]
    pair.leader.thaw()
    eventually(
        lambda: "Not leading any more" in pair.leader.last_words(),
        "the frozen one notices",
        show=pair.leader.last_words,
    )
    time.sleep(3.0)  # what it had begun would be done by now
    assert space.weights() == {old: 100}
    assert space.model()["metadata"]["resourceVersion"] == written
    assert pair.follower.leads()
    assert not pair.leader.leads()
    history = space.weight_history(space.hash(second))
    assert history[-1] == 0
    assert sum(later > earlier for earlier, later in itertools.pairwise(history)) <= 2
