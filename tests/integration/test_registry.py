"""The registry's client against a real MLflow server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from cluster.registry import GUEST, Registry
from serinus.registry.answers import ModelVersion, RegistryError
from serinus.registry.client import Mlflow
from serinus.registry.references import reference

Ask = Callable[..., ModelVersion]


@pytest.fixture
def ask(registry: Registry, tmp_path: Path) -> Ask:
    def run(uri: str, user: str = "admin", password: str | None = None) -> ModelVersion:
        login = {**registry.credentials(user), **({"MLFLOW_TRACKING_PASSWORD": password} if password else {})}
        for name, value in login.items():
            (tmp_path / name).write_text(value)

        async def find() -> ModelVersion:
            async with aiohttp.ClientSession() as session:
                mlflow = Mlflow(session, registry.url, 30.0, tmp_path)
                return await mlflow.with_origin(await mlflow.find(reference(uri)))

        return asyncio.run(find())

    return run


def test_versions_aliases_and_the_latest(registry: Registry, ask: Ask) -> None:
    first = registry.log("churn", {"MLmodel": b"1"}, {"mlflow.source.git.commit": "c0ffee1", "data_version": "9f86d0"})
    second = registry.log("churn", {"MLmodel": b"2"})
    registry.point("churn", "champion", first)
    found = ask("models:/churn@champion")
    assert (found.version, found.git_commit, found.data_version) == (first, "c0ffee1", "9f86d0")
    assert ask("models:/churn/latest").version == second
    assert ask(f"models:/churn/{second}").git_commit == ""
    registry.point("churn", "champion", second)
    assert ask("models:/churn@champion").version == second


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("models:/churn@nobody", "AliasUnknown"),
        ("models:/nothing@champion", "ModelUnknown"),
        ("models:/nothing/latest", "ModelUnknown"),
        ("models:/churn/999", "ModelUnknown"),
    ],
)
def test_what_is_not_there(registry: Registry, ask: Ask, uri: str, reason: str) -> None:
    registry.log("churn", {"MLmodel": b"1"})
    with pytest.raises(RegistryError) as caught:
        ask(uri)
    assert caught.value.reason == reason
    assert uri in str(caught.value)


@pytest.mark.parametrize("login", [{"user": GUEST}, {"password": "wrong"}])
def test_who_may_not(registry: Registry, ask: Ask, login: dict[str, str]) -> None:
    registry.point("churn", "champion", registry.log("churn", {"MLmodel": b"1"}))
    with pytest.raises(RegistryError) as caught:
        ask("models:/churn@champion", **login)
    assert caught.value.reason == "RegistryDenied"


def test_the_names_of_models_are_encoded(registry: Registry, ask: Ask) -> None:
    version = registry.log("it's my model", {"MLmodel": b"1"})
    assert ask("models:/it's%20my%20model/latest").version == version
