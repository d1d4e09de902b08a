"""Rollouts from beginning to end."""

import pytest

from .kube import path
from .stand import NAME, Space, image, manifest, spec
from .waiting import always, eventually

ONE_STEP = {"rollout": {"steps": [{"weight": 20, "minDuration": "0s"}]}}
HELD = {"rollout": {"steps": [{"weight": 20, "minDuration": "0s", "pause": True}, {"weight": 50, "minDuration": "0s"}]}}


def under_test(space: Space) -> tuple[str, str, str]:
    """Bring a second version to a held first step; return its image, its revision and stable's."""
    old = space.hash(space.serving())
    second = image(2)
    space.recorder.watch("httproutes", "pods")
    space.apply(spec(second, **HELD))
    space.wait(lambda s: s.get("weight") == 20 and s["rollout"].get("liveSince"), "20 % is live")
    return second, space.hash(second), old


def test_first_version_serves_without_a_canary(space: Space) -> None:
    space.recorder.watch("httproutes")
    revision = space.hash(space.serving())
    assert space.weights() == {revision: 100}
    assert space.weight_history(revision) == [100]
    assert [event["reason"] for event in space.events()] == ["FirstRevisionServes"]


def test_healthy_version_is_promoted_with_the_pods_that_were_tested(space: Space) -> None:
    old = space.hash(space.serving())
    space.recorder.watch("pods", "httproutes")
    second = image(2)
    space.apply(spec(second))
    new = space.hash(second)
    space.in_phase("Stepping")
    tested = space.uids(new)
    status = space.stable(second)
    assert tested
    assert tested <= space.uids(new)
    space.no_pod_was_made_twice(new)
    assert space.weight_history(new) == [0, 20, 50, 95, 100]
    assert [past["revision"] for past in status["history"]] == [new, old]
    stamps = {
        record["metadata"]["labels"]["serinus.dev/revision"]: record["metadata"].get("annotations", {})
        for record in space.kube.find("controllerrevisions", space.namespace)
    }
    assert stamps[old]["serinus.dev/promoted-at"] < stamps[new]["serinus.dev/promoted-at"]
    assert space.behind_service() == {new: 2}
    eventually(lambda: not space.pods(old), "the old pods are gone")


def test_faulty_version_is_taken_back_remembered_and_retried(space: Space) -> None:
    first = space.serving()
    old, second = space.hash(first), image(2)
    before = space.uids(old)
    space.recorder.watch("pods", "httproutes")
    space.stand.prometheus.errors[second] = 1.0
    space.apply(spec(second))
    status = space.in_phase("RolledBack")
    new = space.hash(second)
    assert space.weights() == {old: 100}
    assert space.weight_history(new) == [0, 20, 0]
    assert space.uids(old) == before == space.pods_ever(old) | before
    assert [failed["revision"] for failed in status["rollout"]["failed"]] == [new]
    metric = status["metrics"][0]
    assert metric["outcome"] == "Fail"
    assert metric["evidence"] >= metric["threshold"]
    assert space.condition("Available")["status"] == "True"
    assert space.condition("Ready")["status"] == "False"
    assert space.condition("Degraded")["reason"] == "CanaryRolledBack"
    space.touch()
    space.apply(spec(second))
    always(lambda: space.phase() == "RolledBack", "it stays taken back", 1.5)
    assert len(space.events("RolloutStarted")) == 1
    space.stand.prometheus.errors.clear()
    space.command("retry", new)
    space.stable(second)
    assert not space.status()["rollout"].get("failed")


def test_stable_spec_clears_the_memory_of_a_failure(space: Space) -> None:
    first = space.serving()
    second = image(2)
    space.stand.prometheus.errors[second] = 1.0
    space.apply(spec(second, **ONE_STEP))
    space.in_phase("RolledBack")
    space.apply(spec(first))
    status = space.stable(first)
    assert not status["rollout"].get("failed")
    space.wait_condition("Ready", "True")


def test_abort_by_command(space: Space) -> None:
    _, new, old = under_test(space)
    space.command("abort", new)
    status = space.in_phase("RolledBack")
    assert (status["reason"], space.weights()) == ("Aborted", {old: 100})
    assert space.weight_history(new) == [0, 20, 0]


def test_promote_by_command(space: Space) -> None:
    second, new, _ = under_test(space)
    space.command("promote", new)
    space.stable(second)
    assert space.weight_history(new) == [0, 20, 95, 100]
    assert len(space.events("PromotedByCommand")) == 1


def test_resume_and_skip_by_command(space: Space) -> None:
    second, new, _ = under_test(space)
    always(lambda: space.weights()[new] == 20, "the step is held", 2)
    space.command("skip-step", new)
    space.stable(second)
    assert space.weight_history(new) == [0, 20, 50, 95, 100]
    assert len(space.events("StepSkipped")) == 1


