"""The images of a cluster: pulled where they can be, else made under the same names.

A stand-in is labelled with a key over all that went into it, so a changed
Containerfile or a new pin is built again and anything else is left alone.
"""

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

from cluster import cache, debian, programs
from cluster.builder import LABEL, build, label, prune, workspace
from cluster.console import run, say, step, succeeds

DEBIAN = "debian:bookworm-slim"
PYTHON = "python:3.11-slim"
NODE = f"kindest/node:{programs.KUBERNETES}"

GATEWAY = "docker.io/envoyproxy/gateway:v1.9.1"
ENVOY = "docker.io/envoyproxy/envoy:distroless-v1.40.0"
PROMETHEUS = "docker.io/prom/prometheus:v3.16.0"
METRICS_SERVER = "registry.k8s.io/metrics-server/metrics-server:v0.9.0"
KUBE_PROXY = f"registry.k8s.io/kube-proxy:{programs.KUBERNETES}"

# Images that are one static program and nothing else.
STATIC = {
    f"registry.k8s.io/kube-apiserver:{programs.KUBERNETES}": "kube-apiserver",
    f"registry.k8s.io/kube-controller-manager:{programs.KUBERNETES}": "kube-controller-manager",
    f"registry.k8s.io/kube-scheduler:{programs.KUBERNETES}": "kube-scheduler",
    "registry.k8s.io/etcd:3.6.8-0": "etcd",
    "registry.k8s.io/coredns/coredns:v1.14.2": "coredns",
    "registry.k8s.io/pause:3.10.2": "pause",
    GATEWAY: "envoy-gateway",
    PROMETHEUS: "prometheus",
}
# Images with a Containerfile in `images/`, and the programs that they copy.
LAYERED = {
    KUBE_PROXY: ("kube-proxy", ("kube-proxy",)),
    ENVOY: ("envoy", ()),
}
ADDONS = (GATEWAY, ENVOY, PROMETHEUS, METRICS_SERVER)
NODE_PROGRAMS = ("containerd", "containerd-shim-runc-v2", "ctr", "kubeadm", "kubectl", "kubelet")
KIND_FILES = "images/base/files"


def ensure(name: str) -> bool:
    """Have `name` in Docker; True when it is the published image."""
    if label(name) == "":
        return True
    parts, make, expected = _RECIPES[name]
    key = cache.digest(parts())
    if label(name) != key:
        with cache.lock("images-" + name.replace("/", "-")):
            if label(name) is None and _pulled(name):
                return True
            if label(name) != key:
                with step(f"making the image {name}", expected):
                    make(key)
    return False


def _pulled(name: str) -> bool:
    say(f"pulling {name}, or making it where that cannot be done ...")
    return succeeds(["docker", "pull", "--quiet", name])


def _debian_parts() -> list[str | Path]:
    return [cache.HERE / "debian.py"]


def _make_debian(key: str) -> None:
    debian.bootstrap(DEBIAN, key)


def _python_parts() -> list[str | Path]:
    return [*_debian_parts(), cache.HERE / "images" / "python"]


def _make_python(key: str) -> None:
    ensure(DEBIAN)
    _make_layered(PYTHON, "python", (), key)


def _node_parts() -> list[str | Path]:
    names = (*STATIC.values(), *NODE_PROGRAMS, "kube-proxy")
    paths = [f"{programs.TOOLS[name].path.parent.name}/{name}" for name in names]
    return [*_debian_parts(), cache.HERE / "images", *STATIC, *LAYERED, *paths]


def _make_node(key: str) -> None:
    """Everything that a node starts with: its own system and its images."""
    ensure(DEBIAN)
    ensure(PYTHON)
    for name, program in STATIC.items():
        _make_static(name, programs.built(program), key)
    for name, (folder, copied) in LAYERED.items():
        _make_layered(name, folder, copied, key)
    with workspace() as folder_of_all:
        context = folder_of_all / "node"
        shutil.copytree(cache.HERE / "images" / "node", context)
        shutil.copytree(programs.module(programs.CLIENT_GRAPH, "sigs.k8s.io/kind") / KIND_FILES, context / "kind")
        _copy_programs(NODE_PROGRAMS, context / "bin")
        run(["docker", "save", "--output", context / "images.tar", *STATIC, *LAYERED])
        build(NODE, context, key)
    prune(LABEL)


def _metrics_server_parts() -> list[str | Path]:
    path = programs.TOOLS["metrics-server"].path
    return [f"{path.parent.name}/{path.name}"]


def _make_metrics_server(key: str) -> None:
    """Not in the node's image: it is given to a node that is there, so that no node is made anew for it."""
    _make_static(METRICS_SERVER, programs.built("metrics-server"), key)


def _make_static(name: str, program: Path, key: str) -> None:
    """An image with one file; its entrypoint because some manifests give arguments only."""
    place = f"/usr/local/bin/{program.name}"
    with workspace() as folder:
        archive = folder / "layer.tar"
        with tarfile.open(archive, "w") as layer:
            layer.add(program, place, filter=_owned_by_root)
        changes = [f'ENTRYPOINT ["{place}"]', f"LABEL {LABEL}={key}"]
        options = [word for change in changes for word in ("--change", change)]
        run(["docker", "import", *options, archive, name])


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    # Changed in place: Python 3.11.2, which Debian 12 has, cannot copy one.
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mode = 0o755
    return member


def _make_layered(name: str, folder: str, copied: tuple[str, ...], key: str) -> None:
    with workspace() as folder_of_all:
        context = folder_of_all / folder
        shutil.copytree(cache.HERE / "images" / folder, context)
        _copy_programs(copied, context)
        build(name, context, key)


def _copy_programs(names: tuple[str, ...], target: Path) -> None:
    target.mkdir(exist_ok=True)
    for name in names:
        shutil.copy(programs.built(name), target)


Recipe = tuple[Callable[[], list[str | Path]], Callable[[str], None], str]
_RECIPES: dict[str, Recipe] = {
    DEBIAN: (_debian_parts, _make_debian, "1 min"),
    PYTHON: (_python_parts, _make_python, "1 min"),
    METRICS_SERVER: (_metrics_server_parts, _make_metrics_server, "5 s, and 2 min to build it if need be"),
    NODE: (_node_parts, _make_node, "3 min, and 10 min to build its programs if need be"),
}
NAMES = frozenset(_RECIPES)
