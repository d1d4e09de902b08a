"""What a Prometheus wants of who asks it: credentials, headers, and certificates.

Files are those of mounted Secrets, which may be renewed while the operator runs.
"""

import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from serinus.prometheus.answers import Unavailable

TOKEN, USER, PASSWORD = "token", "username", "password"
CA, CERTIFICATE, KEY = "ca.crt", "tls.crt", "tls.key"

Stamp = tuple[tuple[int, int] | None, ...]


@dataclass(slots=True)
class Access:
    """How one server is asked. Without anything it is asked as anybody may."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent as they are, such as a tenant's `X-Scope-OrgID`."""
    credentials: Path | None = None
    """A folder with a file `token`, or with `username` and `password`."""
    tls: Path | None = None
    """A folder with `ca.crt`, the authority of the server's certificate, or `tls.crt` and `tls.key`, our own, or all three."""
    _context: ssl.SSLContext | None = None
    _seen: Stamp = ()

    def sent(self) -> dict[str, str]:
        """Return the headers of a request.

        Raises:
            Unavailable: the credentials are there and cannot be used.
        """
        return {**self.headers, **self._authorization()}

    def verified_by(self) -> ssl.SSLContext | bool:
        """Return what a server's certificate is verified by: True stands for the system's authorities.

        Raises:
            Unavailable: the files are there and cannot be used.
        """
        if self.tls is None:
            return True
        files = [self.tls / name for name in (CA, CERTIFICATE, KEY)]
        try:
            seen = tuple(_stamp(file) for file in files)
            if self._context is None or seen != self._seen:
                self._context, self._seen = _context(*files), seen
        except (OSError, ValueError) as error:  # ssl's errors are OSErrors
            raise Unavailable(f"{self.tls} holds no usable {CA}, {CERTIFICATE} and {KEY}: {error}") from error
        return self._context

    def _authorization(self) -> dict[str, str]:
        token, user, password = (self._credential(name) for name in (TOKEN, USER, PASSWORD))
        if token:
            return {"Authorization": f"Bearer {token}"}
        if user and password:
            return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}
        if self.credentials:
            raise Unavailable(f"{self.credentials} holds neither {TOKEN} nor {USER} and {PASSWORD}")
        return {}

    def _credential(self, name: str) -> str:
        path = self.credentials / name if self.credentials else None
        try:
            text = path.read_text().strip() if path and path.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise Unavailable(f"{path} cannot be read: {error}") from error
        if not text.isprintable():
            raise Unavailable(f"{path} holds more than one line")
        return text


def _context(authority: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority if authority.exists() else None)
    if certificate.exists():
        context.load_cert_chain(certificate, key)
    return context


def _stamp(file: Path) -> tuple[int, int] | None:
    """Return what changes with a file's contents: a renewed Secret is another file behind a link."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns
