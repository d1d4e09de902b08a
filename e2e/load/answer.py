"""What became of one request."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

TRANSPORT_ERRORS = ("refused", "reset", "timeout", "incomplete", "broken")
"""Kinds of answers that are none; `broken` is everything that is no HTTP."""


class Outcome(StrEnum):
    """Whose fault an answer is, if it is one."""

    OK = "ok"
    INJECTED = "injected"
    """The model failed on purpose and said so."""
    OURS = "ours"
    """Every other answer that is no 2xx, and every request without a whole answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, or the reason why there is none. Times are seconds since the epoch."""

    number: int
    started: float
    latency: float
    method: str
    fresh: bool
    """Sent over a connection of its own; else over one that was kept alive."""
    status: int = 0
    """0 when no header arrived."""
    error: str = ""
    """One of TRANSPORT_ERRORS, or empty."""
    version: str = ""
    fault: bool = False
    """The answer says that it was spoilt on purpose."""
    delay: bool = False
    """The answer says that it was held back on purpose."""
    detail: str = ""
    """What a failure looked like: the error's words or the first of the body."""

    @property
    def ended(self) -> float:
        """When the answer was complete."""
        return self.started + self.latency

    @property
    def outcome(self) -> Outcome:
        """Whose fault it is. A spoilt answer that broke off on its way counts as ours."""
        if self.error:
            return Outcome.OURS
        if 200 <= self.status < 300:
            return Outcome.OK
        return Outcome.INJECTED if self.fault else Outcome.OURS

    @property
    def kind(self) -> str:
        """The transport error, else the status."""
        return self.error or str(self.status)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "number": self.number,
            "started": round(self.started, 4),
            "ended": round(self.ended, 4),
            "method": self.method,
            "fresh": self.fresh,
            "kind": self.kind,
            "outcome": self.outcome.value,
            "version": self.version,
            "detail": self.detail,
        }
