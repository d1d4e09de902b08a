"""Puts children right, and only ours.

An apply is skipped while the manifest is the one applied last and the live object is
the one that answer showed. Objects that somebody else owns are never touched.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import orjson

from serinus.cluster import resources
from serinus.cluster.client import ApiError, Cluster
from serinus.cluster.resources import Resource
from serinus.desired.names import HASH_LENGTH
from serinus.reconcile.children import left_behind, owned
from serinus.reconcile.snapshot import Snapshot

Manifest = dict[str, Any]
_ADVICE = (
    "install the Gateway API 1.1 or later, for a BackendTLSPolicy 1.4 or later, or do without "
    "in spec.route.protocols or spec.runtime.tls"
)


class Foreign(Exception):  # noqa: N818 - a state of the cluster, named as status names it
    """An object of somebody else has the name of our child."""


class Absent(Exception):  # noqa: N818 - a state of the cluster
    """The cluster does not have the kind of our child."""


class Pending(Exception):  # noqa: N818 - a state of the cluster
    """An object of that name is on its way out; it is waited for."""


@dataclass(slots=True)
class Applier:
    """Applies the children of one ModelDeployment."""

    cluster: Cluster
    snapshot: Snapshot
    _applied: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    async def apply(self, manifest: Manifest, live: Manifest | None, *, fenced: bool = False) -> Manifest:
        """Return the live object after making it what the manifest says.

        A fenced write is refused when the object is not the one that was seen any more.

        Raises:
            Foreign: an object of that name belongs to somebody else.
            Pending: an object of that name is being deleted.
            Absent: there is no such kind.
            ApiError: the API server refused it or could not be asked.
        """
        resource = resources.of(manifest)
        metadata = manifest["metadata"]
        if live is None:
            live = await self.cluster.get(resource, metadata["namespace"], metadata["name"])
        if live is not None:
            self._check(resource, manifest, live)
        known, wanted = (resource.kind, metadata["name"]), _mark(manifest)
        if live is not None and self._applied.get(known) == (wanted, _version(live)):
            return live
        try:
            answer = await self.cluster.apply(_at_version_of(live, manifest) if fenced and live else manifest)
        except ApiError as error:
            self.snapshot.outdated(resource)
            if error.status == 404 and await self.cluster.version(resource, metadata["namespace"]) is None:
                raise Absent(f"the cluster has no {resource.kind} ({resource.api_version}): {_ADVICE}") from error
            raise
        self.snapshot.put(resource, answer)
        self._applied[known] = wanted, _version(answer)
        return answer

    async def scale(self, namespace: str, name: str, replicas: int, live: Manifest | None) -> None:
        """Set the size of a Deployment. One that shrinks must still be the one that was seen.

        Raises:
            ApiError: it could not be written.
        """
        self.snapshot.outdated(resources.DEPLOYMENT)
        shrinks = live is not None and replicas < live["spec"].get("replicas", 1)
        version = live["metadata"]["resourceVersion"] if live and shrinks else ""
        await self.cluster.scale(namespace, name, replicas, version)

    async def rehearse(self, manifest: Manifest) -> None:
        """Ask whether an apply would be taken, and change nothing.

        Raises:
            Foreign, Pending, ApiError: as from `apply`.
        """
        resource, metadata = resources.of(manifest), manifest["metadata"]
        live = await self.cluster.get(resource, metadata["namespace"], metadata["name"])
        if live is not None:
            self._check(resource, manifest, live)
        await self.cluster.apply(manifest, dry_run=True)

    async def delete(self, resource: Resource, live: Manifest) -> None:
        """Delete a child.

        Raises:
            ApiError: it could not be deleted.
        """
        metadata = live["metadata"]
        self._applied.pop((resource.kind, metadata["name"]), None)
        if "deletionTimestamp" not in metadata:
            self.snapshot.outdated(resource)
            await self.cluster.delete(resource, metadata["namespace"], metadata["name"], metadata["uid"])

    def _check(self, resource: Resource, manifest: Manifest, live: Manifest) -> None:
        name = f"{resource.kind} {manifest['metadata']['name']}"
        if "deletionTimestamp" in live["metadata"]:
            raise Pending(f"{name} is being deleted")
        (controller, *_) = manifest["metadata"]["ownerReferences"]
        if owned(live, controller["uid"]):
            return
        references = live["metadata"].get("ownerReferences", [])
        former = any(r["kind"] == controller["kind"] and r["name"] == controller["name"] for r in references)
        if former or left_behind(live):
            raise Pending(f"{name} belongs to a former {controller['kind']} {controller['name']} and will be collected")
        raise Foreign(f"{name} exists and does not belong to this ModelDeployment: rename or delete it")


def _at_version_of(live: Manifest, manifest: Manifest) -> Manifest:
    version = {"resourceVersion": live["metadata"]["resourceVersion"]}
    return {**manifest, "metadata": {**manifest["metadata"], **version}}


def _mark(value: object) -> str:
    """Return what is the same for equal values, within one process."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:HASH_LENGTH]


def _version(live: Manifest) -> str:
    """What changes when somebody edits the object, and not when its status does."""
    metadata = live["metadata"]
    content = metadata.get("generation") or _mark({key: live[key] for key in live.keys() - {"metadata", "status"}})
    return f"{metadata['uid']}/{content}/{_mark([metadata.get('labels'), metadata.get('ownerReferences')])}"
