"""A file on a web server."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from urllib.parse import unquote, urlsplit

import httpx2

from serinus_fetch.address import WebAddress
from serinus_fetch.listing import Item, Listing
from serinus_fetch.sources.http import Http

REMEDY = "Put HTTPS_TOKEN, or HTTPS_USERNAME and HTTPS_PASSWORD, into the Secret."


class WebSource:
    """One file at one address."""

    def __init__(self, address: WebAddress, environ: Mapping[str, str]) -> None:
        self._url = address.url
        self._http = Http(REMEDY, auth=credentials(environ, "HTTPS"))

    def listing(self) -> Listing:
        """Ask for the file's size and version. See Source."""
        name = unquote(urlsplit(self._url).path.rsplit("/", 1)[-1]) or "model"
        return Listing((self._http.probe(self._url, name),), folder=False)

    def read(self, item: Item, offset: int) -> AbstractContextManager[tuple[int, Iterator[bytes]]]:
        """Open the file. See Source."""
        return self._http.read(item, offset)


def credentials(environ: Mapping[str, str], prefix: str) -> httpx2.Auth | None:
    """Return what `<prefix>_TOKEN`, or `<prefix>_USERNAME` and `<prefix>_PASSWORD`, say; None where they are not set."""
    if token := environ.get(f"{prefix}_TOKEN"):
        return Bearer(token)
    user, password = environ.get(f"{prefix}_USERNAME"), environ.get(f"{prefix}_PASSWORD")
    return httpx2.BasicAuth(user, password) if user and password else None


class Bearer(httpx2.Auth):
    """A token in the Authorization header."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx2.Request) -> Iterator[httpx2.Request]:  # type: ignore[override]
        """Add the header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request
