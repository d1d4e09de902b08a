"""Request counters that model containers expose by themselves."""

import re
from collections.abc import Iterable, Mapping

from serinus.api.v1alpha1 import RuntimeMetrics

DEFAULT_REQUESTS = "http_requests_total"
DEFAULT_STATUS_LABEL = "status"
DEFAULT_ERRORS = "5.."
_REVISION_POD = "[a-z][-a-z0-9]*-[0-9a-f]{10}-[-a-z0-9]+"
"""Kubernetes cuts the name that a pod's is made from at 58 characters: of what follows the
revision nothing is certain but the random end."""


def selector(metrics: RuntimeMetrics) -> str:
    """Return the selector of a counter, and of `up`, in the pods of every revision of every model."""
    return f'{{__name__=~"up|{metrics.requests or DEFAULT_REQUESTS}",pod=~"{_REVISION_POD}"}}'


def selector_of(metrics: RuntimeMetrics, namespace: str, name: str) -> str:
    """Return the same selector for the pods of one model only."""
    families = f"up|{metrics.requests or DEFAULT_REQUESTS}"
    return f'{{__name__=~"{families}",namespace="{namespace}",pod=~"{name}-[0-9a-f]{{10}}-.+"}}'


def revision_of(labels: Mapping[str, str], namespace: str, name: str, revisions: Iterable[str]) -> str | None:
    """Return the revision whose pod a series or target belongs to, or None when to none."""
    if labels.get("namespace") != namespace:
        return None
    pod = labels.get("pod", "")
    return next((revision for revision in revisions if pod.startswith(f"{name}-{revision}-")), None)


def is_error(labels: Mapping[str, str], metrics: RuntimeMetrics) -> bool:
    """Tell whether a series counts failed answers."""
    status = labels.get(metrics.status_label or DEFAULT_STATUS_LABEL, "")
    return re.fullmatch(metrics.errors or DEFAULT_ERRORS, status) is not None
