"""The way out of a route: it lets nobody in any more before it goes.

A deleted ModelDeployment is gone at once. Its route stays, since it also belongs to its
namespace, until the operator has closed it, the gateway has followed, and the operator
deletes it. Services and pods go after the route.
"""

from typing import Any

from serinus.api.timestamps import parse, render
from serinus.api.v1alpha1 import KIND
from serinus.cluster import resources
from serinus.cluster.client import Cluster
from serinus.desired import labels, owner
from serinus.traffic import gateway_api

Manifest = dict[str, Any]

CLOSED_FOR = 2.0
"""Seconds from closing a route, which the gateway has accepted by then, until it goes."""
PATIENCE = 10.0
"""Seconds after which it goes although the gateway has not accepted that."""


async def let_go(cluster: Cluster, route: Manifest | None, now: float, user: str) -> bool:
    """Bring a route that no ModelDeployment wants a step further; return whether there is one.

    `user` is the uid of the ModelDeployment that wants it, or empty.

    Raises:
        ApiError: it could not be written; a conflict means that it is gone already.
    """
    if route is None or not _ours(route) or _used(route, user):
        return False
    since = _closed_since(route)
    if since is None and _known(route):
        await cluster.apply(gateway_api.closed(route, render(now)))
    elif since is None or _followed(route, now - since):
        metadata = route["metadata"]
        await cluster.delete(resources.of(route), metadata["namespace"], metadata["name"], metadata["uid"])
    return True


def _ours(route: Manifest) -> bool:
    """Tell whether the operator made a route: a person's may have its labels, and other owners or none."""
    made_here = route["metadata"].get("labels", {}).get(labels.MANAGED_BY) == labels.MANAGER
    owners = {reference["kind"] for reference in route["metadata"].get("ownerReferences", [])}
    return made_here and bool(owners) and owners <= {KIND, owner.NAMESPACE}


def _used(route: Manifest, user: str) -> bool:
    return any(reference["uid"] == user for reference in route["metadata"]["ownerReferences"])


def _known(route: Manifest) -> bool:
    """Tell whether a gateway has ever looked at a route; else nobody came through it."""
    return bool(route.get("status", {}).get("parents"))


def _closed_since(route: Manifest) -> float | None:
    try:
        at = parse(route["metadata"].get("annotations", {}).get(gateway_api.CLOSED_AT))
    except ValueError:  # somebody wrote something else there
        return None
    return at if isinstance(at, float) else None


def _followed(route: Manifest, seconds: float) -> bool:
    """Tell whether the gateway has had the time to follow, `seconds` after the route was closed."""
    parents = route.get("status", {}).get("parents") or [{}]
    live = gateway_api.read(route["metadata"]["name"], route, str(parents[0].get("controllerName"))).live
    return seconds >= (CLOSED_FOR if live else PATIENCE)
