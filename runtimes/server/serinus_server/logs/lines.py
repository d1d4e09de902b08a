"""JSON lines on stdout, for the agents that collect them: Fluent Bit, Vector, Promtail, CloudWatch's."""

import os
from datetime import UTC, datetime

import orjson

from serinus_server.logs.drops import Drops
from serinus_server.logs.record import Record, Redactor

STDOUT = 1


class Lines:
    """Writes a JSON object a line."""

    threads = 1
    at_once = 256
    gather_seconds = 0.02

    def __init__(self, model: str, version: str, redactor: Redactor, drops: Drops) -> None:
        self._own = {"model": model, "version": version}
        self._redactor = redactor
        self._drops = drops

    def dropped(self, count: int) -> None:
        """Count what there was no room for."""
        self._drops.add("stdout", "full", count)

    def write(self, records: list[Record]) -> None:
        """Write all records at once."""
        rest = memoryview(b"".join(map(self._line, records)))
        try:
            while rest:
                rest = rest[os.write(STDOUT, rest) :]
        except OSError:  # nobody reads
            self._drops.add("stdout", "undelivered", len(records))

    def _line(self, record: Record) -> bytes:
        document = {
            "time": datetime.fromtimestamp(record.time, UTC),
            "id": record.id,
            **self._own,
            "path": record.path,
            "status": record.status,
            "seconds": round(record.seconds, 6),
            "request": self._redactor.request(record),
            "response": self._redactor.response(record),
        }
        return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
