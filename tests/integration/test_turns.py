"""One rollout at a time in a namespace: the others wait, and a restart changes nothing of it."""

from collections.abc import Iterator

import pytest

from .kube import Manifest
from .stand import NAME, Space, image, spec
from .waiting import eventually

HELD = {"rollout": {"steps": [{"weight": 20, "minDuration": "0s", "pause": True}, {"weight": 50, "minDuration": "0s"}]}}
FIRST, SECOND, LATE = "first", "second", "late"


@pytest.fixture
def one_at_a_time(space: Space) -> Iterator[Space]:
    """A limit per namespace: what other tests left behind does not count."""
    operator = space.stand.operator
    operator.stop()
    operator.settings["SERINUS_MAX_ROLLOUTS_PER_NAMESPACE"] = "1"
    operator.start()
    yield space
    operator.stop()
    operator.settings.clear()
    operator.start()


def body(name: str, container: str, **parts: object) -> Manifest:
    """Return a spec with a host of its own."""
    made = spec(container, replicas=1, **parts)
    made["route"]["hostnames"] = [f"{name}.test"]
    return made


def phase(space: Space, name: str, *phases: str) -> Manifest:
    def look() -> Manifest | None:
        status = space.status(name)
        return status if status.get("phase") in phases else None

    found = eventually(look, f"{name} is {phases}", show=lambda: space.status(name))
    assert found is not None
    return found


def stable(space: Space, name: str, container: str) -> None:
    def look() -> bool:
        status = space.status(name)
        return status.get("phase") == "Stable" and (status.get("stable") or {}).get("image") == container

    eventually(look, f"{name} is stable at {container}", show=lambda: space.status(name))


def stepping(space: Space, name: str) -> str:
    """Wait until a model has a canary at its pause; return the canary."""

    def look() -> str:
        status = space.status(name)
        paused = any(c["type"] == "Paused" and c["status"] == "True" for c in status.get("conditions", []))
        return str(status["canary"]["revision"]) if status.get("phase") == "Stepping" and paused else ""

    return eventually(look, f"{name} is at its pause", show=lambda: space.status(name))


def test_the_others_wait_and_begin_in_order_also_after_a_restart(one_at_a_time: Space) -> None:
    space, operator = one_at_a_time, one_at_a_time.stand.operator
    olds = {name: image(1) for name in (NAME, FIRST, SECOND)}
    for name, container in olds.items():
        space.apply(body(name, container, rollout={"watchAfterPromotion": "0s"}), name)
    for name, container in olds.items():
        stable(space, name, container)
    promoted, news = image(2), {name: image(2) for name in (FIRST, SECOND)}
    space.apply(body(NAME, promoted, rollout={**HELD["rollout"], "watchAfterPromotion": "0s"}))
    space.command("promote", stepping(space, NAME))
    stable(space, NAME, promoted)

    space.apply(body(FIRST, news[FIRST], **HELD), FIRST)
    canary = stepping(space, FIRST)
    space.apply(body(SECOND, news[SECOND], **HELD), SECOND)
    waiting = phase(space, SECOND, "Queued")
    assert "1 rollout is in progress in namespace" in waiting["message"]
    assert "number 1 of those that wait" in waiting["message"]
    assert waiting["stable"]["image"] == olds[SECOND]
    assert "canary" not in waiting
    eventually(lambda: space.events("RolloutQueued"), "the Event")
    unprepared = [
        found["metadata"]["labels"]["serinus.dev/modeldeployment"]
        for found in space.kube.find("deployments", space.namespace)
    ]
    assert unprepared.count(SECOND) == 1

    space.apply(body(LATE, container := image(1)), LATE)  # a first deploy does not wait
    stable(space, LATE, container)
    space.apply(body(NAME, olds[NAME], **HELD))  # nor does a way back
    returned = stepping(space, NAME)

    operator.kill()
    operator.start()
    space.apply(body("later", container := image(1)), "later")
    stable(space, "later", container)  # by the operator that has begun anew
    assert space.status(FIRST)["canary"]["revision"] == canary
    assert phase(space, SECOND, "Queued")["rollout"]["since"] == waiting["rollout"]["since"]

    space.command("abort", canary, FIRST)
    phase(space, FIRST, "RolledBack")  # a rollback does not wait
    assert space.status(SECOND)["phase"] == "Queued", "the way back is in progress"
    space.command("abort", returned)
    stepping(space, SECOND)
    assert space.status(SECOND)["canary"]["image"] == news[SECOND]
