"""Flagger on Gateway API, set up to be as quick as it can be: one failed check ends a rollout."""

import subprocess

from cluster import programs
from tests.integration.control_plane import free_port
from tests.integration.gateway import NAMESPACE as GATEWAYS_NAMESPACE
from tests.integration.kube import ROOTS, Manifest
from tests.integration.waiting import eventually

from . import plain
from .metrics_source import SCRAPE
from .stand import GATEWAYS, Stand
from .subject import STEP, where
from .watching import Key, Table

INTERVAL = 10
"""Seconds between two checks: Flagger allows no fewer."""
HIGHEST = 45
"""Percent. Flagger goes on by one percent with each good check, so that its canaries are judged for minutes, as ours are."""
NAMESPACE = "flagger"
QUERY = """
100 * (sum(rate(envoy_cluster_upstream_rq_xx{CLUSTER,envoy_response_code_class="5"}[{{ interval }}])) or vector(0))
/ sum(rate(envoy_cluster_upstream_rq_xx{CLUSTER}[{{ interval }}]))
""".replace("CLUSTER", 'envoy_cluster_name="httproute/{{ namespace }}/{{ target }}/rule/0/backend/1"')

ROOTS |= dict.fromkeys(("canaries", "metrictemplates"), "/apis/flagger.app/v1beta1")


class Flagger:
    """One Flagger process with its Canaries, each on a Deployment."""

    name = "flagger"

    def __init__(self, stand: Stand) -> None:
        self._stand = stand
        self._process: subprocess.Popen[bytes] | None = None
        self._phases = Table(stand.plane, "canaries", lambda canary: canary.get("status", {}).get("phase", ""))

    @property
    def pid(self) -> int:
        """Return the process to be measured."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Create its query and start it."""
        self._stand.create_namespaces([NAMESPACE])
        self._stand.kube.apply("metrictemplates", _template(self._stand.prometheus.address))
        command = [
            programs.built("flagger"), f"-kubeconfig={self._stand.plane.kubeconfig_of(self.name)}", "-log-level=info",
            "-mesh-provider=gatewayapi:v1", f"-metrics-server={self._stand.prometheus.address}", f"-port={free_port()}",
        ]  # fmt: skip
        log = self._stand.home / "flagger.log"
        with log.open("wb") as file:
            self._process = subprocess.Popen(command, stdout=file, stderr=file)
        eventually(lambda: "Started operator workers" in log.read_text(), "Flagger works", show=log.read_text)

    def stop(self) -> None:
        """End it."""
        if self._process:
            self._process.kill()
            self._process.wait()
        self._phases.stop()

    def manifests(self, number: int, version: str) -> list[Manifest]:
        """Return what a person applies for one model."""
        namespace, name = where(number)
        spec = {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "service": {
                "port": 80,
                "targetPort": 8080,
                "hosts": [f"{name}.example.com"],
                "gatewayRefs": [{"name": GATEWAYS[number % len(GATEWAYS)], "namespace": GATEWAYS_NAMESPACE}],
            },
            "analysis": {
                "interval": f"{INTERVAL}s",
                "threshold": 1,
                "stepWeights": list(range(STEP, HIGHEST + 1)),
                "metrics": [
                    {
                        "name": "errors",
                        "templateRef": {"name": "errors", "namespace": NAMESPACE},
                        "thresholdRange": {"max": 1},
                        "interval": f"{3 * SCRAPE}s",
                    }
                ],
            },
        }
        canary = {
            "apiVersion": "flagger.app/v1beta1",
            "kind": "Canary",
            "metadata": {"namespace": namespace, "name": name},
            "spec": spec,
        }
        return [*self.change(number, version), canary]

    def change(self, number: int, version: str) -> list[Manifest]:
        """Return the Deployment of a version. Its size is Flagger's own to set."""
        deployment = plain.deployment(*where(number), version)
        del deployment["spec"]["replicas"]
        return [deployment]

    def resting(self) -> set[Key]:
        """Return the models that serve one version with all their traffic."""
        return {key for key, phase in self._phases.rows.items() if phase in {"Initialized", "Succeeded", "Failed"}}

    def rolled_back(self) -> set[Key]:
        """Return the models whose newest version was taken back."""
        return {key for key, phase in self._phases.rows.items() if phase == "Failed"}

    def queue_age(self) -> float | None:
        """Flagger does not say."""
        return None


def _template(prometheus: str) -> Manifest:
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "MetricTemplate",
        "metadata": {"namespace": NAMESPACE, "name": "errors"},
        "spec": {"provider": {"type": "prometheus", "address": prometheus}, "query": QUERY},
    }
