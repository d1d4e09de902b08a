"""Makes the children of one ModelDeployment what its state says, in the order that drops nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serinus.api.protocol import Protocol
from serinus.api.status import RolloutState
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.cluster import resources
from serinus.cluster.client import ApiError, Cluster
from serinus.desired import autoscaler, budget, deployment, labels, names, owner, revision, service, tls_policy
from serinus.reconcile.applier import Absent, Applier, Foreign, Pending
from serinus.reconcile.children import Children, owned
from serinus.reconcile.seen import routed
from serinus.rollout.capacity import Size, sizes
from serinus.rollout.exposure import behind_service, split
from serinus.rollout.observation import Observation
from serinus.traffic import gateway_api

Manifest = dict[str, Any]
KEPT_REVISIONS = 10
"""Past revisions whose records are kept; a returning one is made anew from its record."""


@dataclass(frozen=True, slots=True)
class World:
    """The children that one state wants, and the ones that are there."""

    cluster: Cluster
    applier: Applier
    namespace: str
    name: str
    parent: owner.Owner
    spec: ModelDeploymentSpec
    children: Children
    term: int
    """Which leader writes: the number of times that the lead has changed, 0 without a Lease."""
    now: float

    async def put_right(
        self, state: RolloutState, seen: Observation, revisions: Mapping[str, revision.Revision]
    ) -> None:
        """Apply everything: pods before traffic, traffic before pods go, an autoscaler before its pods.

        Raises:
            Foreign, Pending: a name is taken.
            Absent: the cluster has no kind of route for a protocol.
            ApiError: the API server refused something or could not be asked.
        """
        live = [revisions[name] for name in (state.control, state.candidate) if name in revisions]
        if not live:
            return
        wanted = sizes(self.spec, state, seen, self.now)
        for item in live:
            await self._revision(item)
            await self._scale_up(item.hash, wanted[item.hash])
        await self.move_traffic(state, seen)
        for item in live:
            await self._autoscale(item.hash, wanted[item.hash])
            await self._scale_down(item.hash, wanted[item.hash])
            await self._budget(item.hash, wanted[item.hash])
        await self._prune({item.hash for item in live}, state, revisions)

    async def _revision(self, item: revision.Revision) -> None:
        for copy in revision.copies(self.namespace, self.name, item):
            await self.applier.apply(copy, self.children.config_maps.get(copy["metadata"]["name"]))
        name = names.of_revision(self.name, item.hash)
        wanted = service.of_revision(
            self.name, self.namespace, item.hash, item.protocols, self.parent, self._route_owners, tls=bool(item.tls)
        )
        own = await self.applier.apply(wanted, self.children.services.get(name))
        if item.tls and self.spec.route:
            policy = tls_policy.tls_policy(self.name, self.namespace, item.hash, item.tls, owner.of(own))
            await self.applier.apply(policy, self.children.tls_policies.get(name))
        pods = deployment.deployment(self.name, self.namespace, item, self.parent, owner.of(own))
        await self.applier.apply(pods, self.children.deployments.get(name))

    async def _scale_up(self, item: str, wanted: Size) -> None:
        """Raise to what is needed at once; an autoscaler of ours would do the same at its next turn."""
        if wanted.pods > self._pods(item):
            await self._scale(item, wanted)

    async def _scale_down(self, item: str, wanted: Size) -> None:
        if wanted.most is None and wanted.pods < self._pods(item):
            await self._scale(item, wanted)

    async def _scale(self, item: str, wanted: Size) -> None:
        """Set the size, unless somebody else's autoscaler does: it is asked for only before a change."""
        name = names.of_revision(self.name, item)
        if self.spec.autoscaling is None and name in self.children.deployments:
            others = await self.cluster.find(resources.AUTOSCALER, self.namespace)
            if any(_targets(other, name) and not owned(other, self.parent.uid) for other in others):
                return
        await self.applier.scale(self.namespace, name, wanted.pods, self.children.deployments.get(name))

    def _pods(self, item: str) -> int:
        live = self.children.deployments.get(names.of_revision(self.name, item))
        return int(live["spec"].get("replicas", 1)) if live else 1

    async def _autoscale(self, item: str, wanted: Size) -> None:
        live = self.children.autoscalers.get(names.of_revision(self.name, item))
        if self.spec.autoscaling and wanted.most is not None:
            manifest = autoscaler.autoscaler(
                self.name, self.namespace, item, self.parent, self.spec.autoscaling, wanted.pods
            )
            await self.applier.apply(manifest, live)
        elif live and owned(live, self.parent.uid):
            await self.applier.delete(resources.AUTOSCALER, live)

    async def _budget(self, item: str, wanted: Size) -> None:
        """Of one pod alone nothing can be kept."""
        live = self.children.budgets.get(names.of_revision(self.name, item))
        if max(wanted.pods, wanted.most or 0, self._pods(item)) > 1:
            await self.applier.apply(budget.disruption_budget(self.name, self.namespace, item, self.parent), live)
        elif live and owned(live, self.parent.uid):
            await self.applier.delete(resources.DISRUPTION_BUDGET, live)

    async def move_traffic(self, state: RolloutState, seen: Observation, *, fenced: bool = True) -> None:
        """The route first: it is what most callers feel. Only what lowers exposure may go over what others wrote."""
        shares = split(state, is_open=seen.split.open)
        ready = seen.workload(state.control).ready and not self.children.gateway_problem
        if self.spec.route and (self.children.routes or ready):
            protocols = routed(self.spec, state, self.children)
            keeper = await self._keeper()
            wanted = gateway_api.routes(
                self.name, self.namespace, self.spec.route, protocols, shares, self.parent, keeper
            )
            await self._apply_routes({key: self._marked(one, state) for key, one in wanted.items()}, fenced=fenced)
        behind = behind_service(self.spec, state, gateway=seen.gateway)
        selected, served = behind[0] if len(behind) == 1 else None, self.children.served(behind[0])
        tls = self.children.encrypted(behind[0])
        constant = service.constant(
            self.name, self.namespace, selected, served, self.parent, self._route_owners, tls=tls
        )
        await self.applier.apply(self._marked(constant, state), self.children.services.get(self.name), fenced=fenced)

    async def _apply_routes(self, wanted: dict[Protocol, Manifest], *, fenced: bool) -> None:
        """Apply all routes: one that cannot be written keeps no other from being.

        gRPC first: an open HTTPRoute of the same hosts would take its callers.

        Raises:
            Absent, Foreign, Pending, ApiError: the first trouble.
        """
        trouble: Exception | None = None
        for protocol in reversed(wanted):
            try:
                await self.applier.apply(wanted[protocol], self.children.routes.get(protocol), fenced=fenced)
            except (Absent, Foreign, Pending, ApiError) as error:
                trouble = trouble or error
        if trouble:
            raise trouble

    def _marked(self, manifest: Manifest, state: RolloutState) -> Manifest:
        """Mark what splits traffic with the term of the leader: a new leader's mark ends what an older one began."""
        if not (self.term and state.candidate):
            return manifest
        metadata = {**manifest["metadata"], "annotations": {labels.TERM: str(self.term)}}
        return {**manifest, "metadata": metadata}

    async def _keeper(self) -> owner.Owner | None:
        """Return the namespace; without the right to read it the route goes with the model, unclosed."""
        for route in self.children.routes.values():
            if known := owner.keeper(route):
                return known
        try:
            found = await self.cluster.get(resources.NAMESPACE, "", self.namespace)
        except ApiError as error:
            if error.forbidden:
                return None
            raise
        return owner.namespace(self.namespace, found["metadata"]["uid"]) if found else None

    @property
    def _route_owners(self) -> list[owner.Owner]:
        routes = self.children.routes.values() if self.spec.route else ()
        return [owner.of(route) for route in routes if owned(route, self.parent.uid)]

    async def _prune(self, live: set[str], state: RolloutState, revisions: Mapping[str, revision.Revision]) -> None:
        """Let go of pods and Services of revisions without traffic, and of the oldest records."""
        kept = {self.name, *(names.of_revision(self.name, name) for name in live)}
        for resource, found in (
            (resources.AUTOSCALER, self.children.autoscalers),
            (resources.DEPLOYMENT, self.children.deployments),
            (resources.SERVICE, self.children.services),
            (resources.DISRUPTION_BUDGET, self.children.budgets),
        ):
            for name, manifest in found.items():
                if name not in kept:
                    await self.applier.delete(resource, manifest)
        needed = live | {failed.revision for failed in state.failed}
        past = sorted((r for r in revisions.values() if r.hash not in needed), key=lambda r: -r.number)
        for item in past[KEPT_REVISIONS:]:
            name = names.of_revision(self.name, item.hash)
            self.applier.snapshot.outdated(resources.CONTROLLER_REVISION)
            await self.cluster.delete(resources.CONTROLLER_REVISION, self.namespace, name, item.uid)


def _targets(other: Manifest, name: str) -> bool:
    target = other["spec"]["scaleTargetRef"]
    return bool(target["kind"] == "Deployment" and target["name"] == name)
