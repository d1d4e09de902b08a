"""Autoscalers, disruption budgets and sizes; the test plays the part of the autoscaler."""

import subprocess
from typing import Any

from .kube import Manifest
from .stand import MODEL, NAME, Space, image, manifest, spec
from .waiting import always, eventually

BOUNDS = {"minReplicas": 2, "maxReplicas": 6, "cpuUtilization": 70}
SCALED: dict[str, Any] = {
    "replicas": 1,
    "autoscaling": BOUNDS,
    "runtime": {"resources": {"requests": {"cpu": "100m"}}},
}
HELD = {"steps": [{"weight": 20, "minDuration": "0s", "pause": True}], "watchAfterPromotion": "500ms"}


def child(space: Space, plural: str, revision: str) -> Manifest | None:
    return space.kube.get(plural, space.namespace, f"{NAME}-{revision}")


def autoscaler(space: Space, revision: str) -> Manifest:
    found = eventually(lambda: child(space, "horizontalpodautoscalers", revision), "an autoscaler", show=space.tell)
    assert found is not None
    return found


def least(space: Space, revision: str) -> int:
    return int(autoscaler(space, revision)["spec"]["minReplicas"])


def size(space: Space, revision: str) -> int:
    found = child(space, "deployments", revision)
    assert found is not None
    return int(found["spec"]["replicas"])


def scale(space: Space, revision: str, replicas: int) -> None:
    """Do what an autoscaler does."""
    patch = {"spec": {"replicas": replicas}}
    space.kube.merge("deployments", space.namespace, f"{NAME}-{revision}", patch, "scale")


def scale_by_hand(space: Space, replicas: int) -> subprocess.CompletedProcess[str]:
    """Do what a person does."""
    return space.stand.plane.kubectl("--namespace", space.namespace, "scale", "mdep", NAME, f"--replicas={replicas}")


def says(space: Space, revision: str, value: str, reason: str) -> None:
    """Say what an autoscaler says of itself."""
    autoscaler(space, revision)
    told = {"type": "ScalingActive", "status": value, "reason": reason, "message": "none"}
    patch = {"status": {"conditions": [told], "desiredReplicas": 2, "currentReplicas": 2}}
    space.kube.merge("horizontalpodautoscalers", space.namespace, f"{NAME}-{revision}", patch, "status")
    space.touch()


def ready(space: Space, revision: str, count: int) -> None:
    found = f"{count} ready pods of {revision}"
    eventually(lambda: space.behind_service().get(revision) == count, found, show=space.tell)


def test_an_autoscaled_model_neither_shrinks_nor_starts_cold_in_a_rollout(space: Space) -> None:
    first = space.serving(**SCALED)
    old = space.hash(first)
    found = autoscaler(space, old)["spec"]
    assert (found["minReplicas"], found["maxReplicas"], found["scaleTargetRef"]["name"]) == (2, 6, f"{NAME}-{old}")
    assert size(space, old) == 2
    scale(space, old, 5)
    ready(space, old, 5)
    space.touch()
    always(lambda: size(space, old) == 5, "the autoscaler's size", 2)

    space.recorder.watch("horizontalpodautoscalers", "deployments", "httproutes", "pods")
    second = image(2)
    space.apply(spec(second, **SCALED, rollout=HELD))
    new = space.hash(second)
    space.wait(lambda s: s["weight"] == 20 and s["rollout"].get("liveSince"), "the first step is live")
    assert (least(space, old), least(space, new), size(space, new)) == (5, 2, 2)
    scale(space, old, 6)
    eventually(lambda: least(space, old) == 6, "the higher size is kept", show=space.tell)
    ready(space, old, 6)
    tested = space.uids(new)
    space.command("promote", new)
    space.stable(second)
    assert size(space, new) == 6
    assert least(space, new) == 6, "kept for ten minutes"
    assert tested <= space.uids(new)
    eventually(lambda: child(space, "deployments", old) is None, "the old pods are let go", show=space.tell)
    sizes = [c.object["spec"]["replicas"] for c in space.recorder.of("deployments", f"{NAME}-{old}")]
    assert min(sizes) >= 5, "stable never shrank"
    eventually(lambda: any(c.plural == "deployments" for c in space.recorder.deleted()), "the recorder knows")
    gone = [c.plural for c in space.recorder.deleted() if c.name == f"{NAME}-{old}"]
    assert gone.index("horizontalpodautoscalers") < gone.index("deployments"), "the autoscaler goes first"


