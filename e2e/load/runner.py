"""The load itself: an event loop in a thread of its own."""

import asyncio
import threading
import time
from typing import Self

from load.answer import Answer
from load.exchange import Exchange, sessions
from load.journal import Journal
from load.plan import Plan, Target
from load.summary import Client, Spread, Summary

CATCH_UP = 1.0
"""Requests later than this are skipped: a burst after a standstill would be no steady load."""


class Load:
    """Starts, stops and tells. Use as a context manager, or call start() and stop()."""

    def __init__(self, target: Target | Plan, rate: float = 50.0) -> None:
        self.plan = target if isinstance(target, Plan) else Plan(target, rate)
        self.journal = Journal()
        self._lags: list[float] = []
        self._sent = 0
        self._skipped = 0
        self._started_at = 0.0
        self._elapsed = 0.0
        self._cpu = 0.0
        self._trouble: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="load", daemon=True)

    def start(self) -> "Load":
        """Begin to send."""
        self._started_at = time.time()
        self._thread.start()
        return self

    def stop(self) -> Summary:
        """Send no more, wait for what is in flight (each request has its timeout), and tell."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        if self._trouble is not None:
            raise self._trouble
        return self.summary()

    def join(self) -> Summary:
        """Wait until the plan's time is over, and tell."""
        while self._thread.is_alive():
            self._thread.join(0.2)
        return self.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether requests are being sent or awaited."""
        return self._thread.is_alive()

    @property
    def in_flight(self) -> int:
        """Requests without an answer so far."""
        return max(0, self._sent - len(self.journal))

    def summary(self) -> Summary:
        """Tell about the whole run so far."""
        elapsed = self._elapsed or time.time() - self._started_at
        client = Client(Spread.of(self._lags[:]), self._skipped, round(self._cpu / max(elapsed, 0.001), 3))
        return Summary.of(self.journal.window(), elapsed, self.in_flight, client)

    def window(self, since: float, until: float | None = None) -> Summary:
        """Tell about the answers that ended in [since, until)."""
        end = time.time() if until is None else until
        return Summary.of(self.journal.window(since, end), end - since, 0, Client())

    def _work(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as error:  # noqa: BLE001 - raised again by stop(), in the thread that asked
            self._trouble = error

    async def _run(self) -> None:
        async with sessions() as (kept, fresh):
            exchange = Exchange(self.plan, kept, fresh)
            tasks: set[asyncio.Task[None]] = set()
            await self._send_on_schedule(exchange, tasks)
            if tasks:
                await asyncio.wait(tasks)
        self._elapsed = time.time() - self._started_at

    async def _send_on_schedule(self, exchange: Exchange, tasks: set[asyncio.Task[None]]) -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for number in range(round(self.plan.rate * self.plan.seconds)):
            due = begin + number / self.plan.rate
            if (ahead := due - loop.time()) > 0:
                await asyncio.sleep(ahead)
            if self._stop.is_set():
                return
            lag = max(0.0, loop.time() - due)
            self._lags.append(lag)
            if lag > CATCH_UP or len(tasks) >= self.plan.max_in_flight:
                self._skipped += 1
                continue
            self._sent += 1
            task = loop.create_task(self._one(exchange, number))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            task.add_done_callback(self._note_trouble)
            self._cpu = time.thread_time()

    def _note_trouble(self, task: asyncio.Task[None]) -> None:
        """Keep what no answer accounts for: a defect of this client."""
        if not task.cancelled() and (error := task.exception()):
            self._trouble = error
            self._stop.set()

    async def _one(self, exchange: Exchange, number: int) -> None:
        answer: Answer = await exchange.send(number, self.plan.mix(number))
        self.journal.add(answer)
