"""How much may be written: a limit that was set, and what the disk has."""

import shutil
import threading
from pathlib import Path

from serinus_fetch.errors import FetchError, Reason

RESERVE = 64 << 20
"""Bytes that stay free: a full disk takes others on the node down with it."""
LOOK_EVERY = 16 << 20
"""Bytes between two looks at the disk."""


class Budget:
    """Bytes that may still be written. Several threads draw on it."""

    def __init__(self, name: str, limit: int | None, folder: Path) -> None:
        """Begin with nothing written.

        Args:
            name: the source, for messages.
            limit: bytes that the model may have, None for no limit.
            folder: where it is written; its disk counts.
        """
        self._name = name
        self._limit = limit
        self._folder = folder
        self._lock = threading.Lock()
        self._spent = 0
        self._looked = 0
        self._ended: BaseException | None = None

    @property
    def spent(self) -> int:
        """Bytes written so far."""
        return self._spent

    def announce(self, size: int, present: int) -> None:
        """Check before anything is written.

        Args:
            size: bytes that the whole model will have.
            present: bytes of it that are here already.

        Raises:
            FetchError: it would not fit.
        """
        self._within(size, "has")
        free = self._free()
        if size - present > free:
            raise FetchError(
                Reason.NO_SPACE,
                f"{self._name}: needs {shown(size - present)}, but the folder's disk has {shown(max(free, 0))} to give"
                f" ({shown(RESERVE)} stay free). Give it a larger volume.",
            )

    def spend(self, count: int) -> None:
        """Take `count` bytes, which may be negative: what is given back.

        Raises:
            FetchError: that is more than there is.
        """
        with self._lock:
            if self._ended:
                raise FetchError(Reason.INTERNAL, "another file failed") from self._ended
            self._spent += count
            spent, look = self._spent, self._spent - self._looked >= LOOK_EVERY
            if look:
                self._looked = self._spent
        self._within(spent, "has at least")
        if look and self._free() <= 0:
            raise FetchError(
                Reason.NO_SPACE,
                f"{self._name}: the folder's disk is full after {shown(spent)}. Give it a larger volume.",
            )

    def close(self, error: BaseException) -> None:
        """Give nothing more to anybody: one file failed, so the others need not go on."""
        with self._lock:
            self._ended = error

    def _within(self, size: int, has: str) -> None:
        if self._limit is not None and size > self._limit:
            raise FetchError(
                Reason.TOO_LARGE,
                f"{self._name}: {has} {shown(size)}, the limit is {shown(self._limit)}."
                " Raise the limit, or serve a smaller model.",
            )

    def _free(self) -> int:
        return shutil.disk_usage(self._folder).free - RESERVE


def shown(count: float) -> str:
    """Return a number of bytes for people."""
    if count < 1024:
        return f"{count:.0f} bytes"
    for unit in ("KiB", "MiB", "GiB"):  # noqa: B007 - the last one is used below
        count /= 1024
        if count < 1024:
            break
    return f"{count:.1f} {unit}"
