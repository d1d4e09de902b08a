"""What runs in the cluster beside it: the Gateway API, Envoy Gateway, Prometheus, metrics-server.

A digest over all of it is kept in the cluster; a second `up` compares one
string and is done.
"""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from cluster import cache, programs
from cluster.builder import workspace
from cluster.console import ClusterError, run, step
from cluster.standins import GATEWAY

MANIFESTS = cache.HERE / "manifests"
ENVOY_GATEWAY = "github.com/envoyproxy/gateway"
METRICS_SERVER = "sigs.k8s.io/metrics-server"
METRICS_API = "apiservice/v1beta1.metrics.k8s.io"
GATEWAY_API = "sigs.k8s.io/gateway-api"
GATEWAY_NAMESPACE = "envoy-gateway-system"
WAIT = "300s"
API_SECONDS = 120
RECORD = ("--namespace=kube-system",)
NAME = "serinus-addons"


@dataclass(frozen=True)
class Target:
    """A cluster as kubectl and helm address it."""

    kubeconfig: Path
    context: str

    def kubectl(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """Run kubectl against this cluster and no other."""
        where: list[str | Path] = ["--kubeconfig", self.kubeconfig, "--context", self.context]
        return run([programs.built("kubectl"), *where, *arguments], stdin=stdin)

    def has(self, *arguments: str) -> bool:
        """Whether `kubectl get` finds it."""
        try:
            return bool(self.kubectl("get", "--output", "name", *arguments).strip())
        except ClusterError:
            return False


def wait_for_api(target: Target) -> None:
    """Wait until the API server answers and the node takes pods."""
    deadline = time.monotonic() + API_SECONDS
    while not target.has("nodes"):
        if time.monotonic() > deadline:
            raise ClusterError(f"the API server of {target.context} does not answer")
        time.sleep(0.5)
    target.kubectl("wait", "nodes", "--all", "--for=condition=Ready", f"--timeout={WAIT}")


def current(target: Target) -> bool:
    """Whether the cluster holds what this checkout does."""
    return _installed(target) == _wanted()


def install(target: Target) -> None:
    """Bring the gateway, Prometheus and metrics-server to what this checkout holds."""
    with step("installing Envoy Gateway, Prometheus and metrics-server", "40 s"):
        # The others are pulled and started while the gateway is installed.
        target.kubectl("apply", "--kustomize", MANIFESTS / "prometheus")
        _apply_metrics_server(target)
        install_gateway(target)
        install_prometheus(target)
        _wait_for_metrics(target)
    _record(target, _wanted())


def install_prometheus(target: Target) -> None:
    """Prometheus with its scrape jobs, answering."""
    target.kubectl("apply", "--kustomize", MANIFESTS / "prometheus")
    target.kubectl("--namespace=monitoring", "rollout", "status", "deployment/prometheus", f"--timeout={WAIT}")


def install_metrics_server(target: Target) -> None:
    """metrics-server from its module's manifests, answering: autoscalers read CPU and memory from it."""
    _apply_metrics_server(target)
    _wait_for_metrics(target)


def _apply_metrics_server(target: Target) -> None:
    source = programs.module(programs.METRICS_GRAPH, METRICS_SERVER) / "manifests" / "base"
    with workspace() as folder:
        shutil.copytree(source, folder / "base", copy_function=shutil.copyfile)
        shutil.copyfile(MANIFESTS / "metrics" / "kustomization.yaml", folder / "kustomization.yaml")
        target.kubectl("apply", "--kustomize", folder)


def _wait_for_metrics(target: Target) -> None:
    target.kubectl("wait", METRICS_API, "--for=condition=Available", f"--timeout={WAIT}")


def install_gateway(target: Target) -> None:
    """The Gateway API's standard CRDs, Envoy Gateway, and the Gateway `public`."""
    crds = programs.module(programs.GATEWAY_GRAPH, GATEWAY_API) / "config" / "crd" / "standard"
    with workspace() as folder:
        chart = _copy_chart(folder / "gateway-helm")
        for definitions in (crds, chart / "charts" / "crds" / "crds" / "generated"):
            target.kubectl("apply", "--server-side", "--force-conflicts", "--filename", definitions)
        _helm_install(target, chart)
    target.kubectl("apply", "--filename", MANIFESTS / "gateway" / "gateway.yaml")
    target.kubectl(
        "--namespace", "gateway", "wait", "gateway/public",
        "--for=condition=Programmed", f"--timeout={WAIT}",
    )  # fmt: skip


def _copy_chart(target: Path) -> Path:
    """Envoy Gateway's chart, with the values that its release would have filled in."""
    source = programs.module(programs.GATEWAY_GRAPH, ENVOY_GATEWAY) / "charts" / "gateway-helm"
    # Not copytree's own copying, which would keep the module cache's read-only modes.
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    values = (target / "values.tmpl.yaml").read_text()
    values = values.replace("${GatewayImagePullPolicy}", "IfNotPresent")
    (target / "values.yaml").write_text(values.replace("${GatewayImage}", GATEWAY))
    return target


def _helm_install(target: Target, chart: Path) -> None:
    run(
        [
            programs.built("helm"),
            "--kubeconfig", target.kubeconfig,
            "--kube-context", target.context,
            "upgrade", "--install", "envoy-gateway", chart,
            "--namespace", GATEWAY_NAMESPACE, "--create-namespace",
            "--values", MANIFESTS / "gateway" / "values.yaml",
            "--set", f"global.images.envoyGateway.image={GATEWAY}",
            "--wait=legacy", "--timeout", WAIT,
        ],
        log=cache.log(f"helm-{target.context}"),
    )  # fmt: skip


def _wanted() -> str:
    """A digest over everything that is installed and how."""
    return cache.digest(
        [MANIFESTS, programs.GATEWAY_GRAPH.source, programs.METRICS_GRAPH.source, cache.HERE / "addons.py"]
    )


def _installed(target: Target) -> str:
    """The digest of what was installed last, "" on a new cluster."""
    try:
        return target.kubectl(*RECORD, "get", "configmap", NAME, "--output=jsonpath={.data.digest}")
    except ClusterError:
        return ""


def _record(target: Target, digest: str) -> None:
    made = target.kubectl(
        *RECORD, "create", "configmap", NAME, f"--from-literal=digest={digest}",
        "--dry-run=client", "--output=yaml",
    )  # fmt: skip
    target.kubectl("apply", "--filename=-", stdin=made)
