"""A Prometheus that answers what a test tells it to, on this machine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from serinus.prometheus.client import Prometheus


@dataclass
class Server:
    """`body` is sent with `status`; `asked` holds the forms that came in."""

    body: bytes | dict[str, Any] = b""
    status: int = 200
    delay: float = 0.0
    asked: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    """Headers of the answer."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    hold: bool = False

    async def answer(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        self.asked.append({key: str(value) for key, value in form.items()})
        self.headers.append(dict(request.headers))
        self.arrived.set()
        await asyncio.sleep(self.delay)
        if self.hold:
            await self.released.wait()
        if isinstance(self.body, dict):
            return web.json_response(self.body, status=self.status, headers=self.answers)
        return web.Response(body=self.body, status=self.status, content_type="text/html", headers=self.answers)


@contextlib.asynccontextmanager
async def serving(server: Server, limit: float = 20.0) -> AsyncIterator[Prometheus]:
    """Serve, and give a client for it."""
    app = web.Application()
    app.router.add_post("/api/v1/query", server.answer)
    app.router.add_post("/api/v1/format_query", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with aiohttp.ClientSession() as session:
            yield Prometheus(session, f"http://127.0.0.1:{port}/", limit)
    finally:
        server.released.set()
        await runner.cleanup()


def success(kind: str, result: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": result}}
