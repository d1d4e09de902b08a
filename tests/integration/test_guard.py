"""The operator reads the pods' own counters: it need not wait for Prometheus to see a failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .counting import Counting, own_address
from .stand import NAME, Space, image, spec, weights_of
from .waiting import eventually

STEPS = [{"weight": 20, "minDuration": "10m"}]


@contextmanager
def counting(space: Space, container: str, rate: float) -> Iterator[Counting]:
    """Let all pods of an image count at this machine's address."""
    pods = Counting(rate)
    space.stand.node.at[container] = own_address()
    try:
        yield pods
    finally:
        pods.stop()


def body(container: str, pods: Counting, **parts: Any) -> dict[str, Any]:
    return spec(container, runtime={"metrics": {"port": pods.port}}, analysis={"guard": True}, **parts)


def guard_of(status: dict[str, Any]) -> dict[str, Any]:
    found: list[dict[str, Any]] = status.get("metrics") or []
    return next((metric for metric in found if metric["name"] == "guard"), {})


def test_a_failure_that_prometheus_does_not_show_is_taken_back(space: Space) -> None:
    old, new = image(1), image(2)
    with counting(space, old, 96.0) as stable, counting(space, new, 24.0) as canary:
        space.apply(body(old, stable))
        space.stable(old)
        space.apply(body(new, canary, rollout={"steps": STEPS}))
        space.wait(lambda status: guard_of(status).get("outcome") == "Pass", "the guard has seen enough")
        assert space.status()["weight"] == 20
        canary.fail()
        space.in_phase("RolledBack")
    status = space.status()
    found = guard_of(status)
    assert (found["source"], found["outcome"], found["reason"]) == ("Direct", "Fail", "ErrorRateTooHigh")
    assert found["evidence"] >= found["threshold"]
    assert status["reason"] == "ErrorRateTooHigh"
    rate = next(metric for metric in status["metrics"] if metric["name"] == "error-rate")
    assert rate["canaryErrors"] == 0


def test_a_failure_is_taken_back_while_prometheus_hangs(space: Space) -> None:
    """It answers nobody for as long as the test lasts, with a query of one's own to wait for besides."""
    old, new, prometheus = image(1), image(2), space.stand.prometheus
    prometheus.values["max(queue)"] = 1.0
    with counting(space, old, 96.0) as stable, counting(space, new, 24.0) as canary:
        space.apply(body(old, stable))
        space.stable(old)
        wanted = body(new, canary, rollout={"steps": STEPS})
        wanted["analysis"]["metrics"] = [{"name": "queue", "query": "max(queue)", "max": 3}]
        space.apply(wanted)
        space.wait(lambda status: guard_of(status).get("outcome") == "Pass", "the guard has seen enough")
        new_revision = space.hash(new)
        space.recorder.watch("httproutes")
        prometheus.mode = "hang"
        failed = canary.fail()
        space.in_phase("RolledBack")

        def taken_back() -> list[float]:
            seen = space.recorder.of("httproutes", NAME)
            return [change.at for change in seen if not weights_of(change.object)[new_revision]]

        taken = eventually(taken_back, "the route gives it nothing")[0]
    print(f"taken back {taken - failed:.1f} s after the failure")
    assert space.status()["reason"] == "ErrorRateTooHigh"
    assert guard_of(space.status())["outcome"] == "Fail"


def test_a_guard_that_cannot_read_says_why_and_holds_nothing(space: Space) -> None:
    old, new = image(1), image(2)
    with counting(space, old, 96.0) as stable, counting(space, new, 24.0) as canary:
        space.apply(body(old, stable))
        space.stable(old)
        canary.stop()
        space.apply(body(new, canary, rollout={"steps": [{"weight": 20, "minDuration": "8s"}]}))
        status = space.wait(lambda status: guard_of(status).get("outcome") == "Blind", "the guard is blind")
        assert "Cannot connect" in guard_of(status)["message"]
        space.stable(new)
