"""Objects that another version of the operator stored: this one makes no revision of them and restarts no pod."""

import os
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from .kube import Kube, Manifest
from .stand import NAME, Space, Stand, image, new_namespace, spec
from .storing import put, take
from .test_other_hands import at_twenty
from .waiting import eventually

STORED = Path(__file__).parent / "stored"
VERSIONS = sorted(STORED.glob("*.yaml"))
FULL = {
    "command": ["serve"],
    "args": ["--port=8080"],
    "env": [{"name": "LOG_LEVEL", "value": "info"}],
    "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}},
    "probes": {"readiness": {"httpGet": {"path": "/ready", "port": "http"}}},
    "configMaps": [{"name": "settings", "mountPath": "/etc/settings"}, {"name": "settings"}],
    "metrics": {"statusLabel": "code"},
    "podTemplate": {
        "metadata": {"labels": {"team": "a"}},
        "spec": {"containers": [{"name": "agent", "image": "registry.test/agent:1"}]},
    },
}
SETTINGS = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"mode": "fast"}}


def records(kube: Kube, namespace: str) -> dict[str, Manifest]:
    return {m["metadata"]["name"]: m["data"] for m in kube.find("controllerrevisions", namespace)}


def templates(kube: Kube, namespace: str) -> dict[str, Manifest]:
    return {m["metadata"]["name"]: m["spec"]["template"] for m in kube.find("deployments", namespace)}


def ready_pods(kube: Kube, namespace: str) -> set[str]:
    def ready(pod: Manifest) -> bool:
        conditions = {c["type"]: c["status"] for c in pod.get("status", {}).get("conditions", [])}
        return "deletionTimestamp" not in pod["metadata"] and conditions.get("Ready") == "True"

    return {pod["metadata"]["uid"] for pod in kube.find("pods", namespace) if ready(pod)}


def upgrade(stand: Stand, stored: list[Manifest]) -> None:
    """Put stored objects into a namespace, start today's operator on them, and see that nothing but sizes changes."""
    kube, namespace = stand.kube, new_namespace(stand.kube)
    stand.operator.kill()
    put(kube, namespace, deepcopy(stored))
    sizes = sum(manifest.get("replicas", 0) for manifest in stored)
    eventually(lambda: len(ready_pods(kube, namespace)) == sizes, "the pods are there")
    before = records(kube, namespace), templates(kube, namespace), ready_pods(kube, namespace)
    weights = {m["metadata"]["name"]: m["spec"]["rules"] for m in kube.find("httproutes", namespace)}
    stand.operator.start()
    models = kube.find("modeldeployments", namespace)
    for model in models:  # it has worked on them all when there is one pod more for each
        replicas = {"spec": {"replicas": model["spec"]["replicas"] + 1}}
        kube.merge("modeldeployments", namespace, model["metadata"]["name"], replicas)
    eventually(
        lambda: len(ready_pods(kube, namespace)) >= sizes + len(models), "it is at work", show=tell(stand, namespace)
    )
    after = records(kube, namespace), templates(kube, namespace), ready_pods(kube, namespace)
    assert after[0] == before[0], "a revision was made"
    assert after[1] == before[1], "a pod template was changed"
    assert before[2] <= after[2], "a pod was restarted"
    assert len(kube.find("replicasets", namespace)) == len(before[1])
    assert {m["metadata"]["name"]: m["spec"]["rules"] for m in kube.find("httproutes", namespace)} == weights
    kube.delete("namespaces", "", namespace)


def tell(stand: Stand, namespace: str) -> Callable[[], list[Manifest]]:
    return lambda: [m.get("status") for m in stand.kube.find("modeldeployments", namespace)]


@pytest.mark.parametrize("version", VERSIONS, ids=[file.stem for file in VERSIONS])
def test_stored_objects_of_another_version_are_taken_as_they_are(stand: Stand, version: Path) -> None:
    upgrade(stand, yaml.safe_load(version.read_text()))


def test_stored_objects_of_this_version_are_taken_as_they_are(space: Space) -> None:
    """Says that storing works; with SERINUS_STORE it writes the objects to that file, for the next versions."""
    kube, full = space.kube, image(1)
    kube.create("configmaps", space.namespace, SETTINGS)
    space.apply(spec(full, runtime=FULL), "full")
    first, second = space.serving(), image(2)
    space.apply(spec(second, rollout={"steps": [{"weight": 20, "minDuration": "0s", "pause": True}]}))
    space.wait(at_twenty, "20 % is live")
    eventually(lambda: space.status("full").get("phase") == "Stable", "both are there", show=space.tell)
    assert first in yaml.safe_dump(space.status(NAME))
    stored = take(kube, space.namespace)
    if file := os.environ.get("SERINUS_STORE"):
        Path(file).write_text(yaml.safe_dump(stored, sort_keys=True))
    upgrade(space.stand, stored)
