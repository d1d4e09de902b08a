"""What the environment says beside what it says of logs."""

from pydantic import Field

from serinus_server.logs.settings import LogSettings


class SidecarSettings(LogSettings):
    """Where the proxy listens, and what it stands before."""

    host: str = "0.0.0.0"  # noqa: S104 - a container's own address
    port: int = Field(default=19180, ge=0, le=65535)
    upstream_host: str = "127.0.0.1"
    upstream_port: int = Field(ge=1, le=65535)
    metrics_port: int = Field(default=19190, ge=0, le=65535)
    """Open once the proxy listens: what a readiness probe asks."""
    drain_seconds: float = Field(default=20.0, gt=0)
    """How long requests in flight may take after SIGTERM."""
