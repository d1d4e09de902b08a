"""The chart's objects on a real API server: all of them are taken, and give the rights that they shall."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster import programs

from .conftest import install
from .kube import Kube

CHART = Path(__file__).parents[2] / "charts" / "serinus"
PROMETHEUS_OPERATOR = "github.com/prometheus-operator/prometheus-operator"
RELEASE, OPS, TEAM, OTHER = "serinus", "chart-ops", "chart-team", "chart-other"
OPERATOR = f"system:serviceaccount:{OPS}:{RELEASE}"
EVERYTHING: dict[str, Any] = {
    "monitoring": {"podMonitors": {"enabled": True}, "rules": {"enabled": True}, "dashboard": {"enabled": True}},
    "networkPolicy": {"enabled": True, "metricsFrom": [{"namespaceSelector": {}}], "egress": [{"ports": [{"port": 443}]}]},
    "prometheus": {
        "address": "https://prometheus:9090", "headers": {"X-Scope-OrgID": "a|b"},
        "auth": {"existingSecret": "login"}, "tls": {"existingSecret": "certificates"},
    },
    "mlflow": {"existingSecret": "mlflow"},
    "catalogue": {"defaults": {"sklearn": "mlserver"}},
    "topologySpreadConstraints": [{"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}],
    "priorityClassName": "system-cluster-critical",
    "hostUsers": False,
    "podDisruptionBudget": {"minAvailable": 1, "unhealthyPodEvictionPolicy": "IfHealthyBudget"},
    "terminationGracePeriodSeconds": 5,
    "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
    "dnsConfig": {"nameservers": ["10.0.0.10"]},
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["prometheus"]}],
    "tolerations": [{"operator": "Exists"}],
    "podSecurityContext": {"fsGroup": 1000},
    "extraEnvFrom": [{"secretRef": {"name": "proxy"}}],
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}],
    "extraContainers": [{"name": "side", "image": "side:1"}],
    "commonLabels": {"team": "ml"},
}  # fmt: skip
RBAC = {"ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}


def rendered(home: Path, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the objects of a release without the CRD, which is there already."""
    file = home / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    command = [programs.built("helm"), "template", RELEASE, CHART, "--namespace", OPS, "--values", file]
    done = subprocess.run([*command, "--set=crds.install=false"], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def applied(kube: Kube, objects: list[dict[str, Any]], *options: str) -> str:
    """Apply objects, every field of which must be known, and return what was said of them."""
    text = yaml.safe_dump_all(objects)
    done = kube.plane.kubectl("apply", "--validate=strict", *options, "--filename", "-", stdin=text)
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def prepared(kube: Kube) -> Kube:
    """The API server with the namespaces of a release, and the Prometheus operator's kinds."""
    folder = programs.module(programs.MONITORING_GRAPH, PROMETHEUS_OPERATOR) / "example" / "prometheus-operator-crd"
    for plural in ("podmonitors", "prometheusrules"):
        install(kube, folder / f"monitoring.coreos.com_{plural}.yaml")
    for name in (OPS, TEAM, OTHER):
        kube.plane.kubectl("create", "namespace", name)
    return kube


@pytest.mark.parametrize(
    "values", [{}, {"namespaces": [TEAM]}, EVERYTHING], ids=["default", "namespaces", "everything"]
)
def test_every_object_is_taken_with_every_field(prepared: Kube, tmp_path: Path, values: dict[str, Any]) -> None:
    objects = rendered(tmp_path, values)
    said = applied(prepared, objects, "--dry-run=server")
    assert said.count("(server dry run)") == len(objects)


def may(kube: Kube, who: str, verb: str, what: str, namespace: str) -> bool:
    """Ask the API server whether somebody has a right."""
    resource, _, part = what.partition("/")
    asked = [resource, f"--subresource={part}", f"--namespace={namespace}", f"--as={who}"]
    return kube.plane.kubectl("auth", "can-i", verb, *asked).stdout == "yes\n"


def test_the_rights_of_a_namespaced_operator_end_with_its_namespaces(prepared: Kube, tmp_path: Path) -> None:
    objects = [one for one in rendered(tmp_path, {"namespaces": [TEAM]}) if one["kind"] in RBAC]
    applied(prepared, objects)
    try:
        for verb, what in (("list", "modeldeployments.serinus.dev"), ("create", "deployments.apps"), ("watch", "pods")):
            assert may(prepared, OPERATOR, verb, what, TEAM)
            assert not may(prepared, OPERATOR, verb, what, OTHER)
            assert not may(prepared, OPERATOR, verb, what, "default")
        assert may(prepared, OPERATOR, "patch", "modeldeployments.serinus.dev/status", TEAM)
        for verb, what in (("get", "secrets"), ("create", "pods/exec"), ("create", "roles.rbac.authorization.k8s.io")):
            assert not may(prepared, OPERATOR, verb, what, TEAM)
        assert may(prepared, OPERATOR, "create", "leases.coordination.k8s.io", OPS)
        assert not may(prepared, OPERATOR, "create", "deployments.apps", OPS)
    finally:
        prepared.plane.kubectl("delete", "--filename", "-", stdin=yaml.safe_dump_all(objects))


def test_people_may_what_their_role_in_the_namespace_says(prepared: Kube, tmp_path: Path) -> None:
    """Bound to the parts themselves: which of Kubernetes' roles they become a part of, their labels say."""
    objects = [one for one in rendered(tmp_path, {}) if one["kind"] == "ClusterRole"]
    applied(prepared, objects)
    try:
        for part in ("view", "edit"):
            role = f"--clusterrole={OPS}-{RELEASE}-{part}"
            prepared.plane.kubectl("create", "rolebinding", part, role, f"--user={part}or", f"--namespace={TEAM}")
        model = "modeldeployments.serinus.dev"
        assert may(prepared, "viewor", "watch", model, TEAM)
        assert not may(prepared, "viewor", "patch", model, TEAM)
        for verb in ("create", "update", "patch", "delete"):
            assert may(prepared, "editor", verb, model, TEAM)
            assert not may(prepared, "editor", verb, model, OTHER)
        assert may(prepared, "editor", "patch", f"{model}/scale", TEAM)
        assert not may(prepared, "editor", "patch", f"{model}/status", TEAM)
    finally:
        prepared.plane.kubectl("delete", "--filename", "-", stdin=yaml.safe_dump_all(objects))
