"""Values: what is wrong is refused by name, what is right reaches the operator's settings."""

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from serinus.runtimes.loading import Images, load
from serinus.settings import Settings

pytestmark = pytest.mark.chart

CHART = Path(__file__).parents[2] / "charts" / "serinus"
KUBERNETES = {"resources", "affinity", "podSecurityContext", "securityContext", "strategy", "dnsConfig"}
"""Values that are parts of Kubernetes' own objects: what may stand there is more than the defaults."""
DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"workers": "many"}, ["/workers", "got string, want integer"]),
        ({"workers": 0}, ["/workers", "minimum: got 0, want 1"]),
        ({"workers": 257}, ["/workers", "257"]),
        ({"maxRollouts": -1}, ["/maxRollouts", "minimum: got -1, want 0"]),
        ({"maxRolloutsPerNamespace": 1.5}, ["/maxRolloutsPerNamespace", "got number, want integer"]),
        ({"customQueryProxy": {"address": "proxy:8080"}}, ["/customQueryProxy/address", "proxy:8080"]),
        ({"customQueryProxy": {"header": "X Namespace"}}, ["/customQueryProxy/header", "X Namespace"]),
        ({"customQueries": "no"}, ["/customQueries", "got string, want boolean"]),
        ({"namespaces": "team-a"}, ["/namespaces", "got string, want array"]),
        ({"namespaces": ["Team_A"]}, ["/namespaces/0", "Team_A"]),
        ({"namespaces": ["a", "a"]}, ["/namespaces"]),
        ({"prometheus": {"address": "prometheus:9090"}}, ["/prometheus/address", "prometheus:9090"]),
        ({"prometheus": {"address": "http://me:secret@prometheus"}}, ["/prometheus/address"]),
        ({"prometheus": {"allowed": ["http://a,http://b"]}}, ["/prometheus/allowed/0", "http://a,http://b"]),
        ({"prometheus": {"timeout": "5 minutes"}}, ["/prometheus/timeout", "5 minutes"]),
        ({"prometheus": {"timeout": 5}}, ["/prometheus/timeout", "got number, want string"]),
        ({"prometheus": {"adress": "http://p"}}, ["/prometheus", "adress"]),
        ({"prometheus": {"headers": {"X Scope": "a"}}}, ["/prometheus/headers", "X Scope"]),
        ({"prometheus": {"headers": {"X-Scope-OrgID": 1}}}, ["/prometheus/headers/X-Scope-OrgID", "want string"]),
        ({"prometheus": {"auth": {"existingSecret": "My Secret"}}}, ["/prometheus/auth/existingSecret", "My Secret"]),
        (
            {"prometheus": {"auth": {"existingSecret": "s", "serviceAccountToken": True}}},
            ["prometheus.auth", "existingSecret", "serviceAccountToken"],
        ),
        ({"monitoring": {"podMonitors": {"interval": "5 s"}}}, ["/monitoring/podMonitors/interval", "5 s"]),
        ({"monitoring": {"rules": {"runbookUrl": "docs"}}}, ["/monitoring/rules/runbookUrl", "docs"]),
        ({"log": {"level": "loud"}}, ["/log/level", "debug"]),
        ({"podDisruptionBudget": {"maxUnavailable": "one"}}, ["/podDisruptionBudget/maxUnavailable"]),
        ({"podDisruptionBudget": {"minAvailable": -1}}, ["/podDisruptionBudget/minAvailable"]),
        (
            {"podDisruptionBudget": {"unhealthyPodEvictionPolicy": "Never"}},
            ["/podDisruptionBudget/unhealthyPodEvictionPolicy", "IfHealthyBudget"],
        ),
        ({"serviceAccount": {"automountServiceAccountToken": "no"}}, ["/serviceAccount/automountServiceAccountToken"]),
        ({"hostUsers": "no"}, ["/hostUsers", "got string, want null or boolean"]),
        ({"namespaceOverride": "Ops"}, ["/namespaceOverride", "Ops"]),
        ({"securityContext": {"privilegd": True}}, ["/securityContext", "privilegd"]),
        ({"podLabels": {"team": "a b"}}, ["/podLabels/team", "a b"]),
        ({"topologySpreadConstraints": [{"topologyKey": "zone"}]}, ["/topologySpreadConstraints/0", "maxSkew"]),
        ({"livenessProbe": {"periodSeconds": 0}}, ["/livenessProbe/periodSeconds"]),
        ({"extraVolumes": [{"emptyDir": {}}]}, ["/extraVolumes/0", "name"]),
        ({"extraObjects": [{"kind": "Secret"}]}, ["/extraObjects/0", "apiVersion"]),
        ({"mlflow": {"trackingUri": "mlflow:5000"}}, ["/mlflow/trackingUri", "mlflow:5000"]),
        ({"mlflow": {"trackingUri": "http://me:secret@mlflow"}}, ["/mlflow/trackingUri"]),
        ({"mlflow": {"trackingURI": "http://mlflow"}}, ["/mlflow", "trackingURI"]),
        ({"mlflow": {"interval": 30}}, ["/mlflow/interval", "got number, want string"]),
        ({"image": {"tga": "1"}}, ["/image", "tga"]),
        ({"image": {"digest": "sha256:abc"}}, ["/image/digest", "sha256:abc"]),
        ({"image": {"pullPolicy": "Sometimes"}}, ["/image/pullPolicy"]),
        ({"imagePullSecrets": ["key"]}, ["/imagePullSecrets/0", "got string, want object"]),
        ({"crds": {"install": "yes please"}}, ["/crds/install", "got string, want boolean"]),
        ({"resources": {"limits": {"memory": "lots"}}}, ["/resources/limits/memory", "lots"]),
        ({"resources": {"limit": {"memory": "1Gi"}}}, ["/resources", "limit"]),
        ({"serviceAccount": {"name": "Not A Name"}}, ["/serviceAccount/name", "Not A Name"]),
        ({"tolerations": [{"effect": "Never"}]}, ["/tolerations/0/effect"]),
        ({"extraEnv": [{"value": "x"}]}, ["/extraEnv/0", "name"]),
        ({"podAnnotations": {"a": True}}, ["/podAnnotations/a", "got boolean, want string"]),
        ({"replicas": 0}, ["/replicas"]),
        ({"serverImage": {"tga": "1"}}, ["/serverImage", "tga"]),
        ({"catalogue": {"runtime": {}}}, ["/catalogue", "runtime"]),
        ({"catalogue": {"runtimes": {"mine": "x"}}}, ["/catalogue/runtimes/mine", "got string"]),
        ({"catalogue": {"defaults": {"onnx": 1}}}, ["/catalogue/defaults/onnx", "got number, want string"]),
        ({"serviceAccount": {"create": False}}, ["serviceAccount.name"]),
        ({"extraEnv": [{"name": "SERINUS_WORKERS", "value": "1"}]}, ["SERINUS_WORKERS", "workers"]),
    ],
    ids=lambda case: json.dumps(case) if isinstance(case, dict) else "",
)
def test_a_wrong_value_is_refused_by_name(
    refusal: Callable[[dict[str, Any]], str], values: dict[str, Any], named: list[str]
) -> None:
    said = refusal(values)
    assert all(part in said for part in named), said


