"""A registry's answer is a version, or a reason in words."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from serinus.registry.answers import ModelVersion, RegistryError
from serinus.registry.client import Mlflow
from serinus.registry.references import reference

from .server import Server, serving, tags, version

ALIAS = "registered-models/alias"


def found(server: Server, uri: str, credentials: Path | None = None) -> ModelVersion:
    async def ask() -> ModelVersion:
        async with serving(server, credentials) as mlflow:
            return await mlflow.with_origin(await mlflow.find(reference(uri)))

    return asyncio.run(ask())


def refused(server: Server, uri: str = "models:/churn@champion") -> RegistryError:
    with pytest.raises(RegistryError) as caught:
        found(server, uri)
    assert uri in str(caught.value)
    return caught.value


def test_an_alias_with_the_commit_of_its_run() -> None:
    run = {"run": {"data": {"tags": tags(mlflow__source__git__commit="c0ffee1", data_version="9f86d0")}}}
    server = Server({ALIAS: (200, {"model_version": version()}), "runs/get": (200, run)})
    assert found(server, "models:/churn@champion") == ModelVersion("7", "abc", "c0ffee1", "9f86d0")
    assert server.asked[0][:2] == (ALIAS, {"name": "churn", "alias": "champion"})
    assert server.asked[1][:2] == ("runs/get", {"run_id": "abc"})


def test_the_versions_own_tags_come_first() -> None:
    own = tags(mlflow__source__git__commit="1111111", data_version="v1")
    server = Server({ALIAS: (200, {"model_version": version(tags=own)})})
    assert found(server, "models:/churn@champion") == ModelVersion("7", "abc", "1111111", "v1")
    assert len(server.asked) == 1


@pytest.mark.parametrize("answer", [(404, {"error_code": "RESOURCE_DOES_NOT_EXIST"}), (403, "no"), (200, {"run": {}})])
def test_a_run_that_is_gone_or_hidden_tells_nothing(answer: tuple[int, Any]) -> None:
    server = Server({ALIAS: (200, {"model_version": version()}), "runs/get": answer})
    assert found(server, "models:/churn@champion") == ModelVersion("7", "abc")


def test_the_latest_is_the_highest_number() -> None:
    server = Server({"model-versions/search": (200, {"model_versions": [version("12", run_id="")]})})
    assert found(server, "models:/churn/latest").version == "12"
    assert server.asked[0][1] == {"filter": "name='churn'", "order_by": "version_number DESC", "max_results": "1"}


def test_a_model_without_versions_has_no_latest() -> None:
    assert refused(Server({"model-versions/search": (200, {})}), "models:/churn/latest").reason == "ModelUnknown"


@pytest.mark.parametrize(
    ("status", "document", "reason", "words"),
    [
        (400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Registered model alias champion not found."}, "AliasUnknown", "alias champion not found"),
        (404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Registered Model with name=churn not found"}, "ModelUnknown", "name=churn not found"),
        (401, "You are not authenticated", "RegistryDenied", "mlflow.existingSecret"),
        (403, "Permission denied", "RegistryDenied", "answers 403"),
        (500, {"message": "database is locked"}, "RegistryUnavailable", "answers 500: database is locked"),
        (404, "<html>", "RegistryUnavailable", "answers 404"),
        (200, "<html>", "RegistryUnavailable", "answers 200"),
        (200, {"model_version": {}}, "RegistryUnavailable", "holds no version"),
        (200, {"model_version": version(status="PENDING_REGISTRATION")}, "VersionNotReady", "PENDING_REGISTRATION"),
        (302, "https://login.example.com/", "RegistryUnavailable", "redirects to https://login.example.com/"),
    ],
)  # fmt: skip
def test_why_there_is_no_version(status: int, document: Any, reason: str, words: str) -> None:
    error = refused(Server({ALIAS: (status, document)}))
    assert error.reason == reason
    assert words in str(error)


def test_an_answer_without_end_is_not_read() -> None:
    error = refused(Server({ALIAS: (200, "x" * (2 << 20))}))
    assert "larger than" in str(error)


def test_nobody_listens() -> None:
    async def ask() -> None:
        async with aiohttp.ClientSession() as session:
            await Mlflow(session, "http://127.0.0.1:9", 5.0).find(reference("models:/churn@champion"))

    with pytest.raises(RegistryError, match="cannot be reached") as caught:
        asyncio.run(ask())
    assert caught.value.reason == "RegistryUnavailable"


def test_credentials_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "MLFLOW_TRACKING_TOKEN").write_bytes(b"\xff\xfe")
    with pytest.raises(RegistryError, match="MLFLOW_TRACKING_TOKEN cannot be read"):
        found(Server(), "models:/churn/7", tmp_path)


def test_credentials_are_read_from_the_mounted_secret_each_time(tmp_path: Path) -> None:
    server = Server({"model-versions/get": (200, {"model_version": version(run_id="")})})
    found(server, "models:/churn/7", tmp_path)
    (tmp_path / "MLFLOW_TRACKING_USERNAME").write_text("operator\n")
    (tmp_path / "MLFLOW_TRACKING_PASSWORD").write_text("secret\n")
    found(server, "models:/churn/7", tmp_path)
    (tmp_path / "MLFLOW_TRACKING_TOKEN").write_text("token")
    found(server, "models:/churn/7", tmp_path)
    assert [login for _, _, login in server.asked] == ["", "Basic b3BlcmF0b3I6c2VjcmV0", "Bearer token"]
