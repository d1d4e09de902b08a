"""Immutable revisions, kept in ControllerRevisions.

The hash covers the stored `spec.runtime`, as the API server holds it and not as this
version of the models reads it, and the contents of its ConfigMaps. The rendered pod
template is kept beside it and re-applied from there, so that an operator with other
builders or defaults neither makes a revision nor restarts a pod.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serinus.api.timestamps import parse
from serinus.api.v1alpha1 import Runtime
from serinus.desired import labels, names, owner, pod

Manifest = dict[str, Any]
Contents = dict[str, dict[str, str]]
"""`data` and `binaryData` of a ConfigMap."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One version of the model server, as it was when it was first seen."""

    hash: str
    template: Manifest
    config_maps: Mapping[str, Contents]
    metrics: Manifest | None
    """The stored `runtime.metrics`, which names the counters of this revision's pods."""
    promoted_at: float | None = None
    """Unix seconds of its last promotion."""
    uid: str = ""
    number: int = 0
    """Order of creation."""

    @property
    def image(self) -> str:
        """Return the image of the model container."""
        containers = self.template["spec"]["containers"]
        return next((str(c["image"]) for c in containers if c["name"] == pod.CONTAINER), "")


def revision_hash(raw_runtime: Manifest, config_maps: Mapping[str, Contents]) -> str:
    """Return the hash of a stored `spec.runtime` and the contents of its ConfigMaps."""
    return names.digest({"runtime": raw_runtime, "configMaps": dict(config_maps)})


def create(
    name: str, raw_runtime: Manifest, runtime: Runtime, config_maps: Mapping[str, Contents], number: int
) -> Revision:
    """Return the new revision of a runtime, its template rendered by this operator's builders."""
    value = revision_hash(raw_runtime, config_maps)
    template = pod.template(name, value, runtime)
    return Revision(value, template, dict(config_maps), raw_runtime.get("metrics"), number=number)


def manifest(name: str, namespace: str, revision: Revision, parent: owner.Owner, raw_runtime: Manifest) -> Manifest:
    """Return the ControllerRevision that records a new revision."""
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": names.of_revision(name, revision.hash),
            "namespace": namespace,
            "labels": labels.child(name, revision.hash),
            "ownerReferences": owner.references(parent),
        },
        "revision": revision.number,
        "data": {
            "runtime": raw_runtime,
            "template": revision.template,
            "configMaps": dict(revision.config_maps),
        },
    }


def read(stored: Manifest) -> Revision:
    """Return the revision that a ControllerRevision records.

    Raises:
        KeyError, TypeError, ValueError: the object was not written by this operator.
    """
    metadata, data = stored["metadata"], stored["data"]
    promoted = metadata.get("annotations", {}).get(labels.PROMOTED_AT)
    at = parse(promoted) if promoted else None
    return Revision(
        hash=metadata["labels"][labels.REVISION],
        template=data["template"],
        config_maps=data.get("configMaps") or {},
        metrics=data["runtime"].get("metrics"),
        promoted_at=float(at) if isinstance(at, (int, float)) else None,
        uid=metadata["uid"],
        number=stored["revision"],
    )


def copies(namespace: str, name: str, revision: Revision) -> list[Manifest]:
    """Return the revision's own immutable ConfigMaps; they live as long as its record."""
    record = owner.Owner("apps/v1", "ControllerRevision", names.of_revision(name, revision.hash), revision.uid)
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": names.config_map_copy(config_map, revision.hash),
                "namespace": namespace,
                "labels": labels.child(name, revision.hash),
                "ownerReferences": owner.references(record),
            },
            "immutable": True,
            **contents,
        }
        for config_map, contents in revision.config_maps.items()
    ]
