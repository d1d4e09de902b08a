"""What serves a spec: its own words laid over those of the catalogue."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from serinus.desired.pod import template

from .catalogued import serving

MODEL = {"uri": "s3://models/churn", "format": "sklearn"}


def container(raw: dict[str, Any], **known: str) -> dict[str, Any]:
    (found,) = template("churn", "aaaaaaaaaa", serving(raw, **known))["spec"]["containers"]
    return found


def env(raw: dict[str, Any], **known: str) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container(raw, **known)["env"]}


def test_a_model_is_all_that_it_takes() -> None:
    found = env({"model": MODEL})
    assert found == {
        "SERINUS_MODEL_NAME": "churn",
        "SERINUS_MODEL_VERSION": "aaaaaaaaaa",
        "SERINUS_MODEL_FORMAT": "sklearn",
        "SERINUS_MODEL_PATH": "/mnt/models",
    }
    assert container({"model": MODEL})["image"] == "serinus/server:1.0.0"


def test_the_spec_s_version_wins_over_the_registry_s_and_that_over_the_revision() -> None:
    assert env({"model": MODEL}, version="7")["SERINUS_MODEL_VERSION"] == "7"
    assert env({"model": {**MODEL, "version": "2026.1"}}, version="7")["SERINUS_MODEL_VERSION"] == "2026.1"


def test_what_is_not_said_is_left_out() -> None:
    raw = {"model": {"uri": "s3://a/b"}, "runtime": {"name": "serinus-server"}}
    assert "SERINUS_MODEL_FORMAT" not in env(raw)


def test_variables_of_the_spec_replace_those_of_the_runtime() -> None:
    own = [
        {"name": "SERINUS_ALLOW_PICKLE", "value": "true"},
        {"name": "SERINUS_MODEL_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]
    found = env({"model": MODEL, "runtime": {"env": own}})
    assert found["SERINUS_ALLOW_PICKLE"] == "true"
    assert found["SERINUS_MODEL_NAME"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_arguments_of_the_spec_come_after_those_of_the_runtime() -> None:
    model = {"uri": "hf://org/name", "format": "huggingface"}
    found = container({"model": model, "runtime": {"args": ["--max-model-len=4096"]}})
    assert found["args"] == ["/mnt/models", "--served-model-name=churn", "--port=8000", "--max-model-len=4096"]
    assert "command" not in found


def test_a_command_of_the_spec_replaces_command_and_arguments() -> None:
    model = {"uri": "s3://a/b", "format": "tensorflow"}
    found = container({"model": model, "runtime": {"command": ["sleep"], "args": ["9"]}})
    assert (found["command"], found["args"]) == (["sleep"], ["9"])


def test_the_format_tells_mlserver_its_implementation() -> None:
    for wanted, implementation in (
        ("xgboost", "mlserver_xgboost.XGBoostModel"),
        ("mlflow", "mlserver_mlflow.MLflowRuntime"),
    ):
        raw = {"model": {**MODEL, "format": wanted}, "runtime": {"name": "mlserver"}}
        assert env(raw)["MLSERVER_MODEL_IMPLEMENTATION"] == implementation


def test_a_probe_of_the_spec_replaces_that_one_alone() -> None:
    own = {"readiness": {"tcpSocket": {"port": "http"}}}
    found = container({"model": MODEL, "runtime": {"probes": own}})
    assert found["readinessProbe"] == own["readiness"]
    assert found["livenessProbe"]["httpGet"]["path"] == "/v2/health/live"


def test_another_build_of_a_runtime_may_listen_elsewhere() -> None:
    found = container({"runtime": {"name": "bentoml", "image": "fraud:1", "port": 3001}})
    assert (found["image"], found["ports"][0]["containerPort"]) == ("fraud:1", 3001)
    assert container({"runtime": {"name": "bentoml", "image": "fraud:1"}})["ports"][0]["containerPort"] == 3000


def test_the_pods_tell_prometheus_where_the_runtime_counts() -> None:
    raw = {"model": MODEL, "runtime": {"name": "mlserver"}}
    metadata = template("churn", "aaaaaaaaaa", serving(raw))["metadata"]
    assert metadata["annotations"]["prometheus.io/port"] == "8082"
    own = {**raw, "runtime": {"name": "mlserver", "metrics": {"port": 9}}}
    assert template("churn", "aaaaaaaaaa", serving(own))["metadata"]["annotations"]["prometheus.io/port"] == "9"


def test_a_runtime_without_counters_is_not_scraped() -> None:
    found = template("churn", "aaaaaaaaaa", serving({"model": MODEL, "runtime": {"name": "kserve-sklearn"}}))
    assert "prometheus.io/scrape" not in found["metadata"]["annotations"]


def test_the_spec_s_pod_template_has_the_last_word() -> None:
    own = {"spec": {"securityContext": {"runAsUser": 7, "fsGroup": None}, "nodeSelector": {"a": "b"}}}
    found = template(
        "churn", "aaaaaaaaaa", serving({"model": MODEL, "runtime": {"name": "mlserver", "podTemplate": own}})
    )
    assert found["spec"]["securityContext"]["runAsUser"] == 7
    assert "fsGroup" not in found["spec"]["securityContext"]
    plain = template("churn", "aaaaaaaaaa", serving({"model": MODEL, "runtime": {"name": "mlserver"}}))
    assert plain["spec"]["securityContext"]["runAsUser"] == 1000, "the runtime's own"


def test_a_model_may_come_in_a_config_map() -> None:
    raw = {"runtime": {"name": "serinus-server", "configMaps": [{"name": "graph", "mountPath": "/mnt/models"}]}}
    found = template("churn", "aaaaaaaaaa", serving(raw))["spec"]
    (mount,) = found["containers"][0]["volumeMounts"]
    assert mount["mountPath"] == "/mnt/models"
    assert found["volumes"][0]["configMap"]["name"] == "graph-aaaaaaaaaa"
    assert env(raw)["SERINUS_MODEL_PATH"] == "/mnt/models"
    assert "initContainers" not in found


def test_a_container_of_one_s_own_gets_the_model_too() -> None:
    raw = {"model": {"uri": "s3://a/b"}, "runtime": {"image": "own:1", "port": 80}}
    found = template("churn", "aaaaaaaaaa", serving(raw))["spec"]
    assert found["containers"][0]["volumeMounts"] == [{"name": "model", "mountPath": "/mnt/models", "readOnly": True}]
    assert [one["name"] for one in found["initContainers"]] == ["fetch-model"]


@pytest.mark.parametrize(
    ("wanted", "path"),
    [("triton", "/mnt/models/churn"), ("tensorflow", "/models/churn/1"), ("mlflow", "/mnt/models")],
)
def test_a_runtime_finds_the_model_where_it_looks(wanted: str, path: str) -> None:
    found = container({"model": {"uri": "s3://a/b", "format": wanted}})
    assert found["volumeMounts"][0]["mountPath"] == path


def test_tensorflow_serving_is_started_with_its_counters_on(tmp_path: Path) -> None:
    """By the shell that its image has, with a program in the server's place."""
    program = tmp_path / "tensorflow_model_server"
    program.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    program.chmod(0o755)
    found = container({"model": {"uri": "s3://a/b", "format": "tensorflow"}, "runtime": {"args": ["--a b", "--c"]}})
    script, *others = found["args"]
    config = tmp_path / "monitoring.config"
    command = [*found["command"], script.replace("/tmp/monitoring.config", str(config)), *others]
    done = subprocess.run(
        command, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "--port=8500",
        "--rest_api_port=8501",
        "--model_name=churn",
        "--model_base_path=/models/churn",
        f"--monitoring_config_file={config}",
        "--a b",
        "--c",
    ]
    assert config.read_text() == 'prometheus_config { enable: true, path: "/monitoring/prometheus/metrics" }'


@pytest.mark.parametrize(
    ("model_format", "image"), [("sklearn", "1.0.0"), ("onnx", "1.0.0-full"), ("xgboost", "1.0.0-full")]
)
def test_a_format_whose_libraries_are_large_has_an_image_of_its_own(model_format: str, image: str) -> None:
    model = {"uri": "s3://models/churn", "format": model_format}
    assert serving({"model": model}).runtime.image == f"serinus/server:{image}"
    own = serving({"model": model, "runtime": {"name": "serinus-server", "image": "registry.test/mine:1"}})
    assert own.runtime.image == "registry.test/mine:1"