def test_the_size_is_serinus_again_when_autoscaling_ends(space: Space) -> None:
    first = space.serving(**SCALED)
    revision, before = space.hash(first), space.uids(space.hash(first))
    autoscaler(space, revision)
    space.apply(spec(first, replicas=3, runtime=SCALED["runtime"]))
    eventually(lambda: size(space, revision) == 3, "3 replicas", show=space.tell)
    eventually(lambda: child(space, "horizontalpodautoscalers", revision) is None, "no autoscaler")
    assert before <= space.uids(revision), "no pod was made anew"
    space.apply(spec(first, **SCALED))
    autoscaler(space, revision)
    always(lambda: size(space, revision) == 3, "its own minimum is lower, but nobody asks for fewer", 1)


def test_a_percentage_without_a_request_is_refused_and_what_serves_goes_on(space: Space) -> None:
    first = space.serving(replicas=2)
    revision = space.hash(first)
    space.apply(spec(first, replicas=1, autoscaling=BOUNDS))
    found = space.wait_condition("Degraded", "True", "spec.runtime.resources.requests.cpu")
    assert found["reason"] == "InvalidSpec"
    assert "spec.autoscaling.cpuUtilization is 70" in found["message"]
    assert len(space.uids(revision)) == 2
    space.apply(spec(first, **SCALED))
    space.stable(first)
    space.wait_condition("Degraded", "False")


def test_a_behavior_that_kubernetes_refuses_is_told(space: Space) -> None:
    wrong = {**BOUNDS, "behavior": {"scaleDown": {"stabilizationWindowSeconds": -1}}}
    space.apply(spec(image(1), **{**SCALED, "autoscaling": wrong}))
    space.wait_condition("Degraded", "True", "stabilizationWindowSeconds")
    space.wait(lambda s: s.get("phase") == "Stable", "it serves all the same")


def test_an_autoscaler_that_somebody_edited_is_put_right(space: Space) -> None:
    revision = space.hash(space.serving(**SCALED))
    says(space, revision, "True", "ValidMetricFound")
    space.wait_condition("ScalingActive", "True")  # nothing is polled from here on
    space.kube.merge("horizontalpodautoscalers", space.namespace, f"{NAME}-{revision}", {"spec": {"maxReplicas": 50}})
    eventually(lambda: autoscaler(space, revision)["spec"]["maxReplicas"] == 6, "the limit is right", show=space.tell)
    space.kube.delete("poddisruptionbudgets", space.namespace, f"{NAME}-{revision}")
    eventually(lambda: child(space, "poddisruptionbudgets", revision), "the budget is there again", show=space.tell)


def test_status_tells_what_the_autoscaler_says(space: Space) -> None:
    revision = space.hash(space.serving(**SCALED))
    autoscaler(space, revision)
    space.wait_condition("ScalingActive", "Unknown")
    says(space, revision, "False", "FailedGetContainerResourceMetric")
    space.wait_condition("ScalingActive", "False", "FailedGetContainerResourceMetric: none")


def test_an_autoscaled_model_is_not_scaled_by_hand(space: Space) -> None:
    space.serving(**SCALED)
    done = scale_by_hand(space, 4)
    assert done.returncode != 0
    assert "spec.replicas decides nothing beside spec.autoscaling" in done.stderr


def test_a_model_of_fixed_size_is_scaled_by_kubectl(space: Space) -> None:
    revision = space.hash(space.serving(replicas=2))
    assert scale_by_hand(space, 3).returncode == 0
    ready(space, revision, 3)
    space.wait(lambda s: s["replicas"] == 3, "status.replicas")
    found = space.kube.get("modeldeployments", space.namespace, NAME, "scale")
    assert found is not None
    assert found["status"] == {"replicas": 3, "selector": f"{MODEL}={NAME}"}


