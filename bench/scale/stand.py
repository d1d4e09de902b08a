"""A whole cluster without machines: real control plane and scheduler, kwok's nodes, a gateway, Prometheus."""

import signal
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from cluster import programs
from cluster.addons import GATEWAY_API
from tests.integration import gateway as gateway_parts
from tests.integration.control_plane import ControlPlane
from tests.integration.kube import Kube, Manifest
from tests.integration.waiting import eventually

from .gateway import Gateway
from .metrics_source import MetricsSource
from .pages import total
from .traffic import Traffic

ROOT = Path(__file__).parents[2]
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl", "kube-scheduler", "kwok", "prometheus")
STAGES = ("node/fast", "node/heartbeat", "pod/fast")
"""Nodes and pods are ready as soon as kwok sees them."""
NODES, PODS_PER_NODE = 20, 1000
GATEWAYS = tuple(f"public-{number}" for number in range(10))
"""Each with one proxy: Prometheus spreads their scrapes over the interval, as it does with any targets."""


@dataclass(frozen=True)
class Stand:
    """What a subject runs on."""

    plane: ControlPlane
    kube: Kube
    traffic: Traffic
    prometheus: MetricsSource
    home: Path

    def requests(self, user: str) -> float:
        """Return how many requests the API server has taken from a user of `users` so far."""
        text = self.kube.call("GET", "/metrics")["message"]
        return total(text, "apiserver_flowcontrol_dispatched_requests_total", f'flow_schema="{user}"')

    def create_namespaces(self, names: Iterable[str]) -> None:
        """Create namespaces that are not there yet."""
        for name in names:
            if self.kube.get("namespaces", "", name) is None:
                self.kube.create("namespaces", "", {"metadata": {"name": name}})

    def apply(self, manifests: list[Manifest], threads: int = 8) -> None:
        """Apply objects server-side, some at once."""
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda one: self.kube.apply(plural_of(one), one), manifests))


def plural_of(manifest: Manifest) -> str:
    """Return the plural of a manifest's kind."""
    kind: str = manifest["kind"].lower()
    return "canaries" if kind == "canary" else f"{kind}s"


CONTROLLERS_QPS = 20
"""Requests a second that each controller of Kubernetes makes at most, where nobody has changed that."""


@contextmanager
def stand(home: Path, users: tuple[str, ...], definitions: list[Path], qps: int = CONTROLLERS_QPS) -> Iterator[Stand]:
    """Bring all of it up with the CRDs of some files, and take it down again, also when asked to end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    paths = {name: programs.built(name) for name in PROGRAMS}
    plane = ControlPlane(paths["kube-apiserver"].parent, home, users=users)
    traffic = Traffic()
    kube = Kube(plane)
    source = MetricsSource(home / "prometheus", traffic, GATEWAYS)
    gateway = Gateway(kube, traffic)
    try:
        plane.start()
        routes = programs.module(programs.GATEWAY_GRAPH, GATEWAY_API) / "config" / "crd" / "standard"
        for file in [*sorted(routes.glob("*.yaml")), *definitions]:
            _install(kube, file)
        for user in users:
            _admit(kube, user)
        _start_nodes(plane, kube, qps)
        gateway_parts.create(kube, *GATEWAYS)
        source.start()
        gateway.start()
        yield Stand(plane, kube, traffic, source, home)
    finally:
        gateway.stop()
        source.stop()
        plane.stop()


def _install(kube: Kube, file: Path) -> None:
    for document in yaml.safe_load_all(file.read_text()):
        if document and document["kind"] == "CustomResourceDefinition":
            kube.apply("customresourcedefinitions", document)
            group, plural = document["spec"]["group"], document["spec"]["names"]["plural"]
            version = next(v["name"] for v in document["spec"]["versions"] if v["storage"])
            where = f"/apis/{group}/{version}/{plural}"
            eventually(lambda where=where: kube.plane.request("GET", where)[0] == 200, f"{plural} are served")


def _admit(kube: Kube, user: str) -> None:
    """Give a user all rights, and a flow of its own by which its requests are counted."""
    subject = {"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}
    role = {"kind": "ClusterRole", "name": "cluster-admin", "apiGroup": "rbac.authorization.k8s.io"}
    binding = {"metadata": {"name": user}, "subjects": [subject], "roleRef": role}
    kube.call("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True, "namespaces": ["*"]}
    flow = {
        "metadata": {"name": user},
        "spec": {
            "priorityLevelConfiguration": {"name": "workload-low"},
            "matchingPrecedence": 500,
            "rules": [
                {
                    "subjects": [{"kind": "User", "user": {"name": user}}],
                    "resourceRules": [everything],
                    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
                }
            ],
        },
    }
    kube.call("POST", "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas", flow)


def _start_nodes(plane: ControlPlane, kube: Kube, qps: int) -> None:
    for number in range(NODES):
        kube.create("nodes", "", _node(f"node-{number}"))
        kube.merge("nodes", "", f"node-{number}", {"spec": {"taints": []}})  # no node controller is there to take it
    plane.start_controllers(qps)
    plane.run("kube-scheduler", f"--kubeconfig={plane.kubeconfig}", "--leader-elect=false", "--secure-port=0",
              "--kube-api-qps=500", "--kube-api-burst=500")  # fmt: skip
    stages = programs.module(programs.KWOK_GRAPH, "sigs.k8s.io/kwok") / "kustomize" / "stage"
    plane.run(str(programs.built("kwok")), f"--kubeconfig={plane.kubeconfig}", "--manage-all-nodes",
              "--node-lease-duration-seconds=0", "--cidr=10.64.0.0/14",
              *(f"--config={file}" for kind in STAGES for file in sorted((stages / kind).glob("*-*.yaml"))))  # fmt: skip


def _node(name: str) -> Manifest:
    room = {"cpu": "1000", "memory": "4Ti", "pods": str(PODS_PER_NODE)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"type": "kwok", "kubernetes.io/hostname": name}},
        "status": {"allocatable": room, "capacity": room},
    }
