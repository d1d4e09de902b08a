"""How many predictions were not logged, counted by two processes into one piece of memory."""

import mmap
import os
from collections.abc import Iterator, Sequence
from threading import Lock

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

DESTINATIONS = ("stdout", "sink")
REASONS = ("full", "undelivered")
_WRITERS = 2
_PLACES = {
    (destination, reason): _WRITERS * (len(REASONS) * row + column)
    for row, destination in enumerate(DESTINATIONS)
    for column, reason in enumerate(REASONS)
}
_BYTES = 8 * _WRITERS * len(_PLACES)


class Drops(Collector):
    """Counts by destination and reason; each process has a place of its own for each."""

    def __init__(self, file: int | None = None) -> None:
        """Make the memory, or join that of the process that made the file."""
        self._own = 0 if file is None else 1
        self.file = os.memfd_create("drops") if file is None else file
        if file is None:
            os.ftruncate(self.file, _BYTES)
        self._counts = memoryview(mmap.mmap(self.file, _BYTES)).cast("q")
        self._lock = Lock()
        self.shown: Sequence[str] = ()

    def add(self, destination: str, reason: str, count: int) -> None:
        """Count."""
        with self._lock:
            self._counts[_PLACES[destination, reason] + self._own] += count

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Add both processes' counts up, for the destinations that are in use."""
        family = CounterMetricFamily(
            "prediction_log_dropped",
            "Predictions that were not logged: there was no room (full), or the destination did not take them.",
            labels=["destination", "reason"],
        )
        for (destination, reason), place in _PLACES.items():
            if destination in self.shown:
                family.add_metric([destination, reason], float(sum(self._counts[place : place + _WRITERS])))
        yield family
