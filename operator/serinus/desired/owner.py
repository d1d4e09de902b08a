"""Owner references: who a child lives with, and in which order children go.

A dependent lives until its last owner is gone. Services are also owned by the route and
Deployments also by their Service, so a deletion removes route, Services and pods in that
order, without a finalizer. The route is also owned by its namespace: the operator closes it
before it deletes it, and a namespace that is deleted takes it along.
"""

from dataclasses import dataclass
from typing import Any

from serinus.api.v1alpha1 import GROUP, KIND, VERSION

Manifest = dict[str, Any]
NAMESPACE = "Namespace"


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


def namespace(name: str, uid: str) -> Owner:
    """Return a namespace as an owner."""
    return Owner("v1", NAMESPACE, name, uid)


def keeper(live: Manifest) -> Owner | None:
    """Return the namespace that a live object belongs to beside its controller."""
    references = live["metadata"].get("ownerReferences", [])
    return next((namespace(r["name"], r["uid"]) for r in references if r["kind"] == NAMESPACE), None)


def of(manifest: Manifest) -> Owner:
    """Return a live object as an owner."""
    metadata = manifest["metadata"]
    return Owner(manifest["apiVersion"], manifest["kind"], metadata["name"], metadata["uid"])


def references(controller: Owner, *others: Owner | None) -> list[Manifest]:
    """Return the ownerReferences of a child: one controller and the owners it must outlive."""
    return [controller.reference(controller=True), *(other.reference() for other in others if other)]
