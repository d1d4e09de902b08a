"""`reconcile(key)`: observe, judge, advance, apply, report.

What raises exposure is written to status first and applied then; what lowers it is
applied first and waits for nothing.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from serinus.cluster import resources
from serinus.cluster.client import ApiError, Cluster
from serinus.reconcile.applier import Applier, Pending
from serinus.reconcile.judges import RolloutJudges
from serinus.reconcile.queue import Key
from serinus.reconcile.turn import WAITING, Memory, Turn
from serinus.telemetry import metrics

log = logging.getLogger("serinus.rollout")


@dataclass(slots=True)
class Reconciler:
    """Works on ModelDeployments, on each one at a time."""

    cluster: Cluster
    judges: RolloutJudges
    clock: Callable[[], float]
    _memories: dict[Key, Memory] = field(default_factory=dict)

    async def __call__(self, key: Key) -> float | None:
        """Bring one ModelDeployment a step further; return the seconds until the next look.

        Raises:
            ApiError: the API server could not be asked; the queue tries again.
        """
        raw = await self.cluster.get(resources.MODEL_DEPLOYMENT, *key)
        if raw is None or "deletionTimestamp" in raw["metadata"]:
            self._forget(key)
            return None
        memory = self._memories.setdefault(key, Memory(Applier(self.cluster)))
        try:
            with metrics.RECONCILE.time():
                return await Turn(self.cluster, self.judges, key, raw, memory, self.clock()).run()
        except Pending as pending:
            log.info("%s", pending, extra={"namespace": key.namespace, "modeldeployment": key.name})
            return WAITING
        except ApiError as error:
            if error.conflict:
                return 0.0
            raise

    def _forget(self, key: Key) -> None:
        if self._memories.pop(key, None):
            self.judges.forget(key)
            metrics.forget(*key)
