"""Who of several operators leads: the one that holds a Lease and renews it.

Others take it over when they have not seen it change for its whole duration, by their own
clocks: the times in it are for people. The holder counts itself out earlier, so that two
never lead at once; a process that was frozen finds that its time is over before it writes.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from serinus.cluster.client import ApiError, Cluster
from serinus.cluster.resources import LEASE

log = logging.getLogger("serinus.lease")

DURATION = 10.0
"""Seconds after its last change for which a Lease is not taken over."""
LEAD = DURATION * 2 / 3
"""Seconds for which one renewal lets its holder lead."""
RETRY = 2.0
"""Seconds between two looks at the Lease."""

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """A Lease as it was first seen, and when, by the own clock."""

    version: str
    holder: str
    term: int
    """How often the lead has changed."""
    at: float

    @classmethod
    def of(cls, live: Manifest, at: float) -> "Seen":
        """Read a Lease."""
        spec = live.get("spec", {})
        version = live["metadata"]["resourceVersion"]
        return cls(version, spec.get("holderIdentity") or "", spec.get("leaseTransitions") or 0, at)

    def free(self, identity: str, now: float) -> bool:
        """Tell whether it may be taken or renewed."""
        return self.holder in {"", identity} or now - self.at >= DURATION


class Alone:
    """Leads without a Lease: the only operator."""

    term = 0

    def leads(self) -> bool:
        """Tell whether this one leads now."""
        return True

    async def stand(self) -> None:
        """Wait for ever."""
        await asyncio.Event().wait()

    async def resign(self) -> None:
        """Give the lead to nobody."""


@dataclass(slots=True)
class Leadership:
    """One candidate for the lead. `clock` is a monotonic clock in seconds, `wall` one for people."""

    cluster: Cluster
    namespace: str
    name: str
    identity: str
    clock: Callable[[], float]
    wall: Callable[[], float]
    term: int = 0
    _seen: Seen | None = None
    _until: float = field(default=float("-inf"))

    def leads(self) -> bool:
        """Tell whether this one leads now."""
        return self.clock() < self._until

    async def stand(self) -> None:
        """Stand for the lead for ever."""
        while True:
            try:
                await self._look()
            except ApiError as error:
                log.warning("Lease %s/%s: %s", self.namespace, self.name, error)
            await asyncio.sleep(RETRY * random.uniform(0.8, 1.0))  # noqa: S311 - jitter, not a secret

    async def resign(self) -> None:
        """Give the lead away, so that another one need not wait."""
        if self._seen and self.leads():
            self._until = float("-inf")
            try:
                await self.cluster.replace(LEASE, self._lease("", self._seen.version, self.term))
            except ApiError as error:
                log.info("Lease %s/%s could not be given back: %s", self.namespace, self.name, error)

    async def _look(self) -> None:
        live = await self.cluster.get(LEASE, self.namespace, self.name)
        now = self.clock()
        if live is None:
            await self._take("", 1, now)
            return
        if self._seen is None or self._seen.version != live["metadata"]["resourceVersion"]:
            self._seen = Seen.of(live, now)
        if self._seen.free(self.identity, now):
            term = self._seen.term + (self._seen.holder != self.identity)
            await self._take(self._seen.version, term, now)

    async def _take(self, version: str, term: int, now: float) -> None:
        """Write the Lease, unless somebody else was faster; the lead counts from before the request."""
        manifest = self._lease(self.identity, version, term)
        try:
            live = await (self.cluster.replace(LEASE, manifest) if version else self.cluster.create(LEASE, manifest))
        except ApiError as error:
            if not error.conflict:
                raise
            return
        self._seen, self.term, self._until = Seen.of(live, now), term, now + LEAD

    def _lease(self, holder: str, version: str, term: int) -> Manifest:
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": {
                "namespace": self.namespace,
                "name": self.name,
                **({"resourceVersion": version} if version else {}),
            },
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": int(DURATION),
                "leaseTransitions": term,
                "renewTime": datetime.fromtimestamp(self.wall(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            },
        }