def test_somebody_elses_autoscaler_is_let_alone(space: Space) -> None:
    revision = space.hash(space.serving(replicas=2))
    name = f"{NAME}-{revision}"
    other = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "keda-hpa-of-somebody", "namespace": space.namespace},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}, "maxReplicas": 9},
    }
    space.kube.create("horizontalpodautoscalers", space.namespace, other)
    scale(space, revision, 5)
    space.touch()
    always(lambda: size(space, revision) == 5, "its size", 2)
    space.kube.delete("horizontalpodautoscalers", space.namespace, "keda-hpa-of-somebody")
    space.touch()
    eventually(lambda: size(space, revision) == 2, "spec.replicas again", show=space.tell)


def test_an_autoscaler_of_somebody_else_with_our_name_is_never_taken_over(space: Space) -> None:
    body = spec(image(1), replicas=2, runtime=SCALED["runtime"])
    space.apply(body)
    revision = space.stable(body["runtime"]["image"])["stable"]["revision"]
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "elsewhere"}
    foreign = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": f"{NAME}-{revision}", "namespace": space.namespace},
        "spec": {"scaleTargetRef": target, "maxReplicas": 9},
    }
    space.kube.create("horizontalpodautoscalers", space.namespace, foreign)
    space.apply(spec(body["runtime"]["image"], **SCALED))
    space.wait_condition("Degraded", "True", f"HorizontalPodAutoscaler {NAME}-{revision} exists")
    assert autoscaler(space, revision)["spec"]["scaleTargetRef"] == target


def test_a_drain_may_take_one_pod_of_a_revision(space: Space) -> None:
    revision = space.hash(space.serving(replicas=3))

    def allowed() -> bool:
        found = child(space, "poddisruptionbudgets", revision) or {}
        told = found.get("status", {})
        return (told.get("expectedPods"), told.get("disruptionsAllowed")) == (3, 1)

    eventually(allowed, "one of three pods may go", show=space.tell)
    space.kube.merge("modeldeployments", space.namespace, NAME, {"spec": {"replicas": 1}}, "scale")
    eventually(lambda: child(space, "poddisruptionbudgets", revision) is None, "no budget for one pod", show=space.tell)


def test_a_canary_that_fits_nowhere_waits_with_a_message_and_stable_is_untouched(space: Space) -> None:
    first = space.serving(replicas=2)
    old, before = space.hash(first), space.uids(space.hash(first))
    space.recorder.watch("httproutes", "pods")
    second = image(2)
    space.stand.node.too_large.add(second)
    space.apply(spec(second, replicas=2))
    space.wait(
        lambda s: s["phase"] == "Preparing" and "Insufficient nvidia.com/gpu" in s["message"],
        "status says what is missing",
    )
    always(lambda: space.phase() == "Preparing" and space.weights() == {old: 100}, "it waits", 2)
    assert space.uids(old) == before
    space.stand.node.too_large.clear()
    space.stable(second)
    assert space.pods_ever(old) == set()


def test_a_canary_over_a_quota_waits_with_a_message(space: Space) -> None:
    first = space.serving(replicas=2)
    old, before = space.hash(first), space.uids(space.hash(first))
    eventually(lambda: len(space.uids(old)) == 2, "stable is whole")
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "pods", "namespace": space.namespace}}
    space.kube.create("resourcequotas", space.namespace, {**quota, "spec": {"hard": {"pods": "2"}}})
    used = {"status": {"hard": {"pods": "2"}, "used": {"pods": "2"}}}  # no quota controller counts here
    space.kube.merge("resourcequotas", space.namespace, "pods", used, "status")
    space.apply(spec(image(2), replicas=2))
    space.wait(lambda s: s["phase"] == "Preparing" and "exceeded quota" in s["message"], "status says what is missing")
    assert (space.uids(old), space.weights()) == (before, {old: 100})


def test_replicas_and_autoscaling_may_change_places_in_one_edit(space: Space) -> None:
    container = space.serving(replicas=3, runtime=SCALED["runtime"])
    body = {key: value for key, value in spec(container, **SCALED).items() if key != "replicas"}
    space.kube.apply("modeldeployments", manifest(space.namespace, body))
    assert least(space, space.hash(container)) >= 2
