"""Why a revision that could be made is not what its spec needs."""

from serinus.api.protocol import Protocol
from serinus.api.v1alpha1 import ModelDeploymentSpec, Route
from serinus.desired import autoscaler, sidecar
from serinus.desired.revision import Manifest, Revision

_PORT_FIELDS = {Protocol.HTTP: "port", Protocol.GRPC: "grpcPort"}
_NO_ROUTE = Route(gateway="none")
"""Says what callers use where there is no route."""


def refusal(spec: ModelDeploymentSpec, found: Revision, stable: Revision | None = None) -> str:
    """Return in words what the spec asks of a revision that it cannot give; empty when there is nothing.

    `stable` is the revision whose callers it must be able to serve.
    """
    if spec.autoscaling and (unmeasurable := autoscaler.unmeasurable(spec.autoscaling, found.template)):
        return unmeasurable
    if spec.analysis.guard and found.metrics is None:
        return f"spec.analysis.guard is true but runtime {found.runtime} does not count errors"
    serves = stable is not None and stable.hash == found.hash
    ambiguous = "" if serves else _ambiguous(found)  # what serves already is left as it is
    return ambiguous or _unserved(spec, found) or (_lost(spec, found, stable) if stable else "")


def _ambiguous(found: Revision) -> str:
    """Say which port has two holders: Kubernetes takes the first without a word, and callers would go round a login in the pod."""
    pod = found.template["spec"]
    staying = [one for one in _objects(pod, "initContainers") if one.get("restartPolicy") == "Always"]
    containers = [*_objects(pod, "containers"), *staying]
    logged = any(container.get("name") == sidecar.NAME for container in containers)
    for name in (protocol.port_name for protocol in Protocol):
        holders = [
            container.get("name")
            for container in containers
            if any(_is_tcp(port) and port.get("name") == name for port in _objects(container, "ports"))
        ]
        if len(holders) > 1:
            first, second, *_ = holders
            instead = f"give {first} `ports: []` if {second} stands before it, or call the port of {second} otherwise"
            needed = logged and name == Protocol.HTTP.port_name
            return (
                f"spec.runtime.podTemplate: {first} and {second} both have a port called {name}, and callers would "
                f"reach {first} alone: {'predictionLog needs that name, remove one of the two' if needed else instead}"
            )
    return ""


def _is_tcp(port: Manifest) -> bool:
    return bool(port.get("protocol", "TCP") == "TCP")


def _objects(parent: Manifest, *fields: str) -> list[Manifest]:
    """Return the objects in lists; Kubernetes says what else is wrong with them."""
    lists = [parent.get(field) for field in fields]
    return [one for found in lists if isinstance(found, list) for one in found if isinstance(one, dict)]


def _unserved(spec: ModelDeploymentSpec, found: Revision) -> str:
    missing = sorted(set(spec.route.protocols or ()) - found.protocols if spec.route else ())
    if not missing:
        return ""
    message = (
        f"spec.route.protocols has {missing[0]}, but revision {found.hash} serves {_listed(found)} only: take it out"
    )
    if found.runtime:
        return f"{message}, or choose another runtime than {found.runtime}"
    return f"{message}, or set spec.runtime.{_PORT_FIELDS[missing[0]]}"


def _lost(spec: ModelDeploymentSpec, found: Revision, stable: Revision) -> str:
    if spec.route is None and bool(found.tls) != bool(stable.tls):
        return (
            f"spec.runtime.tls is {'set' if found.tls else 'absent'}, unlike in revision {stable.hash}: without a route the callers of both "
            "are the same and speak one of the two. Make another ModelDeployment, and move the callers"
        )
    lost = sorted(set((spec.route or _NO_ROUTE).routed(stable.protocols)) - found.protocols)
    if not lost:
        return ""
    return (
        f"spec.runtime serves {_listed(found)} only, but callers reach revision {stable.hash} by {lost[0]}: "
        "roll out a version that serves both first"
    )


def _listed(found: Revision) -> str:
    return " and ".join(protocol for protocol in Protocol if protocol in found.protocols)
