"""What a source holds: the files of a model, and names that are safe to write."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from serinus_fetch.errors import FetchError, Reason

OWN = ".serinus-fetch"
"""Names in the target that begin so are this program's."""


@dataclass(frozen=True)
class Item:
    """One file of a model."""

    path: str
    """Where it goes, relative to the target, parts separated by slashes."""
    key: str
    """What the source calls it."""
    size: int | None
    """Bytes, None where the source does not say."""
    version: str | None
    """Changes with the content (an ETag). None: a transfer that broke off starts over."""
    sha256: str | None = None
    """What the source says of its content, in hexadecimal."""


@dataclass(frozen=True)
class Listing:
    """The files of a model."""

    items: tuple[Item, ...]
    folder: bool
    """False: the address names one file."""

    @property
    def size(self) -> int | None:
        """Bytes of all files, None where one is unknown."""
        sizes = [item.size for item in self.items]
        return None if None in sizes else sum(size for size in sizes if size is not None)


class Source(Protocol):
    """Where a model comes from."""

    def listing(self) -> Listing:
        """Ask what there is.

        Raises:
            FetchError: there is nothing, or it cannot be had.
            TransientError: it may be had later.
        """
        ...

    def read(self, item: Item, offset: int) -> AbstractContextManager[tuple[int, Iterator[bytes]]]:
        """Open a file at `offset`; the source may begin earlier, and says where it does.

        Raises:
            FetchError: it is gone, changed, or cannot be had.
            TransientError: it may be had later.
        """
        ...


def checked(listing: Listing, name: str) -> Listing:
    """Return the listing if every file of it can be written below the target, and nowhere else.

    Args:
        listing: what a source holds.
        name: the source, for messages.

    Raises:
        FetchError: the listing is empty, a name is unsafe, or two names are in each other's way.
    """
    if not listing.items:
        raise FetchError(Reason.NOT_FOUND, f"{name}: there is no file. Check the address.")
    folders: set[str] = set()
    files: set[str] = set()
    for item in listing.items:
        check_path(item.path, name)
        if item.path in files:
            raise FetchError(Reason.UNSAFE, f"{name}: two files are called {item.path!r}. Remove one.")
        files.add(item.path)
        folders.update(_parents(item.path))
    for path in sorted(files & folders):
        raise FetchError(Reason.UNSAFE, f"{name}: {path!r} is a file and a folder. Remove or rename one.")
    return listing


def check_path(path: str, name: str) -> None:
    """Refuse a path that leaves the target, or that programs read in different ways.

    Raises:
        FetchError: it is absolute, holds `.`, `..`, an empty part, a backslash or a control character, or is ours.
    """
    parts = path.split("/")
    if any(part in {"", ".", ".."} for part in parts):
        raise FetchError(Reason.UNSAFE, f"{name}: the name {path!r} would leave the folder. Rename it.")
    if "\\" in path or not path.isprintable():
        raise FetchError(Reason.UNSAFE, f"{name}: the name {path!r} holds a character that is not allowed. Rename it.")
    if parts[0].startswith(OWN):
        raise FetchError(Reason.UNSAFE, f"{name}: the name {path!r} is reserved. Rename it.")
    if any(len(part.encode()) > 255 for part in parts):
        raise FetchError(Reason.UNSAFE, f"{name}: the name {path[:60]!r}... is longer than 255 bytes. Shorten it.")


def _parents(path: str) -> Iterable[str]:
    parts = path.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts)))
