"""Counters of the Envoy proxies behind an Envoy Gateway.

Each backend of a rule that carries a filter is an Envoy cluster of its own, named by its
place: `httproute/<namespace>/<route>/rule/0/backend/<place>`. The proxies count every
answer and every refused connection, so they judge any container.
"""

from collections.abc import Mapping

CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
_FAMILIES = "up|envoy_cluster_upstream_rq_(xx|total)"
"""`_xx` counts answers by class from the first one on; `_total` is there as soon as the backend is."""

SELECTOR = f'{{__name__=~"{_FAMILIES}",envoy_cluster_name=~"|httproute/.+"}}'
"""The counters of all routes, and in the same answer when each target was scraped."""


def selector_of(namespace: str, route: str) -> str:
    """Return the same selector for one route only."""
    return SELECTOR.replace("httproute/.+", f"httproute/{namespace}/{route}/rule/0/backend/[01]")


def place(labels: Mapping[str, str], namespace: str, route: str) -> int | None:
    """Return which backend of a route a series belongs to, or None when to none."""
    prefix = f"httproute/{namespace}/{route}/rule/0/backend/"
    cluster = labels.get("envoy_cluster_name", "")
    return int(cluster[-1]) if cluster.startswith(prefix) and cluster[len(prefix) :] in {"0", "1"} else None


def counts(labels: Mapping[str, str]) -> bool:
    """Tell whether a series counts answers."""
    return labels.get("__name__") == "envoy_cluster_upstream_rq_xx"


def is_error(labels: Mapping[str, str]) -> bool:
    """Tell whether a series counts failed answers."""
    return labels.get("envoy_response_code_class") == "5"
