"""Which controller serves the Gateway that a route names. All models share the answers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from serinus.cluster import resources
from serinus.cluster.client import ApiError, Cluster

FRESHNESS = 5.0
"""Seconds for which an answer stands."""


@dataclass(frozen=True, slots=True)
class Controller:
    """The controller of a Gateway's class, or what is wrong with the Gateway."""

    name: str = ""
    problem: str = ""
    features: frozenset[str] = frozenset()
    """What the class says it supports of the Gateway API; empty where it says nothing."""


@dataclass(slots=True)
class Gateways:
    """The Gateways of one cluster. `clock` is a monotonic clock in seconds."""

    cluster: Cluster
    clock: Callable[[], float]
    _known: dict[tuple[str, str], tuple[float, asyncio.Task[Controller]]] = field(default_factory=dict)

    async def controller(self, namespace: str, name: str) -> Controller:
        """Return who serves a Gateway; both parts are empty where that may not be read.

        Raises:
            ApiError: the API server could not be asked.
        """
        asked, question = self._known.get((namespace, name), (0.0, None))
        now = self.clock()
        if question is None or now - asked > FRESHNESS or (question.done() and question.exception()):
            question = asyncio.create_task(self._ask(namespace, name))
            self._known[namespace, name] = now, question
        return await asyncio.shield(question)  # one of many who wait may be cancelled

    async def _ask(self, namespace: str, name: str) -> Controller:
        try:
            gateway = await self.cluster.get(resources.GATEWAY, namespace, name)
            if gateway is None:
                return Controller(
                    problem=f"spec.route.gateway: there is no Gateway {name} in namespace {namespace}, "
                    "or the Gateway API is not installed"
                )
            kind = await self.cluster.get(resources.GATEWAY_CLASS, "", gateway["spec"]["gatewayClassName"])
        except ApiError as error:
            if error.forbidden:  # served by namespace only: the route's own status must do
                return Controller()
            raise
        if kind is None:
            return Controller(problem=f"Gateway {name} names a GatewayClass that does not exist")
        features = (feature["name"] for feature in kind.get("status", {}).get("supportedFeatures") or [])
        return Controller(kind["spec"]["controllerName"], features=frozenset(features))
