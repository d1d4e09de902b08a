"""An address is asked for once for all who follow it, and they are woken when it means something else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from serinus.registry.answers import RegistryError
from serinus.registry.references import reference
from serinus.registry.watch import Watch

from .server import Server, serving, version

CHAMPION = reference("models:/churn@champion")
ALIAS = "registered-models/alias"


def playing(play: Callable[[Watch[str], Server, list[str]], Awaitable[None]]) -> None:
    async def run() -> None:
        server, woken = Server({ALIAS: (200, {"model_version": version("7")})}), []
        async with serving(server) as mlflow:

            async def wake(follower: str) -> None:
                woken.append(follower)

            await play(Watch(mlflow, 30.0, wake), server, woken)

    asyncio.run(run())


def test_a_moved_alias_wakes_its_followers_once() -> None:
    async def play(watch: Watch[str], server: Server, woken: list[str]) -> None:
        for follower in ("a", "b"):
            assert (await watch.version(follower, CHAMPION)).version == "7"
        assert len(server.asked) == 1
        await watch.look()
        assert woken == []
        server.answers[ALIAS] = (200, {"model_version": version("8")})
        await watch.look()
        await watch.look()
        assert sorted(woken) == ["a", "b"]
        assert (await watch.version("a", CHAMPION)).version == "8"
        assert len(server.asked) == 4

    playing(play)


def test_a_registry_that_goes_and_comes_back_wakes_twice() -> None:
    async def play(watch: Watch[str], server: Server, woken: list[str]) -> None:
        await watch.version("a", CHAMPION)
        server.answers[ALIAS] = (503, "busy")
        await watch.look()
        await watch.look()
        assert woken == ["a"]
        with pytest.raises(RegistryError, match="answers 503"):
            await watch.version("a", CHAMPION)
        server.answers[ALIAS] = (200, {"model_version": version("7")})
        await watch.look()
        assert woken == ["a", "a"]
        assert len(server.asked) == 4

    playing(play)


def test_a_failure_is_not_asked_for_again_before_its_time() -> None:
    async def play(watch: Watch[str], server: Server, _: list[str]) -> None:
        server.answers[ALIAS] = (503, "busy")
        for _attempt in range(5):
            with pytest.raises(RegistryError):
                await watch.version("a", CHAMPION)
        assert len(server.asked) == 1

    playing(play)


def test_what_nobody_follows_is_not_asked_for() -> None:
    async def play(watch: Watch[str], server: Server, woken: list[str]) -> None:
        await watch.version("a", CHAMPION)
        await watch.version("b", CHAMPION)
        watch.forget("a")
        server.answers[ALIAS] = (200, {"model_version": version("8")})
        await watch.look()
        assert woken == ["b"]
        watch.forget("b")
        asked = len(server.asked)
        await watch.look()
        assert len(server.asked) == asked
        watch.forget("nobody")

    playing(play)


def test_without_a_registry_the_message_says_which_value_to_set() -> None:
    async def wake(_: str) -> None:
        raise AssertionError

    watch: Watch[str] = Watch(None, 30.0, wake)
    with pytest.raises(RegistryError, match=r"mlflow\.trackingUri") as caught:
        asyncio.run(watch.version("a", CHAMPION))
    assert caught.value.reason == "InvalidSpec"