def _properties(schema: dict[str, Any], at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield at, schema
    for name, part in schema.get("properties", {}).items():
        yield from _properties(part, f"{at}.{name}".lstrip("."))


def test_the_schema_knows_every_value_and_no_other(chart_values: dict[str, Any]) -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())

    def known(part: dict[str, Any], values: dict[str, Any]) -> None:
        names = set(part["properties"]) - {"global"}
        assert names == set(values)
        for name, value in values.items():
            if "properties" in part["properties"][name] and name not in KUBERNETES:
                known(part["properties"][name], value)

    known(schema, chart_values)
    open_ended = {at for at, part in _properties(schema) if "properties" in part and part["additionalProperties"]}
    assert not open_ended


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_readme", CHART.parent / "generate_readme.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_tells_every_value_with_its_default_and_meaning(chart_values: dict[str, Any]) -> None:
    generator = _generator()
    readme = (CHART / "README.md").read_text()
    assert readme == generator.render(readme), "run `make chart-readme`"
    rows = list(generator.rows(chart_values, generator.comments((CHART / "values.yaml").read_text())))
    assert len(rows) > 90
    assert not [path for path, _, meaning in rows if not meaning], "each has a comment in values.yaml"


def _settings(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_the_defaults_are_the_operators_own(rendered: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = Settings(lease_namespace="ops")  # outside of a cluster there is one operator
    assert _settings(rendered.env, monkeypatch) == defaults


def test_values_reach_the_settings(helm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    values: dict[str, Any] = {
        "namespaces": ["team-a", "team-b"],
        "prometheus": {"address": "http://p:9090", "allowed": ["http://a", "https://b/tenant"], "timeout": "1m30s"},
        "mlflow": {"trackingUri": "http://m:5000", "existingSecret": "m", "interval": "1m", "timeout": "3s"},
        "log": {"level": "debug", "format": "text"},
        "customQueries": False,
        "customQueryProxy": {"address": "http://proxy:8080", "header": "X-Scope-OrgID"},
        "workers": 3,
        "maxRollouts": 20,
        "maxRolloutsPerNamespace": 5,
    }
    values["prometheus"] |= {
        "headers": {"X-Scope-OrgID": "a|b"},
        "auth": {"existingSecret": "login"},
        "tls": {"existingSecret": "certificates"},
    }
    assert _settings(helm.render(values).env, monkeypatch) == Settings(
        namespaces=("team-a", "team-b"),
        prometheus_address="http://p:9090",
        prometheus_allowed=("http://a", "https://b/tenant"),
        prometheus_timeout="1m30s",
        prometheus_headers={"X-Scope-OrgID": "a|b"},
        prometheus_credentials="/etc/serinus-prometheus",
        prometheus_tls="/etc/serinus-prometheus-tls",
        log_level="debug",
        log_format="text",
        mlflow_tracking_uri="http://m:5000",
        mlflow_credentials="/etc/serinus-mlflow",
        mlflow_interval="1m",
        mlflow_timeout="3s",
        custom_queries=False,
        custom_query_proxy="http://proxy:8080",
        custom_query_header="X-Scope-OrgID",
        workers=3,
        max_rollouts=20,
        max_rollouts_per_namespace=5,
        lease_namespace="ops",
    )


def test_every_setting_is_a_value_or_is_for_running_outside_a_cluster(rendered: Any) -> None:
    names = {f"SERINUS_{name.upper()}" for name in Settings.model_fields}
    assert set(rendered.env) == names - {"SERINUS_KUBECONFIG", "SERINUS_CONTEXT"}


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ({}, "serinus/operator:0.1.0"),
        ({"tag": "2.0.0"}, "serinus/operator:2.0.0"),
        ({"repository": "registry:5000/team/operator", "digest": DIGEST}, f"registry:5000/team/operator@{DIGEST}"),
    ],
    ids=["default", "tag", "digest"],
)
def test_the_image_is_pinned(helm: Any, image: dict[str, str], reference: str) -> None:
    assert helm.render({"image": image}).container["image"] == reference


def test_all_images_come_from_one_registry(helm: Any) -> None:
    rendered = helm.render({"imageRegistry": "registry.example.com/team/", "storageImage": {"digest": DIGEST}})
    assert rendered.container["image"] == "registry.example.com/team/serinus/operator:0.1.0"
    assert {name: rendered.env[f"SERINUS_{name}_IMAGE"] for name in ("SERVER", "SERVER_FULL", "STORAGE")} == {
        "SERVER": "registry.example.com/team/serinus/server:0.1.0",
        "SERVER_FULL": "registry.example.com/team/serinus/server:0.1.0-full",
        "STORAGE": f"registry.example.com/team/serinus/storage@{DIGEST}",
    }


def test_what_belongs_to_the_pod_reaches_the_pod(helm: Any) -> None:
    values: dict[str, Any] = {
        "imagePullSecrets": [{"name": "key"}],
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "models", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "resources": {"limits": {"memory": "1Gi"}, "requests": {"cpu": 1}},
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        "podAnnotations": {"team": "ml", "prometheus.io/scrape": "false"},
        "serviceAccount": {"name": "bird", "annotations": {"cloud/role": "reader"}},
    }
    rendered = helm.render(values)
    for name in ("imagePullSecrets", "nodeSelector", "tolerations", "affinity"):
        assert rendered.pod["spec"][name] == values[name]
    resources = rendered.container["resources"]
    assert resources["limits"] == {"memory": "1Gi"}
    assert resources["requests"] == {"cpu": 1, "memory": "96Mi"}  # maps are merged with the defaults
    assert rendered.env["HTTPS_PROXY"] == "http://proxy:3128"
    annotations = rendered.pod["metadata"]["annotations"]
    assert annotations["team"] == "ml"
    assert annotations["prometheus.io/scrape"] == "false"
    assert annotations["prometheus.io/port"] == "9090"
    assert rendered.pod["spec"]["serviceAccountName"] == "bird"
    assert rendered.one("ServiceAccount")["metadata"]["name"] == "bird"
    assert rendered.one("ServiceAccount")["metadata"]["annotations"] == {"cloud/role": "reader"}


def test_a_service_account_of_the_persons_own(helm: Any) -> None:
    rendered = helm.render({"serviceAccount": {"create": False, "name": "own"}})
    assert not rendered.all("ServiceAccount")
    assert rendered.pod["spec"]["serviceAccountName"] == "own"
    assert rendered.one("ClusterRoleBinding")["subjects"] == [
        {"kind": "ServiceAccount", "name": "own", "namespace": "ops"}
    ]


def test_other_pods_get_the_service_accounts_token_by_choice_alone(helm: Any, rendered: Any) -> None:
    given = helm.render({"serviceAccount": {"automountServiceAccountToken": True}})
    tokens = [one.one("ServiceAccount")["automountServiceAccountToken"] for one in (rendered, given)]
    assert tokens == [False, True]
    assert rendered.pod["spec"]["automountServiceAccountToken"] is True


def test_a_user_namespace_of_its_own(helm: Any, rendered: Any) -> None:
    assert "hostUsers" not in rendered.pod["spec"]
    assert helm.render({"hostUsers": False}).pod["spec"]["hostUsers"] is False


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {"maxUnavailable": 1}),
        ({"maxUnavailable": "50%"}, {"maxUnavailable": "50%"}),
        ({"minAvailable": 1}, {"minAvailable": 1}),
        ({"minAvailable": 0}, {"minAvailable": 0}),
        ({"minAvailable": "50%", "maxUnavailable": 2}, {"minAvailable": "50%"}),
    ],
)
def test_a_budget_names_one_limit(helm: Any, values: dict[str, Any], expected: dict[str, Any]) -> None:
    budget = helm.render({"podDisruptionBudget": values}).one("PodDisruptionBudget")["spec"]
    assert {name: budget[name] for name in ("minAvailable", "maxUnavailable") if name in budget} == expected
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_a_budget_may_keep_pods_that_are_not_ready(helm: Any) -> None:
    budget = helm.render({"podDisruptionBudget": {"unhealthyPodEvictionPolicy": "IfHealthyBudget"}})
    assert budget.one("PodDisruptionBudget")["spec"]["unhealthyPodEvictionPolicy"] == "IfHealthyBudget"


