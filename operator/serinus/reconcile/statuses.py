"""Reads and writes the status of one ModelDeployment."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from serinus.api.status import MetricStatus, Status
from serinus.cluster import resources
from serinus.cluster.client import Cluster
from serinus.reconcile.snapshot import Snapshot
from serinus.telemetry import metrics

Manifest = dict[str, Any]

NUMBERS_EVERY = 30.0
"""Seconds between two writes of status that differ in numbers only."""


_QUIET: dict[str, str | None] = {
    name: None for name, field in MetricStatus.model_fields.items() if field.annotation in {int | None, float | None}
} | {"message": ""}
"""The numbers of a metric, and the sentence that repeats them."""


@dataclass(slots=True)
class StatusWriter:
    """Writes status when it tells something new, its bare numbers now and then."""

    cluster: Cluster
    snapshot: Snapshot
    version: int = 0
    """Resource version of the newest write."""
    _time: float = 0.0

    async def write(self, raw: Manifest, before: Status, after: Status, now: float) -> None:
        """Write over the status of an object as it was read.

        Raises:
            ApiError: with `conflict` when the object has changed since.
        """
        metadata = raw["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        metrics.publish(namespace, name, after)
        if before == after:
            return
        if _without_numbers(before) == _without_numbers(after) and now - self._time < NUMBERS_EVERY:
            return
        content = after.model_dump(mode="json", by_alias=True, exclude_none=True)
        written = await self.cluster.apply_status(namespace, name, metadata["resourceVersion"], content)
        self.snapshot.put(resources.MODEL_DEPLOYMENT, written)
        self.version, self._time = int(written["metadata"]["resourceVersion"]), now


def read_status(raw: Manifest) -> Status:
    """Return the status of an object; one that cannot be read is the empty one."""
    try:
        return Status.model_validate(raw.get("status") or {})
    except ValidationError:
        return Status()


def _without_numbers(status: Status) -> Status:
    """Return what is worth a write at once: everything but counts, accumulators, and words that hold counts."""
    kept = [metric.model_copy(update=_QUIET) for metric in status.metrics]
    blind = status.rollout is not None and status.rollout.hold == "Blind"  # its message tells the age of the data
    quiet = {"MetricsAvailable", "Reconciling"} if blind else {"MetricsAvailable"}
    conditions = [
        condition.model_copy(update={"message": ""}) if condition.type in quiet else condition
        for condition in status.conditions
    ]
    message = "" if status.reason == "AnalysisBlind" else status.message
    return status.model_copy(update={"metrics": kept, "conditions": conditions, "judge": None, "message": message})
