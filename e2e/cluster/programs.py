"""The programs of a cluster, built from the Go module proxy at pinned versions.

One folder of `tools/` is one module graph with its own go.mod and go.sum;
where the graphs agree on a dependency, Go's build cache compiles it once.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from cluster import cache
from cluster.console import ClusterError, run, step

KUBERNETES = "v1.36.3"


@dataclass(frozen=True)
class Graph:
    """A module graph in `tools/` and what its programs are built with."""

    name: str
    flags: str = ""
    tags: str = ""

    @property
    def source(self) -> Path:
        """The folder with go.mod, go.sum and programs of ours."""
        return cache.HERE / "tools" / self.name

    @property
    def target(self) -> Path:
        """Where its programs lie once built; another pin is another folder."""
        key = cache.digest([self.source, self.flags, self.tags])
        return cache.root() / "tools" / f"{self.name}-{key}"


@dataclass(frozen=True)
class Tool:
    """A program, the graph that pins it, and its time on two cores."""

    name: str
    graph: Graph
    package: str
    expected: str

    @property
    def path(self) -> Path:
        """Where the program lies once built."""
        return self.graph.target / self.name


KUBERNETES_GRAPH = Graph(
    "kubernetes",
    flags=f"-X k8s.io/component-base/version.gitVersion={KUBERNETES}"
    " -X k8s.io/component-base/version.gitMajor=1"
    " -X k8s.io/component-base/version.gitMinor=36"
    f" -X k8s.io/client-go/pkg/version.gitVersion={KUBERNETES}",
)
NODE_GRAPH = Graph("node", tags="no_btrfs,no_zfs,no_devmapper")
GATEWAY_GRAPH = Graph("gateway")
CLIENT_GRAPH = Graph("client")
# Prometheus without the service discoveries of every cloud, and without its
# web pages, whose assets no Go module carries.
PROMETHEUS_GRAPH = Graph(
    "prometheus",
    flags="-X github.com/prometheus/common/version.Version=3.16.0",
    tags="remove_all_sd,enable_kubernetes_sd",
)
METRICS_GRAPH = Graph("metrics")
# The Prometheus operator's CRDs, and what looks the chart over.
MONITORING_GRAPH = Graph("monitoring")
# cert-manager's CRDs and controllers, for the examples of certificates.
CERTIFICATES_GRAPH = Graph("certificates")
# What asks callers to log in, in a model's pod.
LOGIN_GRAPH = Graph("login", flags="-X github.com/oauth2-proxy/oauth2-proxy/v7/pkg/version.VERSION=v7.15.3")
LINT_GRAPH = Graph("lint")
LINTER_GRAPH = Graph("linter")


# What the benchmarks of scale need: nodes without machines, and a peer.
KWOK_GRAPH = Graph("kwok")
FLAGGER_GRAPH = Graph("flagger")
# What shows a tenant's queries the tenant's series alone.
TENANCY_GRAPH = Graph("tenancy")
# Real object stores, for the tests of what fetches models.
STORAGE_GRAPH = Graph("storage")
# What keeps a cluster as a git repository says, for the tests of what it makes of Serinus.
ARGOCD_GRAPH = Graph("argocd")
FLUX_GRAPH = Graph("flux")


def _kubernetes(name: str, expected: str) -> Tool:
    return Tool(name, KUBERNETES_GRAPH, f"k8s.io/kubernetes/cmd/{name}", expected)


def _containerd(name: str, expected: str) -> Tool:
    return Tool(name, NODE_GRAPH, f"github.com/containerd/containerd/v2/cmd/{name}", expected)


_ALL = (
    Tool("etcd", KUBERNETES_GRAPH, "go.etcd.io/etcd/server/v3", "40 s"),
    _kubernetes("kube-apiserver", "3 min"),
    _kubernetes("kube-controller-manager", "1 min"),
    _kubernetes("kubectl", "30 s"),
    _kubernetes("kube-scheduler", "10 s"),
    _kubernetes("kubelet", "30 s"),
    _kubernetes("kube-proxy", "10 s"),
    _kubernetes("kubeadm", "10 s"),
    _containerd("containerd", "1 min"),
    _containerd("containerd-shim-runc-v2", "10 s"),
    _containerd("ctr", "10 s"),
    Tool("pause", NODE_GRAPH, "./pause", "1 s"),
    Tool("coredns", GATEWAY_GRAPH, "./coredns", "1 min"),
    Tool("envoy-gateway", GATEWAY_GRAPH, "github.com/envoyproxy/gateway/cmd/envoy-gateway", "3 min"),
    Tool("prometheus", PROMETHEUS_GRAPH, "github.com/prometheus/prometheus/cmd/prometheus", "2 min"),
    Tool("promtool", PROMETHEUS_GRAPH, "github.com/prometheus/prometheus/cmd/promtool", "1 min"),
    Tool("metrics-server", METRICS_GRAPH, "sigs.k8s.io/metrics-server/cmd/metrics-server", "1 min"),
    Tool("kind", CLIENT_GRAPH, "sigs.k8s.io/kind", "10 s"),
    Tool("helm", CLIENT_GRAPH, "helm.sh/helm/v4/cmd/helm", "2 min"),
    Tool("kubeconform", CLIENT_GRAPH, "github.com/yannh/kubeconform/cmd/kubeconform", "5 s"),
    Tool("kube-score", LINT_GRAPH, "github.com/zegl/kube-score/cmd/kube-score", "30 s"),
    Tool("kube-linter", LINTER_GRAPH, "golang.stackrox.io/kube-linter/cmd/kube-linter", "90 s"),
    Tool("kwok", KWOK_GRAPH, "sigs.k8s.io/kwok/cmd/kwok", "1 min"),
    Tool("flagger", FLAGGER_GRAPH, "github.com/fluxcd/flagger/cmd/flagger", "2 min"),
    Tool("versitygw", STORAGE_GRAPH, "github.com/versity/versitygw/cmd/versitygw", "2 min"),
    Tool("fake-gcs-server", STORAGE_GRAPH, "github.com/fsouza/fake-gcs-server", "30 s"),
    Tool("prom-label-proxy", TENANCY_GRAPH, "github.com/prometheus-community/prom-label-proxy", "20 s"),
    Tool("oauth2-proxy", LOGIN_GRAPH, "github.com/oauth2-proxy/oauth2-proxy/v7", "1 min"),
    Tool("cert-manager", CERTIFICATES_GRAPH, "./cert-manager", "2 min"),
    Tool("argocd", ARGOCD_GRAPH, "./argocd", "3 min"),
    Tool("verdict", FLUX_GRAPH, "./verdict", "1 min"),
)
TOOLS = {tool.name: tool for tool in _ALL}

CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
CLIENT = ("kubectl", "kind", "helm", "kubeconform")


def built(name: str) -> Path:
    """The program `name`, built when it is not in the cache."""
    tool = TOOLS[name]
    return cache.once(tool.path, lambda partial: _build(tool, partial))


def module(graph: Graph, name: str) -> Path:
    """The source of a Go module that a graph pins: charts, CRDs and units lie there."""
    _require_go()
    run(["go", "mod", "download", name], cwd=graph.source)
    return Path(run(["go", "list", "-m", "-f", "{{.Dir}}", name], cwd=graph.source).strip())


def _require_go() -> None:
    if not shutil.which("go"):
        raise ClusterError("the cluster's programs are built with Go, which is not installed", code=2)


def _build(tool: Tool, target: Path) -> None:
    _require_go()
    command: list[str | Path] = ["go", "build", "-trimpath", "-buildvcs=false", "-o", target]
    command += ["-tags", tool.graph.tags, "-ldflags", f"-s -w {tool.graph.flags}", tool.package]
    with step(f"building {tool.name}", tool.expected):
        run(
            command,
            cwd=tool.graph.source,
            env={"CGO_ENABLED": "0", "GOWORK": "off"},
            log=cache.log(f"build-{tool.name}"),
        )


def assets() -> Path:
    """The folder with a control plane for tests that need an API server only."""
    given = os.environ.get("KUBEBUILDER_ASSETS")
    if given:
        return Path(given)
    paths = [built(name) for name in CONTROL_PLANE]
    return paths[0].parent


def client_folder() -> Path:
    """One folder with the programs that a person and the tests call by name."""
    folder = cache.folder("bin")
    for name in CLIENT:
        program, link = built(name), folder / name
        if link.is_symlink() and link.readlink() == program:
            continue
        partial = folder / f".{name}.{os.getpid()}"
        partial.symlink_to(program)
        partial.replace(link)
    return folder
