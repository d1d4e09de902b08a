"""Asks one Prometheus server.

A query either returns series or raises `Unavailable` with the reason in words: a server
that is down, slow, or answers nonsense is never mistaken for one that saw nothing.
"""

import json
from dataclasses import dataclass
from typing import Any

import aiohttp

from serinus.metrics.series import Series

MAX_BODY = 64 * 1024 * 1024
"""Largest answer that is read, in bytes."""


class Unavailable(Exception):  # noqa: N818 - a state of the server, named as status names it
    """Prometheus could not be asked, or its answer could not be used."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """One server. `timeout` bounds a whole query, in seconds."""

    session: aiohttp.ClientSession
    address: str
    timeout: float

    async def query(self, expression: str, at: float) -> list[Series]:
        """Return the series of an instant query at a time in Unix seconds.

        A range selector gives raw samples, anything else one sample per series.

        Raises:
            Unavailable: with what went wrong, in words.
        """
        url = f"{self.address.rstrip('/')}/api/v1/query"
        form = {"query": expression, "time": f"{at:.3f}", "timeout": f"{self.timeout:g}s"}
        try:
            async with self.session.post(url, data=form, timeout=aiohttp.ClientTimeout(total=self.timeout)) as answer:
                body = await answer.content.read(MAX_BODY + 1)
                while not answer.content.at_eof() and len(body) <= MAX_BODY:
                    body += await answer.content.read(MAX_BODY + 1 - len(body))
                return _series(answer.status, body)
        except TimeoutError:
            raise Unavailable(f"{self.address} did not answer within {self.timeout:g} s") from None
        except aiohttp.ClientError as error:
            raise Unavailable(f"{self.address} cannot be reached: {error}") from error


def _series(status: int, body: bytes) -> list[Series]:
    if len(body) > MAX_BODY:
        raise Unavailable(f"the answer is larger than {MAX_BODY} bytes")
    try:
        answer = json.loads(body)
        if answer["status"] != "success":
            raise Unavailable(f"HTTP {status}: {answer.get('errorType', '')}: {answer.get('error', '')}")
        result: list[dict[str, Any]] = answer["data"]["result"]
        kind = answer["data"]["resultType"]
        if kind == "scalar":
            return [Series({}, (_sample(result),))]
        return [
            Series(item["metric"], tuple(map(_sample, item["values"] if kind == "matrix" else [item["value"]])))
            for item in result
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unavailable(f"HTTP {status} with an answer that is not Prometheus': {body[:200]!r}") from error


def _sample(pair: Any) -> tuple[float, float]:
    time, value = pair
    return float(time), float(value)
