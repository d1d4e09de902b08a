"""Moves the bytes of one file, going on where a transfer broke off."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from serinus_fetch.budget import Budget
from serinus_fetch.digest import Running
from serinus_fetch.errors import FetchError, Reason, TransientError
from serinus_fetch.listing import Item, Source
from serinus_fetch.retry import Attempts, Patience


@dataclass(frozen=True)
class Transfer:
    """What all files of a model share on their way."""

    source: Source
    name: str
    """The source, for messages."""
    budget: Budget
    patience: Patience
    say: Callable[[str], None]

    def fetch(self, item: Item, path: Path) -> str:
        """Write a file to `path`, where a part of the same version may lie already.

        Returns:
            Its SHA-256 in hexadecimal.

        Raises:
            FetchError: it cannot be had, or is more than there is room for.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        attempts = Attempts(f"{self.name}: {item.path}", self.patience, self.say)
        sum_ = Running(path)
        with path.open("r+b" if path.exists() else "w+b") as file:
            furthest = at = self._present(item, file)
            while at != item.size:
                try:
                    at = self._go_on(item, file, at, sum_)
                except TransientError as fault:
                    at = file.tell()
                    if at > furthest:
                        furthest = at
                        attempts.progressed()
                    attempts.failed(fault)
                    at = at if item.version else self._cut(file, at, 0)
                else:
                    break
            file.flush()
            sum_.go_to(at)
        self._same(item, at, sum_.hex())
        return sum_.hex()

    def _present(self, item: Item, file: BinaryIO) -> int:
        """Return how much of the file is here already, and take it into account."""
        size = file.seek(0, 2)
        self.budget.spend(size)
        if item.version is None or (item.size is not None and size > item.size):
            return self._cut(file, size, 0)
        return size

    def _go_on(self, item: Item, file: BinaryIO, at: int, sum_: Running) -> int:
        """Read to the end of the file, and return where that is."""
        with self.source.read(item, at) as (start, chunks):
            at = self._cut(file, at, start)
            file.flush()
            sum_.go_to(start)
            for chunk in chunks:
                self.budget.spend(len(chunk))
                self._write(file, chunk)
                sum_.add(chunk)
                at += len(chunk)
                if item.size is not None and at > item.size:
                    raise _changed(self.name, item, f"more than {item.size}")
        if item.size is not None and at < item.size:
            raise TransientError(f"the transfer ended after {at} of {item.size} bytes")
        return at

    def _write(self, file: BinaryIO, chunk: bytes) -> None:
        try:
            file.write(chunk)
        except OSError as error:
            raise FetchError(
                Reason.NO_SPACE, f"{self.name}: cannot be written: {error.strerror}. Give it a larger volume."
            ) from error

    def _cut(self, file: BinaryIO, size: int, to: int) -> int:
        """Drop what lies behind `to`, and stand there."""
        self.budget.spend(to - size)
        file.truncate(to)
        return file.seek(to)

    def _same(self, item: Item, size: int, sha256: str) -> None:
        if item.size is not None and size != item.size:
            raise _changed(self.name, item, str(size))
        if item.sha256 is not None and sha256 != item.sha256:
            raise FetchError(
                Reason.DIGEST,
                f"{self.name}: {item.path} has the SHA-256 {sha256}, its source says {item.sha256}. Fetch it anew;"
                " if it stays so the source is damaged.",
            )


def _changed(name: str, item: Item, found: str) -> FetchError:
    return FetchError(
        Reason.CHANGED, f"{name}: {item.path} has {found} bytes, {item.size} were announced. Fetch it anew."
    )
