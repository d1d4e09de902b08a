"""Reads everything that belongs to one ModelDeployment, in one go."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from serinus.api.protocol import Protocol
from serinus.api.v1alpha1 import Route
from serinus.cluster import resources
from serinus.desired import labels, revision
from serinus.reconcile import podwords
from serinus.reconcile.gateways import Controller, Gateways
from serinus.reconcile.snapshot import Snapshot
from serinus.rollout.observation import Autoscaler, Workload
from serinus.traffic import gateway_api

Manifest = dict[str, Any]

LISTED = (
    resources.CONTROLLER_REVISION,
    resources.DEPLOYMENT,
    resources.SERVICE,
    resources.CONFIG_MAP,
    resources.POD,
    resources.ENDPOINT_SLICE,
    resources.AUTOSCALER,
    resources.DISRUPTION_BUDGET,
)
"""The kinds of children of which there may be several. All of them carry the model's label."""
WATCHED = (*LISTED, *resources.ROUTES.values(), resources.TLS_POLICY)


@dataclass(frozen=True, slots=True)
class Children:
    """The live objects of one ModelDeployment."""

    revisions: Mapping[str, revision.Revision]
    deployments: Mapping[str, Manifest]
    """By name, like all of these."""
    services: Mapping[str, Manifest]
    config_maps: Mapping[str, Manifest]
    autoscalers: Mapping[str, Manifest]
    budgets: Mapping[str, Manifest]
    pods: tuple[Manifest, ...]
    endpoints: Mapping[str, int]
    """Ready endpoints of the model's own Service, by revision."""
    routes: Mapping[Protocol, Manifest]
    """Those of the model's name, whoever owns them."""
    controller: str
    """Controller of the Gateway's class; empty when there is no Gateway."""
    gateway_problem: str = ""
    features: frozenset[str] = frozenset()
    """What the Gateway's class says it supports; empty where it says nothing."""
    tls_policies: Mapping[str, Manifest] = field(default_factory=dict)
    """Those of the model's label; of a model without `runtime.tls` they are not asked for."""

    def served(self, *names: str) -> frozenset[Protocol]:
        """Return the protocols that all of some revisions serve; one that is not on record takes none away."""
        known = (self.revisions[name].protocols for name in names if name in self.revisions)
        return frozenset(Protocol).intersection(*known)

    def encrypted(self, name: str) -> bool:
        """Tell whether a revision answers HTTPS."""
        return name in self.revisions and self.revisions[name].tls is not None


async def read(snapshot: Snapshot, gateways: Gateways, name: str, uid: str, route: Route | None) -> Children:
    """Return the children of a ModelDeployment.

    Those of others and of a former one of the same name are left out: its promotions are not ours.

    Raises:
        ApiError: a part could not be read; a part is never mistaken for the whole.
    """
    selector = labels.selector_text(name)
    selectors = dict.fromkeys(LISTED, selector) | {resources.ENDPOINT_SLICE: f"kubernetes.io/service-name={name}"}
    found, deployments, services, config_maps, pods, slices, autoscalers, budgets = await snapshot.find(selectors)
    routes = await _routes(snapshot, name)
    gateway = await _gateway(gateways, snapshot.namespace, route)
    revisions = {stored.hash: stored for stored in (revision.read(item) for item in found if owned(item, uid))}
    encrypted = route and any(stored.tls for stored in revisions.values())
    (policies,) = await snapshot.find({resources.TLS_POLICY: selector}) if encrypted else [[]]

    def ours(items: list[Manifest]) -> dict[str, Manifest]:
        return _by_name([item for item in items if owned(item, uid)])

    return Children(
        revisions=revisions,
        deployments=ours(deployments),
        services=ours(services),
        config_maps=_by_name(config_maps),
        autoscalers=ours(autoscalers),
        budgets=ours(budgets),
        pods=tuple(pods),
        endpoints=_endpoints(slices, pods),
        routes=routes,
        controller=gateway.name or _seen_controller(routes),
        gateway_problem=gateway.problem,
        features=gateway.features,
        tls_policies=_by_name(policies),
    )


async def _routes(snapshot: Snapshot, name: str) -> dict[Protocol, Manifest]:
    """Both answers are waited for: one that came after the snapshot was forgotten would be kept as news."""
    reads = (snapshot.get(kind, name) for kind in resources.ROUTES.values())
    routes = {}
    for protocol, answer in zip(resources.ROUTES, await asyncio.gather(*reads, return_exceptions=True), strict=True):
        if isinstance(answer, BaseException):
            raise answer
        if answer:
            routes[protocol] = answer
    return routes


