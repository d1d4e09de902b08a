"""Which predictions are logged, and the way to the process that writes them down."""

import json
import logging
import random
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from serinus_server.logs.drops import Drops
from serinus_server.logs.handover import Handover
from serinus_server.logs.record import Record
from serinus_server.logs.settings import LogSettings

FLUSH_SECONDS = 8.0

log = logging.getLogger(__name__)


class PredictionLog:
    """Logs a sample of the predictions, and every error."""

    def __init__(self, settings: LogSettings, drops: Drops, columns: Sequence[str] | None) -> None:
        """Take the columns of the model; None if another server has it."""
        self._sample = settings.log_sample
        self._limit = settings.log_max_bytes
        self._handover: Handover | None = None
        drops.shown = ["stdout"] * settings.log_stdout + ["sink"] * (settings.log_sink is not None)
        if drops.shown:
            self._writer = Writer(settings, drops, columns)
            self._handover = Handover(self._writer)

    def wants(self, status: int) -> bool:
        """Say whether an answer with a status is to be logged."""
        if self._handover is None:
            return False
        return status >= 400 or random.random() < self._sample  # noqa: S311 - a sample

    def offer(self, record: Record) -> None:
        """Log a prediction, unless there is no room."""
        if self._handover is not None:
            self._handover.offer((record if record.size <= self._limit else record.shortened(self._limit)).packed())

    def close(self) -> None:
        """Write down what waits."""
        if self._handover is not None:
            self._handover.close(FLUSH_SECONDS)
            self._writer.close(FLUSH_SECONDS)


class Writer:
    """The process that writes records, as the one that answers sees it; it is started anew if it is gone."""

    def __init__(self, settings: LogSettings, drops: Drops, columns: Sequence[str] | None) -> None:
        self._drops = drops
        told = {
            "model": settings.model_name,
            "version": settings.model_version,
            "namespace": settings.namespace,
            "stdout": settings.log_stdout,
            "sink": str(settings.log_sink) if settings.log_sink else None,
            "batch": settings.log_batch,
            "redact": sorted(settings.log_redact),
            "columns": None if columns is None else list(columns),
            "drops": drops.file,
        }
        self._command = [sys.executable, "-m", "serinus_server.logs.writer", json.dumps(told)]
        self._process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, bufsize=0, stdin=subprocess.PIPE, pass_fds=[self._drops.file])  # noqa: S603 - ourselves

    def dropped(self, count: int) -> None:
        """Count what there was no room for."""
        for destination in self._drops.shown:
            self._drops.add(destination, "full", count)

    def write(self, records: list[bytes]) -> None:
        """Hand records over; this waits while the other process has no room."""
        data = b"".join(records)
        try:
            try:
                self._send(data)
            except BrokenPipeError:
                log.warning("the process that writes prediction logs ended with %s", self._process.wait())
                gone = self._pipe()
                self._process = self._started()
                gone.close()
                self._send(data)  # whole: what was taken of it may come twice
        except (OSError, ValueError):  # nor may a pipe that is closed meanwhile end the thread
            for destination in self._drops.shown:
                self._drops.add(destination, "undelivered", len(records))

    def _send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._pipe().write(rest) :]

    def close(self, seconds: float) -> None:
        """Let it write what it has, and end."""
        try:
            self._pipe().close()
            self._process.wait(seconds)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()

    def _pipe(self) -> Any:
        return self._process.stdin
