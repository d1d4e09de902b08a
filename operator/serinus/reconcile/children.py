"""Reads everything that belongs to one ModelDeployment, in one go."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serinus.api.v1alpha1 import Route
from serinus.cluster import resources
from serinus.cluster.client import ApiError, Cluster
from serinus.desired import labels, revision
from serinus.rollout.observation import Autoscaler, Workload
from serinus.traffic import gateway_api

Manifest = dict[str, Any]


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
    route: Manifest | None
    controller: str
    """Controller of the Gateway's class; empty when there is no Gateway."""
    gateway_problem: str = ""


async def read(cluster: Cluster, namespace: str, name: str, uid: str, route: Route | None) -> Children:
    """Return the children of a ModelDeployment.

    Records of a former one of the same name are left out: its promotions are not ours.

    Raises:
        ApiError: a part could not be read; a part is never mistaken for the whole.
    """
    selector = labels.selector_text(name)
    lists = asyncio.gather(
        cluster.find(resources.CONTROLLER_REVISION, namespace, selector),
        cluster.find(resources.DEPLOYMENT, namespace, selector),
        cluster.find(resources.SERVICE, namespace, selector),
        cluster.find(resources.CONFIG_MAP, namespace, selector),
        cluster.find(resources.POD, namespace, selector),
        cluster.find(resources.ENDPOINT_SLICE, namespace, f"kubernetes.io/service-name={name}"),
    )
    guards = asyncio.gather(
        cluster.find(resources.AUTOSCALER, namespace, selector),
        cluster.find(resources.DISRUPTION_BUDGET, namespace, selector),
    )
    singles = asyncio.gather(cluster.get(resources.HTTP_ROUTE, namespace, name), _gateway(cluster, namespace, route))
    (
        (found, deployments, services, config_maps, pods, slices),
        (autoscalers, budgets),
        (http_route, gateway),
    ) = await asyncio.gather(lists, guards, singles)
    controller, problem = gateway
    return Children(
        revisions={stored.hash: stored for stored in (revision.read(item) for item in found if owned(item, uid))},
        deployments=_by_name(deployments),
        services=_by_name(services),
        config_maps=_by_name(config_maps),
        autoscalers=_by_name(autoscalers),
        budgets=_by_name(budgets),
        pods=tuple(pods),
        endpoints=_endpoints(slices, pods),
        route=http_route,
        controller=controller or _seen_controller(http_route),
        gateway_problem=problem,
    )


async def _gateway(cluster: Cluster, namespace: str, route: Route | None) -> tuple[str, str]:
    """Return the controller of the Gateway that a route names, and what is wrong with it."""
    if route is None:
        return "", ""
    space, name = gateway_api.gateway_of(route, namespace)
    try:
        gateway = await cluster.get(resources.GATEWAY, space, name)
        if gateway is None:
            return (
                "",
                f"spec.route.gateway: there is no Gateway {name} in namespace {space}, or the Gateway API is not installed",
            )
        kind = await cluster.get(resources.GATEWAY_CLASS, "", gateway["spec"]["gatewayClassName"])
    except ApiError as error:
        if error.status == 403:  # served by namespace only: the route's own status must do
            return "", ""
        raise
    return (
        (kind["spec"]["controllerName"], "")
        if kind
        else ("", f"Gateway {name} names a GatewayClass that does not exist")
    )


def _seen_controller(route: Manifest | None) -> str:
    parents = (route or {}).get("status", {}).get("parents", [])
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


def workloads(children: Children) -> dict[str, Workload]:
    """Return the pods of every revision, counted."""
    deployments = {item["metadata"]["labels"][labels.REVISION]: item for item in children.deployments.values()}
    autoscalers = {item["metadata"]["labels"][labels.REVISION]: item for item in children.autoscalers.values()}
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
        if _is_ready(pod)
        and "deletionTimestamp" not in pod["metadata"]
        and pod["metadata"]["labels"].get(labels.REVISION) in revisions
    )


def _workload(deployment: Manifest | None, pods: list[Manifest], autoscaler: Manifest | None) -> Workload:
    containers = [status for pod in pods for status in pod.get("status", {}).get("containerStatuses", [])]
    problems = sorted({problem for pod in pods if (problem := _problem(pod))})
    unmade = _condition(deployment or {}, "ReplicaFailure")
    if unmade.get("status") == "True":  # a quota, or an admission webhook
        problems.append(f"{unmade['reason']}: {unmade.get('message', '')}")
    scaling = _condition(autoscaler or {}, "ScalingActive")
    return Workload(
        replicas=deployment["spec"].get("replicas", 1) if deployment else 0,
        ready=sum(_is_ready(pod) for pod in pods),
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


def _is_ready(pod: Manifest) -> bool:
    return _condition(pod, "Ready").get("status") == "True"


def _problem(pod: Manifest) -> str:
    """What a pod waits for, in the words of Kubernetes."""
    status = pod.get("status", {})
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        state = container.get("state", {})
        waiting = state.get("waiting") or {}
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return f"{container['name']}: {waiting['reason']}: {waiting.get('message', '')}".strip(": ")
        ended = state.get("terminated")
        if ended and ended.get("exitCode"):
            return f"{container['name']}: exit code {ended['exitCode']} {ended.get('reason', '')}".strip()
    scheduled = _condition(pod, "PodScheduled")
    return (
        f"{scheduled.get('reason', '')}: {scheduled.get('message', '')}" if scheduled.get("status") == "False" else ""
    )
