"""Prediction logs: by the server itself, or by a proxy before its port."""

from __future__ import annotations

from typing import Any

from serinus.desired import pod, sidecar
from serinus.desired.pod import template
from serinus.desired.revision import Origin

from .catalogued import serving

MODEL = {"uri": "s3://models/churn", "format": "sklearn"}
OWN = {"image": "registry.example.com/own:1", "port": 5000}
LOG: dict[str, Any] = {"predictionLog": {"redact": ["age"]}}


def spec(raw: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = template("churn", "aaaaaaaaaa", serving(raw))["spec"]
    return found


def env(container: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container["env"]}


def beside(raw: dict[str, Any]) -> dict[str, Any]:
    (found,) = [one for one in spec(raw)["initContainers"] if one["name"] == sidecar.NAME]
    return found


def test_our_own_server_logs_by_itself() -> None:
    found = spec({"model": MODEL, "runtime": LOG})
    assert [one["name"] for one in found["initContainers"]] == ["fetch-model"]
    (container,) = found["containers"]
    assert env(container)["SERINUS_LOG_REDACT"] == "age"
    assert (env(container)["SERINUS_LOG_STDOUT"], env(container)["SERINUS_LOG_SAMPLE"]) == ("true", "1")
    assert container["ports"] == [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]


def test_variables_of_the_spec_win_over_the_log() -> None:
    own = {"env": [{"name": "SERINUS_LOG_SAMPLE", "value": "0.5"}], **LOG}
    (container,) = spec({"model": MODEL, "runtime": own})["containers"]
    assert [one["value"] for one in container["env"] if one["name"] == "SERINUS_LOG_SAMPLE"] == ["0.5"]


def test_any_other_gets_a_proxy_that_outlives_it() -> None:
    for raw in ({"runtime": {**OWN, **LOG}}, {"model": MODEL, "runtime": {"name": "mlserver", **LOG}}):
        found = spec(raw)
        assert found["initContainers"][-1]["name"] == sidecar.NAME
        assert found["initContainers"][-1]["restartPolicy"] == "Always"
        assert found["terminationGracePeriodSeconds"] == pod.GRACE_SECONDS + sidecar.FLUSH_SECONDS


def test_services_reach_the_proxy_and_the_proxy_the_container() -> None:
    found = spec({"runtime": {**OWN, **LOG}})
    (container,) = found["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    known = env(beside({"runtime": {**OWN, **LOG}}))
    assert ports == {"http": int(known["SERINUS_PORT"]), "model": 5000}
    assert known["SERINUS_UPSTREAM_PORT"] == "5000"
    assert known["SERINUS_UPSTREAM_HOST"] == {"fieldRef": {"fieldPath": "status.podIP"}}


def test_probes_go_on_asking_the_container() -> None:
    asked = {"httpGet": {"path": "/ready", "port": "http"}}
    other = {"httpGet": {"path": "/live", "port": 5000}}
    over = {"spec": {"containers": [{"name": "model", "startupProbe": {"tcpSocket": {"port": "http"}}}]}}
    own = {**OWN, **LOG, "probes": {"readiness": asked, "liveness": other}, "podTemplate": over}
    (container,) = spec({"runtime": own})["containers"]
    assert container["readinessProbe"]["httpGet"] == {"path": "/ready", "port": "model"}
    assert container["livenessProbe"] == other
    assert container["startupProbe"] == {"tcpSocket": {"port": "model"}}


def test_ports_of_the_container_are_left_to_it() -> None:
    own = {"image": "a:1", "port": 19180, "metrics": {"port": 19190}, **LOG}
    known = env(beside({"runtime": own}))
    assert (known["SERINUS_PORT"], known["SERINUS_METRICS_PORT"]) == ("19181", "19191")


def test_metrics_of_the_container_are_scraped_from_its_own_port() -> None:
    found = template("churn", "aaaaaaaaaa", serving({"runtime": {**OWN, **LOG, "metrics": {}}}))
    assert found["metadata"]["annotations"]["prometheus.io/port"] == "5000"


def test_the_spec_reaches_the_sidecar_by_its_name() -> None:
    over = {"spec": {"initContainers": [{"name": sidecar.NAME, "resources": {"limits": {"memory": "1Gi"}}}]}}
    found = beside({"runtime": {**OWN, **LOG, "podTemplate": over}})
    assert found["resources"]["limits"] == {"memory": "1Gi"}
    assert found["image"] == "serinus/logger:1.0.0"


def test_the_hash_of_a_spec_without_it_is_what_it_was() -> None:
    assert Origin(OWN, {}).hash == "92aff76986"
    assert Origin({**OWN, **LOG}, {}).hash != "92aff76986"
