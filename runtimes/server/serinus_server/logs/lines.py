"""JSON lines on stdout, for the agents that collect them: Fluent Bit, Vector, Promtail, CloudWatch's."""

import os
from datetime import UTC, datetime

import orjson

from serinus_server.logs.record import Record, Redactor

STDOUT = 1


class Lines:
    """Writes a JSON object a line."""

    name = "stdout"
    threads = 1

    def __init__(self, model: str, version: str, redactor: Redactor) -> None:
        self._own = {"model": model, "version": version}
        self._redactor = redactor

    def write(self, records: list[Record]) -> int:
        """Write all records at once."""
        rest = memoryview(b"".join(map(self._line, records)))
        try:
            while rest:
                rest = rest[os.write(STDOUT, rest) :]
        except OSError:  # nobody reads
            return len(records)
        return 0

    def _line(self, record: Record) -> bytes:
        body = self._redactor.body
        document = {
            "time": datetime.fromtimestamp(record.time, UTC),
            "id": record.id,
            **self._own,
            "path": record.path,
            "status": record.status,
            "seconds": round(record.seconds, 6),
            "request": body(record.request, valid=record.status == 200),
            "response": body(record.response, valid=True),
        }
        return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
