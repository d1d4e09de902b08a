"""Which predictions are logged, and the way to the process that writes them down."""

import json
import logging
import marshal
import random
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from serinus_server.logs.drops import Drops
from serinus_server.logs.outbox import Outbox
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
        self._outbox: Outbox | None = None
        drops.shown = ["stdout"] * settings.log_stdout + ["sink"] * (settings.log_sink is not None)
        if drops.shown:
            self._writer = Writer(settings, drops, columns)
            self._outbox = Outbox(self._writer)

    def wants(self, status: int) -> bool:
        """Say whether an answer with a status is to be logged."""
        if self._outbox is None:
            return False
        return status >= 400 or random.random() < self._sample  # noqa: S311 - a sample

    def offer(self, record: Record) -> None:
        """Log a prediction, unless there is no room."""
        if self._outbox is not None:
            self._outbox.offer(record if record.size <= self._limit else record.shortened(self._limit))

    def close(self) -> None:
        """Write down what waits."""
        if self._outbox is not None:
            self._outbox.close(FLUSH_SECONDS)
            self._writer.close(FLUSH_SECONDS)


class Writer:
    """Hands batches of records to the process that writes them; it is started anew if it is gone."""

    threads = 1
    at_once = 4096
    # A thread that wakes up takes the interpreter from the one that answers, which costs that one far more than the
    # records do: at 20 ms logging a tenth of the predictions cost 4 % of its CPU.
    gather_seconds = 0.1

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
        return subprocess.Popen(self._command, stdin=subprocess.PIPE, pass_fds=[self._drops.file])  # noqa: S603 - ourselves

    def dropped(self, count: int) -> None:
        """Count what there was no room for."""
        for destination in self._drops.shown:
            self._drops.add(destination, "full", count)

    def write(self, records: list[Record]) -> None:
        """Hand records over; this waits while the other process has no room."""
        if self._process.poll() is not None:
            log.warning("the process that writes prediction logs ended with %s", self._process.returncode)
            self._process = self._started()
        try:
            marshal.dump([tuple(record) for record in records], self._pipe())
            self._pipe().flush()
        except OSError:
            for destination in self._drops.shown:
                self._drops.add(destination, "undelivered", len(records))

    def close(self, seconds: float) -> None:
        """Let it write what it has, and end."""
        try:
            self._pipe().close()
            self._process.wait(seconds)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()

    def _pipe(self) -> Any:
        return self._process.stdin
