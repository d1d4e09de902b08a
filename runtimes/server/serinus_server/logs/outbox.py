"""A queue that never waits: what does not fit is dropped and counted."""

import time
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Protocol

from serinus_server.logs.record import Record

ENTRIES = 4096
BYTES = 32 * 1024 * 1024


class Destination(Protocol):
    """Where records go."""

    threads: int
    at_once: int
    gather_seconds: float
    """How long a thread waits for more once there is a record."""

    def write(self, records: list[Record]) -> None:
        """Write records down, however long it takes, and count those that could not be."""

    def dropped(self, count: int) -> None:
        """Count what there was no room for."""


class Outbox:
    """Records on their way to a destination; `offer` is for one thread only."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._queue: SimpleQueue[Record | None] = SimpleQueue()
        self._offered = self._taken = 0
        self._lock = Lock()
        self._closing = False
        self._threads = [Thread(target=self._work, daemon=True) for _ in range(destination.threads)]
        for thread in self._threads:
            thread.start()

    def offer(self, record: Record) -> None:
        """Take a record if there is room."""
        if self._queue.qsize() >= ENTRIES or self._offered - self._taken + record.size > BYTES:
            self._destination.dropped(1)
            return
        self._offered += record.size
        self._queue.put(record)

    def close(self, seconds: float) -> None:
        """Write down what is left, within a time for each thread."""
        self._closing = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(seconds)

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            if not self._closing:
                time.sleep(self._destination.gather_seconds)
            records = [first, *self._more()]
            self._destination.write(records)
            with self._lock:
                self._taken += sum(record.size for record in records)

    def _more(self) -> list[Record]:
        found: list[Record] = []
        while len(found) < self._destination.at_once - 1:
            try:
                record = self._queue.get_nowait()
            except Empty:
                break
            if record is None:
                self._queue.put(None)  # it ends this thread the next time
                break
            found.append(record)
        return found
