"""Lines that say how far a fetch is."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from serinus_fetch.budget import Budget, shown

EVERY = 5.0
"""Seconds between two lines."""


class Progress:
    """Says every few seconds how much has come, while it is entered."""

    def __init__(self, budget: Budget, total: int | None, say: Callable[[str], None], every: float = EVERY) -> None:
        self._budget = budget
        self._total = total
        self._say = say
        self._every = every
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(self._every):
            self._say(self._line(self._budget.spent))

    def _line(self, now: int) -> str:
        if not self._total:
            return shown(now)
        return f"{shown(now)} of {shown(self._total)} ({now / self._total:.0%})"
