"""A keyed work queue: one runner per key, wake-ups are never lost, failures back off."""

import asyncio
import contextlib
import heapq
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

PATIENCE = 5.0
"""Seconds for which a key that is due lets those that hurry go first."""
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

    `clock` is a monotonic clock in seconds. `failed` is told about each error. Where more keys are due than
    can be worked on, those that `hurries` names go first.
    """

    reconcile: Reconcile
    clock: Callable[[], float]
    failed: Callable[[Key, Exception], None]
    hurries: Callable[[Key], bool] = field(default=lambda _key: False)
    _due: dict[Key, float] = field(default_factory=dict)
    _heaps: tuple[list[tuple[float, Key]], list[tuple[float, Key]]] = field(default_factory=lambda: ([], []))
    """Those that have time, and those that hurry."""
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
        if key not in self._running:  # a running key enters a heap when it is done
            self._push(due, key)

    def _push(self, due: float, key: Key) -> None:
        heapq.heappush(self._heaps[self.hurries(key)], (due, key))

    async def _take(self) -> Key:
        async with self._changed:
            while (wait := self._until_next()) is None or wait > 0:
                # Not `wait_for`: Python 3.11's forgets a cancellation that comes together with the change.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._changed.wait()
            key = self._pop()
            del self._due[key]
            self._running.add(key)
            self._taken = self.clock()
            return key

    def _until_next(self) -> float | None:
        """Seconds until the first key is due, None when there is no key; outdated entries go."""
        for heap in self._heaps:
            while heap and (heap[0][1] in self._running or self._due.get(heap[0][1]) != heap[0][0]):
                heapq.heappop(heap)
        heads = [heap[0][0] for heap in self._heaps if heap]
        return min(heads) - self.clock() if heads else None

    def _pop(self) -> Key:
        """Take the first key of those that are due; `_until_next` was asked."""
        calm, urgent = self._heaps
        now = self.clock()
        hurry = bool(urgent) and urgent[0][0] <= now and not (calm and calm[0][0] + PATIENCE < urgent[0][0])
        return heapq.heappop(urgent if hurry else calm)[1]

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
                self._push(self._due[key], key)
            if again is not None:
                self._schedule(key, self.clock() + again)
            self._changed.notify_all()

    def _backoff(self, key: Key) -> float:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        longest: float = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** min(failures - 1, 10))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
