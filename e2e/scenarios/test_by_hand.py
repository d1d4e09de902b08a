"""What people do in the middle of a rollout."""

import time
from collections.abc import Callable

import pytest

from load import Load
from scenarios.stand import GATEWAY_LAG, MARGIN, Model

pytestmark = pytest.mark.usefixtures("load")

HELD = {
    "replicas": 2,
    "route": {"timeout": "3s"},
    "rollout": {
        "steps": [{"weight": 20, "minDuration": "2s", "pause": True}, {"weight": 50, "minDuration": "2s"}],
        "drain": "3s",
        "watchAfterPromotion": "5s",
    },
    "analysis": {"minimumRequests": 5, "errorRate": {"margin": MARGIN}},
}


@pytest.fixture(scope="module")
def load(model: Model, start_load: Callable[..., Load]) -> Load:
    model.apply("recommender/v1.yaml", **HELD)
    model.wait_stable()
    time.sleep(GATEWAY_LAG)
    return start_load(model, 60.0)


def at_first_step(model: Model, version: int) -> str:
    model.apply(f"recommender/v{version}.yaml", **HELD)
    status = model.wait("the pause", lambda s: s.get("weight") == 20 and paused(s))
    return str(status["canary"]["revision"])


def paused(status: dict[str, list[dict[str, str]]]) -> bool:
    return any(c["type"] == "Paused" and c["status"] == "True" for c in status["conditions"])


def test_abort_takes_it_back_and_retry_tries_it_again(model: Model) -> None:
    stable = model.status["stable"]["revision"]
    revision = at_first_step(model, 2)
    model.command("abort", revision)
    status = model.wait_phase("RolledBack")
    assert status["reason"] == "Aborted"
    assert model.route_weights() == {stable: 100}
    model.command("retry", revision)
    assert model.wait_phase("Preparing", "Stepping")["canary"]["revision"] == revision


def test_a_command_for_another_revision_is_an_event_and_nothing_else(model: Model) -> None:
    model.wait("the pause", lambda s: s.get("weight") == 20 and paused(s))
    model.command("promote", "0123456789")
    model.wait("the command", lambda s: "0123456789" in s["rollout"]["lastCommand"])
    assert model.status["phase"] == "Stepping"
    assert "CommandIgnored" in model.events()


def test_a_lost_status_goes_back_to_the_stamped_stable(model: Model) -> None:
    before = model.status
    model.kubectl(
        "patch", "modeldeployment", model.name, "--subresource=status", "--type=merge", '--patch={"status":null}'
    )
    status = model.wait(
        "the stable revision", lambda s: s.get("stable", {}).get("revision") == before["stable"]["revision"]
    )
    assert status["rollout"]["step"] == 0
    model.wait("the canary again", lambda s: s.get("weight") == 20 and paused(s))


def test_a_newer_version_restarts_at_the_first_step(model: Model) -> None:
    first = model.status["canary"]["revision"]
    at = model.status["stable"]["revision"]
    model.apply("recommender/v2.yaml", **{**HELD, "runtime": {"env": [{"name": "NEWER", "value": "yes"}]}})
    status = model.wait(
        "the newer one", lambda s: s.get("canary", {}).get("revision") not in {None, first} and s["weight"] == 20
    )
    assert status["stable"]["revision"] == at
    assert "Superseded" in model.events()
    assert set(model.route_weights()) == {at, status["canary"]["revision"]}


def test_pause_and_resume(model: Model) -> None:
    revision = model.wait("the pause", lambda s: s.get("weight") == 20 and paused(s))["canary"]["revision"]
    model.command("pause", revision)
    model.wait("paused by command", lambda s: any(c["reason"] == "PausedByCommand" for c in s["conditions"]))
    model.command("resume", revision)
    model.wait("the next step", lambda s: s["weight"] == 50)


def test_promote_by_command(model: Model, load: Load) -> None:
    revision = model.status["canary"]["revision"]
    model.command("promote", revision)
    assert model.wait_stable()["stable"]["revision"] == revision
    assert [answer.as_dict() for answer in load.journal.failures()] == []
