"""A registry that answers what a test tells it to, on this machine."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from serinus.registry.client import Mlflow


@dataclass
class Server:
    """Answers by method of the API: a status and a document; `asked` holds what came in."""

    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        method = request.path.removeprefix("/api/2.0/mlflow/")
        self.asked.append((method, dict(request.query), request.headers.get("Authorization", "")))
        status, document = self.answers.get(method, (404, {"error_code": "ENDPOINT_NOT_FOUND"}))
        if isinstance(document, str):
            headers = {"Location": document} if 300 <= status < 400 else {}
            return web.Response(status=status, text=document, headers=headers)
        return web.json_response(document, status=status)


@contextlib.asynccontextmanager
async def serving(server: Server, credentials: Path | None = None) -> AsyncIterator[Mlflow]:
    """Serve, and give a client for it."""
    app = web.Application()
    app.router.add_get("/{rest:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Mlflow(session, f"http://127.0.0.1:{runner.addresses[0][1]}/", 10.0, credentials)
    finally:
        await runner.cleanup()


def version(number: str = "7", **more: Any) -> dict[str, Any]:
    return {"name": "churn", "version": number, "status": "READY", "run_id": "abc", **more}


def tags(**values: str) -> list[dict[str, str]]:
    return [{"key": key.replace("__", "."), "value": value} for key, value in values.items()]
