"""The pod template of a revision: generated once, kept in its ControllerRevision."""

from typing import Any

from serinus.api.protocol import Protocol
from serinus.api.runtime import Runtime
from serinus.desired import labels, names, sidecar
from serinus.desired.model import Delivery
from serinus.desired.overlay import lay_over
from serinus.desired.serving import Serving

CONTAINER = "model"
PRE_STOP_SECONDS = 10
"""Time for gateways and kube-proxy to stop sending to a pod before it is told to stop."""
GRACE_SECONDS = PRE_STOP_SECONDS + 30
RUN_AS_USER = 65532
"""A non-zero user, so that an image that runs as root by default is accepted everywhere."""
SPREAD_OVER = ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
"""What a revision's pods are spread over where that is possible."""

Manifest = dict[str, Any]


def template(name: str, revision: str, serving: Serving) -> Manifest:
    """Return the pod template of a revision, with the user's `podTemplate` laid over it.

    The revision's selector labels are written last: a pod that lost them would be lost
    to its Deployment.
    """
    runtime, delivery = serving.runtime, serving.delivery
    generated: Manifest = {
        "metadata": {
            "labels": {**labels.child(name, revision), **(delivery.labels if delivery else {})},
            "annotations": {**_annotations(runtime), **(delivery.told if delivery else {})},
        },
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": GRACE_SECONDS + (sidecar.FLUSH_SECONDS if serving.sidecar else 0),
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": RUN_AS_USER,
                "runAsGroup": RUN_AS_USER,
                "fsGroup": RUN_AS_USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "topologySpreadConstraints": [_spread(name, revision, key) for key in SPREAD_OVER],
            "containers": [_container(revision, runtime, delivery)],
            **_around(revision, serving),
        },
    }
    merged: Manifest = lay_over(lay_over(generated, serving.pod_template), runtime.pod_template or {})
    if serving.sidecar:
        merged["spec"]["containers"] = [
            serving.sidecar.before(container, Protocol.HTTP.port_name) if container["name"] == CONTAINER else container
            for container in merged["spec"]["containers"]
        ]
    metadata = merged.setdefault("metadata", {})
    metadata["labels"] = {**metadata.get("labels", {}), **labels.selector(name, revision)}
    return merged


def _spread(name: str, revision: str, key: str) -> Manifest:
    return {
        "topologyKey": key,
        "maxSkew": 1,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels.selector(name, revision)},
    }


def _annotations(runtime: Runtime) -> Manifest:
    if not runtime.metrics:
        return {}
    return {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(runtime.metrics.port or runtime.port),
        "prometheus.io/path": runtime.metrics.path or "/metrics",
    }


def _container(revision: str, runtime: Runtime, delivery: Delivery | None) -> Manifest:
    references = runtime.config_maps or []
    probes = runtime.probes
    optional = {
        "command": runtime.command,
        "args": runtime.args,
        "env": runtime.env,
        "resources": runtime.resources,
        "livenessProbe": probes.liveness if probes else None,
        "startupProbe": probes.startup if probes else None,
        "envFrom": [
            {"configMapRef": {"name": names.config_map_copy(reference.name, revision)}}
            for reference in references
            if not reference.mount_path
        ],
        "volumeMounts": [
            *([delivery.mount] if delivery else []),
            *(
                {"name": _volume_name(index), "mountPath": reference.mount_path, "readOnly": True}
                for index, reference in enumerate(references)
                if reference.mount_path
            ),
        ],
    }
    return {
        "name": CONTAINER,
        "image": runtime.image,
        "ports": [
            {"name": protocol.port_name, "containerPort": port, "protocol": "TCP"}
            for protocol, port in ((Protocol.HTTP, runtime.port), (Protocol.GRPC, runtime.grpc_port))
            if port
        ],
        "readinessProbe": (probes.readiness if probes else None) or _readiness(runtime),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        **{key: value for key, value in optional.items() if value},
    }


def _readiness(runtime: Runtime) -> Manifest:
    asked = {"tcpSocket": {"port": Protocol.HTTP.port_name}} if runtime.port else {"grpc": {"port": runtime.grpc_port}}
    return {**asked, "periodSeconds": 2, "failureThreshold": 3}


def _around(revision: str, serving: Serving) -> Manifest:
    """Return what the pod has around its container, as far as there is any."""
    runtime, delivery = serving.runtime, serving.delivery
    volumes = [
        {"name": _volume_name(index), "configMap": {"name": names.config_map_copy(reference.name, revision)}}
        for index, reference in enumerate(runtime.config_maps or [])
        if reference.mount_path
    ]
    parts = {
        "initContainers": [
            *(delivery.init_containers if delivery else []),
            *(serving.sidecar.init_containers if serving.sidecar else []),
        ],
        "volumes": [*([delivery.volume] if delivery else []), *volumes],
        "imagePullSecrets": delivery.pull_secrets if delivery else [],
    }
    return {key: value for key, value in parts.items() if value}


def _volume_name(index: int) -> str:
    return f"config-{index}"
