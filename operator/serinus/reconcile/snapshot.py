"""What was read of the objects around one ModelDeployment, until something says that it has changed.

During a rollout there are many looks. An object that nobody touched is not read
again for it: every watched change, every gap in a watch and every own write says what is
out of date. Between rollouts nothing is kept.
"""

import asyncio
import zlib
from collections import Counter
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from serinus.cluster.client import Cluster
from serinus.cluster.resources import DISRUPTION_BUDGET, POD, TLS_POLICY, Resource

Manifest = dict[str, Any]
Metadata = Mapping[str, Any]


_SPEC_ONLY = {DISRUPTION_BUDGET, TLS_POLICY}
"""Kinds whose status tells nothing that is needed here; their generation counts the changes of the spec."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """Objects of a kind as compressed JSON, a tenth of what they take: thousands of models may be in progress at once."""

    versions: Mapping[str, int]
    """Their resource versions by name."""
    packed: bytes

    @classmethod
    def of(cls, items: Iterable[Manifest]) -> "_Kept":
        by_name = {item["metadata"]["name"]: item for item in items}
        versions = {name: _version(item["metadata"]) for name, item in by_name.items()}
        return cls(versions, zlib.compress(orjson.dumps(list(by_name.values())), level=1))

    def items(self) -> list[Manifest]:
        found: list[Manifest] = orjson.loads(zlib.decompress(self.packed))
        return found

    def one(self, name: str) -> Manifest | None:
        return next((item for item in self.items() if item["metadata"]["name"] == name), None)


@dataclass(slots=True)
class Snapshot:
    """The objects of some kinds in one namespace, by name."""

    cluster: Cluster
    namespace: str
    fresh: bool = True
    """Whether everything that was asked for since `look` was read from the API server."""
    settled: bool = False
    """Whether nothing was read or written since `look`: everything was known and is as it shall be."""
    _held: dict[Resource, _Kept] = field(default_factory=dict)
    _news: dict[Resource, dict[str, int]] = field(default_factory=dict)
    """Objects of which a newer resource version was heard than is held."""
    _outdated: Counter[Resource] = field(default_factory=Counter)
    """How often a kind was said to be out of date; a read that is overtaken by that is not kept."""

    def look(self) -> None:
        """Begin a look: `fresh` and `settled` are about what is done from here on."""
        self.fresh = self.settled = True

    async def find(self, selectors: Mapping[Resource, str]) -> list[list[Manifest]]:
        """Return the objects of some kinds in their order, each with its selector, which never changes.

        Raises:
            ApiError: some could not be read.
        """
        missing = [resource for resource in selectors if not self._knows(resource)]
        self.fresh = self.fresh and len(missing) == len(selectors)
        held = {resource: self._held[resource].items() for resource in selectors if self._knows(resource)}
        # All answers are waited for: one that came after the next look had begun would be older than that look's.
        requests = (self._list(resource, selectors[resource]) for resource in missing)
        read = await asyncio.gather(*requests, return_exceptions=True)
        found = dict(held)
        for resource, answer in zip(missing, read, strict=True):
            if isinstance(answer, BaseException):
                raise answer
            found[resource] = answer
        return [found[resource] for resource in selectors]

    async def get(self, resource: Resource, name: str) -> Manifest | None:
        """Return the one object of a kind that matters here, None when there is none.

        Raises:
            ApiError: it could not be read.
        """
        if self._knows(resource):
            self.fresh = False
            return self._held[resource].one(name)
        found = await self._read(resource, self._one(resource, name))
        return found[0] if found else None

    def put(self, resource: Resource, live: Manifest) -> None:
        """Take over what the API server answered to a write: what was heard up to it is no news any more."""
        self.settled = False
        if resource in self._held:
            name = live["metadata"]["name"]
            others = [item for item in self._held[resource].items() if item["metadata"]["name"] != name]
            self._held[resource] = _Kept.of([*others, live])
            self._drop_news(resource, name, _version(live["metadata"]))

    def heard(self, change: str | None, resource: Resource, metadata: Metadata) -> bool:
        """Take note of a change; return whether it tells anything new."""
        name, version = metadata["name"], _version(metadata)
        kept = self._held.get(resource)
        if kept and kept.versions.get(name, version - 1) >= version:
            return False  # the echo of an own write, or already read
        if kept and change == "MODIFIED" and resource in _SPEC_ONLY and _same_spec(kept.one(name), metadata):
            return False
        self._news.setdefault(resource, {})[name] = version
        return True

    def outdated(self, resource: Resource) -> None:
        """Read a kind again when it is wanted."""
        self.settled = False
        self._outdated[resource] += 1
        self._held.pop(resource, None)
        self._news.pop(resource, None)

    def forget(self) -> None:
        """Read everything again when it is wanted. No read may be on its way."""
        self.settled = False
        self._held, self._news, self._outdated = {}, {}, Counter()

    def _knows(self, resource: Resource) -> bool:
        return resource in self._held and not self._news.get(resource)

    async def _list(self, resource: Resource, selector: str) -> list[Manifest]:
        return await self._read(resource, self.cluster.find(resource, self.namespace, selector))

    async def _one(self, resource: Resource, name: str) -> list[Manifest]:
        found = await self.cluster.get(resource, self.namespace, name)
        return [found] if found else []

    async def _read(self, resource: Resource, request: Awaitable[list[Manifest]]) -> list[Manifest]:
        """Read a kind; what is heard while the answer is on its way may not be in it."""
        self.settled = False
        outdated = self._outdated[resource]
        self._news[resource] = {}
        found = await request
        if outdated == self._outdated[resource]:
            for pod in found if resource is POD else ():
                if "spec" in pod:
                    pod["spec"] = _limits(pod["spec"])
            self._held[resource] = kept = _Kept.of(found)
            for name, version in kept.versions.items():
                self._drop_news(resource, name, version)
        return found

    def _drop_news(self, resource: Resource, name: str, version: int) -> None:
        news = self._news.get(resource, {})
        if news.get(name, version + 1) <= version:
            del news[name]


def _version(metadata: Metadata) -> int:
    return int(metadata["resourceVersion"])


def _same_spec(known: Manifest | None, heard: Metadata) -> bool:
    """Tell whether only the status of an object has changed."""
    marks = ("uid", "generation", "labels", "ownerReferences", "deletionTimestamp")
    return known is not None and all(known["metadata"].get(mark) == heard.get(mark) for mark in marks)


def _limits(spec: Manifest) -> Manifest:
    """Return what is read of a pod's spec, to tell what it ran out of: thousands are remembered while they come up."""
    return {
        kind: [{"name": one["name"], "resources": one["resources"]} for one in spec[kind] if one.get("resources")]
        for kind in ("initContainers", "containers")
        if kind in spec
    }
