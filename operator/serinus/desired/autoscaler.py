"""The HorizontalPodAutoscaler of a revision."""

from typing import Any

from serinus.api.v1alpha1 import Autoscaling
from serinus.desired import labels, names, owner, pod

Manifest = dict[str, Any]


def autoscaler(  # noqa: PLR0913, PLR0917 - the parts of one manifest
    name: str, namespace: str, revision: str, parent: owner.Owner, autoscaling: Autoscaling, least: int
) -> Manifest:
    """Return the autoscaler of a revision's Deployment, never below `least` pods.

    It measures the model container alone: a sidecar without a request would blind it.
    """
    target = names.of_revision(name, revision)
    metrics = [
        {
            "type": "ContainerResource",
            "containerResource": {
                "name": resource,
                "container": pod.CONTAINER,
                "target": {"type": "Utilization", "averageUtilization": percent},
            },
        }
        for resource, percent in autoscaling.targets.items()
    ]
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {
            "name": target,
            "namespace": namespace,
            "labels": labels.child(name, revision),
            "ownerReferences": owner.references(parent),
        },
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
            "minReplicas": least,
            "maxReplicas": autoscaling.max_replicas,
            "metrics": metrics,
            **({"behavior": autoscaling.behavior} if autoscaling.behavior else {}),
        },
    }


def unmeasurable(autoscaling: Autoscaling, template: Manifest) -> str:
    """Return in words which targets the pods of a template cannot be measured by; empty when they can.

    A limit counts as a request, as it does in Kubernetes.
    """
    containers = template["spec"]["containers"]
    resources = next((c.get("resources") or {} for c in containers if c["name"] == pod.CONTAINER), {})
    requested = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return "; ".join(
        f"spec.autoscaling.{resource}Utilization is {percent}, a percentage of what the container requests: "
        f"set spec.runtime.resources.requests.{resource}"
        for resource, percent in autoscaling.targets.items()
        if resource not in requested
    )
