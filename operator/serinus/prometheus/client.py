"""Asks one Prometheus server.

A query either returns series or raises `Unavailable` with the reason in words: a server
that is down, slow, or answers nonsense is never mistaken for one that saw nothing.
"""

from dataclasses import dataclass, field

import aiohttp

from serinus.metrics.series import Series
from serinus.prometheus.access import Access
from serinus.prometheus.answers import Unavailable, parse_error, series_of

__all__ = ["MAX_BODY", "Prometheus", "Unavailable"]

MAX_BODY = 64 * 1024 * 1024
"""Largest answer that is read, in bytes."""
_CHUNK = 1024 * 1024
_LOGIN = "it wants other credentials (chart values prometheus.auth and prometheus.headers)"
_ELSEWHERE = "it redirects; name the address that it leads to (chart value prometheus.address)"
_MEANINGS = {401: _LOGIN, 403: _LOGIN, **dict.fromkeys((301, 302, 303, 307, 308), _ELSEWHERE)}
"""Credentials are for one address, so nothing that it redirects to is asked."""
_PLAIN = {"Accept-Encoding": "identity"}
"""To compress and to unpack costs both sides more than the wire does."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """One server. `timeout` bounds a whole query, in seconds."""

    session: aiohttp.ClientSession
    address: str
    timeout: float
    access: Access = field(default_factory=Access)

    async def query(self, expression: str, at: float) -> list[Series]:
        """Return the series of an instant query at a time in Unix seconds.

        A range selector gives raw samples, anything else one sample per series.

        Raises:
            Unavailable: with what went wrong, in words.
        """
        return series_of(*await self.fetch(expression, at))

    async def fetch(self, expression: str, at: float) -> tuple[int, bytes]:
        """Return status and body of the answer to an instant query, for `series_of`.

        Raises:
            Unavailable: with what went wrong, in words.
        """
        return await self._post("query", {"query": expression, "time": f"{at:.3f}", "timeout": f"{self.timeout:g}s"})

    async def check(self, expression: str) -> str | None:
        """Return why a query does not parse, or None when it does.

        Raises:
            Unavailable: the server does not say.
        """
        return parse_error(*await self._post("format_query", {"query": expression}))

    async def _post(self, method: str, form: dict[str, str]) -> tuple[int, bytes]:
        url = f"{self.address.rstrip('/')}/api/v1/{method}"
        limit = aiohttp.ClientTimeout(total=self.timeout)
        headers, ssl = {**self.access.sent(), **_PLAIN}, self.access.verified_by()
        try:
            async with self.session.post(
                url, data=form, timeout=limit, headers=headers, ssl=ssl, read_bufsize=_CHUNK, allow_redirects=False
            ) as answer:
                if answer.status in _MEANINGS:
                    raise Unavailable(f"{self.address} answers HTTP {answer.status}: {_MEANINGS[answer.status]}")
                return answer.status, await _read(answer.content)
        except TimeoutError:
            raise Unavailable(f"{self.address} did not answer within {self.timeout:g} s") from None
        except aiohttp.ClientError as error:
            raise Unavailable(f"{self.address} cannot be reached: {error}") from error


async def _read(content: aiohttp.StreamReader) -> bytes:
    parts, size = [], 0
    async for part in content.iter_any():
        parts.append(part)
        size += len(part)
        if size > MAX_BODY:
            raise Unavailable(f"the answer is larger than {MAX_BODY} bytes")
    return b"".join(parts)
