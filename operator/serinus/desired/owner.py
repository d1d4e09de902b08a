"""Owner references: who a child lives with, and in which order children go.

A dependent lives until its last owner is gone. Services are also owned by the route and
Deployments also by their Service, so a deletion removes route, Services and pods in that
order, without a finalizer.
"""

from dataclasses import dataclass
from typing import Any

from serinus.api.v1alpha1 import GROUP, KIND, VERSION

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Owner:
    """The identity of an object that others can belong to."""

    api_version: str
    kind: str
    name: str
    uid: str

    def reference(self, *, controller: bool = False) -> Manifest:
        """Return the ownerReference for a child."""
        reference = {"apiVersion": self.api_version, "kind": self.kind, "name": self.name, "uid": self.uid}
        return {**reference, "controller": True, "blockOwnerDeletion": True} if controller else reference


def model(name: str, uid: str) -> Owner:
    """Return the ModelDeployment as an owner."""
    return Owner(f"{GROUP}/{VERSION}", KIND, name, uid)


def of(manifest: Manifest) -> Owner:
    """Return a live object as an owner."""
    metadata = manifest["metadata"]
    return Owner(manifest["apiVersion"], manifest["kind"], metadata["name"], metadata["uid"])


def references(controller: Owner, *others: Owner | None) -> list[Manifest]:
    """Return the ownerReferences of a child: one controller and the owners it must outlive."""
    return [controller.reference(controller=True), *(other.reference() for other in others if other)]
