"""A queue that never waits: what does not fit is dropped and counted."""

from collections.abc import Iterator
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Protocol

from prometheus_client import Counter

from serinus_server.logs.record import Record

ENTRIES = 4096
BYTES = 32 * 1024 * 1024
MOST_AT_ONCE = 64


class Destination(Protocol):
    """Where records go."""

    name: str
    threads: int

    def write(self, records: list[Record]) -> int:
        """Write records down, however long it takes; how many could not be."""


class Outbox:
    """Records on their way to a destination.

    `offer` is called by one thread only: the one that answers. So is every count of its own.
    """

    def __init__(self, destination: Destination, dropped: Counter) -> None:
        self._destination = destination
        self._full = dropped.labels(destination.name, "full")
        self._failed = dropped.labels(destination.name, "undelivered")
        self._queue: SimpleQueue[Record | None] = SimpleQueue()
        self._offered = self._taken = 0
        self._lock = Lock()
        self._threads = [
            Thread(target=self._work, name=f"log-{destination.name}", daemon=True) for _ in range(destination.threads)
        ]
        for thread in self._threads:
            thread.start()

    def offer(self, record: Record) -> None:
        """Take a record if there is room."""
        if self._queue.qsize() >= ENTRIES or self._offered - self._taken + record.size > BYTES:
            self._full.inc()
            return
        self._offered += record.size
        self._queue.put(record)

    def close(self, seconds: float) -> None:
        """Write down what is left, within a time for each thread."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(seconds)

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            records = [first, *self._more()]
            if failed := self._destination.write(records):
                self._failed.inc(failed)
            with self._lock:
                self._taken += sum(record.size for record in records)

    def _more(self) -> Iterator[Record]:
        for _ in range(MOST_AT_ONCE - 1):
            try:
                record = self._queue.get_nowait()
            except Empty:
                return
            if record is None:
                self._queue.put(None)  # it ends this thread the next time
                return
            yield record
