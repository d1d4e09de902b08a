"""Which predictions are logged, and where."""

import random
from collections.abc import Sequence

from serinus_server.logs.events import Events
from serinus_server.logs.lines import Lines
from serinus_server.logs.outbox import Destination, Outbox
from serinus_server.logs.record import Record, Redactor
from serinus_server.settings import Settings
from serinus_server.telemetry import Telemetry

FLUSH_SECONDS = 5.0


class PredictionLog:
    """Offers a sample of the predictions, and every error, to each destination."""

    def __init__(self, settings: Settings, telemetry: Telemetry, columns: Sequence[str]) -> None:
        redactor = Redactor(settings.log_redact, columns)
        self._sample = settings.log_sample
        self._outboxes = [Outbox(destination, telemetry.dropped) for destination in _destinations(settings, redactor)]

    def wants(self, status: int) -> bool:
        """Say whether an answer with a status is to be logged."""
        return bool(self._outboxes) and (status >= 400 or random.random() < self._sample)  # noqa: S311 - a sample

    def offer(self, record: Record) -> None:
        """Log a prediction, unless there is no room."""
        for outbox in self._outboxes:
            outbox.offer(record)

    def close(self) -> None:
        """Write down what waits."""
        for outbox in self._outboxes:
            outbox.close(FLUSH_SECONDS)


def _destinations(settings: Settings, redactor: Redactor) -> list[Destination]:
    name, version = settings.model_name, settings.model_version
    found: list[Destination] = []
    if settings.log_stdout:
        found.append(Lines(name, version, redactor))
    if settings.log_sink is not None:
        found.append(Events(str(settings.log_sink), name, version, settings.namespace, redactor))
    return found
