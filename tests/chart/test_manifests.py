"""The pod, the CRD and the words after an installation."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.chart

TOP = Path(__file__).parents[2]
CHART = TOP / "charts" / "serinus"
CRD = TOP / "crds" / "serinus.dev_modeldeployments.yaml"
CHART_CRD = CHART / "files" / CRD.name


@pytest.mark.parametrize("values", [{}, {"namespaces": ["team-a", "team-b"], "crds": {"install": False}}])
def test_lint(helm: Any, values: dict[str, Any]) -> None:
    helm.run("lint", "--strict", CHART, "--values", helm.values(values))


def test_versions_agree(rendered: Any) -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = (TOP / "pyproject.toml").read_text()
    assert f'version = "{chart["appVersion"]}"' in project
    assert rendered.one("Deployment")["metadata"]["labels"]["app.kubernetes.io/version"] == chart["appVersion"]


def test_the_chart_holds_the_crd_of_now() -> None:
    assert CHART_CRD.read_text() == CRD.read_text(), "copy it: make crds, or cp crds/*.yaml charts/serinus/files/"


def test_the_crd_is_installed_unchanged_and_kept(helm: Any, rendered: Any) -> None:
    crd = yaml.safe_load(CRD.read_text())
    kept = rendered.one("CustomResourceDefinition")
    assert kept["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
    assert kept == crd
    assert helm.render({"crds": {"keep": False}}).one("CustomResourceDefinition") == crd
    assert not helm.render({"crds": {"install": False}}).all("CustomResourceDefinition")


def test_the_pod_meets_the_restricted_standard(rendered: Any) -> None:
    spec = rendered.pod["spec"]
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert rendered.container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC", "volumes", "initContainers"} & set(spec)


def test_two_operators_share_a_lease_of_their_release(helm: Any) -> None:
    rendered = helm.render({"fullnameOverride": "models"})
    assert rendered.one("Deployment")["spec"]["replicas"] == 2
    assert (rendered.env["SERINUS_LEASE_NAMESPACE"], rendered.env["SERINUS_LEASE_NAME"]) == ("ops", "models")
    budget = rendered.one("PodDisruptionBudget")["spec"]
    assert (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")
    assert budget["selector"] == rendered.one("Deployment")["spec"]["selector"]


def test_a_lone_operator_has_no_disruption_budget(helm: Any) -> None:
    rendered = helm.render({"replicas": 1})
    assert rendered.one("Deployment")["spec"]["replicas"] == 1
    assert not rendered.all("PodDisruptionBudget")
    assert not helm.render({"podDisruptionBudget": {"enabled": False}}).all("PodDisruptionBudget")


def test_the_network_lets_in_probes_and_scrapes_alone(helm: Any, rendered: Any) -> None:
    assert not rendered.all("NetworkPolicy")
    scraper = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    called = [{"ports": [{"port": 6443}]}]
    open_out = helm.render({"networkPolicy": {"enabled": True, "metricsFrom": scraper}})
    policy = open_out.one("NetworkPolicy")["spec"]
    assert policy["podSelector"] == open_out.one("Deployment")["spec"]["selector"]
    assert policy["policyTypes"] == ["Ingress"]
    probes, scrapes = policy["ingress"]
    assert ([port["port"] for port in probes["ports"]], "from" in probes) == (["health"], False)
    assert ([port["port"] for port in scrapes["ports"]], scrapes["from"]) == (["metrics"], scraper)
    policy = helm.render({"networkPolicy": {"enabled": True, "egress": called}}).one("NetworkPolicy")["spec"]
    assert (policy["policyTypes"], policy["egress"]) == (["Ingress", "Egress"], called)
    assert "from" not in policy["ingress"][1]


def test_replicas_prefer_different_nodes_unless_told_otherwise(helm: Any) -> None:
    def affinity(**values: Any) -> Any:
        return helm.render(values).one("Deployment")["spec"]["template"]["spec"]["affinity"]

    (term,) = affinity()["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
    own = {"nodeAffinity": {}}
    assert affinity(affinity=own) == own


def test_resources(rendered: Any) -> None:
    assert rendered.container["resources"] == {
        "requests": {"cpu": "50m", "memory": "96Mi"},
        "limits": {"memory": "256Mi"},
    }


def test_probes_and_scraping_point_at_the_settings_ports(rendered: Any) -> None:
    ports = {port["name"]: str(port["containerPort"]) for port in rendered.container["ports"]}
    assert ports == {"health": rendered.env["SERINUS_HEALTH_PORT"], "metrics": rendered.env["SERINUS_METRICS_PORT"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert rendered.container[probe]["httpGet"] == {"path": "/healthz", "port": "health"}
    assert rendered.pod["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": ports["metrics"],
        "prometheus.io/path": "/metrics",
    }


def test_the_metrics_service_finds_the_pod(rendered: Any) -> None:
    service = rendered.one("Service")
    (port,) = service["spec"]["ports"]
    assert (service["metadata"]["name"], port["port"], port["targetPort"]) == ("serinus-metrics", 9090, "metrics")
    labels = rendered.pod["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert rendered.one("Deployment")["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_a_service_cannot_become_a_setting(rendered: Any) -> None:
    """Kubernetes would set SERINUS_METRICS_PORT=tcp://... for the Service serinus-metrics."""
    assert rendered.pod["spec"]["enableServiceLinks"] is False


