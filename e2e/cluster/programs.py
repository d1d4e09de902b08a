"""The programs of a cluster, built from the Go module proxy at pinned versions.

One folder of `tools/` is one module graph with its own go.mod and go.sum;
where the graphs agree on a dependency, Go's build cache compiles it once.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from cluster import cache
from cluster.console import Failure, run, step

KUBERNETES = "v1.36.3"
KUBERNETES_FLAGS = (
    f"-X k8s.io/component-base/version.gitVersion={KUBERNETES}"
    " -X k8s.io/component-base/version.gitMajor=1"
    " -X k8s.io/component-base/version.gitMinor=36"
    f" -X k8s.io/client-go/pkg/version.gitVersion={KUBERNETES}"
)
CONTAINERD_TAGS = "no_btrfs,no_zfs,no_devmapper"


@dataclass(frozen=True)
class Tool:
    """A program, the module graph that pins it, and its time on two cores."""

    name: str
    group: str
    package: str
    expected: str
    flags: str = ""
    tags: str = ""

    @property
    def path(self) -> Path:
        """Where the program lies once built; another pin is another folder."""
        key = cache.digest([graph(self.group), KUBERNETES_FLAGS, CONTAINERD_TAGS])
        return cache.root() / "tools" / f"{self.group}-{key}" / self.name


def graph(group: str) -> Path:
    """The folder of a module graph: go.mod, go.sum and programs of ours."""
    return cache.HERE / "tools" / group


def _kubernetes(name: str, expected: str) -> Tool:
    return Tool(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}", expected, KUBERNETES_FLAGS)


def _containerd(name: str, expected: str) -> Tool:
    package = f"github.com/containerd/containerd/v2/cmd/{name}"
    return Tool(name, "node", package, expected, tags=CONTAINERD_TAGS)


_ALL = (
    Tool("etcd", "kubernetes", "go.etcd.io/etcd/server/v3", "40 s"),
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
    Tool("pause", "node", "./pause", "1 s"),
    Tool("coredns", "gateway", "./coredns", "1 min"),
    Tool(
        "envoy-gateway", "gateway", "github.com/envoyproxy/gateway/cmd/envoy-gateway", "4 min"
    ),
    Tool("kind", "client", "sigs.k8s.io/kind", "10 s"),
    Tool("helm", "client", "helm.sh/helm/v4/cmd/helm", "3 min"),
    Tool("kubeconform", "client", "github.com/yannh/kubeconform/cmd/kubeconform", "5 s"),
)
TOOLS = {tool.name: tool for tool in _ALL}

CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
CLIENT = ("kubectl", "kind", "helm", "kubeconform")


def built(name: str) -> Path:
    """The program `name`, built when it is not in the cache."""
    tool = TOOLS[name]
    return cache.once(tool.path, lambda partial: _build(tool, partial))


def module(group: str, name: str) -> Path:
    """The source of a Go module that a group pins: charts, CRDs and units lie there."""
    _require_go()
    where = graph(group)
    run(["go", "mod", "download", name], cwd=where)
    return Path(run(["go", "list", "-m", "-f", "{{.Dir}}", name], cwd=where).strip())


def _require_go() -> None:
    if not shutil.which("go"):
        raise Failure("the cluster's programs are built with Go, which is not installed", code=2)


def _build(tool: Tool, target: Path) -> None:
    _require_go()
    command: list[str | Path] = ["go", "build", "-trimpath", "-buildvcs=false", "-o", target]
    command += ["-tags", tool.tags, "-ldflags", f"-s -w {tool.flags}".strip(), tool.package]
    with step(f"building {tool.name}", tool.expected):
        run(
            command,
            cwd=graph(tool.group),
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
