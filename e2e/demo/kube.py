"""The API server, read through one `kubectl proxy` on a socket that only this user can open.

One kubectl for the whole demo: a process for each look would cost more than the models.
"""

import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from demo.site import Site
from demo.trouble import Trouble

Manifest = dict[str, Any]
START = 10.0
WATCH = 300
LINE = 4 * 1024 * 1024


class Api:
    """GET and watch."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str, **query: str) -> Manifest:
        """Read an object or a list."""
        found: Manifest = json.loads(await self.text(path, query))
        return found

    async def text(self, path: str, query: dict[str, str] | None = None, *, limit_seconds: float = 10.0) -> str:
        """Read whatever a path serves."""
        limit = aiohttp.ClientTimeout(total=limit_seconds)
        async with self._session.get(path, params=query or {}, timeout=limit) as response:
            response.raise_for_status()
            return await response.text()

    async def watch(self, path: str, **query: str) -> AsyncIterator[tuple[str, Manifest]]:
        """Yield every object of a list and then every change, for ever; a broken watch starts again."""
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError, ValueError):
                listed = await self.get(path, **query)
                for item in listed.get("items", []):
                    yield "LISTED", item
                version = listed["metadata"]["resourceVersion"]
                async for kind, item in self._changes(path, version, query):
                    yield kind, item
            await asyncio.sleep(0.5)

    async def _changes(self, path: str, version: str, query: dict[str, str]) -> AsyncIterator[tuple[str, Manifest]]:
        asked = {**query, "watch": "1", "resourceVersion": version, "timeoutSeconds": str(WATCH)}
        limit = aiohttp.ClientTimeout(total=None, sock_read=WATCH + 10)
        async with self._session.get(path, params=asked, timeout=limit) as response:
            response.raise_for_status()
            async for line in response.content:
                change = json.loads(line)
                if change["type"] == "ERROR":
                    return
                yield change["type"], change["object"]


@asynccontextmanager
async def connect(site: Site) -> AsyncIterator[Api]:
    """Open the API for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="serinus-demo-") as folder:
        socket = Path(folder) / "api.sock"
        process = await asyncio.create_subprocess_exec(
            str(site.bin / "kubectl"), "--kubeconfig", str(site.kubeconfig), "--context", site.context,
            "proxy", "--unix-socket", str(socket),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            # A Ctrl-C in the terminal is for the demo, which still has to read the last counts.
            start_new_session=True,
        )  # fmt: skip
        try:
            await _started(process)
            connector = aiohttp.UnixConnector(str(socket), limit=0)
            async with aiohttp.ClientSession(
                "http://localhost", connector=connector, read_bufsize=LINE, trust_env=False
            ) as session:
                yield Api(session)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _started(process: asyncio.subprocess.Process) -> None:
    """Wait until the proxy says that it serves."""
    assert process.stdout is not None
    said = b""
    with contextlib.suppress(TimeoutError):
        said = await asyncio.wait_for(process.stdout.readline(), START)
    if not said.startswith(b"Starting to serve"):
        raise Trouble(f"`kubectl proxy` did not start: {said.decode(errors='replace').strip() or 'it said nothing'}")