def test_kopf_needs_no_user_name(rendered: Any) -> None:
    """Python's getpass fails for a number without a line in /etc/passwd; kopf asks for POD_ID first."""
    assert "POD_ID" in {entry["name"] for entry in rendered.container["env"]}


def test_names_fit_a_long_release(helm: Any) -> None:
    rendered = helm.render(name="r" * 53)
    for manifest in rendered.manifests:
        if manifest["kind"] != "CustomResourceDefinition":
            longest = 253 if manifest["kind"].startswith("ClusterRole") else 63
            assert len(manifest["metadata"]["name"]) <= longest


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, ["serves every namespace", "prometheus.address=", "kubectl apply", "--all-namespaces"]),
        ({"namespaces": ["a", "b"]}, ["serves the namespaces a, b", "kubectl apply --namespace a"]),
        ({"crds": {"install": False}}, ["kubectl get crd modeldeployments.serinus.dev"]),
        ({"rbac": {"create": False}}, ["ops/serinus"]),
        ({"namespaceOverride": "away"}, ["kubectl --namespace away rollout", "helm test serinus --namespace ops"]),
    ],
)
def test_the_notes_lead_on(helm: Any, values: dict[str, Any], said: list[str]) -> None:
    notes = helm.run(
        "install", "serinus", CHART, "--namespace", "ops", "--dry-run=client", "--values", helm.values(values)
    )
    assert all(part in notes for part in said), notes


def test_the_notes_do_not_nag_about_a_prometheus_that_is_named(helm: Any) -> None:
    values = helm.values({"prometheus": {"address": "http://prometheus:9090"}})
    notes = helm.run("install", "serinus", CHART, "--namespace", "ops", "--dry-run=client", "--values", values)
    assert "Without a Prometheus" not in notes


def test_everything_carries_the_labels_of_the_release(rendered: Any) -> None:
    for manifest in rendered.manifests:
        if manifest["kind"] != "CustomResourceDefinition":
            assert manifest["metadata"]["labels"]["app.kubernetes.io/instance"] == "serinus"


def test_the_test_of_a_release_leaves_nothing_behind_and_may_touch_its_own_model_alone(helm: Any) -> None:
    made = helm.tests({"namespaces": ["team-a", "team-b"], "imagePullSecrets": [{"name": "key"}]})
    for manifest in made.manifests:
        annotations = manifest["metadata"]["annotations"]
        assert annotations["helm.sh/hook"] == "test"
        assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
    model = json.loads(made.one("ConfigMap")["data"]["model.json"])
    role = made.one("Role")
    assert model["metadata"]["namespace"] == role["metadata"]["namespace"] == "team-a"
    assert [(rule.get("resourceNames"), rule["verbs"]) for rule in role["rules"]] == [
        (None, ["create"]),
        ([model["metadata"]["name"]], ["get", "patch", "delete"]),
    ]
    pod = made.one("Pod")
    first, rest = (int(one["metadata"]["annotations"]["helm.sh/hook-weight"]) for one in (made.one("Role"), pod))
    assert first < rest
    (container,) = pod["spec"]["containers"]
    assert container["image"] == model["spec"]["runtime"]["image"] == "serinus/operator:0.1.0"
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert pod["spec"]["imagePullSecrets"] == [{"name": "key"}]
    assert model["spec"]["runtime"]["podTemplate"] == {"spec": {"imagePullSecrets": [{"name": "key"}]}}
