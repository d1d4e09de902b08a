"""The running operator: what it hears, whether it leads, and whether it is well.

A follower watches and works on nothing; its first act as a leader is a survey.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from serinus.cluster.client import FIELD_MANAGER, ApiError, Cluster
from serinus.cluster.lease import Alone, Leadership
from serinus.cluster.listener import DEAF, Listener, Metadata
from serinus.cluster.resources import AUTOSCALER, MODEL_DEPLOYMENT, Resource
from serinus.desired.labels import MODEL
from serinus.reconcile.children import WATCHED
from serinus.reconcile.echo import Echo
from serinus.reconcile.queue import Key, Queue
from serinus.reconcile.reconciler import Reconciler
from serinus.reconcile.survey import spread, survey
from serinus.telemetry import metrics

log = logging.getLogger("serinus.operation")

COALESCE = 0.1
"""Seconds for which changes of children are gathered before a look: they come in bursts."""
EDITING = 2.0
"""Seconds for which an object that was edited may be edited again unnoticed."""
STUCK = 60.0
"""Seconds in which nobody takes a due key after which the workers are stuck; a long queue alone is no fault."""
GLANCE = 0.2
"""Seconds between two glances at whether the lead has changed hands."""
INSIST = 1.0
"""Seconds in which a cancelled task should have ended."""


@dataclass(slots=True)
class Operation:
    """One operator process. `clock` is a monotonic clock in seconds."""

    cluster: Cluster
    namespaces: Sequence[str]
    leadership: Leadership | Alone
    reconciler: Reconciler
    queue: Queue
    echo: Echo
    workers: int
    clock: Callable[[], float]
    _works: bool = False
    """Whether there are workers: a lead that is lost for a moment between two glances changes nothing."""
    _edited: dict[str, tuple[str, float]] = field(default_factory=dict)
    """When autoscalers were edited by somebody else, as they say and as it was heard, by uid."""
    _listeners: list[Listener] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        """Start everything that runs until `stop`."""
        self._listeners = [
            Listener(self.cluster, resource, namespace, MODEL, self._child_changed, self._missed, self.clock)
            for resource in WATCHED
            for namespace in self.namespaces or ("",)
        ]
        work = {
            "lead": self._lead(),
            "lease": self.leadership.stand(),
            **{f"{one.resource.plural} {one.namespace}".strip(): one.listen() for one in self._listeners},
        }
        self._tasks = [asyncio.create_task(part, name=name) for name, part in work.items()]
        for task in self._tasks:
            task.add_done_callback(_tell)

    async def stop(self) -> None:
        """End it all, and leave the lead to somebody else."""
        await _cancel(self._tasks)
        await self.leadership.resign()

    async def model_changed(self, change: str | None, metadata: Metadata) -> None:
        """Take note of a change of a ModelDeployment; `change` is None while all of them are listed."""
        key = Key(metadata["namespace"], metadata["name"])
        if change == "DELETED":
            self.echo.forget(key)
        else:
            self.echo.heard(key, int(metadata["resourceVersion"]))
        if self._works and self.reconciler.heard(key, change, MODEL_DEPLOYMENT, metadata):
            await self.queue.add(key, 0.0 if change else spread(len(self.echo)))

    def trouble(self) -> str:
        """Say what a restart would mend, or nothing."""
        for task in self._tasks:
            if task.done():
                return f"task {task.get_name()!r} has ended: {None if task.cancelled() else task.exception()!r}"
        for listener in self._listeners:
            if (silence := listener.silence()) > DEAF:
                return f"the watch of {listener.resource.plural} has been silent for {silence:.0f} s"
        if (silence := self.echo.silence()) > DEAF:
            return f"the watch of modeldeployments has not shown an own write for {silence:.0f} s"
        if self.leadership.leads() and (stuck := self.queue.stuck()) > STUCK:
            return f"no key was taken for {stuck:.0f} s although one was due"
        return ""

    def figures(self) -> Mapping[str, float]:
        """Return what the probe shows."""
        leads = self.leadership.leads()
        return {"depth": self.queue.depth(), "oldest": self.queue.oldest_wait(), "leads": float(leads)}

    async def _lead(self) -> None:
        """Work while this one leads."""
        while True:
            if not self.leadership.leads():
                await asyncio.sleep(GLANCE)
                continue
            log.info("Leading, term %d", self.leadership.term)
            metrics.lead()
            self.reconciler.begin(self.leadership.term)
            self._works = True
            tasks = [asyncio.create_task(self.queue.work()) for _ in range(self.workers)]
            tasks += [asyncio.create_task(self._survey()), asyncio.create_task(self.reconciler.registry.run())]
            try:
                await self._while_leading(tasks)
            finally:
                self._works = False
                metrics.follow()
                await _cancel(tasks)
            log.warning("Not leading any more")

    async def _while_leading(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Wait until the lead is lost.

        Raises:
            Exception: what ended one of the tasks.
        """
        while self.leadership.leads():
            await asyncio.sleep(GLANCE)
            for task in tasks:
                if task.done():
                    task.result()

    async def _survey(self) -> None:
        while True:
            try:
                return await survey(self.cluster, self.namespaces, self.queue, self.reconciler.roster)
            except ApiError as error:
                log.warning("Listing all ModelDeployments: %s", error)
                await asyncio.sleep(1.0)

    async def _child_changed(self, change: str, resource: Resource, metadata: Metadata) -> None:
        name = metadata.get("labels", {}).get(MODEL)
        if not name or not self._works:
            return
        key = Key(metadata["namespace"], name)
        new = self.reconciler.heard(key, change, resource, metadata)
        # An autoscaler's status tells of the load every few seconds, which is no reason to look; an edit is.
        if resource is AUTOSCALER and not self._edited_anew(change, metadata):
            return
        if new:
            await self.queue.add(key, COALESCE)

    def _edited_anew(self, change: str, metadata: Metadata) -> bool:
        """Tell whether somebody may have edited an object since it was heard of last: edits are dated to the second."""
        if change != "MODIFIED":
            self._edited.pop(metadata["uid"], None)
            return True
        edited, now = _edited(metadata), self.clock()
        known, heard = self._edited.get(metadata["uid"], ("", now))
        if edited != known:
            self._edited[metadata["uid"]] = edited, now
        return edited != known or (bool(edited) and now - heard < EDITING)

    async def _missed(self, resource: Resource) -> None:
        concerned = self.reconciler.missed(resource)
        for key in concerned:
            await self.queue.add(key, spread(len(concerned)))


def _tell(task: asyncio.Task[None]) -> None:
    """Say at once what the probe will fail for."""
    if not task.cancelled():
        log.critical("Task %r has ended", task.get_name(), exc_info=task.exception())


def _edited(metadata: Metadata) -> str:
    """Return when somebody else wrote a part of an object that is not its status; empty for never."""
    parts = metadata.get("managedFields", [])
    others = (part for part in parts if part["manager"] != FIELD_MANAGER and not part.get("subresource"))
    return max((part.get("time", "") for part in others), default="")


async def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """End tasks, asked again until they have: one cancellation may be lost to what a task waits for just then."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        ended, left = await asyncio.wait(left, timeout=INSIST)
        for task in ended:
            if not task.cancelled():
                task.exception()  # it was told already, or is the cancellation's own
