"""Whom the operator asks, and with which credentials."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from pydantic import ValidationError

from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.reconcile.judges import RolloutJudges
from serinus.reconcile.queue import Key
from serinus.reconcile.source import NoSource
from serinus.settings import Settings

METRIC = {"name": "queue", "query": "max(queue)", "max": 3}


def sent(home: Path, *, named: bool, own: bool = False) -> dict[str, str]:
    """Return the headers that a Prometheus gets when a spec names it, or leaves it to the operator."""
    (home / "token").write_text("secret")
    seen: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(dict(request.headers))
        return web.json_response({"status": "success", "data": "max(queue)"})

    async def scenario() -> None:
        app = web.Application()
        app.router.add_post("/api/v1/format_query", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        settings = Settings(
            prometheus_address=address if own or not named else "http://own.invalid:9090",
            prometheus_allowed=(address,),
            prometheus_credentials=str(home),
            prometheus_headers={"X-Scope-OrgID": "team-a"},
        )
        analysis = {"metrics": [METRIC], **({"prometheus": {"address": address}} if named else {})}
        spec = ModelDeploymentSpec.model_validate({"runtime": {"image": "a:1", "port": 80}, "analysis": analysis})
        async with aiohttp.ClientSession() as session:
            assert await RolloutJudges(settings, session, lambda: 0.0).refusal(spec) is None
        await runner.cleanup()

    asyncio.run(scenario())
    (headers,) = seen
    return headers


ALLOWED = "http://allowed.invalid:9090"


@pytest.mark.parametrize(
    "address",
    [
        "http://other.invalid:9090",
        f"{ALLOWED}/",
        f"{ALLOWED}/..",
        f"{ALLOWED}.other.invalid",
        f"{ALLOWED}1",
        "http://ALLOWED.invalid:9090",
        "https://allowed.invalid:9090",
        "http://127.0.0.1:9090",
        "http://169.254.169.254",
    ],
)
def test_an_address_of_a_spec_is_on_the_list_or_is_not_asked(address: str) -> None:
    settings = Settings(prometheus_address="http://own.invalid", prometheus_allowed=(ALLOWED,))
    spec = ModelDeploymentSpec.model_validate(
        {"runtime": {"image": "a:1", "port": 80}, "analysis": {"prometheus": {"address": address}}}
    )
    with pytest.raises(NoSource, match="is not on the operator's allow-list"):
        RolloutJudges(settings, cast("Any", None), lambda: 0.0)._queries(spec)


@pytest.mark.parametrize("address", ["http://a@b", "http://a/?x=b", "http://a#b", "file:///etc", "http://", "ftp://a"])
def test_an_address_that_could_mean_another_is_none(address: str) -> None:
    with pytest.raises(ValidationError):
        ModelDeploymentSpec.model_validate(
            {"runtime": {"image": "a:1", "port": 80}, "analysis": {"prometheus": {"address": address}}}
        )


def test_custom_queries_that_are_turned_off_are_not_asked() -> None:
    settings = Settings(prometheus_address="http://own.invalid", custom_queries=False)
    spec = ModelDeploymentSpec.model_validate(
        {"runtime": {"image": "a:1", "port": 80}, "analysis": {"metrics": [METRIC]}}
    )
    with pytest.raises(NoSource, match="turned off"):
        RolloutJudges(settings, cast("Any", None), lambda: 0.0)._queries(spec)


def test_the_proxy_for_custom_queries_is_told_the_namespace_and_shares_no_answer(tmp_path: Path) -> None:
    """Whatever Prometheus a spec names: what it names may show everything."""
    (tmp_path / "token").write_text("secret")

    async def scenario() -> None:
        async with aiohttp.ClientSession() as session:
            settings = Settings(
                prometheus_address="http://own.invalid",
                prometheus_credentials=str(tmp_path),
                prometheus_headers={"X-Scope-OrgID": "all"},
                custom_query_proxy="http://proxy.invalid",
            )
            judges = RolloutJudges(settings, session, lambda: 0.0)
            own = judges._server("http://own.invalid")
            mine, theirs = (judges.custom(namespace, own) for namespace in ("mine", "theirs"))
            assert mine is judges.custom("mine", own)
            judges.forget(Key("mine", "shop"))  # the last rollout there
            assert mine is not judges.custom("mine", own)
            assert theirs is judges.custom("theirs", own)
            assert len({id(mine), id(theirs), id(own)}) == 3
            assert mine.prometheus.address == theirs.prometheus.address == "http://proxy.invalid"
            for queries, namespace in ((mine, "mine"), (theirs, "theirs")):
                sent_ = {"X-Scope-OrgID": "all", "X-Namespace": namespace, "Authorization": "Bearer secret"}
                assert queries.prometheus.access.sent() == sent_

    asyncio.run(scenario())


@pytest.mark.parametrize("setting", ["prometheus_address", "custom_query_proxy", "mlflow_tracking_uri"])
def test_an_address_with_a_login_is_refused_without_telling_it(setting: str) -> None:
    """Addresses stand in status and in the log."""
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({setting: "http://me:hunter2@server"})
    assert setting in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_the_operators_own_gets_them(tmp_path: Path) -> None:
    headers = sent(tmp_path, named=False)
    assert (headers["Authorization"], headers["X-Scope-OrgID"]) == ("Bearer secret", "team-a")


def test_one_that_a_spec_names_gets_none(tmp_path: Path) -> None:
    headers = sent(tmp_path, named=True)
    assert not {"Authorization", "X-Scope-OrgID"} & set(headers)


def test_a_spec_may_name_the_operators_own(tmp_path: Path) -> None:
    assert sent(tmp_path, named=True, own=True)["Authorization"] == "Bearer secret"
