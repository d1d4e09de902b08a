"""Prediction logs: variables for our own server, and a proxy before the port of any other."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from serinus.api.prediction_log import PredictionLog
from serinus.runtimes.catalogue import Logger

Manifest = dict[str, Any]
NAME = "prediction-log"
FLUSH_SECONDS = 20
"""What logs that still wait may take after the model container has ended."""
_LISTEN, _METRICS = 19180, 19190
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def environment(log: PredictionLog) -> list[Manifest]:
    """Return a prediction log as both our server and the sidecar read it (runtimes/server)."""
    values = {
        "SAMPLE": f"{1 if log.sample is None else log.sample:g}",
        "STDOUT": "true" if log.to_stdout else "",
        "SINK": log.sink or "",
        "BATCH": "true" if log.batch else "",
        "REDACT": ",".join(log.redact or ()),
        "MAX_BYTES": "" if log.max_bytes is None else str(log.max_bytes),
    }
    given = [{"name": f"SERINUS_LOG_{name}", "value": value} for name, value in values.items() if value]
    return [*given, _own("SERINUS_NAMESPACE", "metadata.namespace")]


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A proxy in the pod that passes bytes on as they are, and logs what it reads.

    It is a native sidecar: it runs before the model container starts, and ends after it, so that no answer is lost and
    no record either.
    """

    log: PredictionLog
    logger: Logger
    model: str
    version: str
    target: int
    """Where the model container answers HTTP."""
    taken: Collection[int]
    """Ports that the model container has."""

    @property
    def init_containers(self) -> list[Manifest]:
        """Return what runs beside the model container."""
        metrics = self._free(_METRICS)
        known = {
            "SERINUS_MODEL_NAME": self.model,
            "SERINUS_MODEL_VERSION": self.version,
            "SERINUS_PORT": str(self._free(_LISTEN)),
            "SERINUS_METRICS_PORT": str(metrics),
            "SERINUS_UPSTREAM_PORT": str(self.target),
        }
        return [
            {
                "name": NAME,
                "image": self.logger.image,
                "restartPolicy": "Always",
                "env": [
                    *({"name": name, "value": value} for name, value in known.items()),
                    # Not 127.0.0.1: many servers trust what comes from there.
                    _own("SERINUS_UPSTREAM_HOST", "status.podIP"),
                    *environment(self.log),
                ],
                "ports": [{"name": "log-metrics", "containerPort": metrics, "protocol": "TCP"}],
                # Open once the proxy listens.
                "readinessProbe": {"tcpSocket": {"port": "log-metrics"}, "periodSeconds": 2, "failureThreshold": 3},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                },
                "terminationMessagePolicy": "FallbackToLogsOnError",
                **({"resources": self.logger.resources} if self.logger.resources else {}),
            }
        ]

    def before(self, container: Manifest, port_name: str) -> Manifest:
        """Return the model container with the name of its port given to the proxy.

        Services find a port by name in the pods of both revisions, and one of them may have no proxy. The name stands
        with the model container, because Services look it up in sidecars from Kubernetes 1.32 on only. Probes go on
        asking the model container itself.
        """
        ports = [
            {**port, "name": NAME_BEHIND} if port.get("name") == port_name else port
            for port in container.get("ports") or []
        ]
        own = {"name": port_name, "containerPort": self._free(_LISTEN), "protocol": "TCP"}
        probes = {key: _moved(container[key], port_name) for key in _PROBES if container.get(key)}
        return {**container, **probes, "ports": [own, *ports]}

    def _free(self, start: int) -> int:
        return next(port for port in range(start, start + 10) if port not in self.taken)


NAME_BEHIND = "model"
"""What the model container's own port is called behind a proxy."""


def _own(name: str, path: str) -> Manifest:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _moved(probe: Manifest, port_name: str) -> Manifest:
    return {
        key: {**asked, "port": NAME_BEHIND} if isinstance(asked, dict) and asked.get("port") == port_name else asked
        for key, asked in probe.items()
    }
