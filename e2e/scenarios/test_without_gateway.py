"""A bare cluster: no gateway, a split by the number of pods, judged by the pods' own counters."""

import json

from scenarios.stand import MARGIN, Manifest, Model

BARE: Manifest = {
    "replicas": 3,
    "route": None,
    "rollout": {
        "steps": [{"weight": 25, "minDuration": "3s"}],
        "drain": "2s",
        "watchAfterPromotion": "5s",
    },
    "analysis": {"minimumRequests": 20, "errorRate": {"margin": MARGIN}},
    "runtime": {"metrics": {}},
}
CLIENT = """
import time, urllib.error, urllib.request
while True:
    try:
        urllib.request.urlopen("http://recommender/recommend?user_id=1", timeout=5).read()
    except (urllib.error.URLError, OSError):
        pass
    time.sleep(0.005)
"""


def client() -> str:
    """Callers in the cluster, with a connection of its own for each request."""
    container = {
        "name": "client",
        "image": "serinus-example/recommender:1.0.0",
        "command": ["python", "-c", CLIENT],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec = {
        "containers": [container],
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "client"}, "spec": spec})


def test_split_by_replica_ratio(model: Model) -> None:
    model.apply("recommender/v1.yaml", **BARE)
    model.wait_stable()
    model.kubectl("apply", "--filename=-", stdin=client())
    assert "httproutes" not in {item["kind"] for item in model.list("httproutes,services")}
    model.apply("recommender/v2.yaml", **BARE)
    status = model.wait("one canary pod beside three", lambda s: s.get("weight") == 25)
    assert (status["canary"]["readyReplicas"], status["stable"]["readyReplicas"]) == (1, 3)
    revision = status["canary"]["revision"]
    assert model.wait_stable(patience=180)["stable"]["revision"] == revision


def test_total_failure_is_seen_by_the_pods_own_counters(model: Model) -> None:
    stable = model.status["stable"]["revision"]
    pods = model.pods(stable)
    model.apply("recommender/v4.yaml", **BARE)
    status = model.wait_phase("RolledBack", patience=180)
    (metric,) = status["metrics"]
    assert (status["reason"], metric["source"]) == ("ErrorRateTooHigh", "Pods")
    assert model.pods(stable) == pods
    service = model.read("service", model.name)
    assert service["spec"]["selector"]["serinus.dev/revision"] == stable
