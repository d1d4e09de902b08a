"""Counts and percentiles over answers."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from load.answer import Answer, Outcome

PERCENTILES = (50, 90, 95, 99)


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution in a few numbers, in milliseconds."""

    p50: float = 0.0
    p90: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    max: float = 0.0

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Spread":
        """Summarise durations."""
        ordered = sorted(seconds)
        if not ordered:
            return cls()
        ranks = (ordered[math.ceil(p / 100 * len(ordered)) - 1] for p in PERCENTILES)
        return cls(*(round(1000 * value, 2) for value in (*ranks, ordered[-1])))


@dataclass(frozen=True, slots=True)
class Tally:
    """What a set of answers comes to."""

    answers: int
    ok: int
    injected: int
    ours: int
    faults: int
    """Answers marked as spoilt on purpose, broken off or not: what a model's own counter should hold."""
    delayed: int
    kinds: dict[str, int]
    """Failures of ours by status or transport error."""
    latency: Spread

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> "Tally":
        """Count."""
        outcomes = Counter(answer.outcome for answer in answers)
        kinds = Counter(answer.kind for answer in answers if answer.outcome is Outcome.OURS)
        return cls(
            answers=len(answers),
            ok=outcomes[Outcome.OK],
            injected=outcomes[Outcome.INJECTED],
            ours=outcomes[Outcome.OURS],
            faults=sum(answer.fault for answer in answers),
            delayed=sum(answer.delay for answer in answers),
            kinds=dict(kinds.most_common()),
            latency=Spread.of(answer.latency for answer in answers),
        )


@dataclass(frozen=True, slots=True)
class Client:
    """How well the client itself did: never a failure of what it measures."""

    lag: Spread = field(default_factory=Spread)
    """How late requests started."""
    skipped: int = 0
    """Requests that were never sent, because this client was too late or too much was in flight."""
    cpu: float = 0.0
    """Share of one core that it used."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A run, or a window of it."""

    seconds: float
    sent: int
    """Requests started; each is answered, in flight, or was given up."""
    in_flight: int
    total: Tally
    versions: dict[str, Tally]
    """By `x-model-version`; an answer that names none is under the empty name."""
    client: Client

    @classmethod
    def of(cls, answers: Sequence[Answer], seconds: float, in_flight: int, client: Client) -> "Summary":
        """Summarise answers."""
        by_version: dict[str, list[Answer]] = {}
        for answer in answers:
            by_version.setdefault(answer.version, []).append(answer)
        return cls(
            seconds=round(seconds, 2),
            sent=len(answers) + in_flight,
            in_flight=in_flight,
            total=Tally.of(answers),
            versions={version: Tally.of(own) for version, own in sorted(by_version.items())},
            client=client,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)
