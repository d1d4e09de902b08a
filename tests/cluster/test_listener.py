"""A listener misses nothing in silence: it goes on where it was, or says that it may have missed something."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from serinus.cluster import listener as module
from serinus.cluster.client import ApiError
from serinus.cluster.listener import Listener
from serinus.cluster.resources import POD, TLS_POLICY, Resource


def change(kind: str, version: int) -> tuple[str, dict[str, Any]]:
    return kind, {"name": "a", "resourceVersion": str(version)}


@dataclass
class Server:
    """Answers each watch with the next script: changes, then an error or the watch's regular end."""

    scripts: list[list[Any]]
    versions: list[str | ApiError | None] = field(default_factory=lambda: ["10"])
    asked: list[str] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def version(self, _resource: Resource, _namespace: str) -> str | None:
        self.asked.append("version")
        found = self.versions.pop(0) if len(self.versions) > 1 else self.versions[0]
        if isinstance(found, ApiError):
            raise found
        return found

    async def watch(self, _resource: Resource, _namespace: str, selector: str, version: str) -> AsyncIterator[Any]:
        self.asked.append(version)
        assert selector == "mine"
        if not self.scripts:
            self.over.set()
            await asyncio.Event().wait()
        for part in self.scripts.pop(0):
            if isinstance(part, Exception):
                raise part
            yield part


@dataclass
class Heard:
    """What a listener told, in order."""

    told: list[str] = field(default_factory=list)

    async def change(self, kind: str, _resource: Resource, metadata: Any) -> None:
        self.told.append(f"{kind} {metadata['resourceVersion']}")

    async def missed(self, _resource: Resource) -> None:
        self.told.append("missed")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY", 0.0)
    monkeypatch.setattr(module, "ABSENT", 0.0)


def listen(server: Server, clock: list[float], kind: Resource = POD) -> tuple[Heard, Listener]:
    """Listen until the scripts are at their end."""
    heard = Heard()
    listener = Listener(server, kind, "", "mine", heard.change, heard.missed, lambda: clock[0])  # type: ignore[arg-type]

    async def run() -> None:
        task = asyncio.create_task(listener.listen())
        await asyncio.wait_for(server.over.wait(), 5.0)
        task.cancel()

    asyncio.run(run())
    return heard, listener


def test_it_goes_on_from_the_newest_version_when_a_watch_ends() -> None:
    server = Server([[change("ADDED", 11), change("BOOKMARK", 15)], [change("DELETED", 16)]])
    heard, _ = listen(server, [0.0])
    assert server.asked == ["version", "10", "15", "16"]
    assert heard.told == ["missed", "ADDED 11", "DELETED 16"]


def test_a_broken_connection_is_no_gap() -> None:
    server = Server([[change("ADDED", 11), ApiError(0, "reset")], [ApiError(0, "refused")], [change("MODIFIED", 12)]])
    heard, _ = listen(server, [0.0])
    assert server.asked == ["version", "10", "11", "11", "12"]
    assert heard.told == ["missed", "ADDED 11", "MODIFIED 12"]


@pytest.mark.parametrize("script", [[ApiError(410, "too old")], [change("ADDED", 11), ApiError(410, "expired")]])
def test_an_expired_version_is_a_gap(script: list[Any]) -> None:
    server = Server([script, [change("ADDED", 31)]], versions=["10", "30"])
    heard, _ = listen(server, [0.0])
    assert server.asked[-3:] == ["version", "30", "31"]
    assert heard.told.count("missed") == 2
    assert heard.told[-2:] == ["missed", "ADDED 31"]


def test_a_kind_that_is_not_there_is_waited_for() -> None:
    server = Server([[change("ADDED", 11)]], versions=[None, None, "10"])
    heard, _ = listen(server, [0.0])
    assert server.asked == ["version", "version", "version", "10", "11"]
    assert heard.told == ["missed", "ADDED 11"], "nothing was missed of what was not there"


def test_a_kind_that_goes_may_have_been_missed() -> None:
    server = Server([[ApiError(410, "gone")], [change("ADDED", 31)]], versions=["10", None, None, "30"])
    heard, _ = listen(server, [0.0])
    assert heard.told == ["missed", "missed", "missed", "ADDED 31"]


def test_a_right_that_only_some_models_need_is_waited_for_like_a_kind() -> None:
    server = Server([[change("ADDED", 11)]], versions=[ApiError(403, "forbidden"), "10"])
    clock = [100.0]
    heard, listener = listen(server, clock, TLS_POLICY)
    assert heard.told == ["missed", "ADDED 11"]
    assert listener.silence() == 0.0


def test_silence_is_the_time_since_the_last_sign_of_life() -> None:
    clock = [100.0]
    server = Server([[change("BOOKMARK", 11)]])
    _, listener = listen(server, clock)
    assert listener.silence() == 0.0
    clock[0] = 250.0
    assert listener.silence() == 150.0
