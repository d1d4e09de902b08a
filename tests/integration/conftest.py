"""One stand for the whole session, one namespace for each test."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from cluster import programs
from cluster.addons import GATEWAY_API
from cluster.console import ClusterError
from cluster.registry import Registry
from cluster.registry import registry as run_registry

from .control_plane import ControlPlane
from .gateway import Gateway
from .kube import Kube, path
from .node import Node
from .operator_process import OperatorProcess
from .prometheus import Prometheus
from .stand import ROOT, Space, Stand, new_namespace
from .waiting import eventually

CRD = ROOT / "crds" / "serinus.dev_modeldeployments.yaml"
NEEDED = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs no operator runs before one is there: it would write the status of any model."""
    items.sort(key=lambda item: "whole_stand" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder with the programs of a control plane; skips what needs it by name."""
    try:
        folder = programs.assets()
    except (ClusterError, OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"no control plane for integration tests: {error}")
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        pytest.skip(f"no control plane for integration tests: {folder} lacks {', '.join(missing)}")
    return folder


@pytest.fixture(scope="session")
def gateway_crds() -> Path:
    """The folder with the Gateway API's standard definitions."""
    try:
        return programs.module(programs.GATEWAY_GRAPH, GATEWAY_API) / "config" / "crd" / "standard"
    except (ClusterError, OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"no definitions of the Gateway API: {error}")


def start_plane(assets: Path, home: Path) -> ControlPlane:
    plane = ControlPlane(assets, home)
    try:
        plane.start()
    except BaseException:
        plane.stop()
        raise
    return plane


def install(kube: Kube, definitions: Path) -> None:
    """Install the CRDs of a file or a folder and wait until they are served."""
    files = [definitions] if definitions.is_file() else sorted(definitions.glob("*.yaml"))
    names = []
    for document in (part for file in files for part in yaml.safe_load_all(file.read_text())):
        if document and document["kind"] == "CustomResourceDefinition":
            kube.apply("customresourcedefinitions", document)
            names.append(document["metadata"]["name"])
    for name in names:
        eventually(lambda name=name: _established(kube, name), f"{name} is established")


def _established(kube: Kube, name: str) -> bool:
    found = kube.get("customresourcedefinitions", "", name) or {}
    conditions = found.get("status", {}).get("conditions") or []
    if not any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
        return False
    group, plural = found["spec"]["group"], found["spec"]["names"]["plural"]
    version = next(v["name"] for v in found["spec"]["versions"] if v["storage"])
    return kube.plane.request("GET", f"/apis/{group}/{version}/{plural}")[0] == 200


@pytest.fixture(scope="session")
def plane(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    plane = start_plane(assets, tmp_path_factory.mktemp("plane"))
    yield plane
    plane.stop()


@pytest.fixture(scope="session")
def kube(plane: ControlPlane) -> Kube:
    """The API server with our CRD."""
    kube = Kube(plane)
    install(kube, CRD)
    return kube


@pytest.fixture(scope="session")
def whole_stand(kube: Kube, gateway_crds: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    install(kube, gateway_crds)
    kube.plane.start_controllers()
    prometheus = Prometheus(kube)
    home = tmp_path_factory.mktemp("operator")
    operator = OperatorProcess(kube.plane.kubeconfig, prometheus.address, home / "operator.log")
    stand = Stand(kube.plane, kube, Node(kube), Gateway(kube), prometheus, operator)
    parts = (stand.node, stand.gateway, prometheus)
    for part in parts:
        part.start()
    operator.start()
    operator.wait_until_healthy()
    yield stand
    operator.stop()
    for part in parts:
        part.stop()
    failures = [failure for part in parts for failure in part.failures]
    if failures:
        print(f"the stand-ins had trouble {len(failures)} times, the first: {failures[0]}", file=sys.stderr)


@pytest.fixture
def stand(whole_stand: Stand) -> Stand:
    """The stand as it is when nothing is wrong."""
    whole_stand.reset()
    return whole_stand


@pytest.fixture
def namespace(kube: Kube) -> Iterator[str]:
    """A namespace of its own."""
    name = new_namespace(kube)
    yield name
    kube.call("DELETE", path("namespaces", "", name))


@pytest.fixture
def space(stand: Stand) -> Iterator[Space]:
    """A namespace on the stand, with the operator at work."""
    space = Space(stand, new_namespace(stand.kube))
    yield space
    stand.reset()
    space.close()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A real MLflow server."""
    with run_registry(tmp_path_factory.mktemp("mlflow")) as server:
        yield server


@pytest.fixture
def shell(space: Space, tmp_path: Path) -> Callable[[str], str]:
    """Runs a block of a guide in the namespace, with kubectl and serinus on the path."""
    config = yaml.safe_load(space.stand.plane.kubeconfig.read_text())
    config["contexts"][0]["context"]["namespace"] = space.namespace
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    (tmp_path / "serinus").write_text(f'#!/bin/sh\nexec {sys.executable} -m serinus.cli.main "$@"\n')
    (tmp_path / "serinus").chmod(0o755)
    found = f"{tmp_path}:{space.stand.plane.assets}:{os.environ['PATH']}"
    environ = {**os.environ, "PATH": found, "KUBECONFIG": str(tmp_path / "config"), "PYTHONPATH": ":".join(sys.path)}

    def run(block: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        return done.stdout

    return run
