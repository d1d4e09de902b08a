"""Every object of the chart has the shape that Kubernetes and the Prometheus operator publish, by kubeconform."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster import programs

from . import schemas

pytestmark = pytest.mark.chart

PROMETHEUS_OPERATOR = "github.com/prometheus-operator/prometheus-operator"
ON = {
    "monitoring": {"podMonitors": {"enabled": True}, "rules": {"enabled": True}, "dashboard": {"enabled": True}},
    "networkPolicy": {"enabled": True},
    "prometheus": {"auth": {"existingSecret": "login"}},
    "catalogue": {"defaults": {"sklearn": "mlserver"}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The schemas of the Kubernetes that the cluster is built from, and of PodMonitors and PrometheusRules."""
    made = tmp_path_factory.mktemp("schemas")
    kubernetes = programs.module(programs.KUBERNETES_GRAPH, "k8s.io/kubernetes")
    crds = programs.module(programs.MONITORING_GRAPH, PROMETHEUS_OPERATOR) / "example" / "prometheus-operator-crd"
    monitors = [crds / f"monitoring.coreos.com_{plural}.yaml" for plural in ("podmonitors", "prometheusrules")]
    schemas.write(made, kubernetes / "api" / "openapi-spec" / "swagger.json", monitors)
    return made


def conform(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    command = [programs.built("kubeconform"), "-strict", "-summary", "-schema-location", f"{folder}/{schemas.TEMPLATE}"]
    return subprocess.run([*command, "-"], input=text, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("values", [{}, {"namespaces": ["team-a"]}, ON], ids=["default", "namespaces", "everything"])
def test_every_object_has_the_published_shape(helm: Any, folder: Path, values: dict[str, Any]) -> None:
    """The CRD itself is checked by a real API server."""
    rendered = helm.render({**values, "crds": {"install": False}})
    tested = [*rendered.manifests, *helm.tests(values).manifests]
    done = conform(folder, yaml.safe_dump_all(tested))
    assert not done.returncode, done.stdout
    assert f"Valid: {len(tested)}, Invalid: 0, Errors: 0, Skipped: 0" in done.stdout


def test_a_field_that_is_not_there_is_found(helm: Any, folder: Path) -> None:
    text = helm.render({"crds": {"install": False}}).text.replace("enableServiceLinks:", "enableServiceLink:")
    done = conform(folder, text)
    assert done.returncode
    assert "enableServiceLink" in done.stdout
