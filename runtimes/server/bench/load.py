"""A client that asks 127.0.0.1 the same thing over and over: at a steady rate, or as fast as it is answered.

At a steady rate the latency of a request counts from the moment at which it was due, so that a server that
stalls is not excused by a client that waited.
"""

import argparse
import asyncio
import json
import time
from dataclasses import dataclass, field

import httptools
import uvloop


@dataclass
class Seen:
    """What came back: seconds of each answer, and how many were not a 200."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0


class Connection(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._done: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self._done is not None:
            self._done.set_result(self._parser.get_status_code())
            self._done = None

    def connection_lost(self, error: Exception | None) -> None:
        if self._done is not None:
            self._done.set_exception(error or ConnectionResetError())

    async def ask(self) -> int:
        self._done = asyncio.get_running_loop().create_future()
        self._transport.write(self._request)
        return await self._done


async def connect(port: int, request: bytes) -> Connection:
    _, made = await asyncio.get_running_loop().create_connection(lambda: Connection(request), "127.0.0.1", port)
    return made


async def timed(connection: Connection, due: float, seen: Seen) -> None:
    status = await connection.ask()
    seen.seconds.append(time.perf_counter() - due)
    seen.failed += status != 200


async def steady(port: int, request: bytes, rate: float, seconds: float) -> Seen:
    """Ask at a rate, on as many connections as it takes."""
    seen = Seen()
    free: list[Connection] = [await connect(port, request) for _ in range(8)]
    running: set[asyncio.Task[None]] = set()

    async def one(due: float) -> None:
        connection = free.pop() if free else await connect(port, request)
        await timed(connection, due, seen)
        free.append(connection)

    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(one(max(due, time.perf_counter()) if wait > 0 else due))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    return seen


async def flat_out(port: int, request: bytes, connections: int, seconds: float) -> Seen:
    """Ask as fast as the answers come."""
    seen = Seen()
    until = time.perf_counter() + seconds

    async def loop(connection: Connection) -> None:
        while (now := time.perf_counter()) < until:
            await timed(connection, now, seen)

    await asyncio.gather(*[loop(await connect(port, request)) for _ in range(connections)])
    return seen


def request_of(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--path", required=True)
    options.add_argument("--body", required=True)
    options.add_argument("--seconds", type=float, default=10)
    options.add_argument("--rate", type=float, help="requests a second; as fast as possible without")
    options.add_argument("--connections", type=int, default=16)
    given = options.parse_args()
    request = request_of(given.path, given.body.encode())
    if given.rate:
        work = steady(given.port, request, given.rate, given.seconds)
    else:
        work = flat_out(given.port, request, given.connections, given.seconds)
    seen = uvloop.run(work)
    ranked = sorted(seen.seconds)
    print(
        json.dumps(
            {
                "answers": len(ranked),
                "failed": seen.failed,
                "rate": round(len(ranked) / given.seconds, 1),
                **{
                    f"p{q}": round(ranked[min(len(ranked) - 1, int(len(ranked) * q / 100))] * 1e3, 3)
                    for q in (50, 90, 99)
                },
            }
        )
    )


if __name__ == "__main__":
    main()