async def _gateway(gateways: Gateways, namespace: str, route: Route | None) -> Controller:
    return await gateways.controller(*gateway_api.gateway_of(route, namespace)) if route else Controller()


def _seen_controller(routes: Mapping[Protocol, Manifest]) -> str:
    parents = [parent for route in routes.values() for parent in route.get("status", {}).get("parents", [])]
    return str(parents[0]["controllerName"]) if parents else ""


def _by_name(manifests: list[Manifest]) -> dict[str, Manifest]:
    return {manifest["metadata"]["name"]: manifest for manifest in manifests}


def _endpoints(slices: list[Manifest], pods: list[Manifest]) -> dict[str, int]:
    revisions = {pod["metadata"]["name"]: pod["metadata"]["labels"].get(labels.REVISION, "") for pod in pods}
    ready = Counter(
        revisions.get(endpoint.get("targetRef", {}).get("name", ""), "")
        for part in slices
        for endpoint in part.get("endpoints") or []
        if endpoint.get("conditions", {}).get("ready")
    )
    return dict(ready)


def owned(live: Manifest, uid: str) -> bool:
    """Tell whether an object belongs to the ModelDeployment with this uid."""
    references = live["metadata"].get("ownerReferences", [])
    return any(reference["uid"] == uid and reference.get("controller") for reference in references)


def left_behind(live: Manifest) -> bool:
    """Tell whether an object is the child of a ModelDeployment that is gone, and kept by another owner."""
    metadata = live["metadata"]
    references = metadata.get("ownerReferences", [])
    made_here = metadata.get("labels", {}).get(labels.MANAGED_BY) == labels.MANAGER
    return made_here and bool(references) and not any(reference.get("controller") for reference in references)


def workloads(children: Children) -> dict[str, Workload]:
    """Return the pods of every revision, counted."""
    deployments = {item["metadata"]["labels"].get(labels.REVISION, ""): item for item in children.deployments.values()}
    autoscalers = {item["metadata"]["labels"].get(labels.REVISION, ""): item for item in children.autoscalers.values()}
    pods: dict[str, list[Manifest]] = {}
    for pod in children.pods:
        if "deletionTimestamp" not in pod["metadata"]:
            pods.setdefault(pod["metadata"]["labels"].get(labels.REVISION, ""), []).append(pod)
    return {
        name: _workload(deployments.get(name), pods.get(name, []), autoscalers.get(name))
        for name in {*deployments, *pods}
    }


def ready_pods(children: Children, revisions: set[str]) -> frozenset[str]:
    """Return the names of the ready pods of some revisions."""
    return frozenset(
        pod["metadata"]["name"]
        for pod in children.pods
        if is_ready(pod)
        and "deletionTimestamp" not in pod["metadata"]
        and pod["metadata"]["labels"].get(labels.REVISION) in revisions
    )


def _workload(deployment: Manifest | None, pods: list[Manifest], autoscaler: Manifest | None) -> Workload:
    containers = [status for pod in pods for status in pod.get("status", {}).get("containerStatuses", [])]
    problems = sorted({problem for pod in pods if (problem := podwords.problem(pod, ready=is_ready(pod)))})
    unmade = _condition(deployment or {}, "ReplicaFailure")
    if unmade.get("status") == "True":  # a quota, or an admission webhook
        problems.append(f"{unmade['reason']}: {unmade.get('message', '')}")
    scaling = _condition(autoscaler or {}, "ScalingActive")
    return Workload(
        replicas=deployment["spec"].get("replicas", 1) if deployment else 0,
        ready=sum(is_ready(pod) for pod in pods),
        restarts=max((status.get("restartCount", 0) for status in containers), default=0),
        problem="; ".join(problems[:3]),
        digests=frozenset(
            status["imageID"] for status in containers if status.get("imageID") and status["name"] == "model"
        ),
        autoscaler=Autoscaler(scaling["status"] == "True", scaling["reason"], scaling.get("message", ""))
        if scaling
        else None,
    )


def _condition(live: Manifest, kind: str) -> Manifest:
    conditions = live.get("status", {}).get("conditions") or []
    return next((condition for condition in conditions if condition["type"] == kind), {})


def is_ready(pod: Manifest) -> bool:
    """Tell whether a pod takes traffic."""
    return _condition(pod, "Ready").get("status") == "True"
