"""What the models counted themselves, read from every pod until it is gone.

A pod that loses its traffic is kept for the drain and then sleeps before it stops, so its
last count is read several times after its last answer; `unread_after` tells where it was not.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import aiohttp

from demo.kube import Api
from demo.prometheus import samples

PATIENCE = 3.0
FAULTS, REQUESTS, INFO = "injected_faults_total", "http_requests_total", "model_info"


@dataclass(slots=True)
class PodCount:
    """The count of one pod, over restarts of its container."""

    pod: str
    version: str = ""
    faults: float = 0.0
    requests: float = 0.0
    read_at: float = 0.0
    """When the newest count was asked for; 0 when it never answered."""
    _last: tuple[float, float] = (0.0, 0.0)

    def take(self, faults: float, requests: float, asked_at: float) -> None:
        """Add what is new; a count that fell started over at 0."""
        before = self._last if requests >= self._last[1] else (0.0, 0.0)
        self.faults += faults - before[0]
        self.requests += requests - before[1]
        self._last = (faults, requests)
        self.read_at = asked_at


class Counters:
    """The counts of all pods that a model has had."""

    def __init__(self, api: Api, namespace: str, selector: str, port: int) -> None:
        self._api = api
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._selector = selector
        self._port = port
        self.known: dict[str, PodCount] = {}

    async def read(self) -> None:
        """Read every pod that is there once."""
        listed = await self._api.get(self._pods, labelSelector=self._selector)
        live = {item["metadata"]["uid"]: item for item in listed["items"]}
        await asyncio.gather(*(self._one(uid, item) for uid, item in live.items() if item["status"].get("podIP")))

    async def _one(self, uid: str, item: dict[str, Any]) -> None:
        name = item["metadata"]["name"]
        count = self.known.setdefault(uid, PodCount(name))
        asked_at = time.time()
        try:
            text = await self._api.text(f"{self._pods}/{name}:{self._port}/proxy/metrics", limit_seconds=PATIENCE)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return  # It starts or ends; its last count stands.
        totals = {FAULTS: 0.0, REQUESTS: 0.0}
        for sample in samples(text, FAULTS, REQUESTS, INFO):
            if sample.name == INFO:
                count.version = sample.labels["version"]
            else:
                totals[sample.name] += sample.value
        count.take(totals[FAULTS], totals[REQUESTS], asked_at)

    def of(self, version: str) -> list[PodCount]:
        """Return the pods of a version."""
        return [count for count in self.known.values() if count.version == version]

    def faults(self) -> int:
        """Return how many faults the models say they made."""
        return round(sum(count.faults for count in self.known.values()))

    def versions(self) -> list[str]:
        """Return the versions that were read."""
        return sorted({count.version for count in self.known.values()} - {""})

    def unread_after(self, version: str, moment: float) -> list[str]:
        """Return the pods of a version whose last count is older than `moment`."""
        return [count.pod for count in self.of(version) if count.read_at < moment]
