"""Asks again and again what addresses mean, once for all who want to know, and wakes them when it changes."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from serinus.registry.answers import ModelVersion, RegistryError
from serinus.registry.client import Mlflow
from serinus.registry.references import Reference

AT_ONCE = 8
"""Questions that are under way at the same time."""

K = TypeVar("K", bound=Hashable)
Answer = ModelVersion | RegistryError
"""A version, or why there is none."""


@dataclass(slots=True)
class Watch(Generic[K]):
    """The addresses that somebody follows. `interval` is in seconds."""

    mlflow: Mlflow | None
    """None where the operator knows no registry."""
    interval: float
    wake: Callable[[K], Awaitable[None]]
    """Called with each follower of an address that means something else now."""
    _followed: dict[K, Reference] = field(default_factory=dict)
    _known: dict[Reference, Answer] = field(default_factory=dict)

    async def version(self, follower: K, wanted: Reference) -> ModelVersion:
        """Return what an address means, as it was asked at most an interval ago, and follow it from now on.

        Raises:
            RegistryError: it means nothing, or the registry could not be asked then.
        """
        mlflow = self._server(wanted)
        if self._followed.get(follower) != wanted:
            self.forget(follower)
            self._followed[follower] = wanted
        if wanted not in self._known:
            self._known[wanted] = await _ask(mlflow, wanted)
        answer = self._known[wanted]
        if isinstance(answer, RegistryError):
            raise answer
        return answer

    async def origin(self, wanted: Reference) -> ModelVersion:
        """Return a version with what it was made from.

        Raises:
            RegistryError: there is none, or the registry could not be asked.
        """
        mlflow = self._server(wanted)
        return await mlflow.with_origin(await mlflow.find(wanted))

    def forget(self, follower: K) -> None:
        """Stop following what it follows."""
        former = self._followed.pop(follower, None)
        if former is not None and former not in self._followed.values():
            self._known.pop(former, None)

    async def run(self) -> None:
        """Ask for ever: each followed address once per interval."""
        while True:
            await asyncio.sleep(self.interval)
            await self.look()

    async def look(self) -> None:
        """Ask for each followed address, and wake those who follow one that has changed."""
        limit = asyncio.Semaphore(AT_ONCE)

        async def one(wanted: Reference) -> None:
            async with limit:
                await self._renew(wanted)

        await asyncio.gather(*(one(wanted) for wanted in list(self._known)))

    async def _renew(self, wanted: Reference) -> None:
        answer = await _ask(self._server(wanted), wanted)
        before = self._known.get(wanted)
        if before is None:  # nobody follows it any more
            return
        self._known[wanted] = answer
        if _meaning(before) != _meaning(answer):
            for follower in [one for one, followed in self._followed.items() if followed == wanted]:
                await self.wake(follower)

    def _server(self, wanted: Reference) -> Mlflow:
        if self.mlflow is None:
            raise RegistryError(
                "InvalidSpec", f"{wanted}: the operator knows no model registry: set chart value mlflow.trackingUri"
            )
        return self.mlflow


async def _ask(mlflow: Mlflow, wanted: Reference) -> Answer:
    try:
        return await mlflow.find(wanted)
    except RegistryError as error:
        return error


def _meaning(answer: Answer) -> str:
    """Return what makes a difference to a follower: tags that are edited later do not."""
    return answer.reason if isinstance(answer, RegistryError) else answer.version
