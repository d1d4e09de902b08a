"""One query per family and moment, shared by all rollouts."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from time import thread_time

from serinus.metrics.index import Index
from serinus.metrics.series import Series
from serinus.prometheus.answers import Known, Unavailable, series_of
from serinus.prometheus.client import Prometheus

KEPT = 60.0
"""Seconds after which an answer that nobody asked for again is let go."""
SHARE = 0.03
"""Of one core that reading the answers to the usual questions may cost: to judge what they hold costs three times as much."""
FEW = 4
"""Questions that are asked once which are asked at the same time."""
PATIENCE = 2.0
"""Seconds that a caller waits for an answer. It comes to the next caller when it is later."""
SHORT_PATIENCE = 0.2
"""The same when the server did not answer in time before."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The series of one query, and the time it was evaluated at; or why there are none."""

    at: float
    series: tuple[Series, ...] = ()
    problem: str = ""
    index: Index | None = field(default=None, compare=False, repr=False)

    def of(self, namespace: str, name: str) -> list[Series]:
        """Return the series of one model, with `up` of the targets that reported them."""
        return self.index.of(namespace, name) if self.index else []

    def scrapes(self, namespace: str, name: str) -> tuple[tuple[float, float], ...]:
        """Return when each target of one model was last scraped: while it stays the same there is no news."""
        return self.index.scrapes(namespace, name) if self.index else ()


@dataclass(slots=True)
class _Question:
    """What is known of one expression.

    It was `asked` in the `poll` that began then; `done` is when the newest answer came, and `cost` its seconds of CPU.
    """

    asked: float
    poll: float
    task: asyncio.Task[Answer]
    patience: float = PATIENCE
    done: float | None = None
    cost: float = 0.0
    again: bool = False
    labels: Known = field(default_factory=Known)
    index: Index | None = None


@dataclass(slots=True)
class SharedQueries:
    """Answers of one server, each asked for once and kept for a while.

    That is `freshness` seconds, and longer when the answers are so large that together they would
    cost more than `SHARE` of a core, but not longer than `longest`: the scrape interval. All questions
    are due together, so that a rollout has news of all its metrics at once, not one after another.
    """

    prometheus: Prometheus
    clock: Callable[[], float]
    freshness: float
    longest: float = 15.0
    _questions: dict[str, _Question] = field(default_factory=dict)
    _few: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FEW))
    news: int = 0
    """How many answers have come."""
    _poll: float = 0.0
    """When the newest poll began."""
    _kept: float = 0.0
    """`pause` as of the newest answer: every look of a thousand rollouts asks for it."""

    @property
    def due(self) -> float:
        """Return when questions are to be asked again: until then nobody hears anything new."""
        return self._poll + max(self.freshness, self._kept)

    @property
    def pause(self) -> float:
        """Return for how many seconds an answer is kept now."""
        cost = sum(question.cost for question in self._questions.values() if question.again)
        return min(max(self.freshness, cost / SHARE), max(self.freshness, self.longest))

    async def ask(self, expression: str, interval: float | None = None, *, once: bool = False) -> Answer:
        """Return a fresh answer. Everybody who asks the same in the same moment gets the same.

        A server that hangs is a problem soon, and for all, while it is still waited for. `interval`
        is that of the scrapes, if it is known. What is asked `once`, by one alone, is not kept: an hour of
        the counters of a hundred rollouts that begin together would not fit into memory.
        """
        now = self.clock()
        self.longest = min(self.longest, interval or self.longest)
        if not self._poll <= now < self.due:
            self._poll = now
        question = self._questions.get(expression)
        if question is None or not self._serves(question, now):
            question = self._question(expression, question, now, once=once)
        if not question.task.done():
            left = max(0.0, question.patience - max(0.0, now - question.asked))
            await asyncio.wait({question.task}, timeout=left)
        if question.task.done():
            if once and self._questions.get(expression) is question:
                del self._questions[expression]
            return question.task.result()
        return Answer(question.asked, problem=f"{self.prometheus.address} has not answered for {question.patience:g} s")

    async def check(self, expression: str) -> str | None:
        """Return why a query does not parse, or None when it does.

        Raises:
            Unavailable: the server does not say.
        """
        return await self.prometheus.check(expression)

    def _serves(self, question: _Question, now: float) -> bool:
        if question.done is None:
            return not question.task.done()
        if question.done - question.asked > question.patience:
            # An answer that took longer than anybody waited is kept for those who come back.
            kept = self.freshness if question.task.result().problem else PATIENCE
            return 0 <= now - question.done < max(kept, self._kept)
        return question.poll == self._poll

    def _question(self, expression: str, before: _Question | None, now: float, *, once: bool) -> _Question:
        known = self._questions.items()
        self._questions = {key: one for key, one in known if not one.task.done() or abs(now - one.asked) < KEPT}
        slow = before is not None and before.task.done() and (before.done or now) - before.asked > PATIENCE
        question = _Question(now, self._poll, asyncio.ensure_future(self._fetch(expression, now, once=once)))
        question.patience = SHORT_PATIENCE if slow else PATIENCE
        if before is not None:
            question.cost, question.again = before.cost, True
            question.labels, question.index = before.labels, before.index
        self._questions[expression] = question
        return question

    async def _fetch(self, expression: str, now: float, *, once: bool) -> Answer:
        try:
            async with self._few if once else nullcontext():
                answer = await self._answer(expression, now, once=once)
        except Unavailable as error:
            answer = Answer(now, problem=str(error))
        self._questions[expression].done, self._kept = self.clock(), self.pause
        self.news += 1
        return answer

    async def _answer(self, expression: str, now: float, *, once: bool) -> Answer:
        status, body = await self.prometheus.fetch(expression, now)
        question, started = self._questions[expression], thread_time()
        series = tuple(series_of(status, body, question.labels))
        question.index = None if once else Index(series, question.index)
        question.cost = thread_time() - started
        return Answer(now, series, index=question.index)
