"""Listens to one kind of children: hears which object changed, and keeps none of them.

kopf keeps something of every object that it watches, a worker while it changes, and hands each
one over whole. A model has a dozen children; of these only their owner's name is wanted.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from serinus.cluster.client import TIMEOUT, WATCH, ApiError, Cluster
from serinus.cluster.resources import Resource

log = logging.getLogger("serinus.watch")

RETRY = 1.0
"""Seconds before a watch that failed is begun again."""
ABSENT = 30.0
"""Seconds between two looks for a kind that the cluster does not have."""
DEAF = 2 * (WATCH + TIMEOUT)
"""Seconds without any sign of life after which a watch is deaf; it is taken up every `WATCH` seconds."""

Metadata = Mapping[str, Any]


@dataclass(slots=True)
class Listener:
    """Follows one kind in one namespace, or in all of them when that is empty.

    `heard` is told how each object changed and its metadata, `missed` that changes may have been
    missed. `clock` is a monotonic clock in seconds.
    """

    cluster: Cluster
    resource: Resource
    namespace: str
    selector: str
    heard: Callable[[str, Resource, Metadata], Awaitable[None]]
    missed: Callable[[Resource], Awaitable[None]]
    clock: Callable[[], float]
    _sign: float = field(init=False)
    _there: bool = False
    """Whether the cluster had the kind at the last look."""

    def __post_init__(self) -> None:
        """Begin as if something had been heard."""
        self._sign = self.clock()

    def silence(self) -> float:
        """Return for how long there has been no sign of life, in seconds."""
        return self.clock() - self._sign

    async def listen(self) -> None:
        """Listen for ever."""
        version: str | None = None
        while True:
            try:
                version = await (self._follow(version) if version else self._begin())
                if version is None:
                    await asyncio.sleep(ABSENT)
            except ApiError as error:
                if error.expired:
                    version = None
                else:
                    log.warning("Watching %s: %s", self.resource.plural, error)
                await asyncio.sleep(RETRY)

    async def _begin(self) -> str | None:
        """Return the version to watch from; what happened before it may have been missed."""
        version = await self._version()
        self._sign = self.clock()
        known, self._there = self._there, version is not None
        if known or self._there:  # of a kind that is still not there nothing was missed
            await self.missed(self.resource)
        return version

    async def _version(self) -> str | None:
        """Return the version to watch from, None where there is no such kind, or no right on one that not all need."""
        try:
            return await self.cluster.version(self.resource, self.namespace)
        except ApiError as error:
            if not error.forbidden or not self.resource.optional:
                raise
            log.warning(
                "Watching %s: %s. Models that need the kind do without until the operator may",
                self.resource.plural,
                error,
            )
            return None

    async def _follow(self, version: str) -> str:
        """Watch once; return the version to go on from."""
        newest = version
        try:
            async for change, metadata in self.cluster.watch(self.resource, self.namespace, self.selector, version):
                self._sign = self.clock()
                newest = metadata["resourceVersion"]
                if change != "BOOKMARK":
                    await self.heard(change, self.resource, metadata)
        except ApiError as error:
            if error.expired or newest == version:
                raise
            log.info("Watching %s: %s", self.resource.plural, error)
        self._sign = self.clock()
        return newest
