"""Tasks that keep the scene up to date."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp

from demo.counters import Counters
from demo.kube import Api
from demo.prometheus import samples
from demo.scene import Evidence, Happening, Scene

TICK = 1.0
METRICS_PORT = 9090
EVIDENCE, THRESHOLD = "serinus_analysis_evidence", "serinus_analysis_threshold"
PASSING = (aiohttp.ClientError, TimeoutError, OSError)


class Watchers:
    """Watches one model in one namespace."""

    def __init__(self, api: Api, scene: Scene, namespace: str, name: str, system: str) -> None:
        self._api = api
        self._scene = scene
        self._namespace = namespace
        self._name = name
        self._operators = f"/api/v1/namespaces/{system}/pods"
        self._events: set[str] = set()

    @asynccontextmanager
    async def running(self, counters: Counters) -> AsyncIterator[list[asyncio.Task[None]]]:
        """Watch for as long as the block lasts."""
        tasks = [
            asyncio.create_task(self._model()),
            asyncio.create_task(self._route()),
            asyncio.create_task(self._happenings()),
            asyncio.create_task(every_tick(self._evidence)),
            asyncio.create_task(every_tick(counters.read)),
        ]
        try:
            yield tasks
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _model(self) -> None:
        path = f"/apis/serinus.dev/v1alpha1/namespaces/{self._namespace}/modeldeployments"
        async for kind, item in self._api.watch(path, fieldSelector=f"metadata.name={self._name}"):
            if kind != "DELETED":
                self._scene.take_model(item, time.time())

    async def _route(self) -> None:
        path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{self._namespace}/httproutes"
        async for kind, item in self._api.watch(path, fieldSelector=f"metadata.name={self._name}"):
            if kind != "DELETED":
                self._scene.take_route(self._name, item, time.time())

    async def _happenings(self) -> None:
        path = f"/api/v1/namespaces/{self._namespace}/events"
        async for _, item in self._api.watch(path, fieldSelector="involvedObject.kind=ModelDeployment"):
            uid = item["metadata"]["uid"]
            if uid not in self._events:
                self._events.add(uid)
                self._scene.happenings.append(
                    Happening(time.time(), item["reason"], item.get("message", ""), item.get("type") == "Warning")
                )

    async def _evidence(self) -> None:
        """Read the operator's own metrics: status is written on changes only, these are live."""
        listed = await self._api.get(self._operators, fieldSelector="status.phase=Running")
        for pod in listed["items"]:
            path = f"{self._operators}/{pod['metadata']['name']}:{METRICS_PORT}/proxy/metrics"
            found = {
                sample.name: sample.value
                for sample in samples(await self._api.text(path, limit_seconds=2.0), EVIDENCE, THRESHOLD)
                if sample.labels.get("namespace") == self._namespace
                and sample.labels.get("name") == self._name
                and sample.labels.get("metric") == "error-rate"
            }
            if len(found) == 2:
                self._scene.evidence.append(Evidence(time.time(), found[EVIDENCE], found[THRESHOLD]))


async def every_tick(look: Callable[[], Awaitable[None]]) -> None:
    """Look once a second for ever; a look that fails is followed by the next."""
    while True:
        began = time.monotonic()
        with contextlib.suppress(*PASSING):
            await look()
        await asyncio.sleep(max(0.1, TICK - (time.monotonic() - began)))
