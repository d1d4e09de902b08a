"""CloudEvents over HTTP in KServe's format: an event for the request and one for the response, with the same id.

The names and attributes are those of KServe's agent (pkg/logger/worker.go at 0217bda); `modelversion` and `status`
are beside them.
"""

import logging
import time
from datetime import UTC, datetime

import orjson
import urllib3

from serinus_server.logs.record import Record, Redactor

REQUEST = "org.kubeflow.serving.inference.request"
RESPONSE = "org.kubeflow.serving.inference.response"
PAUSE_SECONDS = 1.0

log = logging.getLogger(__name__)


class Events:
    """Posts events to a sink, as many at once as there are threads."""

    name = "sink"
    threads = 4

    def __init__(self, url: str, model: str, version: str, namespace: str, redactor: Redactor) -> None:
        self._url = url
        self._redactor = redactor
        # One retry: a sink may close a connection that was idle for long.
        self._pool = urllib3.PoolManager(
            maxsize=self.threads, timeout=urllib3.Timeout(5.0), retries=urllib3.Retry(1, redirect=0, backoff_factor=0)
        )
        self._attributes = {
            "content-type": "application/json",
            "ce-specversion": "1.0",
            "ce-source": f"/models/{model}/versions/{version}",
            "ce-inferenceservicename": model,
            "ce-component": "predictor",
            "ce-modelversion": version,
            **({"ce-namespace": namespace} if namespace else {}),
        }

    def write(self, records: list[Record]) -> int:
        """Post two events for each record."""
        return sum(not self._posted(record) for record in records)

    def _posted(self, record: Record) -> bool:
        try:
            self._post(record, REQUEST, record.request, valid=record.status == 200)
            self._post(record, RESPONSE, record.response, valid=True)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            log.warning("prediction logs cannot be delivered: %s", error)
            time.sleep(PAUSE_SECONDS)  # it will not be better at once; what comes meanwhile waits, or is dropped
            return False
        return True

    def _post(self, record: Record, kind: str, raw: bytes | None, *, valid: bool) -> None:
        attributes = {
            **self._attributes,
            "ce-id": record.id,
            "ce-type": kind,
            "ce-time": datetime.fromtimestamp(record.time, UTC).isoformat(),
            "ce-status": str(record.status),
        }
        body = orjson.dumps(self._redactor.body(raw, valid=valid))
        answer = self._pool.request("POST", self._url, body=body, headers=attributes)
        if not 200 <= answer.status < 300:
            raise urllib3.exceptions.HTTPError(f"the sink answered with {answer.status}")
