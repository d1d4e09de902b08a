"""A keyed work queue: one runner per key, wake-ups are never lost, failures back off."""

import asyncio
import contextlib
import heapq
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 10.0


class Key(NamedTuple):
    """One ModelDeployment."""

    namespace: str
    name: str


Reconcile = Callable[[Key], Awaitable[float | None]]
"""Works on a key; returns the seconds until it wants to be called again, or None to be forgotten."""


@dataclass(slots=True)
class Queue:
    """Keys that wait, and the workers that take them.

    `clock` is a monotonic clock in seconds. `failed` is told about each error.
    """

    reconcile: Reconcile
    clock: Callable[[], float]
    failed: Callable[[Key, Exception], None]
    _due: dict[Key, float] = field(default_factory=dict)
    _heap: list[tuple[float, Key]] = field(default_factory=list)
    _running: set[Key] = field(default_factory=set)
    _failures: dict[Key, int] = field(default_factory=dict)
    _taken: float = float("-inf")
    """When a key was taken last."""
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def add(self, key: Key, delay: float = 0.0) -> None:
        """Ask for a key to be worked on after a delay; the earliest wish counts."""
        async with self._changed:
            self._schedule(key, self.clock() + delay)
            self._changed.notify_all()

    async def work(self) -> None:
        """Take keys for ever. Run several of these for several workers."""
        while True:
            await self._run(await self._take())

    def stuck(self) -> float:
        """Return for how long nobody has taken a key although one was due, in seconds."""
        oldest = self.oldest_wait()
        return min(oldest, self.clock() - self._taken) if oldest else 0.0

    def oldest_wait(self) -> float:
        """Return for how long the most overdue key has waited, in seconds."""
        # `list` in one go: the page of metrics asks from a thread of its own.
        waiting = [due for key, due in list(self._due.items()) if key not in self._running]
        return max(0.0, self.clock() - min(waiting)) if waiting else 0.0

    def depth(self) -> int:
        """Return how many keys are due now."""
        now = self.clock()
        return sum(due <= now for due in list(self._due.values()))

    def _schedule(self, key: Key, due: float) -> None:
        if due >= self._due.get(key, float("inf")):
            return
        self._due[key] = due
        if key not in self._running:  # a running key enters the heap when it is done
            heapq.heappush(self._heap, (due, key))

    async def _take(self) -> Key:
        async with self._changed:
            while (wait := self._until_next()) is None or wait > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), wait)
            _, key = heapq.heappop(self._heap)
            del self._due[key]
            self._running.add(key)
            self._taken = self.clock()
            return key

    def _until_next(self) -> float | None:
        """Seconds until the first key is due, None when there is no key; outdated entries go."""
        while self._heap and (self._heap[0][1] in self._running or self._due.get(self._heap[0][1]) != self._heap[0][0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] - self.clock() if self._heap else None

    async def _run(self, key: Key) -> None:
        try:
            again = await self.reconcile(key)
            self._failures.pop(key, None)
        except Exception as error:  # noqa: BLE001 - one key's trouble must not end the worker
            self.failed(key, error)
            again = self._backoff(key)
        except asyncio.CancelledError:  # the lead is lost: whoever works next begins with it
            self._running.discard(key)
            self._due.pop(key, None)
            self._schedule(key, self.clock())
            raise
        async with self._changed:
            self._running.discard(key)
            if key in self._due:
                heapq.heappush(self._heap, (self._due[key], key))
            if again is not None:
                self._schedule(key, self.clock() + again)
            self._changed.notify_all()

    def _backoff(self, key: Key) -> float:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        longest: float = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** min(failures - 1, 10))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
