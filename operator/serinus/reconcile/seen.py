"""The split that the cluster shows: by the model's routes, or by the endpoints of its Service."""

from collections.abc import Mapping
from dataclasses import replace

from serinus.api.protocol import Protocol
from serinus.api.status import RolloutState
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.reconcile.children import Children, owned
from serinus.rollout.exposure import behind_service
from serinus.rollout.observation import Workload
from serinus.traffic import gateway_api, replica_ratio
from serinus.traffic.split import PENDING, SeenSplit, together


def routed(spec: ModelDeploymentSpec, state: RolloutState, children: Children) -> tuple[Protocol, ...]:
    """Return the protocols that shall have a route; all of them while the record of stable is not there to tell."""
    if spec.route is None:
        return ()
    if state.control not in children.revisions:
        return tuple(Protocol)
    live = spec.route.routed(children.served(state.control, state.candidate))
    return live or spec.route.routed(children.served(state.control))


def seen_split(  # noqa: PLR0913, PLR0917 - what a split is seen by
    name: str,
    uid: str,
    spec: ModelDeploymentSpec,
    state: RolloutState,
    children: Children,
    workloads: Mapping[str, Workload],
) -> SeenSplit:
    """Return the split of a model; `uid` is the ModelDeployment's."""
    if spec.route is None:
        behind = behind_service(spec, state, gateway=False)
        pods = {revision: max(1, workloads.get(revision, Workload()).ready) for revision in behind}
        return replica_ratio.read(children.endpoints, pods)
    found = []
    for protocol in routed(spec, state, children):
        live = children.routes.get(protocol)
        if live is None or not owned(live, uid):
            reason = "GatewayMissing" if children.gateway_problem else PENDING
            problem = f"there is no {gateway_api.KINDS[protocol]} yet"
            found.append(SeenSplit({}, live=False, reason=reason, problem=problem))
        else:
            found.append(_explained(gateway_api.read(name, live, children.controller), protocol, children))
    return together(found)


def _explained(split: SeenSplit, protocol: Protocol, children: Children) -> SeenSplit:
    """Say why a gateway may never look at a route."""
    kind = gateway_api.KINDS[protocol]
    if split.reason != PENDING or not children.features or kind in children.features:
        return split
    return replace(split, problem=f"{split.problem}: its GatewayClass lists no {kind} among its supportedFeatures")
