"""CloudEvents over HTTP in KServe's format: an event for the request and one for the response, with the same id.

The names and attributes are those of KServe's agent (pkg/logger/worker.go at 0217bda); `modelversion` and `status`
are beside them.
"""

import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import urllib3

from serinus_server.logs.drops import Drops
from serinus_server.logs.record import Record, Redactor

REQUEST = "org.kubeflow.serving.inference.request"
RESPONSE = "org.kubeflow.serving.inference.response"
PAUSE_SECONDS = 1.0

log = logging.getLogger(__name__)
logging.getLogger("urllib3").setLevel(logging.ERROR)  # it tells of every retry


class Events:
    """Posts events to a sink, as many at once as there are threads."""

    threads = 4
    at_once = 16

    def __init__(self, told: Mapping[str, Any], redactor: Redactor, drops: Drops) -> None:
        """Take the `sink` to post to, and what the events say: `model`, `version`, `namespace`."""
        model, version, namespace = told["model"], told["version"], told["namespace"]
        self._url = told["sink"]
        self._redactor = redactor
        self._drops = drops
        self._failing = False
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

    def dropped(self, count: int) -> None:
        """Count what there was no room for."""
        self._drops.add("sink", "full", count)

    def write(self, records: list[Record]) -> None:
        """Post two events for each record."""
        for record in records:
            try:
                self._post(record, REQUEST, record.request, valid=record.status == 200)
                self._post(record, RESPONSE, record.response, valid=True)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                self._drops.add("sink", "undelivered", 1)
                if not self._failing:
                    log.warning("prediction logs cannot be delivered: %s", error)
                self._failing = True
                time.sleep(PAUSE_SECONDS)  # it will not be better at once; what comes meanwhile waits, or is dropped
            else:
                if self._failing:
                    log.info("prediction logs are delivered again")
                self._failing = False

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
