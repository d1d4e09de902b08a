"""What is kept of a body while it passes."""

from collections.abc import Mapping

from serinus_server.logs import record

KEPT_BYTES = 32 * 1024 * 1024
_TEXT = ("application/json", "application/x-www-form-urlencoded", "text/")


class Room:
    """How many bytes of all bodies on their way are kept at once."""

    def __init__(self, size: int = KEPT_BYTES) -> None:
        self._free = size

    def take(self, size: int) -> bool:
        """Take room, if there is so much."""
        if size > self._free:
            return False
        self._free -= size
        return True

    def give(self, size: int) -> None:
        """Give room back."""
        self._free += size


class Body:
    """A body up to a size; of what is larger, compressed or no text only how large and what it was."""

    __slots__ = ("_kept", "_limit", "_parts", "_room", "_words", "size")

    def __init__(self, headers: Mapping[bytes, bytes], limit: int, room: Room) -> None:
        self._limit = limit
        self._room = room
        self._parts: list[bytes] = []
        self._kept = self.size = 0
        self._words = _words(headers)

    def add(self, data: bytes) -> None:
        """Look at a part."""
        self.size += len(data)
        if self._words is not None:
            return
        if self.size <= self._limit and self._room.take(len(data)):
            self._kept += len(data)
            self._parts.append(data)
        else:
            self.forget()
            self._words = ""

    def forget(self) -> None:
        """Give back what it keeps."""
        self._room.give(self._kept)
        self._kept = 0
        self._parts.clear()

    def told(self) -> record.Body:
        """Return it as it is logged."""
        if not self.size:
            return None
        if self._words is None:
            return b"".join(self._parts)
        return f"[{self.size} bytes{self._words}]"


def _words(headers: Mapping[bytes, bytes]) -> str | None:
    """Say what a body is that is not to be read; None for text."""
    encoding = headers.get(b"content-encoding", b"identity").decode("latin-1").lower()
    if encoding != "identity":
        return f", {encoding[:64]}"
    kind = headers.get(b"content-type", b"").decode("latin-1").lower().partition(";")[0].strip()
    if kind and not kind.startswith(_TEXT) and not kind.endswith("+json"):
        return f" of {kind[:64]}"
    return None
