"""A small client of the API server on the standard library: the operator's takes a second to import."""

from __future__ import annotations

import http.client
import json
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from serinus import __version__
from serinus.cli.kube.config import Access
from serinus.cli.kube.login import Credentials, log_in
from serinus.cli.trouble import Exit, Trouble

Manifest = dict[str, Any]
TIMEOUT = 15.0
"""Seconds that an answer may take."""
JSON = "application/json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
MERGE = "application/merge-patch+json"


class Refused(Trouble):
    """The API server answered with an error. `status` is the HTTP status, `body` the Status that it sent, if any."""

    def __init__(self, message: str, status: int, body: Manifest) -> None:
        super().__init__(message, Exit.CLUSTER)
        self.status = status
        self.body = body

    @property
    def is_kind(self) -> bool:
        """Tell whether it is the kind that is missing, and not an object."""
        return self.status == 404 and not (self.body.get("details") or {}).get("name")


@dataclass(slots=True)
class Client:
    """One API server. Connections are kept; several threads may ask at once."""

    access: Access
    _credentials: Credentials = field(default_factory=Credentials)
    _tls: ssl.SSLContext | None = None
    _idle: list[http.client.HTTPConnection] = field(default_factory=list)

    @classmethod
    def of(cls, access: Access) -> Client:
        """Return a client that is logged in.

        Raises:
            Trouble: there are no credentials, or they cannot be used.
        """
        credentials = log_in(access)
        secure = access.server.startswith("https:")
        return cls(access, credentials, _context(access, credentials) if secure else None)

    def get(self, path: str, accept: str = JSON, **query: str) -> Manifest:
        """Return what is at a path of the API.

        Raises:
            Refused: the API server says no.
            Trouble: it could not be asked.
        """
        return self._call("GET", f"{path}?{urlencode(query)}" if query else path, None, accept, JSON)

    def merge(self, path: str, body: Manifest) -> Manifest:
        """Patch an object and return it.

        Raises:
            Refused: the API server says no.
            Trouble: it could not be asked.
        """
        return self._call("PATCH", f"{path}?fieldManager=serinus-cli", json.dumps(body).encode(), JSON, MERGE)

    def _call(self, method: str, path: str, body: bytes | None, accept: str, content: str) -> Manifest:
        headers = {"Accept": accept, "Content-Type": content, "User-Agent": f"serinus/{__version__}"}
        if self._credentials.authorization:
            headers["Authorization"] = self._credentials.authorization
        try:
            status, raw = self._answer(method, path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            raise Trouble(_unreachable(self.access, error), Exit.CLUSTER) from None
        try:
            found = json.loads(raw)
        except ValueError:
            found = {"message": raw.decode(errors="replace").strip()[:300]}
        if status >= 300:
            raise Refused(_refusal(self.access, status, found), status, found)
        return found if isinstance(found, dict) else {}

    def _answer(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        """Return status and body of an answer; what the server did to an idle connection is no error."""
        where = urlsplit(self.access.server).path + quote(path, safe="/?&=%:+,~")
        while True:
            kept = bool(self._idle)
            connection = self._idle.pop() if kept else _connect(self.access, self._tls)
            try:
                connection.request(method, where, body, headers)
                answer = connection.getresponse()
                raw = answer.read()
            except (ConnectionError, http.client.HTTPException):
                connection.close()
                if not kept:
                    raise
            else:
                self._idle.append(connection)
                return answer.status, raw


class _Secure(http.client.HTTPSConnection):
    """A TLS connection whose server may have another name than its URL says."""

    name = ""

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        host = self.name or getattr(self, "_tunnel_host", None) or self.host
        context: ssl.SSLContext = self._context  # type: ignore[attr-defined]
        self.sock = context.wrap_socket(self.sock, server_hostname=host)


def _connect(access: Access, tls: ssl.SSLContext | None) -> http.client.HTTPConnection:
    url = urlsplit(access.server)
    proxy = access.proxy or _proxy_of(url.scheme, url.hostname or "")
    via = urlsplit(proxy if "//" in proxy else f"//{proxy}") if proxy else url
    if proxy and via.scheme not in {"", "http"}:
        raise Trouble(f"The proxy {proxy} is not supported: only http:// proxies are", Exit.CLUSTER)
    host, port = via.hostname or "", via.port
    if tls is None:
        return http.client.HTTPConnection(url.hostname or "", url.port, timeout=TIMEOUT)
    connection = _Secure(host, port or (80 if proxy else 443), timeout=TIMEOUT, context=tls)
    connection.name = access.server_name
    if proxy:
        connection.set_tunnel(url.hostname or "", url.port or 443)
    return connection


def _proxy_of(scheme: str, host: str) -> str:
    """Return the proxy that the environment names for a host."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return ""
    from urllib.request import getproxies, proxy_bypass

    return "" if proxy_bypass(host) else getproxies().get(scheme, "")


def _context(access: Access, credentials: Credentials) -> ssl.SSLContext:
    """Return what TLS needs.

    Raises:
        Trouble: a certificate or key cannot be used.
    """
    try:
        if access.verify:
            context = ssl.create_default_context(cadata=access.authority or None)
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # without the system's certificates, a fifth of all time
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if credentials.certificate:
            _show(context, credentials)
    except (ssl.SSLError, ValueError, OSError) as error:
        raise Trouble(
            f"The certificates of context {access.context!r} cannot be used ({error}): get a new kubeconfig",
            Exit.CLUSTER,
        ) from None
    return context


def _show(context: ssl.SSLContext, credentials: Credentials) -> None:
    """Load a client certificate; OpenSSL takes it from a file only."""
    from tempfile import NamedTemporaryFile

    with NamedTemporaryFile("w", encoding="utf-8") as file:  # readable by us alone
        file.write(f"{credentials.certificate}\n{credentials.key}")
        file.flush()
        context.load_cert_chain(file.name)


def _unreachable(access: Access, error: Exception) -> str:
    where = f"The API server {access.server}" + (f" of context {access.context!r}" if access.context else "")
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{where} shows a certificate that is not trusted ({error.verify_message}): get a new kubeconfig"
    if isinstance(error, TimeoutError):
        return f"{where} did not answer within {TIMEOUT:g} s: is it reachable from here (VPN, proxy)?"
    told = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return f"{where} cannot be reached ({told}): does the cluster run, and is it the one you mean? See --context"


def _refusal(access: Access, status: int, body: Mapping[str, Any]) -> str:
    told = str(body.get("message") or f"HTTP {status}")
    if status == 401:
        return f"The API server {access.server} does not accept the credentials of context {access.context!r}: log in again"
    if status == 403:
        return f"{told}. Ask whoever runs the cluster for a role that allows it, or name another --namespace"
    return told
