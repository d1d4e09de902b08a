"""Tells people what happens to one ModelDeployment: Events, log lines, counters."""

import logging
from dataclasses import dataclass

from serinus.api.status import Phase, RolloutState, Status
from serinus.cluster.client import ApiError, Cluster
from serinus.cluster.resources import EVENT
from serinus.reconcile.queue import Key
from serinus.rollout.report import Problem
from serinus.rollout.step import Event, Step
from serinus.telemetry import events, metrics

log = logging.getLogger("serinus.rollout")


@dataclass(frozen=True, slots=True)
class Announcer:
    """Speaks for one ModelDeployment at one moment. What cannot be told is logged and stops nothing."""

    cluster: Cluster
    key: Key
    uid: str
    now: float

    async def transition(self, before: RolloutState, step: Step) -> None:
        """Tell a decision that was written."""
        after = step.state
        if after.phase is Phase.ROLLING_BACK and after.live_since and not before.live_since:
            exposed = next((change.time for change in after.weights if change.weight), None)
            if exposed is not None:
                metrics.TIME_TO_SAFE.observe(self.now - exposed)
        for event in step.events:
            metrics.TRANSITIONS.count(*self.key, event.reason)
            level = logging.WARNING if event.warning else logging.INFO
            what = {"reason": event.reason, "phase": after.phase, "weight": after.weight}
            log.log(level, "%s", event.message, extra={**self.fields, **what})
            await self._post(event)

    async def problem(self, problem: Problem | None, told: Problem | None, shown: Status) -> None:
        """Tell a problem once: not again while it lasts, nor after a restart when status shows it."""
        if problem and problem != told and (shown.reason, shown.message) != (problem.reason, problem.message):
            await self._post(Event(problem.reason, problem.message, warning=True))

    @property
    def fields(self) -> dict[str, str]:
        """Return what every log line carries."""
        return {"namespace": self.key.namespace, "modeldeployment": self.key.name}

    async def _post(self, event: Event) -> None:
        manifest = events.manifest(*self.key, self.uid, event, self.now)
        try:
            await self.cluster.create(EVENT, manifest)
        except ApiError as error:
            log.warning("Event %s could not be posted: %s", event.reason, error, extra=self.fields)
