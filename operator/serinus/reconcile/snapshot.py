"""What was read of the objects around one ModelDeployment, until something says that it has changed.

During a rollout there is a look every second. An object that nobody touched is not read
again for it: every watched change, every gap in a watch and every own write says what is
out of date. Between rollouts nothing is kept.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from serinus.cluster.client import Cluster
from serinus.cluster.resources import Resource

Manifest = dict[str, Any]
Metadata = Mapping[str, Any]


@dataclass(slots=True)
class Snapshot:
    """The objects of some kinds in one namespace, by name."""

    cluster: Cluster
    namespace: str
    fresh: bool = True
    """Whether everything that was asked for since `look` was read from the API server."""
    _held: dict[Resource, dict[str, Manifest]] = field(default_factory=dict)
    _outdated: Counter[Resource] = field(default_factory=Counter)
    """How often a kind was said to be out of date; a read that is overtaken by such news is not kept."""

    def look(self) -> None:
        """Begin a look: `fresh` is about what is read from here on."""
        self.fresh = True

    async def find(self, selectors: Mapping[Resource, str]) -> list[list[Manifest]]:
        """Return the objects of some kinds in their order, each with its selector, which never changes.

        Raises:
            ApiError: some could not be read.
        """
        missing = [resource for resource in selectors if resource not in self._held]
        self.fresh = self.fresh and len(missing) == len(selectors)
        held = {resource: list(self._held[resource].values()) for resource in selectors if resource in self._held}
        read = await asyncio.gather(*(self._read(resource, selectors[resource]) for resource in missing))
        found = held | dict(zip(missing, read, strict=True))
        return [found[resource] for resource in selectors]

    async def get(self, resource: Resource, name: str) -> Manifest | None:
        """Return the one object of a kind that matters here, None when there is none.

        Raises:
            ApiError: it could not be read.
        """
        if resource in self._held:
            self.fresh = False
            return self._held[resource].get(name)
        before = self._outdated[resource]
        found = await self.cluster.get(resource, self.namespace, name)
        if before == self._outdated[resource]:
            self._held[resource] = {name: found} if found else {}
        return found

    async def _read(self, resource: Resource, selector: str) -> list[Manifest]:
        before = self._outdated[resource]
        found = await self.cluster.find(resource, self.namespace, selector)
        if before == self._outdated[resource]:
            self._held[resource] = {item["metadata"]["name"]: item for item in found}
        return found

    def put(self, resource: Resource, live: Manifest) -> None:
        """Take over what the API server answered to a write."""
        if resource in self._held:
            self._held[resource][live["metadata"]["name"]] = live

    def heard(self, resource: Resource, metadata: Metadata) -> bool:
        """Take note of a change; return whether it tells anything new."""
        known = self._held.get(resource, {}).get(metadata["name"])
        if known and int(known["metadata"]["resourceVersion"]) >= int(metadata["resourceVersion"]):
            return False  # the echo of an own write, or already read
        self.outdated(resource)
        return True

    def outdated(self, resource: Resource) -> None:
        """Read a kind again when it is wanted."""
        self._outdated[resource] += 1
        self._held.pop(resource, None)

    def forget(self) -> None:
        """Read everything again when it is wanted."""
        for resource in list(self._held):
            self.outdated(resource)
