"""Puts back what makes the stable revision stable: its record and its stamp.

Without them the revision under test would pass for the first one there is, and get all
traffic.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serinus.api.status import Phase, RolloutState
from serinus.api.timestamps import render
from serinus.cluster import resources
from serinus.cluster.client import Cluster
from serinus.desired import labels, names, owner, revision
from serinus.reconcile import podwords
from serinus.reconcile.applier import Applier
from serinus.reconcile.children import Children, owned

log = logging.getLogger("serinus.rollout")
Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Records:
    """The ControllerRevisions of one ModelDeployment."""

    cluster: Cluster
    applier: Applier
    namespace: str
    name: str
    parent: owner.Owner

    async def stamp(self, value: str, known: Mapping[str, revision.Revision], now: float) -> None:
        """Record that a revision is stable now.

        Raises:
            ApiError: it could not be written.
        """
        newest = max((stored.promoted_at or 0.0 for stored in known.values()), default=0.0)
        at = render(max(now, newest + 0.001))  # the clock may have gone back
        self.applier.snapshot.outdated(resources.CONTROLLER_REVISION)
        name = names.of_revision(self.name, value)
        await self.cluster.annotate_revision(self.namespace, name, {labels.PROMOTED_AT: at})

    async def note_data(self, children: Children, known: Mapping[str, revision.Revision]) -> bool:
        """Keep what fetching containers tell of DVC files; return whether there was anything new.

        Raises:
            ApiError: it could not be written.
        """
        waiting = {name for name, stored in known.items() if stored.data_file and not stored.data_version}
        found = {
            name: told
            for pod in children.pods
            if (name := pod["metadata"]["labels"].get(labels.REVISION)) in waiting
            and (told := podwords.data_version(pod))
        }
        for name, told in found.items():
            self.applier.snapshot.outdated(resources.CONTROLLER_REVISION)
            record = names.of_revision(self.name, name)
            await self.cluster.annotate_revision(self.namespace, record, {labels.DATA_VERSION: told})
        return bool(found)

    async def restore(
        self, state: RolloutState, children: Children, known: Mapping[str, revision.Revision], now: float
    ) -> bool:
        """Put back the record of stable if somebody took it or its stamp away while its pods serve.

        Returns whether it was missing. The stamp is written before status tells of a promotion,
        so a stable revision without one has lost it.

        Raises:
            Foreign, Pending: its name is taken.
            ApiError: it could not be written.
        """
        stored = known.get(state.stable)
        pods = children.deployments.get(names.of_revision(self.name, state.stable))
        serves = state.phase is not Phase.INITIALIZING and pods is not None and owned(pods, self.parent.uid)
        if not serves or pods is None or (stored and stored.promoted_at is not None):
            return False
        if stored is None:
            await self.applier.apply(await self._record(state.stable, pods, known), None)
        await self.stamp(state.stable, known, now)
        log.warning(
            "The record of stable revision %s was put back: somebody took it or its stamp away",
            state.stable,
            extra={"namespace": self.namespace, "modeldeployment": self.name},
        )
        return True

    async def _record(self, value: str, pods: Manifest, known: Mapping[str, revision.Revision]) -> Manifest:
        """Return the record as it was where only its labels are gone, else one of the pods that run."""
        number = max((stored.number for stored in known.values()), default=0) + 1
        running = revision.Revision(value, pods["spec"]["template"], {}, None, number=number)
        manifest = revision.manifest(self.name, self.namespace, running, self.parent, {})
        live = await self.cluster.get(
            resources.CONTROLLER_REVISION, self.namespace, names.of_revision(self.name, value)
        )
        kept = {key: live[key] for key in ("data", "revision")} if live else {}
        return {**manifest, **kept}
