"""The guide for a bare cluster: its commands and manifests as they stand, on a real API server."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serinus.settings import Settings

from .kube import path
from .stand import ROOT, Space
from .waiting import eventually

GUIDE = (ROOT / "docs" / "guides" / "bare-cluster.md").read_text()
PROMETHEUS, HELM, MODEL, SIZED, ANNOTATIONS, CALLERS, CANARY, END, AWAY = re.findall(
    r"```sh\n(.*?)```", GUIDE, re.DOTALL
)
(MANIFEST,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
QUICK = {
    "minDuration: 30s": "minDuration: 0s",
    "watchAfterPromotion: 1m": "watchAfterPromotion: 500ms\n    drain: 100ms",
}
NAME = "house-prices"


@pytest.fixture
def monitoring(space: Space) -> Iterator[None]:
    """Takes away what the guide makes outside of the namespace."""
    yield
    for plural in ("clusterroles", "clusterrolebindings"):
        space.kube.call("DELETE", f"/apis/rbac.authorization.k8s.io/v1/{plural}/monitoring-prometheus")
    space.kube.call("DELETE", path("namespaces", "", "monitoring"))


def ports_behind(space: Space, service: str) -> list[int]:
    """Return the ports of a Service that have a ready endpoint."""
    slices = space.kube.find("endpointslices", "monitoring", f"kubernetes.io/service-name={service}")
    ready = [part for part in slices if any(one["conditions"].get("ready") for one in part.get("endpoints") or [])]
    return [port["port"] for part in ready for port in part["ports"]]


@pytest.mark.usefixtures("monitoring")
def test_the_guide_leads_to_a_model_whose_canary_is_split_by_pods(
    space: Space, shell: Callable[[str], str], tmp_path: Path
) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    assert "--set prometheus.address=http://prometheus.monitoring:9090" in HELM, "the operator runs beside this cluster"
    shell(PROMETHEUS)
    eventually(lambda: ports_behind(space, "prometheus") == [9090], "the Service leads to Prometheus")
    shell(MODEL)
    text = MANIFEST
    for slow, quick in QUICK.items():
        assert slow in text
        text = text.replace(slow, quick)
    (tmp_path / f"{NAME}.yaml").write_text(text)
    shell(SIZED)
    first = space.status(NAME)["stable"]
    assert (first["image"], first["readyReplicas"]) == (Settings().server_image, 4)
    told = shell(ANNOTATIONS).splitlines()
    assert len(told) == 4
    assert all('"prometheus.io/scrape":"true"' in line and '"prometheus.io/port":"8080"' in line for line in told)

    space.recorder.watch("modeldeployments")
    shell(CALLERS)
    shell(CANARY)
    shell(END)
    weights = [change.object["status"]["weight"] for change in space.recorder.of("modeldeployments", NAME)]
    assert next(filter(None, weights)) == 20, "one pod of five"
    assert 50 in weights
    stable = space.status(NAME)["stable"]
    assert stable["readyReplicas"] == 4
    assert stable["revision"] != first["revision"]
    shell(AWAY)
    assert not space.kube.find("modeldeployments", space.namespace)
