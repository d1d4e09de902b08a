"""Requests over HTTPS: which answers are final, which may pass, and how a file is read from the middle."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from serinus_fetch.address import shown
from serinus_fetch.errors import FetchError, Reason, TransientError
from serinus_fetch.listing import Item

TIMEOUT = httpx2.Timeout(30.0, connect=10.0)
"""Seconds without a byte, not for a whole file."""


class Http:
    """A server that is asked for files and documents."""

    def __init__(
        self,
        remedy: str,
        *,
        auth: httpx2.Auth | None = None,
        headers: Mapping[str, str] | None = None,
        plain: bool = False,
    ) -> None:
        """Make a client; connections are opened when needed.

        Args:
            remedy: which variables hold credentials, said when they do not suffice.
            auth: credentials; never sent to another host than the one that is asked.
            headers: sent with every request.
            plain: whether http:// is allowed, because the address that the administrator set begins so.
        """
        self._remedy = remedy
        self._schemes = {"https", "http"} if plain else {"https"}
        self._client = httpx2.Client(
            auth=auth,
            headers={"Accept-Encoding": "identity", "User-Agent": "serinus-fetch", **(headers or {})},
            follow_redirects=True,
            timeout=TIMEOUT,
            event_hooks={"request": [self._check]},
        )

    @contextmanager
    def open(
        self,
        url: str,
        name: str,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Iterator[httpx2.Response]:
        """Send a GET and yield the answer, its body unread. `name` says in messages what was asked for.

        Raises:
            FetchError: the answer is final, and no.
            TransientError: it may be better later.
        """
        try:
            with self._client.stream("GET", url, headers=headers, params=query) as response:
                if error := judged(response, name, self._remedy):
                    raise error
                yield response
        except httpx2.ConnectError as error:
            if isinstance(_root(error), ssl.SSLCertVerificationError):
                raise FetchError(
                    Reason.UNAVAILABLE,
                    f"{name}: its certificate is not trusted ({error}). Mount the authority's certificate and"
                    " name it in SSL_CERT_FILE.",
                ) from error
            raise TransientError(f"cannot connect to {name}: {error}") from error
        except httpx2.TooManyRedirects as error:
            raise FetchError(Reason.INVALID, f"{name}: redirects in circles. Check the address.") from error
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
            raise FetchError(Reason.UNSAFE, f"{name}: redirects to an address that is none. Check it.") from error
        except httpx2.TransportError as error:
            raise TransientError(f"{type(error).__name__}: {error}") from error

    def document(self, url: str, what: str, **query: str) -> Any:
        """Return a JSON document. `what` says in messages what was asked for.

        Raises:
            FetchError: the answer is final, and no; or it is not JSON.
            TransientError: it may be better later.
        """
        with self.open(url, what, query=query) as response:
            response.read()
            try:
                return response.json()
            except ValueError as error:
                raise FetchError(Reason.INVALID, f"{what}: {shown(url)} answers no JSON. Check the address.") from error

    def probe(self, url: str, path: str) -> Item:
        """Ask what a file is, by a GET that is not read: signed addresses and some servers know no HEAD.

        Raises:
            FetchError: it cannot be had.
            TransientError: it may be had later.
        """
        with self.open(url, shown(url)) as response:
            size = _size(response)
            version = _version(response) if size is not None else None
            return Item(path, url, size, version)

    @contextmanager
    def read(self, item: Item, offset: int, *, immutable: bool = False) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Yield where the answer begins, and its bytes.

        Args:
            item: what to read; its key is a URL, its version what `probe` said.
            offset: where to begin, if the server can.
            immutable: the URL itself says which content it is; the version is not the server's.

        Raises:
            FetchError: the file is gone or changed, or cannot be had.
            TransientError: it may be had later.
        """
        part = {"Range": f"bytes={offset}-"} if offset else {}
        if part and item.version and not immutable:
            part["If-Range"] = item.version
        with self.open(item.key, shown(item.key), part) as response:
            if item.version is not None and not immutable and _version(response) != item.version:
                raise FetchError(
                    Reason.CHANGED, f"{shown(item.key)}: changed while it was fetched. The next run starts anew."
                )
            yield _start(response), response.iter_raw()

    def _check(self, request: httpx2.Request) -> None:
        """Refuse a redirect to another protocol; the first request passes."""
        if request.url.scheme not in self._schemes:
            raise FetchError(
                Reason.UNSAFE,
                f"redirected to {shown(str(request.url))}: only https:// is followed. Correct the server, or name the"
                " last address.",
            )


def judged(response: httpx2.Response, name: str, remedy: str) -> FetchError | TransientError | None:
    """Return what an answer is as an error: final, or one that may pass; None where it is none."""
    status = f"{response.status_code} {response.reason_phrase}".strip()
    if response.status_code in {401, 403}:
        return FetchError(Reason.DENIED, f"{name}: answered {status}. {remedy}")
    if response.status_code in {404, 410}:
        return FetchError(Reason.NOT_FOUND, f"{name}: answered {status}. Check the address.")
    if response.status_code in {408, 425, 429} or response.status_code >= 500:
        return TransientError(f"{name} answered {status}", _retry_after(response))
    if not response.is_success:
        return FetchError(Reason.INVALID, f"{name}: answered {status}. Check the address.")
    return None


def _size(response: httpx2.Response) -> int | None:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        return None
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def _version(response: httpx2.Response) -> str | None:
    """Return what may stand in If-Range: a strong ETag, or else the time of the last change."""
    tag = response.headers.get("ETag")
    if tag and not tag.startswith("W/"):
        return str(tag)
    return response.headers.get("Last-Modified")


def _start(response: httpx2.Response) -> int:
    """Return which byte of the file the body begins with."""
    if response.status_code != 206:
        return 0
    unit, _, span = response.headers.get("Content-Range", "").partition(" ")
    start = span.partition("-")[0]
    if unit != "bytes" or not start.isdecimal():
        raise TransientError(f"an answer in parts that does not say which: {span[:40]!r}")
    return int(start)


def _retry_after(response: httpx2.Response) -> float | None:
    """Return the seconds that the server asks to wait; a date counts from the answer's own."""
    text = response.headers.get("Retry-After", "")
    if text.isdecimal():
        return float(text)
    try:
        return (parsedate_to_datetime(text) - parsedate_to_datetime(response.headers["Date"])).total_seconds()
    except (ValueError, KeyError, TypeError):
        return None


def _root(error: BaseException) -> BaseException:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return error
