"""What callers speak to a model."""

from collections.abc import Collection
from enum import StrEnum


class Protocol(StrEnum):
    """What callers speak to a model."""

    HTTP = "HTTP"
    GRPC = "GRPC"

    @property
    def port_name(self) -> str:
        """Return what the port of a container and of a Service that speaks it is called."""
        return self.lower()


def usual(served: Collection[Protocol]) -> tuple[Protocol, ...]:
    """Return the protocol that callers speak where nobody says: HTTP, if a runtime serves it."""
    return tuple([protocol for protocol in Protocol if protocol in served][:1])