def test_the_operator_may_run_in_another_namespace_than_its_release(helm: Any) -> None:
    values = {
        "namespaceOverride": "elsewhere",
        "networkPolicy": {"enabled": True},
        "catalogue": CATALOGUE,
        "monitoring": {"podMonitors": {"enabled": True}, "rules": {"enabled": True}, "dashboard": {"enabled": True}},
    }
    rendered = helm.render(values)
    made = [*rendered.manifests, *helm.tests(values).manifests]
    assert {one["metadata"]["namespace"] for one in made if "namespace" in one["metadata"]} == {"elsewhere"}
    bound = {subject["namespace"] for one in made for subject in one.get("subjects", [])}
    assert bound == {rendered.env["SERINUS_LEASE_NAMESPACE"]} == {"elsewhere"}
    (monitor,) = (one for one in rendered.all("PodMonitor") if one["metadata"]["name"] == "serinus")
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": ["elsewhere"]}
    assert not [one for one in made if "ops" in str(one["metadata"])], "no name of the release's namespace"


def test_the_images_of_models_pods_are_pinned_too(helm: Any) -> None:
    values = {"serverImage": {"repository": "registry:5000/server", "digest": DIGEST}, "storageImage": {"tag": "2"}}
    env = helm.render(values).env
    assert env["SERINUS_SERVER_IMAGE"] == f"registry:5000/server@{DIGEST}"
    assert env["SERINUS_SERVER_FULL_IMAGE"].startswith("serinus/server:")
    assert env["SERINUS_SERVER_FULL_IMAGE"].endswith("-full")
    assert env["SERINUS_STORAGE_IMAGE"] == "serinus/storage:2"


