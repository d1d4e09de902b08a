"""The way of records to the process that writes them, as bytes through a pipe.

What this costs the process that answers is, first of all, how often another thread takes the interpreter from the one that
answers: tens of microseconds each time, where a record takes one. So nobody is woken up for a record; four times a second a thread
hands over what has gathered. A record comes as bytes, since nothing of the request outlives its answer then.
"""

from threading import Event, Thread
from typing import Protocol

from serinus_server.logs.outbox import BYTES, ENTRIES

GATHER_SECONDS = 0.25


class Pipe(Protocol):
    """What leads to the other process."""

    def write(self, records: list[bytes]) -> None:
        """Hand records over, however long it takes, and count those that could not be."""

    def dropped(self, count: int) -> None:
        """Count what there was no room for."""


class Handover:
    """Records that wait to be handed over; `offer` is for one thread only."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._waiting: list[bytes] = []
        self._offered = self._taken = 0
        self._closing = Event()
        self._thread = Thread(target=self._work, name="handover", daemon=True)
        self._thread.start()

    def offer(self, record: bytes) -> None:
        """Take a record if there is room."""
        size = len(record)
        if len(self._waiting) >= ENTRIES or self._offered - self._taken + size > BYTES:
            self._pipe.dropped(1)
            return
        self._offered += size
        self._waiting.append(record)

    def close(self, seconds: float) -> None:
        """Hand over what is left, within a time."""
        self._closing.set()
        self._thread.join(seconds)

    def _work(self) -> None:
        closing = False
        while not closing:
            closing = self._closing.wait(GATHER_SECONDS)
            if records := self._waiting[:]:
                del self._waiting[: len(records)]  # those that came meanwhile stay
                self._pipe.write(records)
                self._taken += sum(map(len, records))
