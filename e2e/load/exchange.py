"""One request and its answer, on aiohttp."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from load.answer import Answer
from load.mixes import Request
from load.plan import Plan

LATE = 0.02
GRACE = 1.0
DETAIL = 200
UNSENT_HEADERS = ("User-Agent", "Accept", "Accept-Encoding")
JSON = {"Content-Type": "application/json"}


class Exchange:
    """Sends requests, each exactly once, over kept and over fresh connections."""

    def __init__(self, plan: Plan, kept: aiohttp.ClientSession, fresh: aiohttp.ClientSession) -> None:
        self._plan = plan
        self._base = plan.target.base
        self._host = {"Host": plan.target.host}
        self._kept = kept
        self._fresh = fresh

    async def send(self, number: int, request: Request) -> Answer:
        """Send a request and wait for the end of its answer, for the plan's timeout at most.

        Requests come in pairs (a GET and a POST): one pair over kept connections, the next fresh.
        """
        fresh = number // 2 % 2 == 1
        facts: dict[str, str | int | bool] = {}
        started, start = time.time(), time.perf_counter()
        deadline = Deadline(self._plan.timeout)
        try:
            with deadline:
                await self._talk(self._fresh if fresh else self._kept, request, facts)
        except (aiohttp.ClientError, OSError) as error:
            facts["error"], facts["detail"] = kind_of(error), repr(error)[:DETAIL]
        except asyncio.CancelledError:
            if not deadline.expired:
                raise
            facts["error"], facts["detail"] = "timeout", f"no whole answer within {self._plan.timeout:g} s"
        latency = time.perf_counter() - start
        return Answer(number, started, latency, request.method, fresh, **facts)  # type: ignore[arg-type]

    async def _talk(self, session: aiohttp.ClientSession, request: Request, facts: dict[str, str | int | bool]) -> None:
        headers = {**self._host, **({} if request.body is None else JSON), **request.headers}
        url = URL(self._base + request.path, encoded=True)
        async with session.request(
            request.method, url, headers=headers, data=request.body, allow_redirects=False
        ) as response:
            facts["status"] = response.status
            facts["version"] = response.headers.get("x-model-version", "")
            facts["fault"] = response.headers.get("x-injected-fault") == "1"
            facts["delay"] = response.headers.get("x-injected-delay") == "1"
            body = await response.read()
            if not 200 <= response.status < 300:
                facts["detail"] = body[:DETAIL].decode(errors="replace")


class Deadline:
    """Cancels the task around it, but never because this client itself was late.

    A timer that fires late shows that the loop stood still (a busy machine): the answer
    may lie unread in the socket, so it gets a moment more to be read.
    """

    def __init__(self, seconds: float) -> None:
        self.expired = False
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + seconds

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._timer = self._loop.call_at(self._due, self._fire)

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _fire(self) -> None:
        now = self._loop.time()
        if now - self._due > LATE:
            self._due = now + GRACE
            self._timer = self._loop.call_at(self._due, self._fire)
            return
        self.expired = True
        self._task.cancel()


def kind_of(error: Exception) -> str:
    """Name the way in which a request failed below HTTP."""
    cause = getattr(error, "os_error", error)
    if isinstance(cause, ConnectionRefusedError):
        return "refused"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "incomplete"
    if isinstance(cause, ConnectionError | aiohttp.ServerDisconnectedError):
        return "reset"
    return "broken"


@asynccontextmanager
async def sessions() -> AsyncIterator[tuple[aiohttp.ClientSession, aiohttp.ClientSession]]:
    """Open one session that keeps its connections alive and one that opens a new one each time."""
    async with _session(fresh=False) as kept, _session(fresh=True) as fresh:
        yield kept, fresh


def _session(*, fresh: bool) -> aiohttp.ClientSession:
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=fresh),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=UNSENT_HEADERS,
    )
    # By itself aiohttp sends a GET again whose kept connection broke: the very failures that are counted here.
    session._retry_connection = False  # noqa: SLF001
    return session
