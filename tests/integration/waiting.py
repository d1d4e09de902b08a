"""Waits for conditions, never for time alone."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
PATIENCE = 40.0
"""Seconds that a condition may take: far more than it does, the machine may be busy."""
GLANCE = 0.1


def eventually(
    look: Callable[[], T], what: str, patience: float = PATIENCE, show: Callable[[], Any] | None = None
) -> T:
    """Return the first true answer of `look`.

    Raises:
        AssertionError: it was not true in time; with what it was last, and what `show` says.
    """
    deadline = time.monotonic() + patience
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience:g} s: {what}; it is {found!r}; {show() if show else ''}")
        time.sleep(GLANCE)


def always(look: Callable[[], Any], what: str, seconds: float) -> None:
    """Check that something holds for a while, for what must not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert look(), f"no longer: {what}"
        time.sleep(GLANCE)
