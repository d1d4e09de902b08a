"""A gateway's controller without proxies: it accepts each generation of every route at once."""

import queue
import threading

from tests.integration import gateway
from tests.integration.kube import MERGE, Kube, Manifest, RefusedError, path

from .traffic import Traffic
from .watching import Key, Watch

WRITERS = 4


class Gateway:
    """Follows all routes, says so in their status, and tells `traffic` of their weights."""

    def __init__(self, kube: Kube, traffic: Traffic) -> None:
        self._kube, self._traffic = kube, traffic
        self._todo: queue.SimpleQueue[tuple[Key, Manifest] | None] = queue.SimpleQueue()
        self._watch = Watch(kube.plane, "httproutes", self._see)
        self._writers = [threading.Thread(target=self._write, daemon=True) for _ in range(WRITERS)]

    def start(self) -> None:
        """Begin."""
        for thread in (self._watch, *self._writers):
            thread.start()

    def stop(self) -> None:
        """End all threads."""
        self._watch.stop()
        for _ in self._writers:
            self._todo.put(None)
        for thread in self._writers:
            thread.join(5)

    def _see(self, key: Key, route: Manifest | None) -> None:
        self._traffic.see(key, route)
        if route is not None and not _answered(route):
            self._todo.put((key, route))

    def _write(self) -> None:
        while (item := self._todo.get()) is not None:
            key, route = item
            try:
                body = {"status": {"parents": gateway.answer(route)}}
                self._kube.call("PATCH", path("httproutes", *key, "status"), body, MERGE)
            except RefusedError as refused:
                if refused.status != 404:
                    raise


def _answered(route: Manifest) -> bool:
    generation = route["metadata"]["generation"]
    parents = route.get("status", {}).get("parents", [])
    return bool(parents) and all(
        condition.get("observedGeneration") == generation for parent in parents for condition in parent["conditions"]
    )
