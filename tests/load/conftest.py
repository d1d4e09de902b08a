"""A model on a real socket that answers as the request's path says."""

import asyncio
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web

sys.path.insert(0, str(Path(__file__).parents[2] / "e2e"))

from load import Load, Plan, Request, Summary, Target

HOST = "recommender.example.com"


class Model:
    """Serves in a thread of its own; `hits` counts what really arrived, by path."""

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        self.hosts: set[str] = set()
        self.connections: set[object] = set()
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def start(self) -> "Model":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        self._loop.run_until_complete(site.start())
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.hits[request.path] += 1
        self.hosts.add(request.host)
        assert request.transport is not None
        self.connections.add(request.transport.get_extra_info("peername"))
        await request.read()
        named = {"x-model-version": request.query.get("version", "1")}
        match request.path:
            case "/fault":
                return web.Response(status=500, headers={**named, "x-injected-fault": "1"})
            case "/late":
                return web.Response(headers={**named, "x-injected-delay": "1"})
            case "/error":
                return web.Response(status=503, text="upstream connect error")
            case "/moved":
                return web.Response(status=302, headers={"location": "/ok"})
            case "/hang":
                await asyncio.sleep(30)
            case "/reset":
                request.transport.abort()
            case "/close":
                request.transport.close()
            case "/cut":
                response = web.StreamResponse(headers={**named, "content-length": "100"})
                await response.prepare(request)
                await response.write(b"half")
                request.transport.close()
                return response
        return web.Response(text="{}", headers=named)


@pytest.fixture
def model() -> Iterator[Model]:
    made = Model().start()
    yield made
    made.stop()


@pytest.fixture
def asked(model: Model) -> Callable[..., tuple[Load, Summary]]:
    """Send `count` requests for the paths given, in turn, and return the load that did it."""

    def run(*paths: str, count: int = 12, rate: float = 100, timeout: float = 5, url: str = "") -> tuple[Load, Summary]:
        plan = Plan(
            Target(url or model.url, HOST),
            rate=rate,
            seconds=count / rate,
            timeout=timeout,
            mix=lambda number: Request("GET", paths[number % len(paths)]),
        )
        load = Load(plan).start()
        return load, load.join()

    return run
