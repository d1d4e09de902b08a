"""The Deployment of a revision."""

from typing import Any

from serinus.desired import labels, names, owner
from serinus.desired.revision import Revision

Manifest = dict[str, Any]


def deployment(
    name: str, namespace: str, revision: Revision, parent: owner.Owner, service: owner.Owner | None
) -> Manifest:
    """Return the Deployment of a revision, its template as recorded.

    It never holds `spec.replicas`: giving up that field later would reset it to 1. The
    number of pods is set through the scale subresource. `service` is the revision's
    Service, which must be gone before the pods are.
    """
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": names.of_revision(name, revision.hash),
            "namespace": namespace,
            "labels": labels.child(name, revision.hash),
            "ownerReferences": owner.references(parent, service),
        },
        "spec": {
            "revisionHistoryLimit": 0,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
            "selector": {"matchLabels": labels.selector(name, revision.hash)},
            "template": revision.template,
        },
    }
