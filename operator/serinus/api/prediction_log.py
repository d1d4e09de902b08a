"""`spec.runtime.predictionLog`: what callers ask and a model answers, written down beside it."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from serinus.api.base import Model

_SINK = r"^https?://[^/\s@]+(/\S*)?$"


class PredictionLog(Model):
    """Where predictions are logged, and how much of them. Answers from 400 on always are."""

    sample: Annotated[float, Field(ge=0, le=1)] | None = None
    """The share of the other answers that is logged; 1, all of them, when absent."""
    stdout: bool | None = None
    """Whether to write a JSON object a line to the container's log; when absent, if there is no `sink`."""
    sink: Annotated[str, StringConstraints(pattern=_SINK, max_length=1024)] | None = None
    """Where to post CloudEvents in KServe's format: one for the request and one for the response."""
    batch: bool | None = None
    """Whether the sink takes many events in one request (application/cloudevents-batch+json), which costs less; one by one, as KServe does, when absent."""
    redact: (
        Annotated[
            list[Annotated[str, StringConstraints(pattern=r"^[^,\s]([^,]*[^,\s])?$", max_length=128)]],
            Field(max_length=64),
        ]
        | None
    ) = None
    """Names of fields, columns and tensors whose values are not logged; names have no commas."""
    max_bytes: Annotated[int, Field(ge=0, le=16 * 1024 * 1024)] | None = None
    """The size of a larger body is logged in its place; 1048576 when absent."""

    @property
    def to_stdout(self) -> bool:
        """Whether lines are written."""
        return self.sink is None if self.stdout is None else self.stdout

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        if not self.to_stdout and self.sink is None:
            raise ValueError("stdout is false and there is no sink, so nothing is logged: set one, or remove it")
        if self.batch is not None and self.sink is None:
            raise ValueError(f"batch is {str(self.batch).lower()}, which decides nothing without a sink: remove it")
        return self


RULES: dict[str, list[dict[str, str]]] = {
    "spec.runtime.predictionLog": [
        {
            "rule": "has(self.sink) || !has(self.stdout) || self.stdout",
            "message": "spec.runtime.predictionLog.stdout is false and there is no sink, so nothing is logged: set one, or remove it",
        },
        {
            "rule": "has(self.sink) || !has(self.batch)",
            "message": "spec.runtime.predictionLog.batch decides nothing without a sink: remove it",
        },
    ],
}
"""The same as CEL, for the API server."""
