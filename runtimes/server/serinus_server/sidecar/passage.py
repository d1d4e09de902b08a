"""Two connections, a caller's and one to the server, with every byte passed on as it came."""

import asyncio
from collections.abc import Callable
from typing import cast

from serinus_server.sidecar.witness import Witness


class Side(asyncio.Protocol):
    """One of the two connections: passes on what comes, reads it then, and waits while the other is full."""

    def __init__(self, read: Callable[[bytes], None], left: Callable[[], None]) -> None:
        self._read = read
        self._left = left
        self.other: Side | None = None
        self.ended = False
        self.transport: asyncio.Transport | None = None

    def join(self, other: "Side") -> None:
        """Pass on to another side, and take from it."""
        self.other, other.other = other, self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Pass data on, and only then look at it."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)
        self._read(data)

    def eof_received(self) -> bool:
        """Pass the end on: the other direction may still be in use."""
        self.ended = True
        if self.other is None:
            return False
        if self.other.transport is None:
            return True  # it is told once it is there
        if self.other.ended:
            self.other.transport.close()
            return False
        if self.other.transport.can_write_eof():
            self.other.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        """Let the other side wait."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Let the other side go on."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """Pass on how it ended: in order, or not."""
        self._left()
        other, self.other, self.transport = self.other, None, None
        if other is None or other.transport is None:
            return
        if error is None:
            other.transport.close()
        else:
            other.transport.abort()


class Server(Side):
    """The connection to the server."""

    def eof_received(self) -> bool:
        """Pass the end on: no more answers will come."""
        self._left()
        return super().eof_received()


class Passage(Side):
    """A caller's connection, which opens its own to the server."""

    def __init__(self, upstream: tuple[str, int], witness: Witness, gone: Callable[["Passage"], None]) -> None:
        super().__init__(witness.asked, self._gone)
        self._upstream = upstream
        self._witness = witness
        self._on_end = gone
        self._opening: asyncio.Task[None] | None = None
        self._early: bytes | None = b""

    @property
    def busy(self) -> bool:
        """Whether something is under way, as far as it is known."""
        return self._witness.busy

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open the other connection."""
        super().connection_made(transport)
        self._opening = asyncio.get_running_loop().create_task(self._open())

    def data_received(self, data: bytes) -> None:
        """Keep what comes before the other connection is there; no more is taken then."""
        if self._early is None:
            super().data_received(data)
        elif self.transport is not None:
            self._early += data
            self.transport.pause_reading()

    def close(self) -> None:
        """End it, once what is on its way to the caller has been sent."""
        if self.transport is not None:
            self.transport.close()

    async def _open(self) -> None:
        server = Server(self._witness.answered, self._witness.server_left)
        self.join(server)
        try:
            await asyncio.get_running_loop().create_connection(lambda: server, *self._upstream)
        except OSError:
            if self.transport is not None:
                self.transport.abort()  # as if nobody listened
            return
        early, self._early = self._early, None
        if self.transport is None:  # the caller has left meanwhile
            if server.transport is not None:
                server.transport.close()
            return
        if early:
            self.data_received(early)
        if self.ended and server.transport is not None:
            server.transport.write_eof()
        self.transport.resume_reading()

    def _gone(self) -> None:
        self._witness.caller_left()
        self._on_end(self)
