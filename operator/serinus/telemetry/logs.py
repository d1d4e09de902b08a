"""Logs on standard output: JSON for collectors, or text for people."""

import json
import logging
import sys

_TEXT = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonFormatter(logging.Formatter):
    """One JSON object per line; everything passed as `extra` becomes a field."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields = {key: value for key, value in vars(record).items() if key not in _OWN and not key.startswith("_")}
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{key: value for key, value in fields.items() if isinstance(value, (str, int, float, bool))},
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(level: str = "info", style: str = "json") -> None:
    """Send all logs from a level on to standard output; kopf's own lines per handler call are left out."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter() if style == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("kopf.objects", "kopf.activities", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It repeats with every CRD of the cluster that a kind is missing; a route without its CRD is told in status.
    logging.getLogger("kopf._core.reactor.observation").setLevel(logging.ERROR)
