"""What to send where, how often, and the limits that a run never exceeds."""

import math
from dataclasses import dataclass
from urllib.parse import urlsplit

from load.mixes import Mix, recommender

LOOPBACK = "127.0.0.1"
MAX_RATE = 1000.0
MAX_SECONDS = 7200.0


class TargetRefusedError(ValueError):
    """This client loads the machine that it runs on and no other."""


@dataclass(frozen=True, slots=True)
class Target:
    """A gateway on this machine, and the host name that it routes by."""

    url: str
    host: str

    def __post_init__(self) -> None:
        """Refuse everything but plain HTTP to 127.0.0.1."""
        parts = urlsplit(self.url)
        if parts.scheme != "http" or parts.hostname != LOOPBACK or parts.username is not None:
            raise TargetRefusedError(
                f"the target is {self.url!r}: only http://{LOOPBACK}:PORT is allowed, no name and no other machine"
            )

    @property
    def base(self) -> str:
        """The URL without a path."""
        return f"http://{urlsplit(self.url).netloc}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A steady load."""

    target: Target
    rate: float = 50.0
    """Requests a second; they start on schedule whatever the latency."""
    seconds: float = MAX_SECONDS
    """The run ends by itself after this long."""
    timeout: float = 10.0
    """The longest that one request may take, from its start to the end of its answer."""
    mix: Mix = recommender

    def __post_init__(self) -> None:
        """Refuse what is out of bounds."""
        for name, value, maximum in (
            ("rate", self.rate, MAX_RATE),
            ("seconds", self.seconds, MAX_SECONDS),
            ("timeout", self.timeout, 120.0),
        ):
            if not (math.isfinite(value) and 0 < value <= maximum):
                raise ValueError(f"{name} is {value:g}: expected a number above 0 and up to {maximum:g}")

    @property
    def max_in_flight(self) -> int:
        """More can only pile up when timeouts stop working; further requests are then skipped."""
        return math.ceil(self.rate * self.timeout * 1.5) + 20
