"""What the environment says: one frozen object, read once."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from serinus_server.logs.settings import MIB, LogSettings

Format = Literal["sklearn", "xgboost", "lightgbm", "onnx", "tflite"]


class Settings(LogSettings):
    """What one model is served by."""

    model_format: Format | None = None
    """Found out from the file when absent."""
    model_path: Path = Path("/mnt/models")
    """A model file, or a folder with one; a folder with an `MLmodel` is read as MLflow wrote it."""
    allow_pickle: bool = False
    """Whether files that can run code when they are loaded may be: pickle, joblib, unknown types in skops."""
    max_request_bytes: int = Field(default=16 * MIB, ge=1)
    """Larger requests are answered with a 413 and not read."""
    threads: int = Field(default=1, ge=1, le=256)
    """Threads that one prediction may use. As many predictions run side by side as the CPUs allow."""
    host: str = "0.0.0.0"  # noqa: S104 - a container's own address
    port: int = Field(default=8080, ge=0, le=65535)
    drain_seconds: float = Field(default=20.0, gt=0)
    """How long requests in flight may take after SIGTERM; below Kubernetes' 30 seconds of grace."""
    termination_log: Path = Path("/dev/termination-log")
    """Where the reason of a failed start is left for Kubernetes, if it can be written."""
