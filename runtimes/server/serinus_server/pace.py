"""Which predictions are quick enough to run where the requests are read.

A turn of a thread costs more than a small model does (docs/server.md, "How fast it is"). A slow one in the loop
would keep probes and other callers waiting.
"""

QUICK_SECONDS = 0.001


class Pace:
    """Learns how many rows are quick: the more that were, the more may be; a slow one halves it."""

    def __init__(self) -> None:
        self._rows = 0

    def quick(self, rows: int) -> bool:
        """Say whether so many rows are likely to take less than a millisecond."""
        return rows <= self._rows

    def took(self, rows: int, seconds: float) -> None:
        """Learn from a prediction."""
        if seconds < QUICK_SECONDS:
            self._rows = max(self._rows, rows)
        elif rows <= self._rows:
            self._rows = rows // 2
