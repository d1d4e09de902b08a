"""The guide that moves a Deployment: its commands as they stand, on a real API server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from . import gateway
from .stand import MODEL, ROOT, Space, image
from .waiting import eventually

GUIDE = ROOT / "docs" / "guides" / "moving-a-deployment.md"
BLOCKS = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)
OLD, NEW = "recommender", "recommender-model"


def old_ones(container: str) -> list[dict[str, Any]]:
    """Return what runs before the move."""
    labels = {"app": OLD, "team": "ml"}
    pod = {
        "serviceAccountName": "reader",
        "volumes": [{"name": "cache", "emptyDir": {}}],
        "containers": [
            {
                "name": "web",
                "image": container,
                "env": [{"name": "LOG_LEVEL", "value": "info"}],
                "ports": [{"name": "web", "containerPort": 8000}, {"name": "admin", "containerPort": 9000}],
                "readinessProbe": {"httpGet": {"path": "/ready", "port": "web"}},
                "volumeMounts": [{"name": "cache", "mountPath": "/cache"}],
                "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}},
            }
        ],
    }
    metadata = {"name": OLD}
    rule = {"backendRefs": [{"name": OLD, "port": 80}], "matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}]}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": OLD}},
                "template": {"metadata": {"labels": labels, "annotations": {"note": "kept"}}, "spec": pod},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": {"app": OLD}, "ports": [{"port": 80, "targetPort": "web"}]},
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": metadata,
            "spec": {
                "parentRefs": [{"name": gateway.NAME, "namespace": gateway.NAMESPACE}],
                "hostnames": ["recommender.test"],
                "rules": [{**rule, "timeouts": {"request": "1s"}}],
            },
        },
    ]


def behind(space: Space, service: str) -> set[str]:
    """Return what the ready endpoints of a Service belong to: the old Deployment or the model."""
    pods = {pod["metadata"]["name"]: pod["metadata"]["labels"] for pod in space.kube.find("pods", space.namespace)}
    found = set()
    for part in space.kube.find("endpointslices", space.namespace, f"kubernetes.io/service-name={service}"):
        for endpoint in part.get("endpoints") or []:
            if endpoint["conditions"].get("ready"):
                found.add(pods[endpoint["targetRef"]["name"]].get(MODEL, OLD))
    return found


def test_the_guide_moves_a_deployment(space: Space, shell: Any, tmp_path: Path) -> None:
    container = image(1)
    for one in old_ones(container):
        plural = {"Deployment": "deployments", "Service": "services", "HTTPRoute": "httproutes"}[one["kind"]]
        one["metadata"]["namespace"] = space.namespace
        space.kube.apply(plural, one)
    eventually(lambda: behind(space, OLD) == {OLD}, "the old pods serve")
    write, start, look, tenth, whole, leave, callers, remove = BLOCKS

    shell(write)
    written = yaml.safe_load((tmp_path / "recommender.yaml").read_text())
    assert written["metadata"]["name"] == NEW
    assert written["spec"] == {
        "replicas": 2,
        "runtime": {
            "image": container,
            "port": 8000,
            "env": [{"name": "LOG_LEVEL", "value": "info"}],
            "probes": {"readiness": {"httpGet": {"path": "/ready", "port": "http", "scheme": "HTTP"}, "failureThreshold": 3,
                                     "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1}},
            "podTemplate": {
                "metadata": {"labels": {"team": "ml"}, "annotations": {"note": "kept"}},
                "spec": {
                    "serviceAccountName": "reader",
                    "automountServiceAccountToken": True,
                    "volumes": [{"name": "cache", "emptyDir": {}}],
                    "containers": [
                        {
                            "name": "model",
                            "ports": [{"containerPort": 9000, "name": "admin", "protocol": "TCP"}],
                            "volumeMounts": [{"mountPath": "/cache", "name": "cache"}],
                        }
                    ],
                },
            },
        },
        "route": {"gateway": f"{gateway.NAMESPACE}/{gateway.NAME}", "hostnames": ["recommender.test"], "paths": ["/v1"],
                  "timeout": "1s"},
    }  # fmt: skip
    comments = [line for line in (tmp_path / "recommender.yaml").read_text().splitlines() if line.startswith("#")]
    assert any("preStop" in line for line in comments)
    assert any("runAsUser" in line for line in comments)

    shell(start)
    assert behind(space, OLD) == {OLD}
    assert behind(space, NEW) == {NEW}
    assert "2 pods ready" in shell(f"serinus status {NEW}") or "2/2 pods ready" in shell(f"serinus status {NEW}")
    shell(look)
    for block, weights in ((tenth, {OLD: 90, NEW: 10}), (whole, {OLD: 0, NEW: 100})):
        told = shell(block)
        route = space.kube.get("httproutes", space.namespace, OLD) or {}
        assert {ref["name"]: ref["weight"] for ref in route["spec"]["rules"][0]["backendRefs"]} == weights
    assert told.endswith("True")
    shell(leave)
    assert space.kube.get("httproutes", space.namespace, NEW)
    shell(callers)
    eventually(lambda: behind(space, OLD) == {NEW}, "the old Service leads to the new pods")
    assert behind(space, NEW) == {NEW}
    shell(remove)
    eventually(lambda: not space.kube.find("pods", space.namespace, f"app={OLD}"), "the old pods are gone")
    assert behind(space, OLD) == behind(space, NEW) == {NEW}
    assert (space.status(NEW) or {})["phase"] == "Stable"
