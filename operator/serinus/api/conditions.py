"""Conditions: their types, and the rule for their transition time."""

from collections.abc import Iterable, Sequence

from serinus.api.status import Condition

READY = "Ready"
AVAILABLE = "Available"
PROGRESSING = "Progressing"
DEGRADED = "Degraded"
PAUSED = "Paused"
RECONCILING = "Reconciling"
STALLED = "Stalled"
METRICS_AVAILABLE = "MetricsAvailable"
IMAGE_FIXED = "ImageFixed"
MODEL_RESOLVED = "ModelResolved"
SCALING_ACTIVE = "ScalingActive"


def merge(before: Sequence[Condition], now: Iterable[Condition], at: float) -> list[Condition]:
    """Return the new conditions, each keeping its transition time while its status stays.

    `at` is the time in Unix seconds of a transition that happens now.
    """
    known = {condition.type: condition for condition in before}

    def timed(condition: Condition) -> Condition:
        old = known.get(condition.type)
        unchanged = old is not None and old.status == condition.status
        return condition.model_copy(
            update={"last_transition_time": old.last_transition_time if old and unchanged else at}
        )

    return [timed(condition) for condition in now]
