"""Faults on purpose: a version that fails or lingers, to watch how a rollout handles it.

An injected error replaces the model's answer, whatever it was, and is marked and counted at the
same moment. So a test can tell it from a real failure, and what the clients saw from what the
model believes it did.
"""

import asyncio
import math
import random
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ERROR_HEADER = "x-injected-fault"
DELAY_HEADER = "x-injected-delay"
ERROR_BODY = b'{"detail":"this version fails on purpose"}'


@dataclass(frozen=True)
class Faults:
    """How often a version misbehaves: shares between 0 and 1, each drawn per request.

    `after_seconds` is how long after its start a process first does: a version that is good
    while it is tested and bad when it is trusted.
    """

    error_rate: float = 0.0
    delay_rate: float = 0.0
    delay_seconds: float = 0.0
    after_seconds: float = 0.0

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Faults":
        """Read FAULT_RATE, FAULT_DELAY_RATE, FAULT_DELAY_SECONDS, FAULT_AFTER_SECONDS; what is absent is 0."""
        return cls(
            error_rate=_number(env, "FAULT_RATE", maximum=1),
            delay_rate=_number(env, "FAULT_DELAY_RATE", maximum=1),
            delay_seconds=_number(env, "FAULT_DELAY_SECONDS", maximum=math.inf),
            after_seconds=_number(env, "FAULT_AFTER_SECONDS", maximum=math.inf),
        )


def _number(env: Mapping[str, str], name: str, maximum: float) -> float:
    text = env.get(name) or "0"
    expected = "a number from 0 on" if math.isinf(maximum) else f"a number from 0 to {maximum:g}"
    message = f"{name}={text!r}: expected {expected}"
    try:
        number = float(text)
    except ValueError:
        raise ValueError(message) from None
    if not (math.isfinite(number) and 0 <= number <= maximum):
        raise ValueError(message)
    return number


class FaultInjector:
    """ASGI middleware that delays or spoils answers, except those of the exempt paths.

    The request still runs through the application: its route is known to the metrics, and its
    answer is only exchanged on the way out.
    """

    def __init__(
        self,
        app: ASGIApp,
        faults: Faults,
        registry: CollectorRegistry,
        exempt: Collection[str] = (),
    ) -> None:
        """Register the counters, which are visible at 0 before the first fault."""
        self._app = app
        self._faults = faults
        self._exempt = exempt
        self._begins = time.monotonic() + faults.after_seconds
        self._errors = Counter("injected_faults", "Answers replaced by an error on purpose.", registry=registry)
        self._delays = Counter("injected_delays", "Answers held back on purpose.", registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Draw what happens to this request and pass it on."""
        if scope["type"] != "http" or scope["path"] in self._exempt or time.monotonic() < self._begins:
            await self._app(scope, receive, send)
            return
        fails = random.random() < self._faults.error_rate
        lingers = random.random() < self._faults.delay_rate

        async def send_spoilt(message: Message) -> None:
            if message["type"] == "http.response.start":
                if lingers:
                    await asyncio.sleep(self._faults.delay_seconds)
                    self._delays.inc()
                    MutableHeaders(scope=message)[DELAY_HEADER] = "1"
                if fails:
                    self._errors.inc()
                    await send(_error_start(message))
                    await send({"type": "http.response.body", "body": ERROR_BODY})
                    return
            elif fails:
                return
            await send(message)

        await self._app(scope, receive, send_spoilt)


def _error_start(original: Message) -> Message:
    """Turn the start of an answer into that of a 500; a delay that was marked stays marked."""
    headers = MutableHeaders()
    if DELAY_HEADER in (before := MutableHeaders(scope=original)):
        headers[DELAY_HEADER] = before[DELAY_HEADER]
    headers[ERROR_HEADER] = "1"
    headers["content-type"] = "application/json"
    headers["content-length"] = str(len(ERROR_BODY))
    return {"type": "http.response.start", "status": 500, "headers": headers.raw}
