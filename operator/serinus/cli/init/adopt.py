"""A manifest that serves what a Deployment serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from serinus.api.protocol import Protocol
from serinus.api.v1alpha1 import MAX_NAME
from serinus.cli.init import fresh, surroundings
from serinus.cli.trouble import Exit, Trouble, nearest
from serinus.desired import pod

Manifest = dict[str, Any]
_OWN_FIELDS = {"image": "image", "command": "command", "args": "args", "env": "env", "resources": "resources"}
_PROBES = {"readinessProbe": "readiness", "livenessProbe": "liveness", "startupProbe": "startup"}
_DEFAULTS: Manifest = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "imagePullPolicy": "IfNotPresent",
}
"""What the API server fills in by itself."""
_OF_A_ROLLOUT = ("kubectl.kubernetes.io/restartedAt",)
"""Annotations that say nothing about the pods."""


@dataclass(frozen=True, slots=True)
class Found:
    """A Deployment and what is around it in its namespace."""

    deployment: Manifest
    services: Sequence[Manifest] = ()
    routes: Sequence[Manifest] = ()
    autoscalers: Sequence[Manifest] = ()

    @property
    def template(self) -> Manifest:
        """Return its pod template."""
        found: Manifest = self.deployment["spec"]["template"]
        return found

    @property
    def in_front(self) -> list[Manifest]:
        """Return the Services that select its pods."""
        labels = (self.template.get("metadata") or {}).get("labels") or {}
        selectors = ((service, service["spec"].get("selector") or {}) for service in self.services)
        return [service for service, selector in selectors if selector and selector.items() <= labels.items()]


@dataclass(slots=True)
class Adopted:
    """The manifest, and what a person should know of it."""

    manifest: Manifest
    notes: list[str] = field(default_factory=list)


def adopt(found: Found, container: str | None, port: int | None, name: str | None) -> Adopted:
    """Return the ModelDeployment that serves what a Deployment serves.

    Args:
        found: the Deployment and what is around it.
        container: which of its containers answers requests; None where there is one.
        port: where that answers HTTP; None where its ports or a Service say it.
        name: of the ModelDeployment; None for that of the Deployment if no Service and no route has it.

    Raises:
        Trouble: container or port cannot be told.
    """
    metadata = found.deployment["metadata"]
    chosen = _container(found, container)
    where = port or _port(found, chosen)
    adopted = Adopted({})
    runtime = _runtime(chosen, where)
    if template := _template(found, chosen, where, adopted.notes):
        runtime["podTemplate"] = template
    spec: Manifest = {
        **surroundings.size(found.deployment, found.autoscalers, adopted.notes),
        "runtime": runtime,
        **surroundings.route(found.in_front, found.routes, adopted.notes),
    }
    adopted.manifest = fresh.manifest(name or _name(found), metadata.get("namespace"), spec)
    return adopted


def _name(found: Found) -> str:
    own = str(found.deployment["metadata"]["name"])
    taken = {one["metadata"]["name"] for one in (*found.services, *found.routes)}
    return f"{own[: MAX_NAME - len('-model')]}-model" if own in taken else own[:MAX_NAME]


def _container(found: Found, wanted: str | None) -> Manifest:
    containers: list[Manifest] = found.template["spec"]["containers"]
    names = [one["name"] for one in containers]
    if wanted is None and len(containers) > 1:
        raise Trouble(
            f"The Deployment has {len(names)} containers: say with --container which one answers requests ({', '.join(names)})",
            Exit.USAGE,
        )
    chosen = next((one for one in containers if wanted in (None, one["name"])), None)
    if chosen is None:
        raise Trouble(f"The Deployment has no container {wanted!r}: {nearest(str(wanted), names)}", Exit.USAGE)
    return chosen


def _port(found: Found, container: Manifest) -> int:
    ports = {one.get("name") or str(one["containerPort"]): one["containerPort"] for one in container.get("ports") or []}
    targets = {one.get("targetPort", one["port"]) for service in found.in_front for one in service["spec"]["ports"]}
    served = {ports.get(str(target), target) for target in targets}
    declared = {ports["http"]} if "http" in ports else set(ports.values())
    numbers = {one for one in served if isinstance(one, int)} or declared
    if len(numbers) != 1:
        told = f"could be {' or '.join(map(str, sorted(numbers)))}" if numbers else "is not declared"
        raise Trouble(
            f"The port on which container {container['name']!r} answers HTTP {told}: say it with --port", Exit.USAGE
        )
    return int(numbers.pop())


def _runtime(container: Manifest, port: int) -> Manifest:
    own = {new: container[old] for old, new in _OWN_FIELDS.items() if container.get(old)}
    named = {one.get("name"): one["containerPort"] for one in container.get("ports") or []}
    probes = {new: _probe(container[old], named, port) for old, new in _PROBES.items() if container.get(old)}
    return {"image": own.pop("image"), "port": port, **own, **({"probes": probes} if probes else {})}


def _probe(probe: Manifest, named: dict[str | None, int], port: int) -> Manifest:
    """Return a probe that finds its port: the serving one has another name now."""
    made = dict(probe)
    for kind in ("httpGet", "tcpSocket"):
        if kind in probe and named.get(probe[kind].get("port")) == port:
            made[kind] = {**probe[kind], "port": Protocol.HTTP.port_name}
    return made


def _template(found: Found, container: Manifest, port: int, notes: list[str]) -> Manifest:
    """Return what the pods have beside the container's own fields, to be laid over the generated ones."""
    spec = {key: value for key, value in found.template["spec"].items() if _DEFAULTS.get(key) != value}
    spec.pop("serviceAccount", None)
    others = [one for one in spec.pop("containers") if one["name"] != container["name"]]
    own = _rest(container, port, notes)
    if len(own) > 1 or others:
        spec["containers"] = [*([own] if len(own) > 1 else []), *others]
    if spec.get("serviceAccountName") and "automountServiceAccountToken" not in spec:
        spec["automountServiceAccountToken"] = True
    if "runAsUser" not in {**spec.get("securityContext", {}), **(container.get("securityContext") or {})}:
        notes.append(
            f"The pods run as user {pod.RUN_AS_USER} without capabilities; the old ones ran as the image's user. If that "
            "is needed, set runtime.podTemplate.spec.securityContext.runAsUser"
        )
    metadata = _metadata(found)
    return {**({"metadata": metadata} if metadata else {}), **({"spec": spec} if spec else {})}


