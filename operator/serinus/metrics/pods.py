"""Request counters that model containers expose by themselves."""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache

from serinus.api.protocol import Protocol
from serinus.api.runtime import Exclusion, LatencyUnit, RequestMetrics, RuntimeMetrics

DEFAULT_REQUESTS = "http_requests_total"
DEFAULT_STATUS_LABEL = "status"
DEFAULT_ERRORS = "5.."
DEFAULT_LATENCY = "http_request_duration_seconds"
_GRPC = {
    "requests": "grpc_server_handled_total",
    "status_label": "grpc_code",
    "errors": "(?i)unknown|deadline_?exceeded|resource_?exhausted|aborted|unimplemented|internal|unavailable|data_?loss",
    "latency": "grpc_server_handling_seconds",
    "exclude": Exclusion(label="grpc_service", values=r"grpc\.health\.v1\.Health"),
}
"""What the Prometheus interceptors of gRPC count, go-grpc-middleware (grpc_code="DataLoss") and py-grpc-prometheus ("DATA_LOSS").

The other codes are callers' mistakes. The health service is what probes call.
"""
_SECONDS = {LatencyUnit.SECONDS: 1.0, LatencyUnit.MILLISECONDS: 1e-3, LatencyUnit.MICROSECONDS: 1e-6}
_REVISION_POD = "[a-z][-a-z0-9]*-[0-9a-f]{10}-[-a-z0-9]+"
"""Kubernetes cuts the name that a pod's is made from at 58 characters: of what follows the
revision nothing is certain but the random end."""
_REVISION = re.compile("[0-9a-f]{10}")


def of_protocols(metrics: RuntimeMetrics, protocols: Collection[Protocol]) -> RuntimeMetrics:
    """Return the counters of a container that serves some protocols; what it does not serve would only dilute."""
    if metrics.grpc is None or Protocol.GRPC not in protocols:
        return metrics.model_copy(update={"grpc": None})
    if Protocol.HTTP in protocols:
        return metrics
    return RuntimeMetrics(port=metrics.port, path=metrics.path, **dict(_named(metrics.grpc)))


@cache
def parts(metrics: RuntimeMetrics) -> tuple[RequestMetrics, ...]:
    """Return the counters of each protocol."""
    return (metrics, _named(metrics.grpc)) if metrics.grpc else (metrics,)


def _named(grpc: RequestMetrics) -> RequestMetrics:
    """Return the counters of gRPC with the usual names where there are none."""
    return grpc.model_copy(update={name: value for name, value in _GRPC.items() if getattr(grpc, name) is None})


def requests(metrics: RequestMetrics) -> tuple[str, ...]:
    """Return the names of the request counters: one with a status, or one for the fine and one for the failed."""
    return metrics.requests or DEFAULT_REQUESTS, *([metrics.failures] if metrics.failures else [])


def latency(metrics: RequestMetrics) -> str:
    """Return the base name of the histogram of durations, in seconds."""
    return metrics.latency or DEFAULT_LATENCY


def unit(metrics: RequestMetrics) -> float:
    """Return the seconds in the unit of the histogram's bounds."""
    return _SECONDS[metrics.latency_unit or LatencyUnit.SECONDS]


def selector(*families: str) -> str:
    """Return the selector of families, and of `up`, in the pods of every revision of every model."""
    return f'{{__name__=~"{_joined(families)}",pod=~"{_REVISION_POD}"}}'


def selector_of(namespace: str, name: str, *families: str) -> str:
    """Return the same selector for the pods of one model only."""
    return f'{{__name__=~"{_joined(families)}",namespace="{namespace}",pod=~"{name}-[0-9a-f]{{10}}-.+"}}'


def histograms(metrics: RequestMetrics) -> tuple[str, str]:
    """Return the families of the histogram of durations: a native one, and the buckets of a classic one."""
    return latency(metrics), f"{latency(metrics)}_bucket"


def models(pod: str) -> list[str]:
    """Return the names of the models that a pod may belong to: a replica set's hash can look like a revision."""
    parts = pod.split("-")
    return ["-".join(parts[:place]) for place in range(1, len(parts) - 1) if _REVISION.fullmatch(parts[place])]


def revision_of(labels: Mapping[str, str], namespace: str, name: str, revisions: Iterable[str]) -> str | None:
    """Return the revision whose pod a series or target belongs to, or None when to none."""
    if labels.get("namespace") != namespace:
        return None
    pod = labels.get("pod", "")
    return next((revision for revision in revisions if pod.startswith(f"{name}-{revision}-")), None)


def is_error(labels: Mapping[str, str], metrics: RequestMetrics) -> bool:
    """Tell whether a series counts failed answers."""
    if metrics.failures:
        return labels.get("__name__") == metrics.failures
    status = labels.get(metrics.status_label or DEFAULT_STATUS_LABEL, "")
    return re.fullmatch(metrics.errors or DEFAULT_ERRORS, status) is not None


def counts(labels: Mapping[str, str], metrics: RequestMetrics) -> bool:
    """Tell whether a series is about users' requests; a target's label of the same name renames the container's."""
    if metrics.exclude is None:
        return True
    name = metrics.exclude.label
    value = labels.get(f"exported_{name}", labels.get(name, ""))
    return re.fullmatch(metrics.exclude.values, value) is None


def _joined(families: Iterable[str]) -> str:
    return "|".join(dict.fromkeys(("up", *families)))