def test_credentials_of_prometheus_are_mounted_and_never_set_as_variables(helm: Any) -> None:
    secrets = {"auth": {"existingSecret": "login"}, "tls": {"existingSecret": "certificates"}}
    rendered = helm.render({"prometheus": secrets})
    mounted = {mount["mountPath"]: mount["name"] for mount in rendered.container["volumeMounts"]}
    volumes = {volume["name"]: volume["secret"]["secretName"] for volume in rendered.pod["spec"]["volumes"]}
    assert volumes[mounted[rendered.env["SERINUS_PROMETHEUS_CREDENTIALS"]]] == "login"
    assert volumes[mounted[rendered.env["SERINUS_PROMETHEUS_TLS"]]] == "certificates"
    assert all(mount["readOnly"] for mount in rendered.container["volumeMounts"])


def test_the_operators_own_token_can_be_what_prometheus_is_asked_with(helm: Any) -> None:
    rendered = helm.render({"prometheus": {"auth": {"serviceAccountToken": True}}})
    assert rendered.env["SERINUS_PROMETHEUS_CREDENTIALS"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    assert rendered.pod["spec"]["automountServiceAccountToken"] is True
    assert "volumes" not in rendered.pod["spec"]


def test_the_registrys_credentials_are_mounted_and_never_set_as_variables(helm: Any) -> None:
    rendered = helm.render({"mlflow": {"trackingUri": "http://mlflow", "existingSecret": "mlflow-login"}})
    (mount,) = rendered.container["volumeMounts"]
    assert (mount["mountPath"], mount["readOnly"]) == (rendered.env["SERINUS_MLFLOW_CREDENTIALS"], True)
    assert rendered.pod["spec"]["volumes"] == [{"name": mount["name"], "secret": {"secretName": "mlflow-login"}}]
    both = helm.render({"mlflow": {"existingSecret": "mlflow-login"}, "catalogue": CATALOGUE})
    assert len({mount["mountPath"] for mount in both.container["volumeMounts"]}) == 2


CATALOGUE = {
    "fetcher": {"resources": {"limits": {"memory": "2Gi"}}},
    "defaults": {"sklearn": "mlserver"},
    "runtimes": {
        "vllm": None,
        "mine": {"image": "mine:1", "port": 80, "formats": {"catboost": {}}, "args": ["--name={name}"]},
    },
}


def test_what_is_laid_over_the_catalogue_reaches_the_operator(helm: Any, tmp_path: Path) -> None:
    rendered = helm.render({"catalogue": CATALOGUE})
    file = Path(rendered.env["SERINUS_RUNTIMES"])
    (mount,) = rendered.container["volumeMounts"]
    (volume,) = rendered.pod["spec"]["volumes"]
    held = rendered.one("ConfigMap")
    assert (volume["name"], volume["configMap"]["name"]) == (mount["name"], held["metadata"]["name"])
    assert Path(mount["mountPath"]) == file.parent
    copy = tmp_path / file.name
    copy.write_text(held["data"][file.name])
    found = load(str(copy), Images("a:1", "a:1-full", "b:1", "c:1"))
    assert "vllm" not in found.runtimes
    assert (found.defaults["sklearn"], found.defaults["catboost"]) == ("mlserver", "mine")
    assert found.runtimes["mine"].args == ["--name={name}"]
    assert found.fetcher.resources == {"limits": {"memory": "2Gi"}}


def test_a_changed_catalogue_restarts_the_operator(helm: Any) -> None:
    def annotations(**runtimes: Any) -> Any:
        return helm.render({"catalogue": {"runtimes": runtimes}}).pod["metadata"]["annotations"]

    assert annotations(mlserver={"image": "a:1"}) != annotations(mlserver={"image": "a:2"})


def test_without_anything_laid_over_there_is_no_file(rendered: Any) -> None:
    assert rendered.env["SERINUS_RUNTIMES"] == ""
    assert not rendered.all("ConfigMap")
    assert "volumes" not in rendered.pod["spec"]


def test_the_rest_of_what_a_pod_may_have_reaches_it(helm: Any) -> None:
    spec: dict[str, Any] = {
        "priorityClassName": "system-cluster-critical",
        "terminationGracePeriodSeconds": 5,
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": ["10.0.0.10"]},
        "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["prometheus"]}],
    }
    container = {"name": "side", "image": "s:1"}
    values = {
        **spec,
        "extraEnvFrom": [{"secretRef": {"name": "proxy"}}],
        "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}],
        "extraContainers": [container],
        "extraInitContainers": [container],
        "podSecurityContext": {"runAsUser": 1000},
        "securityContext": {"runAsGroup": 1000},
        "livenessProbe": {"failureThreshold": 9},
        "topologySpreadConstraints": [
            {"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"},
            {"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"a": "b"}}},
        ],
    }  # fmt: skip
    found = helm.render(values).one("Deployment")["spec"]["template"]["spec"]
    assert {name: found[name] for name in spec} == spec
    operator, side = found["containers"]
    assert side == container
    assert found["initContainers"] == [container]
    assert operator["envFrom"] == values["extraEnvFrom"]
    assert operator["volumeMounts"] == values["extraVolumeMounts"]
    assert found["volumes"] == values["extraVolumes"]
    assert found["securityContext"]["runAsUser"] == 1000
    assert found["securityContext"]["runAsNonRoot"] is True, "maps are merged with the defaults"
    assert operator["securityContext"]["runAsGroup"] == 1000
    assert operator["livenessProbe"]["failureThreshold"] == 9
    assert operator["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "health"}
    selectors = [one["labelSelector"]["matchLabels"] for one in found["topologySpreadConstraints"]]
    assert selectors == [{"app.kubernetes.io/name": "serinus", "app.kubernetes.io/instance": "serinus"}, {"a": "b"}]


def test_what_belongs_to_all_objects_reaches_them(helm: Any) -> None:
    extra = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine"}}
    values = {
        "commonLabels": {"team": "ml", "app.kubernetes.io/instance": "other"},
        "podLabels": {"cost": "1"},
        "deploymentAnnotations": {"reloader": "yes"},
        "crds": {"annotations": {"a": "b"}},
        "revisionHistoryLimit": 1,
        "strategy": {"type": "Recreate"},
        "extraObjects": [extra],
    }
    rendered = helm.render(values)
    assert rendered.one("Secret") == extra
    own = [one for one in rendered.manifests if one["kind"] not in {"CustomResourceDefinition", "Secret"}]
    for manifest in own:
        labels = manifest["metadata"]["labels"]
        assert (labels["team"], labels["app.kubernetes.io/instance"]) == ("ml", "serinus")
    deployment = rendered.one("Deployment")
    assert deployment["metadata"]["annotations"] == {"reloader": "yes"}
    assert (deployment["spec"]["revisionHistoryLimit"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})
    assert {"team": "ml", "cost": "1"}.items() <= rendered.pod["metadata"]["labels"].items()
    assert "team" not in deployment["spec"]["selector"]["matchLabels"], "a selector never changes"
    annotations = rendered.one("CustomResourceDefinition")["metadata"]["annotations"]
    assert annotations == {"a": "b", "helm.sh/resource-policy": "keep"}