def test_pause_and_resume_by_command(space: Space) -> None:
    second, new, _ = under_test(space)
    space.command("pause", new)
    space.wait_condition("Paused", "True")
    space.apply(spec(second))
    always(lambda: space.weights()[new] == 20, "the rollout is paused", 2)
    space.command("resume", new)
    space.stable(second)
    assert space.condition("Paused")["status"] == "False"


def test_command_for_another_revision_is_an_event_and_nothing_else(space: Space) -> None:
    _, new, old = under_test(space)
    space.command("abort", old)
    space.wait_event("CommandIgnored", old)
    assert (space.phase(), space.weights()[new]) == ("Stepping", 20)


def test_edited_config_map_is_a_revision_and_its_old_content_the_old_one(space: Space) -> None:
    def edit(value: str) -> None:
        space.kube.merge("configmaps", space.namespace, "settings", {"data": {"mode": value}})
        space.touch()

    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"mode": "a"}}
    space.kube.create("configmaps", space.namespace, settings)
    container = image(1)
    body = spec(container, runtime={"configMaps": [{"name": "settings", "mountPath": "/etc/settings"}]}, **ONE_STEP)
    space.apply(body)
    old = space.stable(container)["stable"]["revision"]
    edit("b")
    status = space.wait(lambda s: s["phase"] == "Stable" and s["stable"]["revision"] != old, "the edit is rolled out")
    copies = {
        m["metadata"]["labels"]["serinus.dev/revision"]: (m["data"]["mode"], m["immutable"])
        for m in space.kube.find("configmaps", space.namespace, "serinus.dev/modeldeployment")
    }
    assert copies == {old: ("a", True), status["stable"]["revision"]: ("b", True)}
    edit("a")
    space.wait(
        lambda s: s["phase"] == "Stable" and s["stable"]["revision"] == old, "the old content is the old revision"
    )
    assert len(space.kube.find("controllerrevisions", space.namespace)) == 2


def test_wiped_status_goes_back_to_the_stamped_stable(space: Space) -> None:
    second, new, old = under_test(space)
    before = space.uids(old)
    space.stand.operator.kill()
    wiped = dict.fromkeys(space.status())
    space.kube.merge("modeldeployments", space.namespace, NAME, {"status": wiped}, "status")
    space.stand.operator.start()
    eventually(lambda: space.weights() == {old: 100}, "all traffic is on stable", show=space.tell)
    space.wait(lambda s: s.get("weight") == 20 and s["rollout"].get("liveSince"), "the rollout starts over")
    space.command("promote", new)
    space.stable(second)
    assert space.weight_history(new)[:4] == [0, 20, 0, 20]
    assert before == space.pods_ever(old) | before, "no pod of stable was made anew"


def test_first_version_that_never_was_ready_is_replaced_by_its_fix(space: Space) -> None:
    broken, fixed = image(1), image(2)
    space.stand.node.unready.add(broken)
    space.apply(spec(broken))
    revision = space.hash(broken)
    eventually(lambda: space.pods(revision), "the broken pods are there")
    space.wait_condition("Available", "False")
    space.apply(spec(fixed))
    space.stable(fixed)
    assert not space.events("RolloutStarted"), "nothing to compare with: no canary"
    eventually(lambda: not space.pods(revision), "the broken pods are gone", show=space.tell)


def test_first_version_that_is_late_says_so(space: Space) -> None:
    broken = image(1)
    space.stand.node.unpullable.add(broken)
    space.apply(spec(broken, rollout={"progressDeadline": "1s"}))
    space.wait_condition("Degraded", "True", "ImagePullBackOff")
    space.wait_event("ProgressDeadlineExceeded", "ImagePullBackOff")


def test_image_that_cannot_be_pulled_never_gets_weight(space: Space) -> None:
    old = space.hash(space.serving())
    space.recorder.watch("httproutes")
    second = image(2)
    space.stand.node.unpullable.add(second)
    space.apply(spec(second, rollout={"progressDeadline": "2s"}))
    status = space.in_phase("RolledBack")
    assert status["reason"] == "ProgressDeadlineExceeded"
    assert "ImagePullBackOff" in status["message"]
    assert space.weights() == {old: 100}
    assert set(space.weight_history(space.hash(second))) <= {0}


def test_canary_that_restarts_is_taken_back(space: Space) -> None:
    second, _, old = under_test(space)
    space.stand.node.restarts[second] = 3
    status = space.in_phase("RolledBack")
    assert (status["reason"], space.weights()) == ("CrashLooping", {old: 100})


