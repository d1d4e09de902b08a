"""Counters of the Envoy proxies behind an Envoy Gateway.

Each backend of a rule that carries a filter is an Envoy cluster of its own, named by its
place: `httproute/<namespace>/<route>/rule/0/backend/<place>`. The proxies count every
answer and every refused connection, so they judge any container.
"""

from collections.abc import Mapping

CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
MILLISECONDS = 0.001
"""Envoy measures in milliseconds."""
LATENCY = "envoy_cluster_upstream_rq_time"
_FAMILIES = "up|envoy_cluster_upstream_rq_(xx|total)"
"""`_xx` counts answers by class from the first one on; `_total` is there as soon as the backend is."""
_LATENCY_FAMILIES = f"up|{LATENCY}(_bucket)?"
"""The bucket without a bound counts all requests, so `_count` is not needed."""
_USEFUL = r"|[1-9][0-9]{0,4}(\\.[0-9]+)?|\\+Inf"
"""Bounds from 1 ms to below 100 s; Prometheus writes 25 as `25.0`, before version 3 as `25`."""
_ROUTES = "httproute/.+"

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


def clusters(namespace: str, route: str) -> tuple[str, str]:
    """Return the names of a route's clusters, by their place."""
    prefix = f"httproute/{namespace}/{route}/rule/0/backend/"
    return f"{prefix}0", f"{prefix}1"


def place(labels: Mapping[str, str], namespace: str, route: str) -> int | None:
    """Return which backend of a route a series belongs to, or None when to none."""
    cluster, names = labels.get("envoy_cluster_name", ""), clusters(namespace, route)
    return names.index(cluster) if cluster in names else None


def route(cluster: str) -> tuple[str, str] | None:
    """Return namespace and name of the route that a cluster belongs to, or None when to none."""
    parts = cluster.split("/")
    named = len(parts) == 7 and parts[0] == "httproute" and parts[3:6] == ["rule", "0", "backend"]
    return (parts[1], parts[2]) if named else None


def counts(labels: Mapping[str, str]) -> bool:
    """Tell whether a series counts answers."""
    return labels.get("__name__") == "envoy_cluster_upstream_rq_xx"


def is_error(labels: Mapping[str, str]) -> bool:
    """Tell whether a series counts failed answers."""
    return labels.get("envoy_response_code_class") == "5"


def _narrowed(selector: str, namespace: str, name: str) -> str:
    return selector.replace(_ROUTES, f"httproute/{namespace}/{name}/rule/0/backend/[01]")
