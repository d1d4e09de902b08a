"""The pod template of a revision: generated once, kept in its ControllerRevision."""

from typing import Any

from serinus.api.v1alpha1 import ConfigMapRef, Runtime
from serinus.desired import labels, names
from serinus.desired.overlay import lay_over

CONTAINER = "model"
PORT_NAME = "http"
PRE_STOP_SECONDS = 10
"""Time for gateways and kube-proxy to stop sending to a pod before it is told to stop."""
GRACE_SECONDS = PRE_STOP_SECONDS + 30
RUN_AS_USER = 65532
"""A non-zero user, so that an image that runs as root by default is accepted everywhere."""
SPREAD_OVER = ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
"""What a revision's pods are spread over where that is possible."""

Manifest = dict[str, Any]


def template(name: str, revision: str, runtime: Runtime) -> Manifest:
    """Return the pod template of a revision, with the user's `podTemplate` laid over it.

    The revision's selector labels are written last: a pod that lost them would be lost
    to its Deployment.
    """
    generated: Manifest = {
        "metadata": {"labels": labels.child(name, revision), "annotations": _annotations(runtime)},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": RUN_AS_USER,
                "runAsGroup": RUN_AS_USER,
                "fsGroup": RUN_AS_USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "topologySpreadConstraints": [_spread(name, revision, key) for key in SPREAD_OVER],
            "containers": [_container(revision, runtime)],
            **_volumes(revision, runtime.config_maps or []),
        },
    }
    merged: Manifest = lay_over(generated, runtime.pod_template or {})
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


def _container(revision: str, runtime: Runtime) -> Manifest:
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
            {"name": _volume_name(index), "mountPath": reference.mount_path, "readOnly": True}
            for index, reference in enumerate(references)
            if reference.mount_path
        ],
    }
    return {
        "name": CONTAINER,
        "image": runtime.image,
        "ports": [{"name": PORT_NAME, "containerPort": runtime.port, "protocol": "TCP"}],
        "readinessProbe": (probes.readiness if probes else None)
        or {"tcpSocket": {"port": PORT_NAME}, "periodSeconds": 2, "failureThreshold": 3},
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        **{key: value for key, value in optional.items() if value},
    }


def _volumes(revision: str, references: list[ConfigMapRef]) -> Manifest:
    volumes = [
        {"name": _volume_name(index), "configMap": {"name": names.config_map_copy(reference.name, revision)}}
        for index, reference in enumerate(references)
        if reference.mount_path
    ]
    return {"volumes": volumes} if volumes else {}


def _volume_name(index: int) -> str:
    return f"config-{index}"