def test_canary_that_lost_its_pods_loses_its_weight_and_starts_over(space: Space) -> None:
    second, new, old = under_test(space)
    space.stand.node.unready.add(second)
    eventually(lambda: space.weights()[old] == 100, "the weight is gone", show=space.tell)
    space.wait_event("CanaryLost")
    space.stand.node.unready.clear()
    space.wait(lambda s: s["weight"] == 20 and s["rollout"].get("liveSince"), "the first step again")
    assert space.weight_history(new) == [0, 20, 0, 20]


def test_stable_that_lost_its_pods_is_stood_in_for(space: Space) -> None:
    _, new, old = under_test(space)
    (first,) = {pod["spec"]["containers"][0]["image"] for pod in space.pods(old)}
    space.stand.node.unready.add(first)
    eventually(lambda: space.weights()[new] == 100, "the canary takes all traffic", show=space.tell)
    space.wait_event("StableDown")
    eventually(lambda: space.behind_service() == {new: 2}, "the Service follows", show=space.behind_service)
    space.stand.node.unready.clear()
    eventually(lambda: space.weights()[new] == 20, "the canary returns to its step", show=space.tell)


def test_newer_version_takes_the_place_of_the_one_under_test(space: Space) -> None:
    _, new, old = under_test(space)
    third = image(3)
    space.apply(spec(third))
    space.wait_event("Superseded")
    status = space.stable(third)
    assert [past["revision"] for past in status["history"]] == [space.hash(third), old]
    assert space.weight_history(new) == [0, 20, 0]
    assert space.weight_history(space.hash(third)) == [0, 20, 50, 95, 100]
    assert not status["rollout"].get("failed")
    eventually(lambda: not space.pods(new), "the superseded pods are gone")


def test_stable_spec_in_the_middle_is_a_fast_return(space: Space) -> None:
    _, new, old = under_test(space)
    (first,) = {pod["spec"]["containers"][0]["image"] for pod in space.pods(old)}
    space.apply(spec(first))
    space.wait_event("Reverted")
    status = space.stable(first)
    assert not status["rollout"].get("failed")
    assert space.weight_history(new) == [0, 20, 0]


def test_step_counts_only_once_the_gateway_follows(space: Space) -> None:
    space.serving()
    second = image(2)
    space.stand.gateway.stalled = True
    space.apply(spec(second))
    space.wait(lambda s: s["rollout"].get("warm"), "a backend is asked for")
    space.wait_condition("Progressing", "True", "has not yet taken over generation")
    always(lambda: not space.status()["rollout"].get("liveSince"), "nothing counts", 2)
    space.stand.gateway.refusal = "BackendNotFound"
    space.stand.gateway.stalled = False
    space.wait_condition("Progressing", "True", "ResolvedRefs is False")
    always(lambda: space.status()["weight"] == 0, "nobody is sent there", 2)
    space.stand.gateway.refusal = ""
    space.stable(second)


@pytest.mark.parametrize("faulty", [False, True], ids=["healthy", "faulty"])
def test_split_by_replica_ratio_without_a_gateway(space: Space, faulty: bool) -> None:  # noqa: FBT001 - a parameter
    counted = {"replicas": 4, "route": False, "runtime": {"metrics": {}}}
    first = space.serving(**counted)
    old, second = space.hash(first), image(2)
    before = space.uids(old)
    body = spec(
        second,
        **counted,
        rollout={"steps": [{"weight": 20, "minDuration": "2s"}, {"weight": 50, "minDuration": "0s", "pause": True}]},
    )
    if faulty:
        space.stand.prometheus.errors[second] = 1.0
    space.apply(body)
    new = space.hash(second)
    if faulty:
        space.in_phase("RolledBack")
        eventually(lambda: space.behind_service() == {old: 4}, "stable alone", show=space.behind_service)
        assert space.uids(old) == before
        return
    space.wait(lambda s: s["rollout"]["weight"] == 20 and s["rollout"].get("liveSince"), "the first step is live")
    assert space.behind_service() == {old: 4, new: 1}
    assert space.status()["weight"] == 20
    space.wait(lambda s: s["rollout"]["weight"] == 50 and s["rollout"].get("liveSince"), "the second step is live")
    assert space.behind_service() == {old: 4, new: 4}
    tested = space.uids(new)
    space.command("resume", new)
    space.stable(second)
    assert space.uids(new) == tested
    eventually(lambda: space.behind_service() == {new: 4}, "the new one alone", show=space.behind_service)


def test_any_character_reaches_the_pods(space: Space) -> None:
    """JSON may write it in two halves, of which the API server's YAML parser knows nothing."""
    container = image(1)
    body = spec(container)
    body["runtime"]["env"] = [{"name": "BIRD", "value": "\N{BABY CHICK} ä"}]
    space.kube.call("POST", path("modeldeployments", space.namespace), manifest(space.namespace, body))
    space.stable(container)
    (deployment,) = space.kube.find("deployments", space.namespace)
    assert deployment["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] == "\N{BABY CHICK} ä"
