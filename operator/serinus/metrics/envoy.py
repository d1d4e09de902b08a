"""Counters of the Envoy proxies behind an Envoy Gateway.

Each backend of a rule that carries a filter is an Envoy cluster of its own, named by its
place: `httproute/<namespace>/<route>/rule/0/backend/<place>`, or `grpcroute/...`. The proxies
count every answer and every refused connection, so they judge any container.

An answer of gRPC has the HTTP status 200 whatever comes of it. Envoy Gateway puts Envoy's filter
`grpc_stats` into every listener that has a GRPCRoute (1.9: internal/gatewayapi/route.go), and that
one counts by gRPC's own codes, for each method: `envoy_cluster_grpc_<method>_<code>`. What a proxy
answers by itself, such as UNAVAILABLE for a refused connection, is in there too.
"""

import re
from collections.abc import Mapping

_KINDS = ("httproute", "grpcroute")
CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
MILLISECONDS = 0.001
"""Envoy measures in milliseconds."""
LATENCY = "envoy_cluster_upstream_rq_time"
_CODE = r"envoy_cluster_grpc_(.+_)?[0-9]+"
_FAMILIES = f"up|envoy_cluster_upstream_rq_(xx|total)|{_CODE}"
"""`_xx` counts answers by class from the first one on; `_total` is there as soon as the backend is."""
_FAULTS = frozenset({"2", "4", "8", "10", "12", "13", "14", "15"})
"""gRPC codes that are the server's fault: UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, UNIMPLEMENTED, INTERNAL,
UNAVAILABLE, DATA_LOSS. The others are callers' mistakes."""
_LATENCY_FAMILIES = f"up|{LATENCY}(_bucket)?"
"""The bucket without a bound counts all requests, so `_count` is not needed."""
_USEFUL = r"|[1-9][0-9]{0,4}(\\.[0-9]+)?|\\+Inf"
"""Bounds from 1 ms to below 100 s; Prometheus writes 25 as `25.0`, before version 3 as `25`."""
_ROUTES = "(http|grpc)route/.+"

SELECTOR = f'{{__name__=~"{_FAMILIES}",envoy_cluster_name=~"|{_ROUTES}"}}'
"""The counters of all routes, and in the same answer when each target was scraped."""
LATENCY_SELECTOR = f'{{__name__=~"{_LATENCY_FAMILIES}",envoy_cluster_name=~"|{_ROUTES}",le=~"{_USEFUL}"}}'
"""The same for how long answers took, from classic or native histograms."""


def selector_of(namespace: str, route: str) -> str:
    """Return the counters' selector for one route only."""
    return _narrowed(SELECTOR, namespace, route)


def latency_selector_of(namespace: str, route: str) -> str:
    """Return the histograms' selector for one route only."""
    return _narrowed(LATENCY_SELECTOR, namespace, route)


def clusters(namespace: str, route: str) -> dict[str, int]:
    """Return the clusters of the routes of a name, of both kinds, with their place."""
    prefixes = [f"{kind}/{namespace}/{route}/rule/0/backend/" for kind in _KINDS]
    return {f"{prefix}{place}": place for prefix in prefixes for place in (0, 1)}


def route(cluster: str) -> tuple[str, str] | None:
    """Return namespace and name of the route that a cluster belongs to, or None when to none."""
    parts = cluster.split("/")
    named = len(parts) == 7 and parts[0] in _KINDS and parts[3:6] == ["rule", "0", "backend"]
    return (parts[1], parts[2]) if named else None


def is_grpc(labels: Mapping[str, str]) -> bool:
    """Tell whether a series is about a GRPCRoute."""
    return labels.get("envoy_cluster_name", "").startswith("grpcroute/")


def has_code(labels: Mapping[str, str]) -> bool:
    """Tell whether a series counts the answers of a gRPC code."""
    return re.fullmatch(_CODE, labels.get("__name__", "")) is not None


def counts(labels: Mapping[str, str]) -> bool:
    """Tell whether a series counts answers.

    Behind a GRPCRoute what is no gRPC counts as well: a 4xx of a server that speaks something else. Its 5xx cannot be
    told from those that the proxy counts a second time, by their gRPC code.
    """
    by_class = labels.get("__name__") == "envoy_cluster_upstream_rq_xx"
    if is_grpc(labels):
        return has_code(labels) or (by_class and labels.get("envoy_response_code_class") == "4")
    return by_class


def is_error(labels: Mapping[str, str]) -> bool:
    """Tell whether a series counts failed answers."""
    if is_grpc(labels):
        return not has_code(labels) or labels["__name__"].rpartition("_")[2] in _FAULTS
    return labels.get("envoy_response_code_class") == "5"


def called(labels: Mapping[str, str]) -> bool:
    """Tell whether a series counts answers of which the gRPC code must be counted as well."""
    by_class = labels.get("__name__") == "envoy_cluster_upstream_rq_xx"
    return by_class and is_grpc(labels) and labels.get("envoy_response_code_class") == "2"


def _narrowed(selector: str, namespace: str, name: str) -> str:
    return selector.replace(_ROUTES, f"(http|grpc)route/{namespace}/{name}/rule/0/backend/[01]")
