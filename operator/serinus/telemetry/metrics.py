"""The operator's own Prometheus metrics."""

import math

from prometheus_client import Counter, Gauge, Histogram

from serinus.api.status import Phase, Status

_MODEL = ("namespace", "name")

PHASE = Gauge("serinus_rollout_phase", "1 for the phase that a ModelDeployment is in", (*_MODEL, "phase"))
WEIGHT = Gauge("serinus_rollout_weight", "Percent of traffic for the newer revision", _MODEL)
EVIDENCE = Gauge(
    "serinus_analysis_evidence",
    "E-value against the canary; it is taken back at the threshold",
    (*_MODEL, "metric"),
)
THRESHOLD = Gauge("serinus_analysis_threshold", "Evidence at which the canary is taken back", (*_MODEL, "metric"))
BLIND = Gauge("serinus_analysis_blind", "1 while there are no usable metrics", _MODEL)
TRANSITIONS = Counter("serinus_transitions_total", "Transitions by reason", (*_MODEL, "reason"))
TIME_TO_SAFE = Histogram(
    "serinus_time_to_safe_seconds",
    "From the first traffic of a revision that was taken back to its last",
    buckets=(1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600),
)
RECONCILE = Histogram("serinus_reconcile_seconds", "Time of one reconcile", buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10))
ERRORS = Counter("serinus_reconcile_errors_total", "Reconciles that ended in an error", ("kind",))
QUEUE_DEPTH = Gauge("serinus_queue_depth", "Keys that are due")
QUEUE_AGE = Gauge("serinus_queue_oldest_seconds", "How long the most overdue key has waited")


def publish(namespace: str, name: str, status: Status) -> None:
    """Show a status as metrics."""
    for phase in Phase:
        PHASE.labels(namespace, name, phase).set(phase == status.phase)
    WEIGHT.labels(namespace, name).set(status.weight)
    BLIND.labels(namespace, name).set(status.rollout is not None and status.rollout.hold == "Blind")
    for metric in status.metrics:
        if metric.evidence is not None:
            EVIDENCE.labels(namespace, name, metric.name).set(metric.evidence)
            THRESHOLD.labels(namespace, name, metric.name).set(metric.threshold or math.inf)


def forget(namespace: str, name: str) -> None:
    """Drop the series of a ModelDeployment that is gone."""
    for family in (PHASE, WEIGHT, EVIDENCE, THRESHOLD, BLIND, TRANSITIONS):
        family.remove_by_labels({"namespace": namespace, "name": name})
