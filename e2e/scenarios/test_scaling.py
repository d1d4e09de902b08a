"""Sizes under load: an autoscaler before and in a rollout, pods that fit nowhere, and a node that is drained."""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from demo.trouble import Trouble
from load import Load
from scenarios.stand import GATEWAY_LAG, MARGIN, Manifest, Model, watched, weight_history

BUSY = 40.0
"""Requests a second that keep more than the fewest pods busy."""
CALM = 25.0
"""Requests a second that leave time for new pods to start."""
LEAST = 2
QUICK: Manifest = {
    "route": {"timeout": "3s"},
    "rollout": {
        "steps": [{"weight": 50, "minDuration": "2s"}],
        "drain": "3s",
        "watchAfterPromotion": "5s",
    },
    "analysis": {"minimumRequests": 5, "errorRate": {"margin": MARGIN}},
}
SCALED: Manifest = {
    **QUICK,
    # A fifth of 60m is less than the model needs for half of the load; a small request would be a small share of
    # a busy machine.
    "autoscaling": {"minReplicas": LEAST, "maxReplicas": 3, "cpuUtilization": 20},
    "runtime": {"resources": {"requests": {"cpu": "60m"}}},
}
BY_MEMORY: Manifest = {
    **QUICK,
    "autoscaling": {"minReplicas": 1, "maxReplicas": 2, "memoryUtilization": 10},  # of 96 Mi: less than an idle pod has
}
SCALE_UP = 180.0
"""Seconds for metrics-server to see the load twice, and for the autoscaler to look."""
pytestmark = pytest.mark.usefixtures("load")


@pytest.fixture(scope="module")
def load(model: Model, start_load: Callable[..., Load]) -> Load:
    model.apply("recommender/autoscaled.yaml", **SCALED)
    model.wait_stable()
    time.sleep(GATEWAY_LAG)  # a thread of the proxy may not know yet that the route is open
    return start_load(model, BUSY)


def deployment(model: Model, revision: str) -> Manifest:
    return model.read("deployment", f"{model.name}-{revision}")


def least(model: Model, revision: str) -> int:
    return int(model.read("horizontalpodautoscaler", f"{model.name}-{revision}")["spec"]["minReplicas"])


def test_pods_that_fit_nowhere_wait_with_a_message_and_stable_only_grows(fresh: Model) -> None:
    """While the autoscaler of the other model sees its first load."""
    fresh.apply("recommender/autoscaled.yaml", **BY_MEMORY)
    stable = fresh.wait_stable()["stable"]["revision"]
    before = fresh.pods(stable)
    huge = {"resources": {"requests": {"memory": "1Ti"}, "limits": {"nvidia.com/gpu": "1"}}}
    fresh.apply("recommender/autoscaled.yaml", **BY_MEMORY, runtime=huge)
    status = fresh.wait("the scheduler's words", lambda s: "Insufficient" in s.get("message", ""))
    assert (status["phase"], status["weight"]) == ("Preparing", 0)
    assert "Insufficient memory" in status["message"]
    assert "Insufficient nvidia.com/gpu" in status["message"]
    assert fresh.route_weights() == {stable: 100}
    fresh.apply("recommender/autoscaled.yaml", **BY_MEMORY)
    assert fresh.wait_stable()["stable"]["revision"] == stable
    fresh.wait("a second pod, by memory", lambda s: s["stable"]["readyReplicas"] == 2, SCALE_UP)
    assert before.items() <= fresh.pods(stable).items()


def test_an_autoscaler_follows_real_load(model: Model, report: dict[str, Any]) -> None:
    status = model.wait("more pods", lambda s: s["stable"]["readyReplicas"] > LEAST, SCALE_UP)
    report["scaling"] = {"pods at peak": status["stable"]["readyReplicas"]}
    model.wait("the autoscaler's word", lambda _: model.condition("ScalingActive").get("status") == "True")


def test_a_rollout_at_peak_neither_shrinks_stable_nor_starts_the_new_one_cold(model: Model, load: Load) -> None:
    old = model.status["stable"]["revision"]
    peak = deployment(model, old)["spec"]["replicas"]
    assert peak > LEAST
    sizes: dict[str, list[tuple[float, int, int]]] = defaultdict(list)

    def note(found: Manifest) -> None:
        revision = found["metadata"]["labels"]["serinus.dev/revision"]
        ready = found.get("status", {}).get("readyReplicas", 0)
        sizes[revision].append((time.time(), found["spec"]["replicas"], ready))

    path = f"/apis/apps/v1/namespaces/{model.namespace}/deployments"
    with watched(model, path, note), weight_history(model) as history:
        image = {"image": "serinus-example/recommender:2.0.0"}
        model.apply("recommender/autoscaled.yaml", **{**SCALED, "runtime": {**SCALED["runtime"], **image}})
        new = model.wait("a canary", lambda s: s.get("canary"))["canary"]["revision"]
        assert model.wait_stable()["stable"]["revision"] == new
    assert min(size for _, size, _ in sizes[old]) >= peak
    moved = history.first(lambda weights: weights.get(new, 0) > 50)
    assert moved is not None
    at_promotion = [ready for at, _, ready in sizes[new] if at <= moved]
    assert at_promotion[-1] >= peak, "as many pods as stable had, before the traffic"
    assert least(model, new) >= peak, "and nobody takes them for ten minutes"
    assert Counter(answer.kind for answer in load.journal.failures()) == Counter()


def evict(model: Model, pod: str) -> bool:
    """Ask for a pod as a drain does; False when the disruption budget says not now."""
    metadata = {"name": pod, "namespace": model.namespace}
    body = json.dumps({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata})
    path = f"/api/v1/namespaces/{model.namespace}/pods/{pod}/eviction"
    try:
        model.kubectl("create", "--raw", path, "--filename=-", stdin=body)
    except Trouble as trouble:
        if "disruption budget" not in str(trouble):
            raise
        return False
    return True


def test_a_drain_under_load_drops_nothing(
    model: Model, load: Load, start_load: Callable[..., Load], report: dict[str, Any]
) -> None:
    """The cluster has one node, so its pods go as a drain takes them: evicted one by one, again until it may."""
    load.stop()
    load = start_load(model, CALM)
    revision = model.status["stable"]["revision"]
    before = model.pods(revision)
    refused, deadline = 0, time.monotonic() + 120
    for pod in [p["metadata"]["name"] for p in model.list("pods") if p["metadata"]["uid"] in before]:
        while not evict(model, pod):
            refused += 1
            assert time.monotonic() < deadline, f"{pod} may still not go after {refused} refusals"
            time.sleep(0.5)
    status = model.wait("all pods again", lambda s: s["stable"]["readyReplicas"] >= len(before))
    assert (status["phase"], status["stable"]["revision"]) == ("Stable", revision)
    assert not before.keys() & model.pods(revision).keys()
    assert refused > 0, "the budget let everything go at once"
    while before.keys() & {pod["metadata"]["uid"] for pod in model.list("pods")}:
        assert time.monotonic() < deadline, "a pod that was told to go is still there"
        time.sleep(0.5)
    summary = load.stop()
    report["drain"] = {"pods": len(before), "evictions refused": refused, "requests": summary.sent}
    assert Counter(answer.kind for answer in load.journal.failures()) == Counter()
