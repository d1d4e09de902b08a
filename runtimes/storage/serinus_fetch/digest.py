r"""Digests: of a file its SHA-256, of a folder the SHA-256 of the list of its files.

The list has one line per file, as `sha256sum` prints it, sorted by the bytes of the relative path:

    <hexadecimal SHA-256 of the file><space><space><relative path>\n

so that a person makes the same with

    find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from serinus_fetch.errors import FetchError, Reason

CHUNK = 1 << 20


class Running:
    """The SHA-256 of a file that is being written, also where the writing goes on after a break."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sum = hashlib.sha256()
        self._at = 0

    def go_to(self, position: int) -> None:
        """Stand at `position`: what lies before it in the file is read where it is not known yet."""
        if position < self._at:
            self._sum, self._at = hashlib.sha256(), 0
        if position == self._at:
            return
        with self._path.open("rb") as file:
            file.seek(self._at)
            while self._at < position and (chunk := file.read(min(CHUNK, position - self._at))):
                self.add(chunk)

    def add(self, chunk: bytes) -> None:
        """Take in what is written next."""
        self._sum.update(chunk)
        self._at += len(chunk)

    def hex(self) -> str:
        """Return the digest of everything up to here."""
        return self._sum.hexdigest()


def of_file(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_folder(files: Mapping[str, str]) -> str:
    """Return the digest of a folder.

    Args:
        files: relative path to SHA-256 in hexadecimal.
    """
    lines = (f"{files[path]}  {path}\n" for path in sorted(files, key=str.encode))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def parsed(text: str) -> str:
    """Return the hexadecimal part of `sha256:<hex>`.

    Raises:
        FetchError: it is not of that form.
    """
    match = re.fullmatch(r"sha256:([0-9a-fA-F]{64})", text)
    if not match:
        raise FetchError(
            Reason.INVALID,
            f"digest {text[:80]!r}: must be 'sha256:' and 64 hexadecimal digits, as sha256sum prints them.",
        )
    return match[1].lower()
