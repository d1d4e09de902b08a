"""kopf's handlers: they only enqueue a key.

No finalizer, no kopf annotation, no diff. kopf watches the ModelDeployments; their children are
listened to by `cluster/listener.py`.
"""

from collections.abc import Mapping
from typing import Any

import kopf

from serinus.api.v1alpha1 import GROUP, PLURAL, VERSION
from serinus.cluster.connect import Connection
from serinus.reconcile.operation import Operation


def register(registry: kopf.OperatorRegistry, connection: Connection, operation: Operation) -> None:
    """Register every handler."""

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(**await connection.credentials())

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def wake(type: str | None, meta: Mapping[str, Any], **_: Any) -> None:  # noqa: A002 - kopf's name
        await operation.model_changed(type, meta)

    @kopf.on.probe(id="queue", registry=registry)
    async def healthy(**_: Any) -> Mapping[str, float]:
        if trouble := operation.trouble():
            raise kopf.PermanentError(trouble)
        return operation.figures()
