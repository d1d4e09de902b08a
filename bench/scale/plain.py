"""The same pods by hand: what Kubernetes itself takes, without any operator."""

from tests.integration.kube import Manifest

from .subject import image, where


def manifests(number: int, version: str) -> list[Manifest]:
    """Return a Deployment and a Service of one replica."""
    team, name = where(number)
    return [deployment(f"plain-{team}", name, version), service(f"plain-{team}", name)]


def deployment(namespace: str, name: str, version: str) -> Manifest:
    """Return a Deployment of one replica."""
    labels = {"app": name}
    container = {
        "name": "model",
        "image": image(version),
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"tcpSocket": {"port": "http"}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def service(namespace: str, name: str) -> Manifest:
    """Return a Service for its pods."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }


def available(deployment: Manifest) -> bool:
    """Tell whether a Deployment's pods are ready."""
    return bool(deployment.get("status", {}).get("availableReplicas"))
