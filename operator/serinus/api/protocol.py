"""What callers speak to a model."""

from enum import StrEnum


class Protocol(StrEnum):
    """What callers speak to a model."""

    HTTP = "HTTP"
    GRPC = "GRPC"

    @property
    def port_name(self) -> str:
        """Return what the port of a container and of a Service that speaks it is called."""
        return self.lower()
