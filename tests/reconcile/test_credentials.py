"""Who gets the credentials of the operator's own Prometheus: that one alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
from aiohttp import web

from serinus.api.v1alpha1 import ModelDeploymentSpec
from serinus.reconcile.judges import RolloutJudges
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


def test_the_operators_own_gets_them(tmp_path: Path) -> None:
    headers = sent(tmp_path, named=False)
    assert (headers["Authorization"], headers["X-Scope-OrgID"]) == ("Bearer secret", "team-a")


def test_one_that_a_spec_names_gets_none(tmp_path: Path) -> None:
    headers = sent(tmp_path, named=True)
    assert not {"Authorization", "X-Scope-OrgID"} & set(headers)


def test_a_spec_may_name_the_operators_own(tmp_path: Path) -> None:
    assert sent(tmp_path, named=True, own=True)["Authorization"] == "Bearer secret"
