"""`reconcile(key)`: observe, judge, advance, apply, report.

What raises exposure is written to status first and applied then; what lowers it is
applied first and waits for nothing.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from serinus.cluster import resources
from serinus.cluster.client import ApiError, Cluster
from serinus.cluster.resources import Resource
from serinus.reconcile import farewell
from serinus.reconcile.applier import Applier, Pending
from serinus.reconcile.echo import Echo
from serinus.reconcile.gateways import Gateways
from serinus.reconcile.judges import RolloutJudges
from serinus.reconcile.pace import TICK, WAITING
from serinus.reconcile.queue import Key
from serinus.reconcile.roster import Roster, Uncounted
from serinus.reconcile.snapshot import Metadata, Snapshot
from serinus.reconcile.statuses import StatusWriter
from serinus.reconcile.turn import Memory, Turn
from serinus.registry.watch import Watch
from serinus.runtimes.catalogue import Catalogue
from serinus.telemetry import metrics

AGAIN = 0.2
"""Seconds after which a decision is made anew that somebody else's write has overtaken."""
LINGER = 3.0
"""Seconds for which the objects around a model that came to rest are remembered."""

log = logging.getLogger("serinus.rollout")


@dataclass(slots=True)
class Reconciler:
    """Works on ModelDeployments, on each one at a time. `term` tells which leader it works for."""

    cluster: Cluster
    gateways: Gateways
    judges: RolloutJudges
    catalogue: Catalogue
    registry: Watch[Key]
    roster: Roster
    echo: Echo
    clock: Callable[[], float]
    term: int = 0
    _memories: dict[Key, Memory] = field(default_factory=dict)

    async def __call__(self, key: Key) -> float | None:
        """Bring one ModelDeployment a step further; return the seconds until the next look.

        Raises:
            ApiError: the API server could not be asked; the queue tries again.
        """
        try:
            return await self._work_on(key)
        except Exception:
            await self.roster.pass_over(key)
            raise

    async def _work_on(self, key: Key) -> float | None:
        memory = self._memories.get(key) or self._begin(key)
        memory.snapshot.look()
        raw = await memory.snapshot.get(resources.MODEL_DEPLOYMENT, key.name)
        if raw is None or "deletionTimestamp" in raw["metadata"]:
            self._forget(key)
            await self.roster.forget(key)
            user = raw["metadata"]["uid"] if raw else ""
            routes = [await self.cluster.get(kind, *key) for kind in resources.ROUTES.values()]
            leaving = [await farewell.let_go(self.cluster, route, self.clock(), user) for route in routes]
            return TICK if any(leaving) else None
        again = await self._turn(key, raw, memory)
        self.echo.written(key, memory.statuses.version)
        if memory.problem:  # what is in the way may be nothing that is watched
            memory.snapshot.forget()
        elif again > WAITING:
            return self._rest(memory, again)
        return again

    def hurries(self, key: Key) -> bool:
        """Tell whether traffic may have to be taken back: somebody is sent to a candidate, or nothing is known yet."""
        memory = self._memories.get(key)
        return memory is None or memory.exposed

    def heard(self, key: Key, change: str | None, resource: Resource, metadata: Metadata) -> bool:
        """Take note of a change around a ModelDeployment; return whether a look at it is due."""
        memory = self._memories.get(key)
        return memory is None or memory.snapshot.heard(change, resource, metadata)

    def missed(self, resource: Resource) -> list[Key]:
        """Take note that changes of a kind may have been missed; return whom that concerns."""
        for memory in self._memories.values():
            memory.snapshot.outdated(resource)
        return list(self._memories)

    def begin(self, term: int) -> None:
        """Begin to lead: what is remembered of an earlier time may be wrong."""
        for key in list(self._memories):
            self._forget(key)
        self.roster.begin()
        self.term = term

    def _rest(self, memory: Memory, again: float) -> float:
        """Keep nothing of a model at rest, once the watches have shown what was written last."""
        now = self.clock()
        if not memory.snapshot.settled:
            memory.stirred = now
        if 0.0 <= now - memory.stirred < LINGER:
            return memory.stirred + LINGER - now
        memory.snapshot.forget()
        return again

    async def _turn(self, key: Key, raw: dict[str, Any], memory: Memory) -> float:
        try:
            with metrics.RECONCILE.time():
                turn = Turn(
                    self.cluster,
                    self.gateways,
                    self.judges,
                    self.catalogue,
                    self.registry,
                    self.roster,
                    key,
                    raw,
                    memory,
                    self.term,
                    self.clock(),
                )
                return await turn.run()
        except (Pending, Uncounted) as pending:
            log.info("%s", pending, extra={"namespace": key.namespace, "modeldeployment": key.name})
            if isinstance(pending, Pending):
                await self.roster.pass_over(key)
            return WAITING
        except ApiError as error:
            memory.snapshot.forget()
            if not error.conflict:
                raise
            return AGAIN

    def _begin(self, key: Key) -> Memory:
        snapshot = Snapshot(self.cluster, key.namespace)
        memory = self._memories[key] = Memory(
            snapshot, Applier(self.cluster, snapshot), StatusWriter(self.cluster, snapshot)
        )
        return memory

    def _forget(self, key: Key) -> None:
        self.echo.forget(key)
        if self._memories.pop(key, None):
            self.judges.forget(key)
            self.registry.forget(key)
            metrics.forget(*key)
