"""The operator's own Prometheus metrics."""

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from serinus.api.status import Status
from serinus.telemetry.shown import StatusCollector
from serinus.telemetry.transitions import TransitionCollector

STATUS = StatusCollector()
REGISTRY.register(STATUS)
TRANSITIONS = TransitionCollector()
REGISTRY.register(TRANSITIONS)
TIME_TO_SAFE = Histogram(
    "serinus_time_to_safe_seconds",
    "From the first traffic of a revision that was taken back to its last",
    buckets=(1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600),
)
RECONCILE = Histogram("serinus_reconcile_seconds", "Time of one reconcile", buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10))
ERRORS = Counter("serinus_reconcile_errors_total", "Reconciles that ended in an error", ("kind",))
LEADS = Gauge("serinus_leads", "1 while this operator is the one that works")
QUEUE_DEPTH = Gauge("serinus_queue_depth", "Keys that are due")
QUEUE_AGE = Gauge("serinus_queue_oldest_seconds", "How long the most overdue key has waited")


def publish(namespace: str, name: str, status: Status) -> None:
    """Show a status as metrics."""
    STATUS.show(namespace, name, status)


def lead() -> None:
    """Say that this operator is the one that works."""
    LEADS.set(1)


def follow() -> None:
    """Say that another one works, which shows what there is to show."""
    LEADS.set(0)
    STATUS.clear()


def forget(namespace: str, name: str) -> None:
    """Drop the series of a ModelDeployment that is gone."""
    STATUS.forget(namespace, name)
    TRANSITIONS.forget(namespace, name)
