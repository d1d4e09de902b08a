"""Credentials everywhere, everything that can fail does, the log is at its loudest: none of them is told to anybody."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from .control_plane import free_port
from .kube import Manifest
from .loopback import Request, Server
from .stand import Space, spec

TOKEN, KEY, USER, PASSWORD = "prom-bearer-5f1c", "org-key-77aa", "registrar-03", "registry-pass-9d2e"
IN_SECRET, IN_ENVIRONMENT = "bucket-key-b81d", "api-key-44c0"
VALUES = {
    TOKEN, KEY, PASSWORD, IN_SECRET, IN_ENVIRONMENT,
    *(b64encode(text.encode()).decode() for text in (TOKEN, IN_SECRET, IN_ENVIRONMENT, f"{USER}:{PASSWORD}")),
}  # fmt: skip
MODEL = "churn"


class Registry:
    """Plays an MLflow that knows one model, for those who log in."""

    def __init__(self) -> None:
        self.answers, self.heard, self.version = True, set[str](), "1"
        self.server = Server(self.reply, free_port()).start()

    def reply(self, request: Request) -> None:
        self.heard.add(request.headers.get("Authorization", ""))
        if not self.answers:
            request.reply(401, b'{"error_code": "UNAUTHENTICATED", "message": "who are you?"}')
            return
        found = {"name": MODEL, "version": self.version, "status": "READY"}
        request.reply(200, json.dumps({"model_version": found}).encode())


@pytest.fixture
def registry() -> Iterator[Registry]:
    played = Registry()
    yield played
    played.server.stop()


@pytest.fixture
def entrusted(space: Space, registry: Registry, tmp_path: Path) -> Iterator[Space]:
    """An operator with a login for everything, whose log of this test is one file."""
    prometheus, mlflow = tmp_path / "prometheus", tmp_path / "mlflow"
    for folder, name, value in (
        (prometheus, "token", TOKEN),
        (mlflow, "MLFLOW_TRACKING_USERNAME", USER),
        (mlflow, "MLFLOW_TRACKING_PASSWORD", PASSWORD),
    ):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(value)
    operator, log = space.stand.operator, space.stand.operator.log
    operator.stop()
    operator.log = tmp_path / "operator.log"
    operator.settings |= {
        "SERINUS_LOG_LEVEL": "debug",
        "SERINUS_PROMETHEUS_CREDENTIALS": str(prometheus),
        "SERINUS_PROMETHEUS_HEADERS": json.dumps({"X-Scope-OrgID": KEY}),
        "SERINUS_MLFLOW_TRACKING_URI": registry.server.address,
        "SERINUS_MLFLOW_CREDENTIALS": str(mlflow),
        "SERINUS_MLFLOW_INTERVAL": "1s",
    }
    operator.start()
    yield space
    operator.stop()
    operator.settings.clear()
    operator.log = log
    operator.start()


def body(**parts: object) -> Manifest:
    made = spec("unused", replicas=1, **parts)
    secret = {"secretKeyRef": {"name": "login", "key": "password"}}
    made["runtime"] = {"env": [{"name": "API_KEY", "valueFrom": secret}]}
    return {**made, "model": {"uri": f"models:/{MODEL}@champion", "format": "sklearn", "secretRef": {"name": "login"}}}


def told(space: Space) -> dict[str, str]:
    """Return everything that the operator has told anybody, the stored children included."""
    kinds = ("modeldeployments", "events", "controllerrevisions", "deployments", "services", "httproutes", "configmaps")
    found = {kind: json.dumps(space.kube.find(kind, space.namespace)) for kind in kinds}
    operator = space.stand.operator
    return {**found, "log": operator.log.read_text(), "metrics": operator.figures()}


def test_no_credential_is_told_to_anybody(entrusted: Space, registry: Registry) -> None:
    space, prometheus = entrusted, entrusted.stand.prometheus
    prometheus.values["max(queue)"] = 1.0
    data = {"password": IN_ENVIRONMENT, "AWS_SECRET_ACCESS_KEY": IN_SECRET}
    space.kube.create("secrets", space.namespace, {"metadata": {"name": "login"}, "stringData": data})
    metrics = [{"name": "queue", "query": "max(queue)", "max": 3}]
    steps = [{"weight": 20, "minDuration": "10m"}]
    space.apply(body(rollout={"steps": steps}, analysis={"metrics": metrics}))
    space.wait(lambda status: status.get("phase") == "Stable", "the first version serves")
    registry.version = "2"
    space.wait(lambda status: status.get("weight") == 20, "the second version is tested")
    assert prometheus.headers["Authorization"] == f"Bearer {TOKEN}", "credentials are used"
    assert prometheus.headers["X-Scope-OrgID"] == KEY
    assert registry.heard == {f"Basic {b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"}

    registry.answers, prometheus.mode = False, "denied"
    space.wait_condition("ModelResolved", "False", "RegistryDenied")
    space.wait_condition("MetricsAvailable", "False", "HTTP 401")
    registry.answers, prometheus.mode = True, "up"
    space.wait_condition("ModelResolved", "True")
    space.wait_event("AnalysisResumed")

    found = told(space)
    assert '"debug"' in found["log"], "the log is at its loudest"
    assert "AnalysisBlind" in found["events"]
    assert "serinus_rollout_phase" in found["metrics"]
    secrets = VALUES | {space.stand.plane.token}
    assert not {(where, secret) for where, text in found.items() for secret in secrets if secret in text}
