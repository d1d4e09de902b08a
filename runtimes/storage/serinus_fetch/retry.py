"""Trying again: after faults that may pass, ever more slowly, not forever."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from serinus_fetch.errors import FetchError, Reason, TransientError

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How often and how slowly something is tried again. Times in seconds."""

    tries: int = 6
    """Failures in a row that end it."""
    first: float = 1.0
    """The wait after the first failure; each next one is twice as long."""
    longest: float = 30.0
    """No wait is longer, whatever a server asks for."""

    def wait(self, failures: int, fault: TransientError) -> float:
        """Return the seconds to wait after so many failures in a row, between half and all of the full time.

        The part that is drawn keeps many replicas from coming back at the same moment.
        """
        wait = self.first * 2.0 ** (failures - 1) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing
        return min(max(wait, fault.retry_after or 0.0), self.longest)


class Attempts:
    """Failures in a row of one thing."""

    def __init__(self, name: str, patience: Patience, say: Callable[[str], None]) -> None:
        self._name = name
        self._patience = patience
        self._say = say
        self._failures = 0

    def progressed(self) -> None:
        """Forget the failures: something was achieved since."""
        self._failures = 0

    def failed(self, fault: TransientError) -> None:
        """Wait before the next try.

        Raises:
            FetchError: it failed too often.
        """
        self._failures += 1
        if self._failures >= self._patience.tries:
            raise FetchError(
                Reason.UNAVAILABLE,
                f"{self._name}: {fault} ({self._failures} failures in a row)."
                " Check that the source is up and that this pod may reach it.",
            ) from fault
        wait = self._patience.wait(self._failures, fault)
        self._say(f"{self._name}: {fault}; trying again in {wait:.1f} s")
        time.sleep(wait)


def patiently(action: Callable[[], T], attempts: Attempts) -> T:
    """Return what `action` returns, tried again after faults that may pass.

    Raises:
        FetchError: it failed for good, or too often.
    """
    while True:
        try:
            return action()
        except TransientError as fault:
            attempts.failed(fault)
