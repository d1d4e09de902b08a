"""Ids of requests, which join what a caller, a gateway and a log say of the same one."""

from uuid import uuid4

HEADER = b"x-request-id"
LONGEST = 128
_ALLOWED = frozenset(range(0x21, 0x7F))


def usable(given: bytes | None) -> bytes | None:
    """Return an id that came in a header if it could be echoed, and None otherwise."""
    return given if given and len(given) <= LONGEST and _ALLOWED.issuperset(given) else None


def new() -> bytes:
    """Return an id for a request that came without one."""
    return uuid4().hex.encode()
