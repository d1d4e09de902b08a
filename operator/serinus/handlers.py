"""kopf's decorators: they only enqueue a key.

No finalizer, no kopf annotation, no diff. A deletion that the watch missed is noticed by
the next look, which begins with a GET.
"""

from collections.abc import Mapping
from typing import Any

import kopf

from serinus.api.v1alpha1 import GROUP, PLURAL, VERSION
from serinus.cluster.connect import Connection
from serinus.desired.labels import MODEL
from serinus.reconcile.queue import Key, Queue

OLDEST_KEY = 60.0
"""Seconds after which an unworked key means that the workers are stuck."""

WATCHED = (("apps", "v1", "deployments"), ("", "v1", "services"), ("", "v1", "pods"))
ROUTES = ("gateway.networking.k8s.io", "v1", "httproutes")


def register(
    registry: kopf.OperatorRegistry,
    settings: kopf.OperatorSettings,
    connection: Connection,
    queue: Queue,
    failures: list[BaseException],
) -> None:
    """Register every handler. `failures` collects what ended a worker."""

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(**await connection.credentials())

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def wake(namespace: str | None, name: str, **_: Any) -> None:
        await queue.add(Key(namespace or "", name))

    async def wake_owner(namespace: str | None, labels: Mapping[str, str], **_: Any) -> None:
        await queue.add(Key(namespace or "", labels[MODEL]))

    for group, version, plural in (*WATCHED, ROUTES):
        kopf.on.event(group, version, plural, registry=registry, labels={MODEL: kopf.PRESENT})(wake_owner)
        settings.watching.label_selectors[group, version, plural] = MODEL

    @kopf.on.probe(id="queue", registry=registry)
    async def healthy(**_: Any) -> dict[str, float]:
        if failures:
            raise kopf.PermanentError(f"a worker has ended: {failures[0]!r}")
        oldest = queue.oldest_wait()
        if oldest > OLDEST_KEY:
            raise kopf.PermanentError(f"the oldest key has waited for {oldest:.0f} s")
        return {"depth": queue.depth(), "oldest": oldest}
