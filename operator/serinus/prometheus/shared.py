"""One query per family and moment, shared by all rollouts."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from serinus.metrics.series import Series
from serinus.prometheus.client import Prometheus, Unavailable


@dataclass(frozen=True, slots=True)
class Answer:
    """The series of one query, and the time it was evaluated at; or why there are none."""

    at: float
    series: tuple[Series, ...] = ()
    problem: str = ""


@dataclass(slots=True)
class SharedQueries:
    """Answers of one server, each kept for `freshness` seconds and asked for once."""

    prometheus: Prometheus
    clock: Callable[[], float]
    freshness: float
    _answers: dict[str, tuple[float, asyncio.Task[Answer]]] = field(default_factory=dict)

    async def ask(self, expression: str) -> Answer:
        """Return a fresh answer. Everybody who asks the same in the same moment gets the same."""
        now = self.clock()
        known = self._answers.get(expression)
        if known is None or (known[1].done() and not 0 <= now - known[0] < self.freshness):
            self._answers = {key: value for key, value in self._answers.items() if abs(now - value[0]) < 60}
            known = now, asyncio.ensure_future(self._fetch(expression, now))
            self._answers[expression] = known
        return await asyncio.shield(known[1])

    async def _fetch(self, expression: str, now: float) -> Answer:
        try:
            return Answer(now, tuple(await self.prometheus.query(expression, now)))
        except Unavailable as error:
            return Answer(now, problem=str(error))