def _rest(container: Manifest, port: int, notes: list[str]) -> Manifest:
    """Return the fields of a container that `spec.runtime` has no field for."""
    known = {*_OWN_FIELDS, *_PROBES, "name", "ports", "lifecycle"}
    rest = {key: value for key, value in container.items() if key not in known and _DEFAULTS.get(key) != value}
    ports = [one for one in container.get("ports") or [] if one["containerPort"] != port]
    if ports:
        rest["ports"] = [{**one, "name": one.get("name") or f"port-{one['containerPort']}"} for one in ports]
    lifecycle = dict(container.get("lifecycle") or {})
    if hook := lifecycle.pop("preStop", None):
        notes.append(
            f"Left out: the preStop hook {hook}. Serinus lets a pod sleep {pod.PRE_STOP_SECONDS} s before it stops it"
        )
    if lifecycle:
        rest["lifecycle"] = lifecycle
    return {"name": pod.CONTAINER, **rest}


def _metadata(found: Found) -> Manifest:
    """Return labels and annotations of the pods, without those labels by which old Services would find the new pods."""
    metadata = found.template.get("metadata") or {}
    selecting = dict((found.deployment["spec"].get("selector") or {}).get("matchLabels") or {})
    for service in found.in_front:
        selecting |= service["spec"]["selector"]
    parts = {
        "labels": {key: value for key, value in (metadata.get("labels") or {}).items() if key not in selecting},
        "annotations": {
            key: value for key, value in (metadata.get("annotations") or {}).items() if key not in _OF_A_ROLLOUT
        },
    }
    return {key: value for key, value in parts.items() if value}
