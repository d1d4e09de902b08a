"""What the environment says of prediction logs, and of the model that they are about."""

import os
from typing import Annotated, Self

from pydantic import Field, HttpUrl, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from serinus_server.errors import StartupError

PREFIX = "SERINUS_"
MIB = 1024 * 1024


class LogSettings(BaseSettings):
    """Each field is an environment variable, its name in capitals after SERINUS_."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, env_ignore_empty=True)

    model_name: str = Field(default="model", min_length=1, max_length=253, pattern=r"^[A-Za-z0-9._-]+$")
    """What the paths of the protocols and the metrics call the model."""
    model_version: str = Field(default="1", min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._+@-]+$")
    """What every reply and the metrics say."""
    namespace: str = ""
    """What the events say of where they come from."""
    log_sample: float = Field(default=0.0, ge=0, le=1)
    """The share of predictions that are logged; errors always are."""
    log_stdout: bool = False
    """Whether predictions are logged on stdout, a JSON object a line."""
    log_sink: HttpUrl | None = None
    """Where predictions are sent as CloudEvents."""
    log_batch: bool = False
    """Whether many events are sent in one request, in CloudEvents' batched content mode."""
    log_redact: Annotated[frozenset[str], NoDecode] = frozenset()
    """Fields and columns whose values never reach a log: names, separated by commas."""
    log_max_bytes: int = Field(default=MIB, ge=0)
    """The size of a larger body is logged in its place."""

    @field_validator("log_redact", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return frozenset(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @classmethod
    def read(cls) -> Self:
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
