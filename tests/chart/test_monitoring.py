"""What Prometheus is told to scrape, and the alerts, by the real Prometheus and promtool."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster import programs
from serinus.api.status import Phase
from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.desired import pod
from serinus.desired.model import Pin
from serinus.desired.serving import resolve
from serinus.metrics import pods
from serinus.runtimes.loading import Images, load

from .discovery import annotated_job, discovered, exported, prometheus, promtool, scrape_job, targets

pytestmark = pytest.mark.chart

TOP = Path(__file__).parents[2]
FILES = TOP / "charts" / "serinus" / "files"
ALERTS = FILES / "alerts.yaml"
CATALOGUE = load("", Images("serinus/server:1", "serinus/server:1-full", "serinus/storage:1", "serinus/logger:1"))
NAMESPACE, REVISION = "shop", "0123456789"
PODS = {name: f"127.77.0.{place}" for place, name in enumerate(CATALOGUE.runtimes, 1)}
SIX = f"mlserver-{REVISION}-7bcdf-six66"
"""A pod with an IPv6 address."""
ON = {"monitoring": {"podMonitors": {"enabled": True}, "rules": {"enabled": True}}}
SIDECAR = {
    "podTemplate": {"spec": {"containers": [{"name": "proxy", "image": "p:1", "ports": [{"containerPort": 4180}]}]}}
}


def template(runtime: str, **more: Any) -> dict[str, Any]:
    """Return a pod of a model that a runtime of the catalogue serves, beside a sidecar with a port."""
    entry = CATALOGUE.runtimes[runtime]
    model = {"uri": "s3://models/churn", "format": next(iter(entry.formats), "sklearn")} if entry.formats else None
    image = {} if entry.image or runtime == "serinus-server" else {"image": "own:1"}
    raw = {"replicas": 1, "model": model, "runtime": {"name": runtime, **image, **SIDECAR, **more}}
    spec = ModelDeploymentSpec.model_validate({key: value for key, value in raw.items() if value})
    pin = Pin(spec.model.uri, "") if spec.model else None
    return pod.template(runtime, REVISION, resolve(runtime, REVISION, spec, pin, CATALOGUE))


def found_pods() -> list[dict[str, Any]]:
    """Return what is discovered: a pod of each runtime, one at an IPv6 address, and pods of others."""
    found = [
        target
        for runtime, ip in PODS.items()
        for target in discovered(template(runtime), NAMESPACE, f"{runtime}-{REVISION}-7bcdf-x2z4q", ip)
    ]
    found += discovered(template("mlserver"), NAMESPACE, SIX, "fd00::7")
    gateway = {
        "metadata": {
            "labels": {"app.kubernetes.io/component": "proxy", "app.kubernetes.io/managed-by": "envoy-gateway"},
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "19001", "prometheus.io/path": "/stats/prometheus"},
        },
        "spec": {
            "containers": [
                {
                    "name": "envoy",
                    "ports": [{"containerPort": 19001, "name": "metrics"}, {"containerPort": 19003, "name": "readiness"}],
                },
                {"name": "shutdown-manager", "ports": [{"containerPort": 19002, "name": "shutdown"}]},
            ]
        },
    }  # fmt: skip
    found += discovered(gateway, "envoy-gateway-system", "envoy-public-5d7c9", "127.77.1.1")
    stranger = {
        "metadata": {"annotations": {"prometheus.io/scrape": "true"}},
        "spec": {"containers": [{"name": "model"}]},
    }
    return found + discovered(stranger, NAMESPACE, "stranger", "127.77.1.3")


def operator_pod(rendered: Any) -> list[dict[str, Any]]:
    return discovered(rendered.pod, "ops", "serinus-1", "127.77.1.2")


def expected() -> dict[str, str]:
    """Return the addresses that shall be scraped, by pod."""
    addresses = {
        "envoy-public-5d7c9": "http://127.77.1.1:19001/stats/prometheus",
        "serinus-1": "http://127.77.1.2:9090/metrics",
        SIX: "http://[fd00::7]:8082/metrics",
    }
    for runtime, ip in PODS.items():
        entry = CATALOGUE.runtimes[runtime]
        if entry.metrics:
            port, path = entry.metrics.port or entry.port, entry.metrics.path or "/metrics"
            addresses[f"{runtime}-{REVISION}-7bcdf-x2z4q"] = f"http://{ip}:{port}{path}"
    return addresses


@pytest.fixture(scope="module")
def monitored(helm: Any) -> Any:
    return helm.render(ON)


@pytest.fixture(scope="module", params=["PodMonitors", "the documented jobs", "the jobs of the test cluster"])
def scraped(request: Any, monitored: Any, tmp_path_factory: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """A real Prometheus that was told by one of the ways what to scrape, and what it shall scrape."""
    found, wanted = [*found_pods(), *operator_pod(monitored)], expected()
    if request.param == "PodMonitors":
        jobs = [scrape_job(monitor, found) for monitor in monitored.all("PodMonitor")]
    else:
        config = yaml.safe_load(written() if "documented" in request.param else deployed())
        if "cluster" in request.param:  # kind's has IPv4 alone
            found = [one for one in found if one["labels"]["__meta_kubernetes_pod_name"] != SIX]
            wanted.pop(SIX)
        jobs = [annotated_job(job, found) for job in config["scrape_configs"]]
    home = tmp_path_factory.mktemp("prometheus")
    with prometheus(programs.built("prometheus"), home, {"scrape_configs": jobs}) as address:
        yield address, wanted


def written() -> str:
    (block,) = re.findall(r"```yaml\n(scrape_configs:.*?)```", (TOP / "docs" / "monitoring.md").read_text(), re.DOTALL)
    return str(block)


def deployed() -> str:
    return (TOP / "e2e/cluster/manifests/prometheus/prometheus.yml").read_text()


def test_the_prometheus_of_a_bare_cluster_has_the_documented_jobs() -> None:
    objects = yaml.safe_load_all((TOP / "examples" / "bare-cluster" / "prometheus.yaml").read_text())
    (config,) = (one["data"]["prometheus.yml"] for one in objects if one["kind"] == "ConfigMap")
    documented = yaml.safe_load(written())["scrape_configs"]
    assert yaml.safe_load(config)["scrape_configs"] == [job for job in documented if job["job_name"] != "envoy"]


def test_each_pod_is_one_target_with_the_labels_that_the_judge_asks_for(scraped: tuple[str, dict[str, str]]) -> None:
    address, wanted = scraped
    found = targets(address, len(wanted))
    own = [
        one for one in found if one["labels"]["pod"] != "stranger"
    ]  # a job for all annotated pods takes that one, too
    assert sorted(one["labels"]["pod"] for one in own) == sorted(wanted), "each once"
    for target in own:
        labels = target["labels"]
        assert target["scrapeUrl"] == wanted[labels["pod"]]
        runtime = labels["pod"].partition(f"-{REVISION}-")[0]
        if runtime in CATALOGUE.runtimes:
            assert pods.revision_of(labels, NAMESPACE, runtime, [REVISION]) == REVISION


def test_the_operators_series_keep_the_namespace_of_their_model(monitored: Any) -> None:
    kept = {job["job_name"]: job.get("honor_labels", False) for text in (written(), deployed())
            for job in yaml.safe_load(text)["scrape_configs"]}  # fmt: skip
    assert kept.pop("serinus")
    assert not any(kept.values())
    honored = {one["metadata"]["name"] for one in monitored.all("PodMonitor")
               if one["spec"]["podMetricsEndpoints"][0].get("honorLabels")}  # fmt: skip
    assert honored == {"serinus"}


def test_a_runtime_that_counts_nothing_is_not_scraped() -> None:
    uncounted = {name for name, entry in CATALOGUE.runtimes.items() if not entry.metrics}
    assert uncounted == {"kserve-sklearn", "kserve-xgboost", "kserve-lightgbm", "kserve-huggingface"}
    for name in uncounted:
        assert "prometheus.io/scrape" not in template(name)["metadata"]["annotations"]


def test_nothing_is_made_for_a_prometheus_operator_that_nobody_asked_for(rendered: Any) -> None:
    assert not rendered.all("PodMonitor")
    assert not rendered.all("PrometheusRule")


def test_monitors_can_be_left_out_one_by_one(helm: Any) -> None:
    for name, made in (("models", "serinus-models"), ("gateway", "serinus-gateway"), ("operator", "serinus")):
        left = {"enabled": True, "models": False, "gateway": False, "operator": False, name: True}
        (monitor,) = helm.render({"monitoring": {"podMonitors": left}}).all("PodMonitor")
        assert monitor["metadata"]["name"] == made


def test_what_belongs_to_the_monitors_reaches_them(helm: Any) -> None:
    rule = {"action": "labeldrop", "regex": "noise"}
    values = {
        "namespaces": ["team-a", "team-b"],
        "monitoring": {
            "podMonitors": {
                "enabled": True, "namespace": "monitoring", "labels": {"release": "stack"}, "annotations": {"a": "b"},
                "interval": "30s", "scrapeTimeout": "10s", "gatewayNamespace": "proxies",
                "relabelings": [rule], "metricRelabelings": [rule],
            }
        },
    }  # fmt: skip
    rendered = helm.render(values)
    for monitor in rendered.all("PodMonitor"):
        metadata, (endpoint,) = monitor["metadata"], monitor["spec"]["podMetricsEndpoints"]
        assert (metadata["namespace"], metadata["labels"]["release"]) == ("monitoring", "stack")
        assert metadata["annotations"] == {"a": "b"}
        assert (endpoint["interval"], endpoint["scrapeTimeout"]) == ("30s", "10s")
        assert endpoint["relabelings"][-1] == rule
        assert endpoint["metricRelabelings"] == [rule]
    where = {
        one["metadata"]["name"]: one["spec"]["namespaceSelector"]["matchNames"] for one in rendered.all("PodMonitor")
    }
    assert where == {"serinus-models": ["team-a", "team-b"], "serinus-gateway": ["proxies"], "serinus": ["ops"]}


@pytest.fixture(scope="module")
def rules() -> dict[str, dict[str, Any]]:
    """Hold the alerts by name."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def test_alerts_fire_when_they_shall_and_keep_still_otherwise(tmp_path: Path, rules: dict[str, Any]) -> None:
    tests = Path(__file__).with_name("alerts_test.yaml")
    for file in (ALERTS, tests):
        shutil.copy(file, tmp_path)
    program = programs.built("promtool")
    promtool(program, "check", "rules", "--lint-fatal", tmp_path / ALERTS.name)
    promtool(program, "test", "rules", tmp_path / tests.name)
    cases = [case for test in yaml.safe_load(tests.read_text())["tests"] for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == set(rules)
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == set(rules)


def test_alerts_ask_for_what_the_operator_exports(rules: dict[str, Any]) -> None:
    asked = {name for rule in rules.values() for name in re.findall(r"\bserinus_\w+", rule["expr"])}
    assert asked <= exported()
    assert len(asked) > 5
    phases = re.findall(r'phase(?:!?=|=~)"([^"]+)"', " ".join(rule["expr"] for rule in rules.values()))
    assert {"Queued", "Stepping"} < {phase for some in phases for phase in some.split("|")} <= set(Phase)


def test_the_metrics_page_lists_what_the_operator_exports() -> None:
    page = (TOP / "docs" / "operations.md").read_text()
    told = set(re.findall(r"`(serinus_\w+)`", page))
    bare = {
        re.sub("_(bucket|sum|count)$", "", name)
        for name in exported()
        if name.startswith("serinus_") and not name.endswith("_created")
    }
    assert bare == told & bare
    assert told <= bare


def test_every_alert_has_a_runbook_that_is_there(rules: dict[str, Any]) -> None:
    headings = re.findall(r"^## (\w+)$", (TOP / "docs" / "runbooks.md").read_text(), re.MULTILINE)
    assert headings == list(rules)
    page = (TOP / "docs" / "monitoring.md").read_text()
    for name, rule in rules.items():
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{name.lower()}"
        row = (
            f"| [`{name}`](runbooks.md#{name.lower()}) | {rule['labels']['severity']} | {rule.get('for', 'at once')} |"
        )
        assert row in page


def test_the_rule_of_the_chart_is_the_file(monitored: Any) -> None:
    groups = monitored.one("PrometheusRule")["spec"]["groups"]
    assert groups == yaml.safe_load(ALERTS.read_text())["groups"]


def test_alerts_can_be_left_out_relabelled_and_led_to_a_published_page(helm: Any, rules: dict[str, Any]) -> None:
    own = {
        "enabled": True, "namespace": "monitoring", "labels": {"release": "stack"}, "annotations": {"a": "b"},
        "alertLabels": {"team": "ml", "severity": "page"}, "runbookUrl": "https://docs.example.com/runbooks",
        "disabled": ["SerinusDown", "SerinusRolledBack"],
    }  # fmt: skip
    rule = helm.render({"monitoring": {"rules": own}}).one("PrometheusRule")
    assert (rule["metadata"]["namespace"], rule["metadata"]["labels"]["release"]) == ("monitoring", "stack")
    found = [alert for group in rule["spec"]["groups"] for alert in group["rules"]]
    assert [alert["alert"] for alert in found] == [name for name in rules if name not in own["disabled"]]
    for alert in found:
        assert alert["labels"] == {"team": "ml", "severity": "page"}
        assert alert["annotations"]["runbook_url"] == f"https://docs.example.com/runbooks#{alert['alert'].lower()}"
        assert alert["annotations"]["summary"] == rules[alert["alert"]]["annotations"]["summary"]


def test_an_alert_that_is_not_there_cannot_be_left_out(refusal: Any) -> None:
    said = refusal({"monitoring": {"rules": {"enabled": True, "disabled": ["SerinusDwon"]}}})
    assert "monitoring.rules.disabled" in said
    assert "SerinusDwon" in said
    assert "SerinusDown" in said
