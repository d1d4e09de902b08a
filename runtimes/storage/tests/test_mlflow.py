"""Versions of models in a real MLflow server."""

import random
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from cluster.registry import GUEST, Registry
from conftest import Fetch, complete, contents

MODEL = random.Random(3).randbytes(1 << 20)
FILES = {"MLmodel": b"flavors: {}", "model.skops": MODEL, "data/input example.json": b"[]"}


@pytest.fixture
def mlflow(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Registry:
    for name, value in registry.credentials().items():
        monkeypatch.setenv(name, value)
    return registry


def test_a_version_whose_files_the_registry_hands_out(mlflow: Registry, fetch: Fetch, target: Path) -> None:
    version = mlflow.log("churn", FILES)
    outcome = fetch(f"models:/churn/{version}")
    assert outcome.code == 0, outcome.message
    assert contents(target) == FILES


def test_a_version_whose_files_lie_in_s3(mlflow: Registry, s3: S3Store, fetch: Fetch, target: Path) -> None:
    obstore.put(s3, "runs/1/model/MLmodel", b"flavors: {}")
    version = mlflow.version("in-s3", "s3://models/runs/1/model")
    outcome = fetch(f"models:/in-s3/{version}")
    assert outcome.code == 0, outcome.message
    assert contents(target) == {"MLmodel": b"flavors: {}"}
    assert outcome.message.startswith(f"models:/in-s3/{version}: 1 file")


@pytest.mark.usefixtures("s3")
def test_a_version_whose_files_are_gone(mlflow: Registry, fetch: Fetch) -> None:
    version = mlflow.version("gone", "s3://models/gone")
    outcome = fetch(f"models:/gone/{version}")
    assert outcome.reason == "NotFound"
    assert "s3://models/gone" in outcome.message


@pytest.mark.usefixtures("mlflow")
@pytest.mark.parametrize("uri", ["models:/churn/999999", "models:/nobody-knows-it/1"])
def test_there_is_no_such_version(fetch: Fetch, target: Path, uri: str) -> None:
    outcome = fetch(uri)
    assert outcome.reason == "NotFound"
    assert f"{uri}: answered 404" in outcome.message
    assert not complete(target)


@pytest.mark.usefixtures("mlflow")
@pytest.mark.parametrize("uri", ["models:/churn@champion", "models:/churn/latest"])
def test_what_may_move_is_refused(fetch: Fetch, uri: str) -> None:
    outcome = fetch(uri)
    assert outcome.reason == "InvalidRequest"
    assert "models:/name/version" in outcome.message


def test_a_wrong_password(mlflow: Registry, fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    version = mlflow.log("churn", FILES)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "not-the-password")
    outcome = fetch(f"models:/churn/{version}")
    assert (outcome.code, outcome.reason) == (4, "AccessDenied")
    assert "answered 401" in outcome.message
    assert "not-the-password" not in outcome.output


def test_a_user_who_may_not_read_it(mlflow: Registry, fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    version = mlflow.log("churn", FILES)
    for name, value in mlflow.credentials(GUEST).items():
        monkeypatch.setenv(name, value)
    outcome = fetch(f"models:/churn/{version}")
    assert outcome.reason == "AccessDenied"
    assert "answered 403" in outcome.message


@pytest.mark.usefixtures("mlflow")
def test_no_registry_is_named(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    outcome = fetch("models:/churn/1")
    assert outcome.reason == "InvalidRequest"
    assert "MLFLOW_TRACKING_URI" in outcome.message


def test_a_digest_of_a_version(mlflow: Registry, fetch: Fetch) -> None:
    version = mlflow.log("churn", FILES)
    assert fetch(f"models:/churn/{version}", "--digest", f"sha256:{'2' * 64}").reason == "DigestMismatch"
    assert fetch(f"models:/churn/{version}", "--max-bytes", "1000").reason == "TooLarge"
