"""The PodDisruptionBudget of a revision."""

from typing import Any

from serinus.desired import labels, names, owner

Manifest = dict[str, Any]


def disruption_budget(name: str, namespace: str, revision: str, parent: owner.Owner) -> Manifest:
    """Return the budget that lets a drain take one pod of a revision at a time.

    One pod is what may be missing whatever the size: a share would stop every drain of a
    small revision, or take several pods of a large one. A pod that is not ready serves
    nobody, so it may always go.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {
            "name": names.of_revision(name, revision),
            "namespace": namespace,
            "labels": labels.child(name, revision),
            "ownerReferences": owner.references(parent),
        },
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": labels.selector(name, revision)},
        },
    }
