"""What the environment says: one frozen object, read once."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, HttpUrl, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from serinus_server.errors import StartupError

PREFIX = "SERINUS_"
MIB = 1024 * 1024

Format = Literal["sklearn", "xgboost", "lightgbm", "onnx", "tflite"]


class Settings(BaseSettings):
    """Each field is an environment variable, its name in capitals after SERINUS_."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, env_ignore_empty=True)

    model_name: str = Field(default="model", min_length=1, max_length=253, pattern=r"^[A-Za-z0-9._-]+$")
    """What the paths of the protocols and the metrics call the model."""
    model_version: str = Field(default="1", min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._+@-]+$")
    """What every reply and the metrics say."""
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
    log_sample: float = Field(default=0.0, ge=0, le=1)
    """The share of predictions that are logged; errors always are."""
    log_stdout: bool = False
    """Whether predictions are logged on stdout, a JSON object a line."""
    log_sink: HttpUrl | None = None
    """Where predictions are sent as CloudEvents."""
    namespace: str = ""
    """What the events say of where they come from."""
    log_redact: Annotated[frozenset[str], NoDecode] = frozenset()
    """Fields and columns whose values never reach a log: names, separated by commas."""

    @field_validator("log_redact", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return frozenset(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @classmethod
    def read(cls) -> "Settings":
        """Read the environment.

        Raises:
            StartupError: with every variable that is wrong, its value and what is allowed.
        """
        try:
            return cls()
        except ValidationError as error:
            raise StartupError("; ".join(_told(problem["loc"], problem["msg"]) for problem in error.errors())) from None


def _told(location: tuple[int | str, ...], message: str) -> str:
    name = PREFIX + str(location[0]).upper()
    return f"{name}={os.environ.get(name)!r}: {message}"
