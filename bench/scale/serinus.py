"""Serinus from this tree as the subject of a measurement."""

import urllib.request
from typing import Any

from tests.integration.gateway import NAMESPACE as GATEWAYS_NAMESPACE
from tests.integration.kube import Manifest
from tests.integration.operator_process import OperatorProcess

from .pages import total
from .stand import GATEWAYS, ROOT, Stand
from .subject import STEP, image, where
from .watching import Key, Table


class Serinus:
    """One operator process and its ModelDeployments."""

    name = "serinus"
    definitions = (ROOT / "crds" / "serinus.dev_modeldeployments.yaml",)

    def __init__(self, stand: Stand) -> None:
        self._process = OperatorProcess(
            stand.plane.kubeconfig_of(self.name), stand.prometheus.address, stand.home / "serinus.log"
        )
        self._phases = Table(stand.plane, "modeldeployments", _phase)

    @property
    def pid(self) -> int:
        """Return the process to be measured."""
        assert self._process.process is not None
        return self._process.process.pid

    def start(self) -> None:
        """Start the operator and wait until it is healthy."""
        self._process.start()
        self._process.wait_until_healthy()

    def stop(self) -> None:
        """End it."""
        self._process.stop()
        self._phases.stop()

    def manifests(self, number: int, version: str, **parts: Any) -> list[Manifest]:
        """Return what a person applies for one model. Its canary stays at the first step, unless `parts` of the spec say else."""
        namespace, name = where(number)
        spec = {
            "replicas": 1,
            "runtime": {"image": image(version), "port": 8080},
            "route": {
                "gateway": f"{GATEWAYS_NAMESPACE}/{GATEWAYS[number % len(GATEWAYS)]}",
                "hostnames": [f"{name}.example.com"],
            },
            "rollout": {"steps": [{"weight": STEP, "minDuration": "1h"}]},
            **parts,
        }
        metadata = {"namespace": namespace, "name": name}
        return [{"apiVersion": "serinus.dev/v1alpha1", "kind": "ModelDeployment", "metadata": metadata, "spec": spec}]

    change = manifests
    """A new version is the same object with another image."""

    def resting(self) -> set[Key]:
        """Return the models that serve one version with all their traffic, of the spec that they have."""
        return {key for key, (phase, seen) in self._phases.rows.items() if seen and phase in {"Stable", "RolledBack"}}

    def rolled_back(self) -> set[Key]:
        """Return the models whose newest version was taken back."""
        return {key for key, (phase, _) in self._phases.rows.items() if phase == "RolledBack"}

    def queue_age(self) -> float:
        """Return for how many seconds the most overdue key has waited."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._process.metrics_port}/metrics", timeout=10) as answer:
            return total(answer.read().decode(), "serinus_queue_oldest_seconds")


def _phase(model: Manifest) -> tuple[str, bool]:
    status = model.get("status", {})
    return status.get("phase", ""), status.get("observedGeneration") == model["metadata"]["generation"]
