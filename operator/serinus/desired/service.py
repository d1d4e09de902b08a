"""Services: one per revision for the gateway, and one constant name for callers in the cluster."""

from typing import Any

from serinus.desired import labels, names, owner, pod

Manifest = dict[str, Any]
PORT = 80


def of_revision(name: str, namespace: str, revision: str, parent: owner.Owner, route: owner.Owner | None) -> Manifest:
    """Return the Service of one revision; it must outlive the route that points at it."""
    return _service(
        names.of_revision(name, revision),
        namespace,
        labels.child(name, revision),
        labels.selector(name, revision),
        parent,
        route,
    )


def constant(
    name: str, namespace: str, revision: str | None, parent: owner.Owner, route: owner.Owner | None
) -> Manifest:
    """Return the Service with the model's own name.

    It selects the pods of one revision, or with None those of all live ones: a split by
    the number of pods.
    """
    return _service(name, namespace, labels.child(name), labels.selector(name, revision), parent, route)


def _service(  # noqa: PLR0913, PLR0917 - the parts of one manifest
    service: str,
    namespace: str,
    own: labels.Labels,
    selector: labels.Labels,
    parent: owner.Owner,
    route: owner.Owner | None,
) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": service,
            "namespace": namespace,
            "labels": own,
            "ownerReferences": owner.references(parent, route),
        },
        "spec": {
            "type": "ClusterIP",
            "selector": selector,
            "ports": [
                {
                    "name": pod.PORT_NAME,
                    "port": PORT,
                    "targetPort": pod.PORT_NAME,
                    "protocol": "TCP",
                    "appProtocol": "http",
                }
            ],
        },
    }
