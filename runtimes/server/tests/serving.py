"""Models served in this process, or in one of their own."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from serinus_server import api, served
from serinus_server.app import App
from serinus_server.errors import StartupError
from serinus_server.logs.predictions import PredictionLog
from serinus_server.settings import Settings
from serinus_server.telemetry import Telemetry

ROW = [5.1, 3.5, 1.4, 0.2]
"""The first flower of iris, a setosa: class 0."""


class Client:
    """Asks an application in this process."""

    def __init__(self, app: App) -> None:
        self.app = app

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://test") as client:
                return await client.request(method, path, **given)

        return asyncio.run(asked())

    def get(self, path: str, **given: Any) -> httpx.Response:
        return self.ask("GET", path, **given)

    def post(self, path: str, **given: Any) -> httpx.Response:
        return self.ask("POST", path, **given)


logs: list[PredictionLog] = []
"""Of the servers in this process, to be closed after each test."""


def serve(path: Path, **given: Any) -> Client:
    """Serve a model in this process: `serve(path, model_version="7")`."""
    settings = Settings(**{"model_path": path, "model_name": "iris", **given})
    telemetry = Telemetry(settings.model_name, settings.model_version)
    rest = api.create(settings, telemetry.registry, lambda: app.served)
    app = App(settings, telemetry, rest)
    found = served.load(settings)
    logs.append(PredictionLog(settings, telemetry.drops, found.signature.names))
    app.serve(found, logs[-1])
    return Client(app)


def refused(path: Path, **given: Any) -> str:
    """Return why a model is not served."""
    with pytest.raises(StartupError) as caught:
        serve(path, **given)
    return str(caught.value)


@dataclass
class Running:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    url: str

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/v2/health/ready", timeout=600).status_code == 200
        except httpx.ConnectError:
            return False

    def wait_until_ready(self) -> None:
        while not self.ready():
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.05)

    def stop(self) -> tuple[int, str, str]:
        """Ask it to end; its exit code and what it wrote."""
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate()
        return self.process.returncode, out, err


@contextmanager
def running(path: Path, **env: str) -> Iterator[Running]:
    """Start a server; it is killed at the end if it still runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"SERINUS_MODEL_PATH": str(path), "SERINUS_HOST": "127.0.0.1", "SERINUS_PORT": str(port), **env}
    process = subprocess.Popen(
        [sys.executable, "-m", "serinus_server"],
        cwd=Path(__file__).parents[1],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Running(process, f"http://127.0.0.1:{port}")
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def failure(path: Path, **env: str) -> tuple[int, str]:
    """Start a server that cannot serve; its exit code and what it said."""
    with running(path, **env) as server:
        _, err = server.process.communicate()
        return server.process.returncode, err
